// Words for what the service names by a word of its own.

import type { Kind, Status, TaskItem } from "@/service/types";

export const ROLES: Record<string, string> = { secretary: "书记", editor: "党建工作部", unit_head: "专委会主任", observer: "上级党委" };
export const TIERS: Record<string, string> = { leader: "领导干部", expert: "专家学者", exemplar: "先进人物", peer: "会员" };
export const KINDS: Record<Kind, string> = { single: "单选题", multiple: "多选题", true_false: "判断题", blank: "填空题" };

/** Status of a task on the calendar: the sign on the day, and the word that says it. */
export const STATES: Record<Status | "recorded", [string, string]> = {
  upcoming: ["", "未开始"],
  open: ["○", "今日待学"],
  done: ["✓", "按时完成"],
  makeup: ["补", "已补卡"],
  missed: ["缺", "未学"],
  excused: ["假", "请假"],
  recorded: ["代", "代录"],
};

export const stateOf = (task: Pick<TaskItem, "status" | "recorded_by">): [string, string] =>
  STATES[task.recorded_by ? "recorded" : task.status];

export const LEAVE_REASONS: { key: string; name: string }[] = [
  { key: "illness", name: "生病" },
  { key: "travel", name: "出差" },
  { key: "family", name: "家事" },
  { key: "work", name: "工作" },
  { key: "other", name: "其他" },
];
export const LEAVE_STATES: Record<string, string> = { asked: "等待书记批准", granted: "已批准", refused: "未批准", cancelled: "已撤回" };

export const SUBJECTS: { key: string; name: string }[] = [
  { key: "roster", name: "名册信息" },
  { key: "record", name: "学习记录" },
  { key: "content", name: "学习内容" },
  { key: "other", name: "其他" },
];
export const REFLECTION_STATES: Record<string, string> = { pending: "等待审阅", approved: "已通过", rejected: "未通过" };
