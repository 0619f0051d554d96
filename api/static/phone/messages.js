// The person's WeChat beside the mini-program: messages received, and what may still be sent. The sandbox stands for WeChat here.

import { wechat } from "./api.js";
import { button, day, h, hour } from "./dom.js";

// Which view a message's page, or a scanned code's, opens.
const VIEWS = { "pages/today/today": "today", "pages/calendar/calendar": "calendar", "pages/progress/progress": "progress", "pages/me/me": "me" };

export const viewOf = (page) => VIEWS[(page || "").split("?")[0].replace(/^\//, "")] || null;

/** How many messages the person has. */
export async function countMessages(person) {
  return (await wechat("GET", `messages?openid=${encodeURIComponent(person.openid)}`)).items.length;
}

/** The inbox, newest first, then each template with the number of messages that may still be sent. */
export async function messagesView(phone) {
  const { openid } = phone.person;
  const inbox = await wechat("GET", `messages?openid=${encodeURIComponent(openid)}`);
  phone.seen[openid] = inbox.items.length;
  const act = async (lever, order, said) => {
    if ((await phone.attempt(() => wechat("POST", lever, { openid, ...order }))) === undefined) return;
    await phone.show("messages");
    phone.say(said);
  };
  return h("article", {},
    h("header", { class: "head" }, h("h1", {}, "微信消息"), h("p", { class: "soft" }, "相当于微信里的“服务通知”，由沙箱代替。")),
    inbox.items.length
      ? inbox.items.map((message) => messageCard(phone, message))
      : h("section", { class: "card" }, h("p", {}, "还没有收到消息。")),
    h("section", { class: "card" },
      h("h2", {}, "允许接收的消息"),
      h("p", { class: "soft" }, "每允许一次，本程序可以发一条；用完须再次允许。"),
      h("ul", { class: "grants" }, inbox.grants.map((grant) => h("li", {},
        h("div", { class: "line" }, h("strong", {}, grant.title), h("span", {}, left(grant))),
        h("div", { class: "steps" },
          button("允许一次", () => act("subscribe", { template_id: grant.template_id, accept: true }, `已允许“${grant.title}”再发一条。`),
            { "aria-label": `允许一次：${grant.title}`, disabled: !inbox.takes_messages }),
          button("试发一条", () => act("message", { template_id: grant.template_id, page: "pages/today/today" }, `“${grant.title}”已送达。`),
            { "aria-label": `试发一条：${grant.title}` }))))),
      h("label", { class: "switch" },
        h("input", {
          type: "checkbox", checked: inbox.takes_messages,
          onchange: (event) => act("users", { takes_messages: event.target.checked }, event.target.checked ? "已打开消息接收。" : "已关闭消息接收。"),
        }),
        h("span", {}, "接收本程序的消息"))),
    !phone.member && button("返回小程序", () => phone.resume(), { class: "quiet" }));
}

const left = (grant) => (grant.kind === "long" ? (grant.left ? "长期有效" : "未允许") : `还可发 ${grant.left} 条`);

function messageCard(phone, message) {
  // Shanghai is eight hours ahead of UTC all year.
  const at = new Date((message.at + 8 * 3600) * 1000).toISOString();
  const view = phone.member && viewOf(message.page);
  return h("section", { class: "card message" },
    h("h2", {}, message.title),
    h("p", { class: "soft" }, `${day(at.slice(0, 10))} ${hour(at)}`),
    h("dl", { class: "lines" }, message.fields.map((field) => [h("dt", {}, field.label), h("dd", {}, field.value)])),
    view && button("进入小程序查看", () => phone.show(view), { class: "quiet" }));
}
