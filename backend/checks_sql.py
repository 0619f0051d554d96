"""The invariants as SQL: each statement selects the ids of the rows that break one. {only} stands for a branch to narrow to."""

from __future__ import annotations

from backend import figures_periods, months
from backend.figures import ASPECT_BITS, COUNTING, COUNTS, SUMS, TALLY
from backend.figures_pairs import all_pairs

_STUDY = ("check_in", "answer", "answer_tally", "reading", "reflection")

_MINUS = f"""
SELECT f.task_id, f.unit_id, f.tier, f.status, {", ".join(f"-f.{name}" for name in COUNTS)}
FROM task_figure f JOIN daily_task t ON t.id = f.task_id WHERE 1 = 1 {{only}}
"""  # noqa: S608

_FIGURES = f"""
SELECT task_id, unit_id, tier, status FROM ({SUMS.format(pairs=all_pairs("1 = 1 {only}"))} UNION ALL {_MINUS}) d
GROUP BY task_id, unit_id, tier, status HAVING {" OR ".join(f"SUM(d.{name}) <> 0" for name in COUNTS)}
"""  # noqa: S608

_OF_PERIODS = figures_periods.OF_PERIODS.format(of_tasks=figures_periods.of_tasks("1 = 1 {only}"), into="")
_PERIODS = f"""
SELECT branch_id, period, aspect_id FROM (SELECT * FROM ({_OF_PERIODS}) o UNION ALL
  SELECT t.branch_id, t.period, t.aspect_id, {", ".join(f"-t.{name}" for name in COUNTS)} FROM period_figure t WHERE 1 = 1 {{only}}) d
GROUP BY branch_id, period, aspect_id HAVING {" OR ".join(f"SUM(d.{name}) <> 0" for name in COUNTS)}
"""  # noqa: S608

_BITS = f"""
SELECT t.id AS task_id FROM daily_task t WHERE t.aspect_bits <> {ASPECT_BITS.replace("daily_task.", "t.")} {{only}}
"""  # noqa: S608

_COUNTED = """
SELECT o.member_id, o.task_id FROM {table} o JOIN daily_task t ON t.id = o.task_id
WHERE (o.firsts <> (SELECT firsts FROM ({tally}) x) OR o.rights <> (SELECT rights FROM ({tally}) y)) {{only}}
"""

_UNCOUNTED = """
SELECT DISTINCT a.member_id, a.task_id FROM answer a JOIN daily_task t ON t.id = a.task_id
WHERE NOT EXISTS (SELECT 1 FROM check_in c WHERE c.member_id = a.member_id AND c.task_id = a.task_id AND c.task_date = a.task_date)
  AND NOT EXISTS (SELECT 1 FROM answer_tally y WHERE y.member_id = a.member_id AND y.task_id = a.task_id AND y.task_date = a.task_date)
  AND {counting} {{only}}
"""

_TALLY_LEFT = """
SELECT y.member_id, y.task_id FROM answer_tally y
JOIN check_in c ON c.member_id = y.member_id AND c.task_id = y.task_id AND c.task_date = y.task_date
JOIN daily_task t ON t.id = y.task_id WHERE 1 = 1 {only}
"""

_UNREAD = """
SELECT DISTINCT c.id AS check_in_id FROM check_in c JOIN daily_task t ON t.id = c.task_id JOIN task_passage tp ON tp.task_id = t.id
LEFT JOIN reading r ON r.member_id = c.member_id AND r.task_id = c.task_id AND r.task_date = c.task_date AND r.passage_id = tp.passage_id
WHERE c.recorded_by_id IS NULL AND r.id IS NULL {only}
"""

# A withdrawn question is asked no more.
_UNANSWERED = """
SELECT DISTINCT c.id AS check_in_id FROM check_in c JOIN daily_task t ON t.id = c.task_id JOIN task_question tq ON tq.task_id = t.id
LEFT JOIN answer a ON a.member_id = c.member_id AND a.task_id = c.task_id AND a.task_date = c.task_date AND a.question_id = tq.question_id
WHERE c.recorded_by_id IS NULL AND a.id IS NULL {only} AND NOT EXISTS (
  SELECT 1 FROM withdrawal w JOIN branch wb ON wb.id = w.branch_id JOIN branch b ON b.id = t.branch_id
  WHERE w.question_id = tq.question_id AND b.path LIKE wb.path || '%')
"""

_FIRSTS = """
SELECT a.member_id, a.question_id, a.task_id FROM answer a JOIN daily_task t ON t.id = a.task_id WHERE 1 = 1 {only}
GROUP BY a.member_id, a.question_id, a.task_id HAVING SUM(CASE WHEN a.is_first THEN 1 ELSE 0 END) <> 1
"""

