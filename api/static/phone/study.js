// A day's study: reading, answering, one check-in for the whole day, and the receipt.

import { api, Problem, uuid } from "./api.js";
import { button, day, h, hour, outside } from "./dom.js";
import { answerText, questionView } from "./questions.js";

/** Today's task; where there is none, the day of the next. */
export async function todayView(phone) {
  const { date, task, next_date: next } = await api("GET", "/tasks/today");
  if (task) return taskView(phone, task);
  return h("section", { class: "card" },
    h("h1", {}, day(date)),
    h("p", { class: "lead" }, "今天没有学习任务。"),
    next && h("p", {}, `下一次任务：${day(next)}`));
}

/** What was read and answered and not sent yet; kept in this tab so that a reload loses nothing. */
function draftOf(member, task) {
  const key = `daka.draft.${member.id}.${task.id}`;
  const kept = JSON.parse(sessionStorage.getItem(key) || "{}");
  const marked = task.passages.filter((passage) => passage.read).map((passage) => passage.id);
  const draft = { read: new Set([...(kept.read || []), ...marked]), answers: kept.answers || {}, words: kept.words || "" };
  draft.save = () => sessionStorage.setItem(key, JSON.stringify({ read: [...draft.read], answers: draft.answers, words: draft.words }));
  draft.forget = () => sessionStorage.removeItem(key);
  return draft;
}

/** The body of the check-in: everything read, every question with an answer, and the member's own words if there are any. */
function wholeDay(task, draft) {
  return {
    passages: task.passages.map((p) => p.id).filter((id) => draft.read.has(id)),
    answers: task.questions.filter((q) => draft.answers[q.id]).map((q) => ({ question: q.id, ...draft.answers[q.id] })),
    ...(draft.words.trim() && { reflection: draft.words.trim() }),
  };
}

/** One task in full. A day that is done already opens with its receipt at hand. */
export function taskView(phone, task) {
  const draft = draftOf(phone.member, task);
  const isDone = task.progress.checked_in;
  const attempt = { body: "", key: "" };

  const send = async () => {
    const body = isDone ? {} : wholeDay(task, draft);
    const text = JSON.stringify(body);
    // A retry of the same day after a lost answer bears the same key; a changed day is another request.
    if (attempt.body !== text) Object.assign(attempt, { body: text, key: uuid() });
    const receipt = await phone.attempt(() => api("POST", `/tasks/${task.id}/check-in`, body, { "Idempotency-Key": attempt.key }), markMissing);
    if (!receipt) return;
    draft.forget();
    phone.place(receiptView(phone, task, receipt));
  };
  const markMissing = (error) => {
    if (!(error instanceof Problem) || error.code !== "incomplete") return;
    const { passages, questions } = error.problem.missing;
    const unread = [...page.querySelectorAll("[data-passage]")].filter((item) => passages.includes(Number(item.dataset.passage)));
    for (const item of unread) item.classList.add("missing");
    if (questions.length) asked.go(task.questions.findIndex((question) => question.id === questions[0]));
    if (unread.length) unread[0].querySelector("button").focus();
  };

  const progress = h("p", { class: "soft", role: "status" });
  const update = () => {
    draft.save();
    phone.warn("");
    const answered = task.questions.filter((question) => draft.answers[question.id]).length;
    progress.textContent = `已读 ${draft.read.size} / ${task.passages.length} 段，已答 ${answered} / ${task.questions.length} 题`;
  };
  const asked = questionView(task.questions, draft, update);
  const page = h("article", {},
    h("header", { class: "head" },
      h("p", { class: "soft" }, day(task.date)),
      h("h1", {}, task.title),
      h("ul", { class: "aspects" }, task.aspects.map((aspect) => h("li", {}, aspect.title)))),
    isDone && h("section", { class: "card" },
      h("p", { class: "lead good" }, "✓ 这一天已经完成"), button("查看回执", send)),
    task.guidance && h("section", { class: "card" }, h("h2", {}, "导读"), h("p", {}, task.guidance)),
    h("section", { class: "card" }, h("h2", {}, "原文"), task.passages.map((passage) => passageView(passage, draft, update, isDone))),
    !isDone && h("section", { class: "card" }, h("h2", {}, "答题"), asked.element),
    !isDone && wordsView(task, draft),
    !isDone && h("footer", { class: "finish" }, progress, button("打卡", send, { class: "main" })));
  if (!isDone) update();
  return page;
}

