// Questions one after another: single, multiple, true_false and blank. Nothing is judged here; the server does that.

import { button, h } from "./dom.js";
import { KINDS } from "./words.js";

const TRUTHS = [{ key: "true", text: "对" }, { key: "false", text: "错" }];

const optionsOf = (question) => (question.kind === "true_false" ? TRUTHS : question.options);

/** The right answer in words: "B. …", "对", or the accepted texts of a blank. */
export function answerText(question, answer) {
  if (!question || question.kind === "blank") return answer.join(" 或 ");
  const texts = Object.fromEntries(optionsOf(question).map((option) => [option.key, option.text]));
  return answer.map((key) => (question.kind === "true_false" ? texts[key] : `${key}. ${texts[key] || ""}`)).join("；");
}

/** {element, go(index)}: shows one question at a time; answers go into draft.answers, and `update` is told. */
export function questionView(questions, draft, update) {
  if (!questions.length) return { element: h("p", {}, "这一天没有题目。"), go() {} };
  const place = h("div", {});
  let at = 0;
  const go = (index, { focus = true } = {}) => {
    at = Math.max(0, Math.min(questions.length - 1, index));
    place.replaceChildren(
      one(questions[at], `第 ${at + 1} 题，共 ${questions.length} 题 · ${KINDS[questions[at].kind]}`),
      h("div", { class: "steps" },
        button("上一题", () => go(at - 1), { disabled: at === 0 }),
        button("下一题", () => go(at + 1), { disabled: at === questions.length - 1 })));
    if (focus) place.querySelector("legend").focus();
  };
  const keep = (question, given) => {
    const isEmpty = given.choice ? !given.choice.length : !given.text.trim();
    if (isEmpty) delete draft.answers[question.id];
    else draft.answers[question.id] = given;
    update();
  };
  const one = (question, heading) => {
    const given = draft.answers[question.id] || {};
    const name = `question-${question.id}`;
    const body = question.kind === "blank"
      ? h("input", {
          value: given.text || "", maxlength: 200, "aria-label": "填写答案", placeholder: "填写答案",
          oninput: (event) => keep(question, { text: event.target.value }),
        })
      : optionsOf(question).map((option) => h("label", { class: "option" },
          h("input", {
            type: question.kind === "multiple" ? "checkbox" : "radio", name, value: option.key,
            checked: (given.choice || []).includes(option.key),
            onchange: () => keep(question, { choice: [...place.querySelectorAll("input:checked")].map((box) => box.value) }),
          }),
          h("span", {}, question.kind === "true_false" ? option.text : `${option.key}. ${option.text}`)));
    return h("fieldset", {},
      h("legend", { tabindex: "-1" }, h("span", { class: "soft" }, heading), h("span", { class: "stem" }, question.stem)),
      question.kind === "multiple" && h("p", { class: "soft" }, "可选多项，全部选对才算答对。"),
      body);
  };
  go(0, { focus: false });
  return { element: place, go };
}
