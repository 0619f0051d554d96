// Today's task and those of other days: from the service, else from what the phone kept; and what a member does with one.

import { answered, answerStep, checkInStep, joined, markedRead, readingStep, readThrough, unread } from "@/logic/day";
import { shanghaiDay } from "@/logic/dates";
import { uuid } from "@/logic/keys";
import { Problem } from "@/service/request";
import { call } from "@/service/session";
import { load, save } from "@/service/store";
import type { Answer, Page, Receipt, Reflection, Task, Today } from "@/service/types";
import { app } from "./app";
import { dayOf, flush, keepDay, outbox } from "./outbox";

const mine = (name: string): string => `${name}.${app.member?.id ?? 0}`;

/** `kept`: the network is away, and this is what the phone has from before. */
export interface Shown<T> { value: T; kept: boolean }

/** Today, by the service's clock; without a network the kept one while its day lasts. Throws Problem. */
export async function today(fresh = false): Promise<Shown<Today>> {
  try {
    const value = await call<Today>("GET", "/tasks/today", undefined, fresh);
    app.online = true;
    save(mine("today"), value);
    if (value.task) keepDay(joined(dayOf(value.task), value.task));
    return { value, kept: false };
  } catch (error) {
    const kept = load<Today>(mine("today"));
    if (!isAway(error) || !kept || kept.date !== shanghaiDay()) throw error;
    return { value: kept, kept: true };
  }
}

/** One day's task. Throws Problem. */
export async function task(id: number): Promise<Shown<Task>> {
  try {
    const value = await call<Task>("GET", `/tasks/${id}`);
    app.online = true;
    save(mine("task") + `.${id}`, value);
    keepDay(joined(dayOf(value), value));
    return { value, kept: false };
  } catch (error) {
    const kept = load<Task>(mine("task") + `.${id}`);
    if (!isAway(error) || !kept) throw error;
    return { value: kept, kept: true };
  }
}

function isAway(error: unknown): boolean {
  const away = error instanceof Problem && (error.status === 0 || error.status >= 500);
  if (error instanceof Problem && error.status === 0) app.online = false;
  return away;
}

/** Everything there is to read has been gone through. */
export function finishReading(task: Task): void {
  const before = dayOf(task);
  const left = unread(task, before);
  const unsent = task.passages.filter((passage) => !passage.read).map((passage) => passage.id);
  if (unsent.length) outbox.add(readingStep(before, unsent, uuid(), new Date()));
  keepDay(readThrough(before, left));
  void flush();
}

export const markRead = (task: Task, passage: number): void => keepDay(markedRead(dayOf(task), [passage]));

/** Into the outbox first, then on the screen; resolves when it was tried. */
export async function answer(task: Task, given: Answer): Promise<void> {
  const day = dayOf(task);
  outbox.add(answerStep(day, given, uuid(), new Date()));
  keepDay(answered(day, given));
  await flush();
}

export const keepWords = (task: Task, words: string): void => keepDay({ ...dayOf(task), words });

/** The one button at the end. Resolves when it was tried; the day says what came of it. */
export async function checkIn(task: Task): Promise<void> {
  const day = dayOf(task);
  outbox.add(checkInStep(day, uuid(), new Date()));
  keepDay({ ...day, finished: true });
  await flush();
}

/** The receipt of a day that is done, from the phone or from the service, which replays it. Throws Problem. */
export async function receipt(task: Task): Promise<Receipt> {
  const day = dayOf(task);
  if (day.receipt) return day.receipt;
  const found = await call<Receipt>("POST", `/tasks/${task.id}/check-in`, {});
  keepDay({ ...dayOf(task), finished: true, receipt: found });
  return found;
}

/** The member's own words on this day with the state of their check; null without any. Throws Problem. */
export async function reflection(task: number): Promise<Reflection | null> {
  for (let next: string | null = ""; next !== null; ) {
    const page: Page<Reflection> = await call("GET", `/me/reflections?limit=200${next ? `&cursor=${next}` : ""}`);
    const found = page.items.find((one) => one.task === task);
    if (found) return found;
    next = page.next;
  }
  return null;
}
