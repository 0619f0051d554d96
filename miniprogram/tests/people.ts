// The cast: one day's task with every kind of question, and the service's answers to it.

import type { Question, Receipt, Result, SignedIn, Task } from "@/service/types";

export const DAY = "2026-03-02";

const option = (key: string) => ({ key, text: `选项${key}` });
export const QUESTIONS: Question[] = [
  { id: 11, kind: "single", stem: "单选的题干", options: ["A", "B", "C"].map(option) },
  { id: 12, kind: "true_false", stem: "判断的题干", options: [] },
  { id: 13, kind: "multiple", stem: "多选的题干", options: ["A", "B", "C", "D"].map(option) },
  { id: 14, kind: "blank", stem: "填空的题干", options: [] },
  { id: 15, kind: "single", stem: "又一道单选", options: ["A", "B"].map(option) },
];
export const RIGHT: Record<number, string[]> = { 11: ["B"], 12: ["true"], 13: ["A", "C"], 14: ["二十"], 15: ["A"] };

export const task = (over: Partial<Task> = {}): Task => ({
  id: 7, date: DAY, title: "第一天", aspects: [{ id: 1, title: "党的二十大的主题" }], guidance: "导读的文字",
  passages: [1, 2, 3].map((id) => ({ id, section: "序言", number: id, text: `第${id}段`, source_url: "https://www.gov.cn/", read: false })),
  questions: QUESTIONS, prompt: "", makeup_until: "2026-03-09",
  progress: { passages_read: 0, passages_total: 3, questions_answered: 0, questions_total: 5, checked_in: false, kind: null },
  ...over,
});

export const resultFor = (question: number, choice: string[]): Result => ({
  question, right: JSON.stringify(RIGHT[question]) === JSON.stringify(choice), answer: RIGHT[question], explanation: `第${question}题的解析`,
  source: { text: "report", section: "s0", title: "序言", locator: "三个务必" },
});

export const receipt = (results: Result[]): Receipt => ({
  id: 99, task: 7, date: DAY, kind: "on_time", checked_in_at: `${DAY}T08:05:00+08:00`, streak: { current: 3, longest: 8 }, results,
});

export const ANMIN: SignedIn = {
  token: "token", expires_at: "2099-01-01T00:00:00+08:00",
  member: { id: 5, name: "安敏", branch: { id: 1, name: "党支部" }, unit: null, tier: "peer", roles: [] },
};
