// The code on the console's page was scanned: confirming it lets the browser that shows it enter as whoever holds this phone.

import { api } from "./api.js";
import { button, h } from "./dom.js";

/** The console's code in what was scanned; "" where it is something else. */
export function scannedCode(phone) {
  const scene = (phone.launch && phone.launch.scene) || "";
  return /^IN[0-9A-F]{8}[A-Z2-7]{20}$/.test(scene) ? scene : "";
}

export function scanView(phone, code) {
  const confirm = async () => {
    const done = await phone.attempt(() => api("POST", "/auth/console-scan", { code }).then(() => true));
    if (!done) return;
    phone.launch = null;
    phone.place(h("section", { class: "card" }, h("h1", {}, "已确认"), h("p", {}, "电脑上的页面随即进入控制台。"),
      button("返回小程序", () => phone.enter(phone.member), { class: "quiet" })));
  };
  const cancel = () => {
    phone.launch = null;
    return phone.enter(phone.member);
  };
  return h("section", { class: "card" },
    h("h1", {}, "登录控制台"),
    h("p", {}, `确认后，显示此码的那台电脑将以“${phone.member.name}”的身份进入控制台。`),
    h("p", { class: "soft" }, "请确认您就在那台电脑前。别人发来的码，不要确认。"),
    button("确认登录", confirm, { class: "main" }),
    button("取消", cancel, { class: "quiet" }));
}
