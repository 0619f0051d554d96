// From a WeChat sign-in to a member who may study: binding to the roster, and consent to the privacy notice.

import { api, token } from "./api.js";
import { button, h } from "./dom.js";
import { NOTICE } from "./words.js";

/** The form that binds the WeChat account to the roster. `person` is the demo's entry, whose code a button fills in. */
export function bindView(phone, person) {
  const name = h("input", { id: "name", name: "name", autocomplete: "name", required: true, maxlength: 60 });
  const code = h("input", { id: "code", name: "code", autocomplete: "one-time-code", autocapitalize: "characters", required: true, maxlength: 64, value: scanned(phone) });
  const fill = () => {
    name.value = person.name;
    code.value = person.invite_code;
    code.focus();
  };
  const submit = async (event) => {
    event.preventDefault();
    const session = await phone.attempt(() => api("POST", "/auth/bind", { name: name.value, invite_code: code.value }));
    if (!session) return;
    token.set(session.token);
    await phone.enter(session.member);
  };
  return h("form", { class: "card", onsubmit: submit },
    h("h1", {}, "实名绑定"),
    h("p", {}, "首次使用，请填写姓名和书记发给您的邀请码。绑定一次即可。"),
    h("label", { for: "name" }, "姓名"), name,
    h("label", { for: "code" }, "邀请码"), code,
    person && person.invite_code && button(`填入演示邀请码 ${person.invite_code}`, fill, { class: "quiet" }),
    h("button", { class: "main" }, "绑定"));
}

/** The invitation code in a scanned code, where that is what it carries; empty otherwise. */
function scanned(phone) {
  const scene = (phone.launch && phone.launch.scene) || "";
  return /^[A-Z0-9]{4}(-[A-Z0-9]{4}){2}$/.test(scene) ? scene : "";
}

/** The privacy notice with 同意 and 不同意. Without consent a member looks, and every study write is refused. */
export function consentView(phone, version) {
  const agree = async () => {
    if (await phone.attempt(() => api("POST", "/me/consents", { version }))) await phone.start();
  };
  const decline = async () => {
    await phone.start();
    phone.say("您没有同意说明，可以查看任务，但不能打卡。");
  };
  return h("section", { class: "card notice" },
    h("h1", {}, "个人信息保护说明"),
    h("p", { class: "soft" }, `版本 ${version}`),
    h("dl", {}, NOTICE.map(([term, text]) => [h("dt", {}, term), h("dd", {}, text)])),
    button("同意", agree, { class: "main" }),
    button("不同意", decline, { class: "quiet" }));
}
