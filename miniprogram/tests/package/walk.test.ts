// The built package, loaded as it would be uploaded, walks a first day against the real service with the sandbox.

import { expect, test } from "vitest";
import { launch, open, phone, sees, tap, until, went, write } from "./wechat";

const SERVICE = process.env.DAKA_BASE ?? "";
interface Person { openid: string; name: string; bound: boolean; invite_code: string }
interface Question { id: number; kind: string; stem: string; options: { key: string; text: string }[] }
interface Task { id: number; questions: Question[]; progress: { checked_in: boolean; kind: string; questions_answered: number } }

async function ask<T>(method: string, path: string, body?: object, token?: string): Promise<T> {
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  return (await fetch(SERVICE + path, { method, headers, body: body && JSON.stringify(body) })).json() as Promise<T>;
}

async function task(openid: string): Promise<Task> {
  const { code } = await ask<{ code: string }>("POST", "/sandbox/wx-login", { openid });
  const { token } = await ask<{ token: string }>("POST", "/api/v1/auth/wechat", { code });
  return (await ask<{ task: Task }>("GET", "/api/v1/tasks/today", undefined, token)).task;
}

test("from the first start to a check-in", async () => {
  const { items } = await ask<{ items: Person[] }>("GET", "/sandbox/people");
  const newcomer = items.find((person) => !person.bound)!;
  phone.openid = newcomer.openid;
  launch({ scene: newcomer.invite_code });

  const start = open("start");
  await sees(start, "先请您看一看");
  tap(start, "同意并继续");
  await sees(start, "已从扫描的码中填好");
  write(start, 0, newcomer.name);
  tap(start, "绑定");
  await sees(start, "需要您单独同意");
  tap(start, "同意");
  await until(() => went.includes("/pages/today/today"), "today's page");

  const today = open("today");
  await sees(today, "导读");
  const { questions } = await task(newcomer.openid);
  tap(today, "读完了，开始答题");
  for (const [index, question] of questions.entries()) {
    await sees(today, question.stem);
    await answer(today, question);
    await until(() => isPast(today, index, questions.length), `past question ${index + 1}`);
  }
  phone.online = false;
  tap(today, "打卡");
  await sees(today, "已完成，等待发送");
  phone.online = true;
  tap(today, "现在发送");
  await sees(today, "打卡完成");
  await sees(today, "已连续1天");
  // A console's code, scanned by somebody without a role: asked about, and refused by the service.
  launch({ scene: `IN00000000${"A".repeat(20)}` });
  open("today");
  await until(() => went.includes("/pages/console/console"), "the page that asks");
  const desk = open("console");
  await sees(desk, "进入控制台？");
  tap(desk, "确认进入");
  await sees(desk, "权限");
  const { progress } = await task(newcomer.openid);
  expect(progress).toMatchObject({ checked_in: true, kind: "on_time", questions_answered: questions.length });
});

type Page = ReturnType<typeof open>;
const text = (page: Page): string => (page.dom.textContent ?? "").replace(/\s+/g, "");

/** Always the first option; whether it is right is the service's word. */
async function answer(page: Page, question: Question): Promise<void> {
  if (question.kind === "blank") write(page, 0, "二十");
  else if (question.kind === "true_false") tap(page, "对");
  else tap(page, `${question.options[0].key}${question.options[0].text}`);
  if (question.kind === "blank" || question.kind === "multiple") {
    await until(() => !page.dom.innerHTML.includes("aria-disabled=\"true\""), "a button to confirm with");
    tap(page, "确定");
  }
}

/** Goes on where the answer was wrong; true once the next screen is there. */
function isPast(page: Page, index: number, total: number): boolean {
  const shown = text(page);
  if (shown.includes(`第${index + 2}题，共`) || (index === total - 1 && shown.includes("读完了，也答完了"))) return true;
  if (shown.includes("答错了")) tap(page, index === total - 1 ? "答完了，继续" : "下一题");
  return false;
}
