// A scanned console code is asked about first; what the member is told of the own record is told once.

import { beforeEach, expect, test } from "vitest";
import { asked, reset, storage, went } from "../setup";
import { DAY } from "../people";
import { follow, open, page, phoneOf } from "./hand";

const CODE = "IN65A0B1C2ABCDEFGHIJKLMNOP2345";
const today = () => ({ status: 200, body: { date: DAY, task: null, next_date: null } });
const scans = () => asked.filter(({ path }) => path.endsWith("/auth/console-scan"));

beforeEach(reset);

test("a scanned console code is confirmed only after a tap, and only once", async () => {
  phoneOf({ "GET /tasks/today": today, "POST /auth/console-scan": () => ({ status: 204 }) });
  await open("today", { scene: CODE });
  expect(went).toEqual(["/pages/console/console"]);
  const phone = await follow("console");
  expect(phone.text).toContain("安敏");
  expect(scans()).toEqual([]);
  await phone.tap("确认进入");
  expect(scans().map(({ body }) => body)).toEqual([{ code: CODE }]);
  expect(phone.text).toContain("已确认");
  // Back to the front: WeChat tells the same code again.
  (await import("@/state/launch")).noteLaunch({ scene: CODE });
  await follow("today");
  expect(went).toHaveLength(1);
});

test("no is an answer, and a code that is over says so", async () => {
  phoneOf({ "GET /tasks/today": today, "POST /auth/console-scan": () => ({ status: 409, body: { code: "scan_expired", detail: "此码已过期，请在电脑上换一张。" } }) });
  await open("today", { scene: encodeURIComponent(CODE) });
  const phone = await follow("console");
  await phone.tap("确认进入");
  expect(phone.text).toContain("此码已过期");
  await phone.tap("不是我，取消");
  expect(phone.text).toContain("没有人以您的身份进入");
  expect(scans()).toHaveLength(1);
});

test("who is not signed in signs in first, and other codes lead nowhere", async () => {
  phoneOf({ "GET /tasks/today": today });
  storage.delete("daka.session");
  await open("today", { scene: CODE });
  expect(went).toEqual(["/pages/start/start"]);
  phoneOf({ "GET /tasks/today": today });
  for (const scene of [`${CODE}A`, CODE.replace("2345", "2341"), "ABCD-EFGH-JKLM", "%"]) await open("today", { scene });
  expect(went).toEqual(["/pages/start/start"]);
  expect((await open("console")).text).toContain("没有扫到");
});

const notice = (id: number) => ({ id, kind: "question_withdrawn", at: `${DAY}T09:00:00+08:00`, title: "一道题已撤下", text: `您答过的第${id}题已撤下，不再计入正确率。` });

test("a notice is shown until it was seen, and the next one alone afterwards", async () => {
  const items = [notice(4)];
  phoneOf({ "GET /tasks/today": today, "GET /me/notices": () => page(items) });
  expect((await open("today")).text).toContain("第4题已撤下");
  const phone = await open("today");
  expect(phone.text).toContain("第4题已撤下");
  await phone.tap("知道了");
  expect(phone.text).not.toContain("撤下");
  expect((await open("today")).text).not.toContain("撤下");
  items.unshift(notice(9));
  const later = (await open("today")).text;
  expect(later).toContain("第9题");
  expect(later).not.toContain("第4题");
});
