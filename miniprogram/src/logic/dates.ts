// Days are Shanghai calendar days, "2023-02-23", decided by the service; the phone's clock only says which one is probably today.

const WEEKDAYS = "日一二三四五六";
const SHANGHAI_AHEAD_MS = 8 * 3600 * 1000;
const pad = (number: number): string => String(number).padStart(2, "0");

/** The Shanghai day of an instant, whatever the phone's own zone. */
export const shanghaiDay = (now: Date = new Date()): string => new Date(now.getTime() + SHANGHAI_AHEAD_MS).toISOString().slice(0, 10);

export function parts(day: string): [number, number, number] {
  const [year, month, date] = day.split("-").map(Number);
  return [year, month, date];
}

const utc = (day: string): Date => {
  const [year, month, date] = parts(day);
  return new Date(Date.UTC(year, month - 1, date));
};

/** "2023-02-23" → 2月23日 */
export const monthDay = (day: string): string => `${parts(day)[1]}月${parts(day)[2]}日`;

/** "2023-02-23" → 2月23日 星期四 */
export const fullDay = (day: string): string => `${monthDay(day)} 星期${WEEKDAYS[utc(day).getUTCDay()]}`;

/** "2023-02-23T08:05:00+08:00" → 2月23日 08:05. The service writes instants in Shanghai's own time. */
export const moment = (instant: string): string => `${monthDay(instant.slice(0, 10))} ${instant.slice(11, 16)}`;

export function addDays(day: string, days: number): string {
  const moved = utc(day);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

/** "2023-02" moved by months: ("2023-12", 1) → "2024-01" */
export function addMonths(month: string, by: number): string {
  const [year, number] = month.split("-").map(Number);
  const moved = new Date(Date.UTC(year, number - 1 + by, 1));
  return `${moved.getUTCFullYear()}-${pad(moved.getUTCMonth() + 1)}`;
}

/** First and last day of a month. */
export function bounds(month: string): [string, string] {
  return [`${month}-01`, addDays(`${addMonths(month, 1)}-01`, -1)];
}

export interface Cell { day: string; number: number }

/** The weeks of a month, Monday first; null where the week reaches out of it. */
export function weeks(month: string): (Cell | null)[][] {
  const [first, last] = bounds(month);
  const before = (utc(first).getUTCDay() + 6) % 7;
  const days = Array.from({ length: parts(last)[2] }, (_, index) => ({ day: `${month}-${pad(index + 1)}`, number: index + 1 }));
  const cells: (Cell | null)[] = [...Array<null>(before).fill(null), ...days];
  while (cells.length % 7) cells.push(null);
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7));
}