/** The member's own words on the day, if there are any. */
function wordsView(task, draft) {
  const write = (event) => {
    draft.words = event.target.value;
    draft.save();
  };
  return h("section", { class: "card" },
    h("h2", {}, h("label", { for: "reflection" }, "心得体会（选填）")),
    h("p", {}, task.prompt || "可以写下与本职工作有关的一点体会。"),
    h("textarea", { id: "reflection", rows: 3, maxlength: 5000, value: draft.words, oninput: write }),
    h("p", { class: "soft" }, "不写也能打卡。写下的内容未经审核同意，不向他人展示。"));
}

function passageView(passage, draft, update, isDone) {
  const section = h("div", { class: "passage", "data-passage": passage.id },
    h("h3", {}, passage.section),
    passage.text === null ? h("p", {}, outside(passage.source_url, "阅读官方原文（在新窗口打开）")) : h("p", { class: "text" }, passage.text));
  const paint = () => {
    const isRead = draft.read.has(passage.id);
    mark.setAttribute("aria-pressed", String(isRead));
    mark.textContent = isRead ? "✓ 已读" : "标为已读";
    if (isRead) section.classList.remove("missing");
  };
  const mark = button("", () => {
    draft.read.add(passage.id);
    paint();
    update();
  }, { class: "mark", disabled: isDone });
  paint();
  if (!isDone || draft.read.has(passage.id)) section.append(mark);
  return section;
}

/** What the check-in gave back: kind, streak, and each question's outcome with its source. */
function receiptView(phone, task, receipt) {
  const stems = Object.fromEntries(task.questions.map((q) => [q.id, q]));
  const right = receipt.results.filter((result) => result.right).length;
  return h("article", { class: "receipt" },
    h("section", { class: "card stamp" },
      h("p", { class: "tick", "aria-hidden": "true" }, "✓"),
      h("h1", {}, receipt.kind === "on_time" ? "打卡完成" : "补卡完成"),
      h("p", {}, `${day(receipt.date)}的学习`),
      h("p", { class: "soft" }, `${day(receipt.checked_in_at.slice(0, 10))} ${hour(receipt.checked_in_at)} 记录`),
      h("dl", { class: "pair" },
        h("div", {}, h("dt", {}, "连续打卡"), h("dd", {}, `${receipt.streak.current} 天`)),
        h("div", {}, h("dt", {}, "最长连续"), h("dd", {}, `${receipt.streak.longest} 天`)))),
    receipt.results.length > 0 && h("section", { class: "card" },
      h("h2", {}, `答题情况：${receipt.results.length} 题中答对 ${right} 题`),
      h("ol", { class: "results" }, receipt.results.map((result) => resultView(stems[result.question], result)))),
    button("返回日历", () => phone.show("calendar"), { class: "quiet" }));
}

function resultView(question, result) {
  const place = [result.source.title, result.source.locator && `“${result.source.locator}”处`].filter(Boolean).join(" · ");
  return h("li", {},
    h("p", {}, h("strong", { class: result.right ? "good" : "bad" }, result.right ? "✓ 答对" : "✗ 答错"), question ? ` ${question.stem}` : ""),
    h("p", {}, `正确答案：${answerText(question, result.answer)}`),
    result.explanation && h("p", { class: "soft" }, result.explanation),
    place && h("p", { class: "soft" }, `出处：${place}`));
}