_UNANSWERED_REVIEWS = """
SELECT v.id AS review_id FROM review v JOIN member m ON m.id = v.member_id
WHERE NOT EXISTS (SELECT 1 FROM answer a WHERE a.member_id = v.member_id AND a.question_id = v.question_id AND NOT a."right") {only}
"""

_TASKLESS = " UNION ALL ".join(
    f"SELECT '{table}' AS name, o.id FROM {table} o JOIN member m ON m.id = o.member_id "  # noqa: S608
    "LEFT JOIN daily_task t ON t.id = o.task_id AND t.date = o.task_date WHERE t.id IS NULL {only}"
    for table in _STUDY
)

# Each standing ends where the next begins; the first begins on 0001-01-01 and the last is open.
_STANDINGS = """
SELECT m.id AS member_id FROM member m LEFT JOIN (
  SELECT member_id, MIN(starts_on) AS first, SUM(CASE WHEN (until IS NULL) <> (following IS NULL) OR until <> following
    THEN 1 ELSE 0 END) AS broken
  FROM (SELECT member_id, starts_on, until, LEAD(starts_on) OVER (PARTITION BY member_id ORDER BY starts_on) AS following FROM standing) s
  GROUP BY member_id
) b ON b.member_id = m.id WHERE (b.member_id IS NULL OR b.broken > 0 OR b.first > '0001-01-01') {only}
"""

_AUDIENCES = """
SELECT DISTINCT a.plan_id, a.member_id FROM (
  SELECT plan_id, member_id, starts_on, until,
    LEAD(starts_on) OVER (PARTITION BY plan_id, member_id ORDER BY starts_on) AS following FROM plan_member
) a JOIN member m ON m.id = a.member_id
WHERE (a.until <= a.starts_on OR (a.following IS NOT NULL AND (a.until IS NULL OR a.until > a.following))) {only}
"""

_TWO_TASKS = f"""
SELECT p.member_id, MIN(p.task_id) AS task_id, MAX(p.task_id) AS other_id FROM ({all_pairs("1 = 1 {only}")}) p
GROUP BY p.member_id, p.date HAVING COUNT(DISTINCT p.task_id) > 1
"""  # noqa: S608

_BOUND_TWICE = """
SELECT MIN(a.id) AS account_id, MAX(a.id) AS other_id FROM account a JOIN member m ON m.id = a.member_id WHERE 1 = 1 {only}
GROUP BY a.member_id HAVING COUNT(*) > 1
UNION ALL
SELECT MIN(a.id), MAX(a.id) FROM account a LEFT JOIN member m ON m.id = a.member_id WHERE 1 = 1 {only}
GROUP BY a.openid HAVING COUNT(*) > 1
"""

# On time: it arrived that day, or (finished without a network) it states that day. 代录 goes by the day of arrival and states its day.
_KINDS = """
SELECT c.id AS check_in_id FROM check_in c JOIN daily_task t ON t.id = c.task_id WHERE (
  c.checked_in_on < c.task_date
  OR (c.kind = 'makeup' AND c.checked_in_on = c.task_date)
  OR (c.kind = 'on_time' AND c.checked_in_on <> c.task_date
    AND (c.recorded_by_id IS NOT NULL OR c.studied_on IS NULL OR c.studied_on <> c.task_date))
  OR (c.recorded_by_id IS NOT NULL AND c.studied_on IS NULL)
  OR c.studied_on < c.task_date OR c.studied_on > c.checked_in_on
  OR c.checked_in_on <> {shanghai_day}
) {only}
"""
_SHANGHAI_DAY = {"sqlite": "date(c.checked_in_at, '+8 hours')", "postgres": "CAST(c.checked_in_at AT TIME ZONE 'Asia/Shanghai' AS date)"}

_FOREIGN = """
SELECT 'plan_member' AS name, pm.id FROM plan_member pm JOIN member m ON m.id = pm.member_id JOIN study_plan p ON p.id = pm.plan_id
WHERE m.branch_id <> p.branch_id {only}
UNION ALL
SELECT 'standing', s.id FROM standing s JOIN member m ON m.id = s.member_id JOIN unit u ON u.id = s.unit_id
WHERE u.branch_id <> m.branch_id {only}
UNION ALL
SELECT 'daily_task', t.id FROM daily_task t JOIN study_plan p ON p.id = t.plan_id
JOIN (SELECT id AS branch_id FROM branch) m ON m.branch_id = t.branch_id
WHERE p.branch_id <> t.branch_id {only}
"""

