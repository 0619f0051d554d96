import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { hooks, reset, storage } from "../setup";
import { DAY, QUESTIONS, RIGHT } from "../people";
import { calls, Service } from "./service";

let service: Service;
let page: VueWrapper;
let taps = 0;

beforeEach(() => {
  reset();
  vi.useFakeTimers({ now: new Date(`${DAY}T09:00:00+08:00`), toFake: ["Date"] });
  service = new Service();
  taps = 0;
});
afterEach(() => {
  page?.unmount();
  vi.useRealTimers();
});

/** A new start of the app: every module anew, nothing but the storage from before. */
async function open(): Promise<void> {
  page?.unmount();
  vi.resetModules();
  for (const name of Object.keys(hooks)) delete hooks[name];
  (await import("@/state/app")).restore();
  const outbox = await import("@/state/outbox");
  outbox.recount();
  page = mount((await import("@/pages/today/today.vue")).default);
  await hooks.show[0]();
  await outbox.flush();
  await flushPromises();
}

/** Taps what shows this text, as a finger would. */
async function tap(text: string): Promise<void> {
  const found = page.findAll("[role=button], [role=checkbox]").filter((one) => one.text().replace(/\s/g, "").startsWith(text.replace(/\s/g, "")));
  if (found.length !== 1) throw new Error(`${found.length} of “${text}” in: ${page.text()}`);
  taps++;
  await found[0].trigger("click");
  await flushPromises();
}

const label = (question: number, key: string): string =>
  question === 12 ? (key === "true" ? "对" : "错") : `${key}选项${key}`;

async function answerRight(id: number): Promise<void> {
  if (id === 14) {
    const box = page.find("input");
    (box.element as HTMLInputElement).value = "二十";
    await box.trigger("input", { detail: { value: "二十" } });
  } else for (const key of RIGHT[id]) await tap(label(id, key));
  if (id === 13 || id === 14) await tap("确定");
}

test("five questions of every kind, one of them wrong, are at most twelve taps", async () => {
  await open();
  expect(page.text()).toContain("第1段");
  await tap("读完了，开始答题");
  await tap(label(11, "A"));
  expect(page.text()).toContain("答错了");
  expect(page.text()).toContain("第11题的解析");
  expect(page.text()).toContain("三个务必");
  await tap("下一题");
  for (const question of QUESTIONS.slice(1)) await answerRight(question.id);
  await tap("打卡");
  expect(page.text()).toContain("打卡完成");
  expect(page.text()).toContain("已连续 3 天");
  expect(page.text()).toContain("坚持度 93");
  expect(service.checkIns).toHaveLength(1);
  expect(taps).toBeLessThanOrEqual(12);
});

test("a right answer leads on at once and stays to be read above the next question", async () => {
  await open();
  await tap("读完了，开始答题");
  await tap(label(11, "B"));
  expect(page.text()).toContain("第 2 题，共 5 题");
  expect(page.text()).toContain("上一题");
  expect(page.text()).toContain("第11题的解析");
});

test("without a network the day is finished all the same, said to wait, and sent once when there is one", async () => {
  await open();
  service.online = false;
  await tap("读完了，开始答题");
  for (const question of QUESTIONS) {
    await answerRight(question.id);
    expect(page.text()).toContain("已记下，联网后核对对错");
    await tap(question.id === 15 ? "答完了，继续" : "下一题");
  }
  await tap("打卡");
  expect(page.text()).toContain("已完成，等待发送");
  expect(page.text()).toContain("等待发送：7 项");
  await open();
  expect(page.text()).toContain("以下内容来自这台手机");
  expect(page.text()).toContain("已完成，等待发送");
  service.online = true;
  await open();
  expect(page.text()).toContain("打卡完成");
  expect(page.text()).not.toContain("等待发送");
  expect(service.checkIns).toHaveLength(1);
  expect([...service.firsts.keys()]).toEqual([11, 12, 13, 14, 15]);
});

test("steps go out in the order in which they were taken", async () => {
  await open();
  service.online = false;
  await tap("读完了，开始答题");
  for (const question of QUESTIONS) {
    await answerRight(question.id);
    await tap(question.id === 15 ? "答完了，继续" : "下一题");
  }
  await tap("打卡");
  service.online = true;
  const before = calls().length;
  await tap("现在发送");
  await flushPromises();
  const sent = calls().slice(before).filter((call) => call.startsWith("POST"));
  expect(sent).toEqual(["POST /tasks/7/readings", ...Array<string>(5).fill("POST /tasks/7/answers"), "POST /tasks/7/check-in"]);
});

test("killed in the middle of the questions, it goes on where it was", async () => {
  await open();
  await tap("读完了，开始答题");
  await answerRight(11);
  await answerRight(12);
  await open();
  expect(page.text()).toContain("第 3 题，共 5 题");
});

test("without consent there is reading, and nothing is sent or asked", async () => {
  storage.set("daka.consented.5", "false");
  await open();
  expect(page.text()).toContain("第1段");
  expect(page.text()).toContain("不能答题和打卡");
  expect(page.text()).not.toContain("开始答题");
  expect(calls().filter((call) => call.startsWith("POST"))).toEqual([]);
});

test("a day without a task says when the next one is", async () => {
  service.task = null as never;
  await open();
  expect(page.text()).toContain("今天没有学习任务");
});

test("yesterday's task is not shown as today's when the network is away", async () => {
  await open();
  service.online = false;
  vi.setSystemTime(new Date("2026-03-03T09:00:00+08:00"));
  await open();
  expect(page.text()).toContain("网络不通");
  expect(page.text()).not.toContain("第1段");
});

test("where there is no voice, it says so", async () => {
  await open();
  expect(page.text()).toContain("没有可用的中文语音");
  expect(page.text()).not.toContain("听读这一段");
});
