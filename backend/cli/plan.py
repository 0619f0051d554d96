"""`daka plan`: making a study plan and its daily tasks."""

from __future__ import annotations

import argparse
import re

from backend import branches, plans
from backend.cli.arguments import day, row_id
from backend.kernel import clock
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("plan", help="学习计划").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("create", help="制定学习计划并排定每日任务，输出计划编号")
    command.add_argument("--branch", type=row_id, required=True, metavar="编号", help="支部编号")
    command.add_argument("--title", required=True, help="计划名称")
    command.add_argument("--from", dest="starts_on", type=day, required=True, metavar="日期", help="开始日期，如 2026-03-01")
    command.add_argument("--to", dest="ends_on", type=day, required=True, metavar="日期", help="结束日期（含当天）")
    command.add_argument("--weekdays", type=numbers, default=[1, 2, 3, 4, 5], help="星期，如 1-5 或 1,3,5（默认 1-5）")
    command.add_argument("--aspects", type=numbers, default=list(range(1, 10)), help="方面及其次序，如 1-9 或 3,1,2（默认 1-9）")
    command.add_argument("--units", type=words, default=[], help="专委会或党小组的编号或名称，逗号分隔（默认全部）")
    command.add_argument("--tiers", type=words, default=[], help="类别 leader,expert,exemplar,peer（默认全部）")
    command.add_argument("--statuses", type=words, default=[], help="身份 full,probationary,activist,associate（默认全部）")
    command.add_argument("--syllabus", metavar="名称", help="按学习大纲排定，如 ninety-days（之后的日子均匀排定；默认全部均匀排定）")
    command.add_argument("--questions", type=int, default=3, help="每天题数 3 至 5（默认 3）")
    command.add_argument("--makeup-days", type=int, default=7, help="补卡期限，天（默认 7）")
    command.add_argument("--ignore-holidays", action="store_true", help="节假日照常学习")
    command.add_argument("--count-workdays", action="store_true", help="调休上班日也学习")
    command.add_argument("--plain-calendar", action="store_true", help="未录入节假日的年份按普通星期排定")
    command.set_defaults(run=create)


def numbers(text: str) -> list[int]:
    """[1, 2, 3, 5] for "1-3,5"; each below 100."""
    found: list[int] = []
    for part in words(text):
        ends = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", part)
        if ends is None:
            raise argparse.ArgumentTypeError(f"应如 1-5 或 1,3,5，不是 {text[:30]}")
        found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return found


def words(text: str) -> list[str]:
    return [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]


async def create(parsed: argparse.Namespace, settings: Settings) -> None:
    """Prints the new plan's id alone, so that a script can take it."""
    await branches.ensure(parsed.branch)
    plan_id = await plans.create(
        None,
        branch_id=parsed.branch,
        title=parsed.title,
        starts_on=parsed.starts_on,
        ends_on=parsed.ends_on,
        weekdays=parsed.weekdays,
        aspects=parsed.aspects,
        units=await plans.unit_ids(parsed.branch, words=parsed.units),
        tiers=parsed.tiers,
        statuses=parsed.statuses,
        questions_per_day=parsed.questions,
        makeup_days=parsed.makeup_days,
        skip_holidays=not parsed.ignore_holidays,
        count_workdays=parsed.count_workdays,
        plain_calendar=parsed.plain_calendar,
        syllabus=parsed.syllabus,
        today=clock.today(),
    )
    print(plan_id)
