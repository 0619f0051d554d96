// What the copy of all one's data holds, in words: each kind with its number, the person with what is known.

const NAMES: Record<string, string> = {
  member: "本人",
  standings: "专委会与类别的变动",
  roles: "职责",
  invites: "邀请码",
  consents: "同意的记录",
  accounts: "微信绑定",
  sessions: "登录",
  console_links: "控制台链接",
  console_scans: "控制台扫码",
  second_factors: "控制台二次验证",
  recovery_codes: "控制台恢复码",
  leaves: "请假",
  plans: "学习计划",
  readings: "读过的段落",
  answers: "作答",
  answer_tallies: "作答统计",
  check_ins: "打卡",
  idempotency_keys: "防重复的请求编号",
  reflections: "心得体会",
  feedback: "投诉与建议",
  task_fetches: "打开任务的记录",
  audit_entries: "操作记录",
  reviews: "复习",
  subscriptions: "接收提醒的许可",
  grant_entries: "提醒许可的记录",
  corrections: "更正申请",
  reminders: "收到的提醒",
};

export interface Tallied { name: string; words: string }

/** The lists of a copy, in its order; what has no name of ours yet keeps the service's. */
export function tally(copy: Record<string, unknown>): Tallied[] {
  return Object.entries(copy).flatMap(([key, held]) => {
    if (Array.isArray(held)) return [{ name: NAMES[key] ?? key, words: held.length ? `${held.length} 条` : "没有" }];
    if (held && typeof held === "object") return [{ name: NAMES[key] ?? key, words: person(held as Record<string, unknown>) }];
    return [];
  });
}

const person = (member: Record<string, unknown>): string =>
  [member.name, member.phone].filter((value): value is string => typeof value === "string" && value !== "").join("，") || "已记录";
