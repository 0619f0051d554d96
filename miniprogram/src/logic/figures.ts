// Figures in words. No ranking, no points: a member's own record, said plainly.

/** 0.256 → 25.6%; a dash where there is nothing to divide by. */
export const percent = (share: number | null): string => (share === null ? "—" : `${Math.round(share * 1000) / 10}%`);

/** For a bar's width; empty without a figure. */
export const width = (share: number | null): string => `${Math.round(Math.min(1, Math.max(0, share ?? 0)) * 100)}%`;

/** The streak in one sentence. `makeups`: how many days of it were made up. */
export function streakWords(streak: { current: number; longest: number; makeups?: number }): string {
  if (streak.current === 0) return streak.longest ? `最长连续 ${streak.longest} 天，从今天再开始` : "今天是第一天";
  const made = streak.makeups ? `，其中补卡 ${streak.makeups} 天` : "";
  return `已连续 ${streak.current} 天${made}`;
}

/** Steadiness, 0 to 100, in words; it is never shown to anybody else. */
export function steadinessWords(steadiness: number | null): string {
  if (steadiness === null) return "学习几天后显示";
  if (steadiness >= 90) return "很稳定";
  if (steadiness >= 60) return "大体保持";
  return "慢慢来，随时可以继续";
}
