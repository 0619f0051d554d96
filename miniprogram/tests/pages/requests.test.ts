// What a member asks of the secretary, and what the member allows: corrections, complaints, reminders.

import { beforeEach, expect, test } from "vitest";
import { asked, net, reset } from "../setup";
import { open, page, phoneOf } from "./hand";

beforeEach(reset);

const waiting = { id: 3, subject: "record", text: "三月一日已学", created_at: "2026-03-02T09:00:00+08:00", due_on: "2026-03-17", answer: "", done: null, answered_at: null };
const answered = { ...waiting, id: 1, text: "姓名有误", subject: "roster", answer: "已改为安敏。", done: true, answered_at: "2026-03-01T10:00:00+08:00" };

test("a correction is asked for, shown with its day, and its answer says whether the record was changed", async () => {
  const items = [answered];
  phoneOf({
    "GET /me/corrections": () => page([...items]),
    "POST /me/corrections": ({ body }) => {
      items.push({ ...waiting, ...(body as object) } as never);
      return { status: 201, body: items[1] };
    },
  });
  const phone = await open("correction");
  expect(phone.text).toContain("已更正。已改为安敏。");
  await phone.tap("申请更正");
  expect(phone.text).toContain("请写下哪里不对");
  await phone.tap("学习记录");
  await phone.write(" 三月一日已学 ");
  await phone.tap("申请更正");
  expect(asked.find(({ method }) => method === "POST")?.body).toEqual({ subject: "record", text: "三月一日已学" });
  expect(phone.text).toContain("书记将在3月17日 星期二之前答复。");
  expect(phone.text.indexOf("三月一日已学")).toBeLessThan(phone.text.indexOf("姓名有误"));
});

test("a complaint is sent, and the answers to earlier ones are read on the same page", async () => {
  phoneOf({ "GET /me/feedback": () => page([answered, waiting]), "POST /feedback": () => ({ status: 201, body: waiting }) });
  const phone = await open("feedback");
  expect(phone.text).toContain("答复：已改为安敏。");
  expect(phone.text).toContain("之前答复");
  await phone.write("字太小了");
  await phone.tap("提交");
  expect(asked.find(({ method }) => method === "POST")?.body).toEqual({ text: "字太小了" });
  expect(phone.text).toContain("已送达书记");
});

test("without a network the words stay in the box and the page says why", async () => {
  phoneOf({ "GET /me/feedback": () => page([]) });
  const phone = await open("feedback");
  net.answer = () => null;
  await phone.write("字太小了");
  await phone.tap("提交");
  expect(phone.text).toContain("网络");
  expect((phone.wrapper.find("textarea").element as HTMLTextAreaElement).getAttribute("value") ?? "字太小了").toBe("字太小了");
});

const subscription = { template_id: "T1", purpose: "reminder", left: 2, on: true, last: "accept" };

test("reminders show how many are left and go off by one tap", async () => {
  phoneOf({
    "GET /me/subscriptions": () => page([subscription]),
    "PUT /me/subscriptions": ({ body }) => page([{ ...subscription, ...(body as object) }]),
  });
  const phone = await open("reminders");
  expect(phone.text).toContain("还可以提醒 2 次");
  await phone.tap("关闭提醒");
  expect(asked[asked.length - 1].body).toEqual({ on: false });
  expect(phone.text).toContain("已关闭");
});

test("who has allowed none is offered nothing to switch on", async () => {
  phoneOf({ "GET /me/subscriptions": () => page([{ ...subscription, left: 0, on: false, last: null }]) });
  const phone = await open("reminders");
  expect(phone.text).toContain("还没有允许");
  expect(phone.wrapper.findAll("[role=button]")).toHaveLength(0);
});

test("where the branch sends no reminders nothing is asked for", async () => {
  phoneOf({ "GET /me/subscriptions": () => page([]) });
  expect((await open("reminders")).text).toContain("支部还没有开通提醒");
  expect((await open("GrantCard")).text).toBe("");
});

test("after a check-in one tap allows one more, reported under a name of its own", async () => {
  let left = 0;
  phoneOf({
    "GET /me/subscriptions": () => page([{ ...subscription, left }]),
    "POST /sandbox/control/subscribe": () => ({ status: 200, body: { errMsg: "ok", left: 1 } }),
    "POST /me/subscriptions": () => page([{ ...subscription, left: ++left }]),
  });
  const phone = await open("GrantCard");
  await phone.tap("允许再提醒一次");
  await phone.tap("允许再提醒一次");
  const reports = asked.filter(({ method, path }) => method === "POST" && path.endsWith("/me/subscriptions")).map(({ body }) => body as { prompt: string; results: object });
  expect(reports.map(({ results }) => results)).toEqual([{ T1: "accept" }, { T1: "accept" }]);
  expect(new Set(reports.map(({ prompt }) => prompt)).size).toBe(2);
  expect(phone.text).toContain("现在还可以提醒 2 次");
});
