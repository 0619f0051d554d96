// The outbox on this phone: its storage, its network, and when it is tried again.

import { reactive } from "vue";
import { fresh, reopened, withResults, type Day } from "@/logic/day";
import { judge, Outbox, waitS, type Flushed, type Step } from "@/logic/queue";
import { ask } from "@/service/session";
import { load, save } from "@/service/store";
import type { ProblemDocument, Receipt, Results } from "@/service/types";
import { app, type Refusal } from "./app";

const mine = (name: string): string => `${name}.${app.member?.id ?? 0}`;
const WORDS = { readings: "阅读记录", answers: "作答", "check-in": "打卡" };

/** task → its day, as pages show it; storage holds the same. */
export const days = reactive<Record<number, Day>>({});

export function dayOf(task: { id: number; date: string }): Day {
  days[task.id] ??= load<Day>(mine("day") + `.${task.id}`) ?? fresh(task);
  return days[task.id];
}

export function keepDay(day: Day): void {
  save(mine("day") + `.${day.task}`, day);
  days[day.task] = day;
}

/** Another member holds the phone. */
export function forgetDays(): void {
  for (const task of Object.keys(days)) delete days[Number(task)];
  recount();
}

export const outbox = new Outbox({
  read: () => load<Step[]>(mine("queue")) ?? [],
  write: (steps) => {
    save(mine("queue"), steps);
    recount();
  },
  send: async (step) => {
    const reply = await ask("POST", step.path, { body: step.body, key: step.key });
    app.online = reply.status !== 0;
    return judge(reply.status, reply.body, reply.retryAfterS);
  },
  delivered: (step, reply) => {
    const day = dayOf({ id: step.task, date: step.date });
    if (step.kind === "answers") keepDay(withResults(day, (reply as Results).results));
    if (step.kind === "check-in") keepDay({ ...withResults(day, (reply as Receipt).results), finished: true, receipt: reply as Receipt });
  },
  refused: (step, problem) => {
    const day = dayOf({ id: step.task, date: step.date });
    if (step.kind === "check-in") keepDay(reopened(day, problem.missing ?? { passages: [], questions: [] }));
    note(step, problem);
  },
});

function note(step: Step, problem: ProblemDocument): void {
  const refusal: Refusal = { key: step.key, date: step.date, what: WORDS[step.kind], why: problem.detail ?? "服务没有接受。" };
  save(mine("refusals"), [...(load<Refusal[]>(mine("refusals")) ?? []).filter((one) => one.key !== step.key), refusal]);
  recount();
}

export function dismissRefusals(): void {
  save(mine("refusals"), []);
  recount();
}

export function recount(): void {
  app.waiting = app.member ? outbox.waiting.length : 0;
  app.refusals = app.member ? load<Refusal[]>(mine("refusals")) ?? [] : [];
}

let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Sends what waits; tries again later by itself while something does. Never throws. */
export async function flush(): Promise<Flushed> {
  clearTimeout(timer);
  if (!app.member) return { kind: "empty" };
  const flushed = await outbox.flush();
  recount();
  if (flushed.kind === "blocked" && flushed.why === "consent") app.consented = false;
  failures = flushed.kind === "empty" ? 0 : failures + 1;
  if (flushed.kind === "later") timer = setTimeout(() => void flush(), waitS(failures, flushed.afterS) * 1000);
  return flushed;
}
