// What a member sees of himself: the calendar with make-ups, the progress, and the page 我的.

import { api, token } from "./api.js";
import { button, day, h, rate } from "./dom.js";
import { taskView } from "./study.js";
import { ROLES, STATES, TIERS } from "./words.js";

const pad = (number) => String(number).padStart(2, "0");
const stateOf = (task) => STATES[task.recorded_by ? "recorded" : task.status];

/** A month of tasks; a day that can be opened is a button. `month` is "2023-02", by default the month of the server's today. */
export async function calendarView(phone, month) {
  const today = (await api("GET", "/tasks/today")).date;
  const shown = month || today.slice(0, 7);
  const [year, number] = shown.split("-").map(Number);
  const length = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const { items } = await api("GET", `/tasks?from=${shown}-01&to=${shown}-${pad(length)}`);
  const byDate = Object.fromEntries(items.map((task) => [task.date, task]));
  const open = async (task) => {
    const full = await phone.attempt(() => api("GET", `/tasks/${task.id}`));
    if (full) phone.place(taskView(phone, full));
  };
  const late = items.filter((task) => (task.status === "missed" || task.status === "excused") && task.makeup_until >= today);
  const turn = (by) => {
    const moved = new Date(Date.UTC(year, number - 1 + by, 1));
    return phone.show("calendar", `${moved.getUTCFullYear()}-${pad(moved.getUTCMonth() + 1)}`);
  };
  return h("article", {},
    h("header", { class: "month" },
      button("‹", () => turn(-1), { "aria-label": "上个月" }), h("h1", {}, `${year}年${number}月`), button("›", () => turn(1), { "aria-label": "下个月" })),
    h("section", { class: "card" }, monthTable(year, number, length, byDate, today, open), legend()),
    late.length > 0 && h("section", { class: "card" },
      h("h2", {}, "可以补卡"),
      h("ul", { class: "list" }, late.map((task) => h("li", {},
        h("div", {}, h("strong", {}, day(task.date)), h("p", {}, task.title), h("p", { class: "soft" }, `可补到${day(task.makeup_until)}`)),
        button("补卡", () => open(task), { "aria-label": `补卡：${day(task.date)}` }))))));
}

function monthTable(year, number, length, byDate, today, open) {
  const first = (new Date(Date.UTC(year, number - 1, 1)).getUTCDay() + 6) % 7;
  const cells = [...Array(first).fill(null), ...Array.from({ length }, (_, index) => index + 1)];
  const rows = [];
  for (let at = 0; at < cells.length; at += 7) rows.push(cells.slice(at, at + 7));
  const cell = (date) => {
    if (date === null) return h("td", {});
    const key = `${year}-${pad(number)}-${pad(date)}`;
    const task = byDate[key];
    const [sign, word] = task ? stateOf(task) : ["", "没有任务"];
    const inside = [h("span", { class: "date" }, String(date)), h("span", { class: "sign", "aria-hidden": "true" }, sign)];
    const marks = { class: `day ${task ? task.status : "none"}`, "aria-label": `${day(key)}，${word}`, "aria-current": key === today && "date" };
    const can = task && task.status !== "upcoming";
    return h("td", {}, can ? h("button", { type: "button", onclick: () => open(task), ...marks }, inside) : h("span", { role: "img", ...marks }, inside));
  };
  return h("table", { class: "calendar" },
    h("thead", {}, h("tr", {}, [..."一二三四五六日"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))));
}

const legend = () => h("p", { class: "soft legend" },
  Object.values(STATES).filter(([sign]) => sign).map(([sign, word]) => h("span", {}, `${sign} ${word}`)));

/** The member's own figures. Nobody else's stand beside them. */
export async function progressView() {
  const own = await api("GET", "/me/progress");
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h("article", {},
    h("h1", {}, "我的进度"),
    h("p", { class: "soft" }, `${day(own.from)} 至 ${day(own.to)}`),
    h("section", { class: "card" },
      h("dl", { class: "pair" },
        figure("连续打卡", `${own.streak.current} 天`), figure("最长连续", `${own.streak.longest} 天`),
        figure("坚持度", own.steadiness === null ? "—" : `${own.steadiness}`), figure("已完成", `${own.tasks.done} / ${own.tasks.assigned}`)),
      h("p", { class: "soft" }, `按时 ${own.tasks.on_time}，补卡 ${own.tasks.makeup}，代录 ${own.tasks.proxy}，请假 ${own.tasks.excused}，未学 ${own.tasks.missing}`),
      h("p", { class: "soft" }, "坚持度是近期学习的连贯程度（0 至 100），只给本人看；偶尔缺一天影响很小。")),
    h("section", { class: "card" },
      h("h2", {}, "九个方面"),
      h("ul", { class: "list" }, own.aspects.map((aspect) => h("li", {},
        h("div", {}, h("p", {}, `${aspect.id}. ${aspect.title}`),
          h("p", { class: "soft" }, `完成 ${aspect.done} / ${aspect.assigned}，答题正确率 ${percent(aspect.accuracy)}`)),
        rate(aspect.coverage))))),
    own.texts.length > 0 && h("section", { class: "card" },
      h("h2", {}, "原文通读"),
      h("ul", { class: "list" }, own.texts.map((text) => h("li", {},
        h("div", {}, h("p", {}, text.title), h("p", { class: "soft" }, `已读 ${text.passages_read} / ${text.passages_total} 段`)),
        rate(text.coverage))))));
}

const percent = (share) => (share === null ? "—" : `${Math.round(share * 1000) / 10}%`);

/** Who is signed in, the entry for complaints, a copy of all data, signing out and leaving. */
export function meView(phone) {
  const { member } = phone;
  const words = h("textarea", { id: "words", rows: 4, maxlength: 2000, required: true });
  const send = async (event) => {
    event.preventDefault();
    if (!(await phone.attempt(() => api("POST", "/feedback", { text: words.value })))) return;
    words.value = "";
    phone.say("已送达书记，谢谢。");
  };
  const save = async () => {
    const copy = await phone.attempt(() => api("GET", "/me/export"));
    if (!copy) return;
    const link = h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(copy, null, 2)], { type: "application/json" })), download: "daka.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const signOut = async () => {
    await api("POST", "/auth/logout").catch(() => null);
    token.set(null);
    phone.leave();
  };
  const withdraw = async () => {
    if ((await phone.attempt(() => api("POST", "/me/withdraw-consent"))) !== null) return;
    token.set(null);
    phone.leave("已撤回同意并退出，个人信息已清除。");
  };
  const line = (term, value) => [h("dt", {}, term), h("dd", {}, value)];
  return h("article", {},
    h("h1", {}, member.name),
    h("section", { class: "card" }, h("dl", { class: "lines" },
      line("支部", member.branch.name), line("专委会", member.unit ? member.unit.name : "未分组"), line("类别", TIERS[member.tier]),
      member.roles.length > 0 && line("职责", member.roles.map((role) => ROLES[role]).join("、")))),
    h("form", { class: "card", onsubmit: send },
      h("h2", {}, "投诉与建议"), h("label", { for: "words" }, "写给书记，只有书记能看到"), words, h("button", { class: "quiet" }, "提交")),
    h("section", { class: "card" }, h("h2", {}, "我的数据"),
      button("导出我的全部数据", save, { class: "quiet" }),
      h("details", {}, h("summary", {}, "撤回同意并退出支部学习"),
        h("p", {}, "姓名、手机号、微信绑定、心得体会和意见将被清除，不能恢复；学习记录改用代号保留。"), button("确认撤回并退出", withdraw, { class: "danger" }))),
    button("退出登录", signOut, { class: "main" }));
}
