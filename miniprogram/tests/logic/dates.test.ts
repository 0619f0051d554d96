import { expect, test } from "vitest";
import { addDays, addMonths, bounds, fullDay, moment, shanghaiDay, weeks } from "@/logic/dates";
import { percent, steadinessWords, streakWords, width } from "@/logic/figures";
import { tally } from "@/logic/copy";

test("a day is Shanghai's, whatever the phone's zone", () => {
  expect(shanghaiDay(new Date("2026-03-01T15:59:59Z"))).toBe("2026-03-01");
  expect(shanghaiDay(new Date("2026-03-01T16:00:00Z"))).toBe("2026-03-02");
});

test("days and instants in words", () => {
  expect(fullDay("2026-03-02")).toBe("3月2日 星期一");
  expect(moment("2026-03-02T08:05:00+08:00")).toBe("3月2日 08:05");
});

test("months and years turn", () => {
  expect(addMonths("2026-12", 1)).toBe("2027-01");
  expect(addMonths("2026-01", -1)).toBe("2025-12");
  expect(bounds("2028-02")).toEqual(["2028-02-01", "2028-02-29"]);
  expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
});

test("a month is whole weeks from Monday, each day once", () => {
  for (const month of ["2026-02", "2026-03", "2026-11", "2028-02"]) {
    const cells = weeks(month);
    expect(cells.every((week) => week.length === 7)).toBe(true);
    const days = cells.flat().flatMap((cell) => (cell ? [cell] : []));
    expect(days.map((cell) => cell.number)).toEqual(Array.from({ length: days.length }, (_, index) => index + 1));
    expect(days[days.length - 1].day).toBe(bounds(month)[1]);
  }
  expect(weeks("2026-03")[0].indexOf(null)).toBe(0);
  expect(weeks("2026-03")[0][6]?.number).toBe(1);
});

test("the streak in words: never zero as a reproach", () => {
  expect(streakWords({ current: 3, longest: 8 })).toBe("已连续 3 天");
  expect(streakWords({ current: 3, longest: 8, makeups: 1 })).toBe("已连续 3 天，其中补卡 1 天");
  expect(streakWords({ current: 0, longest: 8 })).toBe("最长连续 8 天，从今天再开始");
  expect(streakWords({ current: 0, longest: 0 })).toBe("今天是第一天");
});

test("shares are rounded to a tenth, and nothing divided by nothing is a dash", () => {
  expect(percent(0.2564)).toBe("25.6%");
  expect(percent(1)).toBe("100%");
  expect(percent(null)).toBe("—");
  expect(width(null)).toBe("0%");
  expect(width(1.4)).toBe("100%");
});

test("steadiness has a word at each level", () => {
  expect(new Set([null, 100, 75, 20].map((value) => steadinessWords(value))).size).toBe(4);
});

test("the copy of one's data is told kind by kind, unknown kinds under their own name", () => {
  expect(tally({ exported_at: "x", member: { name: "安敏" }, answers: [1, 2], leaves: [], strange: [1] })).toEqual([
    { name: "本人", words: "安敏" }, { name: "作答", words: "2 条" }, { name: "请假", words: "没有" }, { name: "strange", words: "1 条" },
  ]);
});
