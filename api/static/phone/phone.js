// The page that plays the phone: who is holding it, which view is shown, and what happens to an error.

import { api, ask, Problem, signIn, token } from "./api.js";
import { button, h } from "./dom.js";
import { countMessages, messagesView, viewOf } from "./messages.js";
import { calendarView, meView, progressView } from "./records.js";
import { scanView, scannedCode } from "./scan.js";
import { bindView, consentView } from "./signin.js";
import { todayView } from "./study.js";
import { ROLES } from "./words.js";

const VIEWS = { today: todayView, calendar: calendarView, progress: progressView, me: meView, messages: messagesView };
const LOOK_EVERY_MS = 10_000;
const at = (id) => document.getElementById(id);
let people = [];

const phone = {
  member: null,
  person: null,
  /** openid → messages that have been looked at. */
  seen: {},
  /** What the scanned code or the link carried: {scene, page}; used once. */
  launch: null,

  /** Shows in the menus which view this is; "" for none of them. */
  mark(name) {
    for (const tab of [...at("tabs").children, at("messages")]) {
      if (tab.dataset.view === name) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  },

  /** Shows one of VIEWS and marks its tab. */
  async show(name, ...rest) {
    this.mark(name);
    const view = await this.attempt(() => VIEWS[name](this, ...rest));
    if (view) this.place(view);
    await this.look();
  },

  /** Shows at the top how many messages are new. */
  async look() {
    const { person } = this;
    if (!person) return;
    const seen = this.seen[person.openid] || 0;
    const count = await countMessages(person).catch(() => seen);
    if (person !== this.person) return;
    const fresh = Math.max(0, count - seen);
    at("messages").textContent = fresh ? `微信消息 ${fresh}` : "微信消息";
    at("messages").classList.toggle("fresh", fresh > 0);
  },

  /** Puts a view on the screen and the reader at its heading. */
  place(view) {
    at("view").replaceChildren(view);
    at("view").scrollTop = 0;
    this.say("");
    this.warn("");
    const heading = view.querySelector("h1");
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  },

  say(text) { at("status").textContent = text; },
  warn(text) { at("alert").textContent = text; },

  /** What `act` gives back; undefined after an error, which is shown. Codes that lead somewhere lead there. */
  async attempt(act, onError) {
    this.warn("");
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401 && token.get()) {
        token.set(null);
        this.leave();
      } else if (error.code === "consent_required") await this.askConsent();
      else if (error.code === "not_bound") this.place(bindView(this, this.person));
      this.warn(error.message);
      if (onError) onError(error);
      return undefined;
    }
  },

  /** Signed in: binds first, then asks for consent, then shows the day. */
  async enter(member) {
    this.member = member;
    this.mark("");
    at("whose").textContent = member ? member.name : "微信用户（未绑定）";
    at("phone").classList.remove("empty");
    at("tabs").hidden = !member;
    at("messages").hidden = false;
    if (!member) {
      this.place(bindView(this, this.person));
      return this.look();
    }
    const code = scannedCode(this);
    if (code) return this.place(scanView(this, code));
    const consents = await this.attempt(() => api("GET", "/me/consents"));
    if (!consents) return undefined;
    const given = consents.given.some((consent) => consent.version === consents.current);
    return given ? this.start() : this.place(consentView(this, consents.current));
  },

  /** The first view: the page that a scanned code names, else the day. */
  start() {
    const { page } = this.launch || {};
    this.launch = null;
    drawScan();
    return this.show(viewOf(page) || "today");
  },

  /** Back from WeChat into the mini-program. */
  resume() {
    if (this.member) return this.show("today");
    this.mark("");
    return this.place(bindView(this, this.person));
  },

  async askConsent() {
    const consents = await api("GET", "/me/consents");
    this.place(consentView(this, consents.current));
  },

  /** Nobody holds the phone. */
  leave(text = "") {
    this.member = this.person = null;
    at("messages").hidden = true;
    at("phone").classList.add("empty");
    at("tabs").hidden = true;
    at("whose").textContent = "打卡";
    this.place(h("section", { class: "card" }, h("h1", {}, "请选择一个人物"), h("p", {}, "在名单中点一个名字开始。")));
    this.say(text);
    return drawPeople();
  },
};

const described = (person) => {
  const roles = person.roles.map((role) => ROLES[role] || role);
  return [...roles, person.unit].filter(Boolean).join(" · ") || "党员";
};

async function drawPeople() {
  try {
    people = (await ask("GET", "/sandbox/people")).items;
  } catch (error) {
    at("list").replaceChildren(h("p", { class: "bad" }, error.message), button("重试", drawPeople));
    return;
  }
  const group = (title, some) => some.length > 0 && h("section", {},
    h("h2", {}, title),
    h("ul", {}, some.map((person) => h("li", {}, h("button", {
      type: "button", onclick: () => take(person), "aria-pressed": String(phone.person?.openid === person.openid),
    },
      h("strong", {}, person.name), h("span", {}, described(person)),
      !person.bound && h("span", { class: "tag" }, `未绑定 · 邀请码 ${person.invite_code}`))))));
  at("list").replaceChildren(...[
    group("有职责的", people.filter((person) => person.roles.length)),
    group("首次使用", people.filter((person) => !person.bound)),
    group("党员和会员", people.filter((person) => !person.roles.length && person.bound)),
  ].filter(Boolean));
}

/** Says in the list that a code was scanned, until somebody's phone has opened it. */
function drawScan() {
  at("scan").hidden = !phone.launch;
  at("scan").textContent = phone.launch ? `已扫码打开${phone.launch.scene ? `（${phone.launch.scene}）` : ""}，请选择是谁扫的码。` : "";
}

/** Picks up this person's phone. */
async function take(person) {
  phone.person = person;
  phone.warn("");
  const session = await phone.attempt(() => signIn(person.openid));
  if (session) await phone.enter(session.member);
  await drawPeople();
}

for (const tab of at("tabs").children) tab.addEventListener("click", () => phone.show(tab.dataset.view));
at("messages").addEventListener("click", () => phone.show("messages"));
setInterval(() => document.hidden || phone.look(), LOOK_EVERY_MS);
at("back").addEventListener("click", () => {
  token.set(null);
  phone.leave();
});

const address = new URL(location.href);
const [openid, scene, page] = ["openid", "scene", "page"].map((name) => address.searchParams.get(name));
history.replaceState(null, "", address.pathname);
if (scene || page) phone.launch = { scene: scene || "", page: page || "" };
drawScan();
await phone.leave();
if (openid) await take(people.find((person) => person.openid === openid) || { openid, name: "", roles: [], invite_code: null });