# Rows of a month that has no partition; the next round of housekeeping takes them there.
_STRAY = " UNION ALL ".join(
    f"SELECT '{table}' AS name, o.id FROM {table}_default o JOIN member m ON m.id = o.member_id WHERE 1 = 1 {{only}}"  # noqa: S608
    for table in months.TABLES
)

_GRANTS = """
SELECT s.member_id, s.id FROM subscription s JOIN member m ON m.id = s.member_id WHERE 1 = 1 {only} AND (s.remaining < 0 OR s.remaining <>
  (SELECT COALESCE(SUM(e.change), 0) FROM grant_entry e WHERE e.member_id = s.member_id AND e.template_id = s.template_id))
"""
_UNLEDGERED = """
SELECT e.member_id, MIN(e.id) AS id FROM grant_entry e JOIN member m ON m.id = e.member_id WHERE NOT EXISTS
  (SELECT 1 FROM subscription s WHERE s.member_id = e.member_id AND s.template_id = e.template_id) {only} GROUP BY e.member_id
"""

_REMINDED_TWICE = """
SELECT r.member_id, MIN(r.id) AS id FROM reminder r JOIN member m ON m.id = r.member_id WHERE r.state <> 'refused' {only}
GROUP BY r.member_id, r.day HAVING COUNT(*) > 1
"""
# Settled when it is over, claimed when it is under way, refused with a reason, and of its batch's day and branch.
_REMINDERS = """
SELECT r.member_id, r.id FROM reminder r JOIN member m ON m.id = r.member_id JOIN reminder_batch b ON b.id = r.batch_id
WHERE (r.day <> b.day OR m.branch_id <> b.branch_id OR (r.state IN ('waiting', 'sending')) = (r.settled_at IS NOT NULL)
  OR (r.state = 'sending' AND r.claimed_at IS NULL) OR (r.state = 'refused') = (r.reason = '')) {only}
"""

_PATHS = """
SELECT m.id AS branch_id FROM branch m LEFT JOIN branch p ON p.id = m.parent_id
WHERE m.path <> COALESCE(p.path, '/') || CAST(m.id AS TEXT) || '/' {only}
"""


def checks(dialect: str) -> list[tuple[str, str, str]]:
    """(Chinese sentence, the column with the branch's id, statement) of every invariant, for `sqlite` or `postgres`."""
    by_task, by_member = "t.branch_id", "m.branch_id"
    return [
        ("覆盖率汇总与逐行重算不一致", by_task, _FIGURES),
        ("按期间的汇总与逐日汇总不一致", by_task, _PERIODS),
        ("任务的方面与汇总所用的不一致", by_task, _BITS),
        ("打卡记录中的首答计数与作答记录不一致", by_task, _COUNTED.format(table="check_in", tally=TALLY.format(of="o"))),
        ("未打卡的首答计数与作答记录不一致", by_task, _COUNTED.format(table="answer_tally", tally=TALLY.format(of="o"))),
        ("有首次作答，却既无打卡也无计数", by_task, _UNCOUNTED.format(counting=COUNTING)),
        ("已打卡却仍留有未打卡的首答计数", by_task, _TALLY_LEFT),
        ("打卡时并未读完全部段落（代录除外）", by_task, _UNREAD),
        ("打卡时并未答完全部题目（代录除外）", by_task, _UNANSWERED),
        ("同一人同一任务同一题的首次作答不是恰好一条", by_task, _FIRSTS),
        ("复习的题目从未答错过", by_member, _UNANSWERED_REVIEWS),
        ("学习记录所指的任务与日期不存在", by_member, _TASKLESS),
        ("人员的单位、类别、身份在时间上有空缺或重叠", by_member, _STANDINGS),
        ("同一计划中同一人的起止日期有误或重叠", by_member, _AUDIENCES),
        ("同一人同一天有两个任务", by_member, _TWO_TASKS),
        ("微信账号重复绑定", by_member, _BOUND_TWICE),
        ("打卡类别与到达日期、学习日期不符", by_task, _KINDS.replace("{shanghai_day}", _SHANGHAI_DAY[dialect])),
        ("提醒许可的余数与流水不符", by_member, _GRANTS),
        ("提醒许可有流水而没有余数", by_member, _UNLEDGERED),
        ("同一人同一天有两次提醒", by_member, _REMINDED_TWICE),
        ("提醒的状态与它的时刻、原因或批次不符", by_member, _REMINDERS),
        ("记录跨越了支部", by_member, _FOREIGN),
        ("支部的层级路径与上级不符", "m.id", _PATHS),
        *([("记录还没有归入自己的月份", by_member, _STRAY)] if dialect == "postgres" else []),
    ]
