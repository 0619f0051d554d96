// One day's study as the phone knows it: what was read and answered, and what comes next. Pure; every change gives a new Day.

import type { Answer, Question, Receipt, Result, Task } from "@/service/types";
import { shanghaiDay } from "./dates";
import type { Step, StepKind } from "./queue";

export interface Day {
  task: number;
  date: string;
  read: number[];
  /** The member has said that the reading is done; passages are marked before that, one by one. */
  through: boolean;
  answers: Answer[];
  results: Result[];
  words: string;
  /** The check-in is in the outbox, or was acknowledged. */
  finished: boolean;
  receipt: Receipt | null;
}

export type Stage = "read" | "ask" | "finish" | "waiting" | "done";

export const fresh = (task: Pick<Task, "id" | "date">): Day => ({
  task: task.id, date: task.date, read: [], through: false, answers: [], results: [], words: "", finished: false, receipt: null,
});

/** What the service knows, added to what the phone knows. */
export function joined(day: Day, task: Task): Day {
  const marked = task.passages.filter((passage) => passage.read).map((passage) => passage.id);
  return { ...day, read: [...new Set([...day.read, ...marked])] };
}

export const readThrough = (day: Day, passages: number[]): Day => ({ ...markedRead(day, passages), through: true });

export const markedRead = (day: Day, passages: number[]): Day => ({ ...day, read: [...new Set([...day.read, ...passages])] });

/** The first answer to a question stands, as it does in the service. */
export const answered = (day: Day, answer: Answer): Day =>
  day.answers.some((given) => given.question === answer.question) ? day : { ...day, answers: [...day.answers, answer] };

export function withResults(day: Day, results: Result[]): Day {
  const known = new Map(day.results.map((result) => [result.question, result]));
  for (const result of results) known.set(result.question, result);
  return { ...day, results: [...known.values()] };
}

export const resultOf = (day: Day, question: number): Result | undefined => day.results.find((result) => result.question === question);
export const answerOf = (day: Day, question: number): Answer | undefined => day.answers.find((answer) => answer.question === question);
export const unread = (task: Task, day: Day): number[] => task.passages.map((passage) => passage.id).filter((id) => !day.read.includes(id));

/** The first question without an answer; -1 when there is none. */
export const nextQuestion = (task: Task, day: Day): number => task.questions.findIndex((question) => !answerOf(day, question.id));

export function stageOf(task: Task, day: Day): Stage {
  if (task.progress.checked_in || day.receipt) return "done";
  if (day.finished) return "waiting";
  if (!day.through || unread(task, day).length) return "read";
  return nextQuestion(task, day) >= 0 ? "ask" : "finish";
}

/** Asked for again what the service found missing: the check-in was refused as incomplete. */
export function reopened(day: Day, missing: { passages: number[]; questions: number[] }): Day {
  return {
    ...day,
    finished: false,
    read: day.read.filter((id) => !missing.passages.includes(id)),
    answers: day.answers.filter((answer) => !missing.questions.includes(answer.question)),
  };
}

const step = (kind: StepKind, path: string, day: Day, body: object, key: string, now: Date): Step => ({
  key, kind, task: day.task, date: day.date, path: `/tasks/${day.task}/${path}`, body, at: now.toISOString(),
});

export const readingStep = (day: Day, passages: number[], key: string, now: Date): Step =>
  step("readings", "readings", day, { passages }, key, now);

export const answerStep = (day: Day, answer: Answer, key: string, now: Date): Step =>
  step("answers", "answers", day, { answers: [answer] }, key, now);

/** The check-in. Answers have steps of their own before it; `studied_on` tells of a day finished on its day, should it arrive later. */
export function checkInStep(day: Day, key: string, now: Date): Step {
  const words = day.words.trim();
  const body = {
    passages: day.read,
    ...(words ? { reflection: words } : {}),
    ...(shanghaiDay(now) === day.date ? { studied_on: day.date } : {}),
  };
  return step("check-in", "check-in", day, body, key, now);
}

const TRUTHS = [{ key: "true", text: "对" }, { key: "false", text: "错" }];

export const optionsOf = (question: Question) => (question.kind === "true_false" ? TRUTHS : question.options);

/** Whether one tap on an option is the whole answer. */
export const isOneTap = (question: Question): boolean => question.kind === "single" || question.kind === "true_false";

/** The right answer in words: "B. …", "对", or the accepted texts of a blank. */
export function answerWords(question: Question | undefined, answer: string[]): string {
  if (!question || question.kind === "blank") return answer.join(" 或 ");
  const texts = new Map(optionsOf(question).map((option) => [option.key, option.text]));
  return answer.map((key) => (question.kind === "true_false" ? texts.get(key) ?? key : `${key}. ${texts.get(key) ?? ""}`)).join("；");
}

/** Where it stands in the text: 《…》 title and the words to look for. */
export const placeWords = (result: Pick<Result, "source">): string =>
  [result.source.title, result.source.locator && `“${result.source.locator}”处`].filter(Boolean).join(" · ");
