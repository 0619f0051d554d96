"""`daka check`: each invariant is broken once by raw SQL inside a transaction that is then taken back, and has to be reported."""

from __future__ import annotations

import argparse
import os
from datetime import timedelta

import pytest
from door import Door
from people import Cast, add_plan, whole_day
from slices import check_in

from backend import checks
from backend.cli import check
from backend.kernel import clock
from backend.kernel.database import fetch, transactional

DIALECT = os.environ.get("DAKA_TEST_DB", "sqlite")
TODAY = clock.today()


class TakeBack(Exception):
    pass


@pytest.fixture
async def story(door: Door, cast: Cast) -> dict:
    """安敏 has checked in, 白杰 has answered and not checked in, and all is well."""
    task, earlier = reversed(await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY]))
    await check_in(door, cast.alice, task.id)
    shown = (await door.get(f"/tasks/{task.id}", cast.bob)).json
    assert (await door.post(f"/tasks/{task.id}/answers", cast.bob, {"answers": whole_day(shown)["answers"]})).status == 200
    return {
        "branch": cast.branch.id, "task": task.id, "earlier": earlier.id, "plan": task.plan_id, "alice": cast.alice.id, "bob": cast.bob.id,
        "other_branch": cast.other.id, "other": cast.other_member.id, "today": f"'{TODAY}'", "tomorrow": f"'{TODAY + timedelta(days=1)}'",
        "long_ago": "'2000-01-01'",
    }  # fmt: skip


async def found_after(story: dict, *statements: str) -> dict[str, checks.Finding]:
    found: dict[str, checks.Finding] = {}

    @transactional
    async def break_and_look() -> None:
        for statement in statements:
            await fetch(statement.format(**story))
        found.update({finding.sentence: finding for finding in await checks.broken(branch_id=story["branch"])})
        raise TakeBack

    with pytest.raises(TakeBack):
        await break_and_look()
    return found


def shadow(table: str) -> str:
    """A temporary table in the place of the real one, without its constraints: for what the database itself refuses."""
    return f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {table}"  # noqa: S608


def copied(table: str, columns: str, values: str, where: str) -> str:
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE {where}"  # noqa: S608


BATCH = "INSERT INTO reminder_batch (id, branch_id, day, created_at) VALUES (-1, {branch}, {today}, {today})"


def reminder(number: int, state: str) -> str:
    """安敏's for today in BATCH; `state`: what stands in state, reason, settled_at."""
    values = f"-{number}, -1, {{alice}}, {{task}}, {{today}}, 0, {state}"
    return f"INSERT INTO reminder (id, batch_id, member_id, task_id, day, unit_id, state, reason, settled_at) VALUES ({values})"  # noqa: S608


ANSWER = 'id, member_id, question_id, task_id, task_date, is_first, given, "right", answered_at'
BROKEN = {
    "a summary row that is one too high": (
        "覆盖率汇总与逐行重算不一致",
        ["UPDATE task_figure SET assigned = assigned + 1 WHERE task_id = {task} AND tier = 'leader'"],
    ),
    "a task with an aspect too many in its bits": (
        "任务的方面与汇总所用的不一致",
        ["UPDATE daily_task SET aspect_bits = aspect_bits + 256 WHERE id = {task}"],
    ),
    "a summary row too many": (
        "覆盖率汇总与逐行重算不一致",
        ["INSERT INTO task_figure (task_id, unit_id, tier, status, assigned, excused, on_time, makeup, proxy, firsts, rights) "
         "VALUES ({task}, 0, 'exemplar', 'activist', 0, 1, 0, 0, 0, 0, 0)"],
    ),
    "a summary row lost": ("覆盖率汇总与逐行重算不一致", ["DELETE FROM task_figure WHERE task_id = {task} AND tier = 'leader'"]),
    "a check-in that counts a right answer too many": (
        "打卡记录中的首答计数与作答记录不一致",
        ["UPDATE check_in SET rights = rights - 1 WHERE task_id = {task}"],
    ),
    "a tally without its answers": (
        "未打卡的首答计数与作答记录不一致",
        ["UPDATE answer_tally SET firsts = firsts + 2 WHERE task_id = {task}"],
    ),
    "answers without a tally": ("有首次作答，却既无打卡也无计数", ["DELETE FROM answer_tally WHERE task_id = {task}"]),
    "a tally beside a check-in": (
        "已打卡却仍留有未打卡的首答计数",
        ["INSERT INTO answer_tally (member_id, task_id, task_date, firsts, rights) VALUES ({alice}, {task}, {today}, 3, 3)"],
    ),
    "a passage unread": ("打卡时并未读完全部段落（代录除外）", ["DELETE FROM reading WHERE member_id = {alice} AND task_id = {task}"]),
    "a question unanswered": ("打卡时并未答完全部题目（代录除外）", ["DELETE FROM answer WHERE member_id = {alice} AND task_id = {task}"]),
    "two first answers": (
        "同一人同一任务同一题的首次作答不是恰好一条",
        [shadow("answer"), copied("answer", ANSWER, "-id" + ANSWER[2:], "member_id = {alice}")],
    ),
    "no first answer": (
        "同一人同一任务同一题的首次作答不是恰好一条",
        ["UPDATE answer SET is_first = (1 = 0) WHERE member_id = {bob} AND task_id = {task}"],
    ),
    "a reading of a day that is not the task's": (
        "学习记录所指的任务与日期不存在",
        [shadow("reading"), "UPDATE reading SET task_date = {tomorrow} WHERE member_id = {alice}"],
    ),
    "a grant that no line of the ledger gave": (
        "提醒许可的余数与流水不符",
        ["INSERT INTO subscription (member_id, template_id, remaining, is_on, changed_at) VALUES ({alice}, 'x', 1, (1 = 1), {today})"],
    ),
    "a line of the ledger without its grants": (
        "提醒许可有流水而没有余数",
        ["INSERT INTO grant_entry (member_id, template_id, change, reason, at) VALUES ({alice}, 'x', 1, 'accept', {today})"],
    ),
    "two reminders of a day": (
        "同一人同一天有两次提醒",
        [shadow("reminder"), BATCH, reminder(1, "'sent', '', {today}"), reminder(2, "'unknown', '', {today}")],
    ),
    "a reminder that was sent at no time": ("提醒的状态与它的时刻、原因或批次不符", [BATCH, reminder(1, "'sent', '', NULL")]),
    "a reminder that was refused for no reason": ("提醒的状态与它的时刻、原因或批次不符", [BATCH, reminder(1, "'refused', '', {today}")]),
    "a gap in the standing": (
        "人员的单位、类别、身份在时间上有空缺或重叠",
        ["UPDATE standing SET until = {today} WHERE member_id = {alice}"],
    ),
    "an overlap in the standing": (
        "人员的单位、类别、身份在时间上有空缺或重叠",
        ["INSERT INTO standing (member_id, tier, status, starts_on) VALUES ({alice}, 'peer', 'full', {today})"],
    ),
    "a standing that begins late": (
        "人员的单位、类别、身份在时间上有空缺或重叠",
        ["UPDATE standing SET starts_on = {long_ago} WHERE member_id = {alice}"],
    ),
    "an overlap in the audience": (
        "同一计划中同一人的起止日期有误或重叠",
        ["INSERT INTO plan_member (plan_id, member_id, starts_on) VALUES ({plan}, {alice}, {tomorrow})"],
    ),
    "an audience that ends before it begins": (
        "同一计划中同一人的起止日期有误或重叠",
        ["UPDATE plan_member SET until = {long_ago} WHERE member_id = {alice}"],
    ),
    "two tasks on a day": (
        "同一人同一天有两个任务",
        [shadow("daily_task"), "UPDATE daily_task SET date = {today} WHERE id = {earlier}"],
    ),
    "a member bound to two accounts": (
        "微信账号重复绑定",
        [shadow("account"), "UPDATE account SET member_id = {bob} WHERE member_id = {alice}"],
    ),
    "an openid bound twice": (
        "微信账号重复绑定",
        [shadow("account"), "UPDATE account SET openid = 'the same' WHERE member_id IN ({alice}, {bob})"],
    ),
    "on time though it came late": (
        "打卡类别与到达日期、学习日期不符",
        ["UPDATE check_in SET checked_in_on = {tomorrow} WHERE task_id = {task}"],
    ),
    "made up though it came that day": ("打卡类别与到达日期、学习日期不符", ["UPDATE check_in SET kind = 'makeup' WHERE task_id = {task}"]),
    "代录 without the day of study": (
        "打卡类别与到达日期、学习日期不符",
        ["UPDATE check_in SET recorded_by_id = {bob} WHERE task_id = {task}"],
    ),
    "studied in the future": ("打卡类别与到达日期、学习日期不符", ["UPDATE check_in SET studied_on = {tomorrow} WHERE task_id = {task}"]),
    "a stored day that is not that of arrival": (
        "打卡类别与到达日期、学习日期不符",
        ["UPDATE check_in SET checked_in_on = {tomorrow}, kind = 'makeup' WHERE task_id = {task}"],
    ),
    "tasks and audience of another branch's plan": (
        "记录跨越了支部",
        ["UPDATE study_plan SET branch_id = {other_branch} WHERE id = {plan}"],
    ),
    "a unit of another branch": ("记录跨越了支部", ["UPDATE unit SET branch_id = {other_branch} WHERE branch_id = {branch}"]),
    "a path that does not lead to the parent": ("支部的层级路径与上级不符", ["UPDATE branch SET path = '/1/2/3/' WHERE id = {branch}"]),
    "a review of what was never mistaken": (
        "复习的题目从未答错过",
        ['INSERT INTO review (member_id, question_id, stability, difficulty, reviewed_on, due_on, given, "right", reviewed_at) '
         "SELECT {alice}, MIN(question_id), 1, 5, {today}, {tomorrow}, '[]', true, MIN(answered_at) FROM answer WHERE member_id = {alice}"],
    ),
    "a task that its periods do not know of": (
        "按期间的汇总与逐日汇总不一致",
        ["UPDATE daily_task SET rolled_up = true WHERE id = {earlier}"],
    ),
    "a month of nothing": (
        "按期间的汇总与逐日汇总不一致",
        ["INSERT INTO period_figure (branch_id, period, aspect_id, assigned, excused, on_time, makeup, proxy, firsts, rights) "
         "VALUES ({branch}, '2001-01', 3, 0, 0, 0, 0, 0, 0, 1)"],
    ),
}  # fmt: skip
if DIALECT == "postgres":
    BROKEN["a row of a month without a partition"] = (
        "记录还没有归入自己的月份",
        [
            "INSERT INTO daily_task (plan_id, branch_id, date, title, guidance, prompt, makeup_until) "
            "VALUES ({plan}, {branch}, '2001-01-05', '', '', '', '2001-01-05')",
            "INSERT INTO reflection (member_id, task_id, task_date, body, state, written_at) "
            "SELECT {alice}, id, date, '', 'pending', now() FROM daily_task WHERE plan_id = {plan} AND date = '2001-01-05'",
        ],
    )


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_invariant_is_reported(story: dict, name: str):
    sentence, statements = BROKEN[name]
    found = await found_after(story, *statements)
    assert sentence in found, found
    assert found[sentence].count >= 1
    assert len(found[sentence].samples) <= checks.SAMPLES


async def test_a_sound_branch_has_nothing_to_report(story: dict):
    assert await checks.broken(branch_id=story["branch"]) == []
    assert await found_after(story) == {}


async def test_a_finding_counts_all_and_shows_a_few(story: dict):
    of_branch = "member_id IN (SELECT id FROM member WHERE branch_id = {branch})"
    found = await found_after(story, f"UPDATE standing SET until = {{today}} WHERE {of_branch}")  # noqa: S608
    finding = found["人员的单位、类别、身份在时间上有空缺或重叠"]
    assert (finding.count, len(finding.samples)) == (5, 5)
    assert story["alice"] in [sample["member_id"] for sample in finding.samples]


def test_every_invariant_is_broken_once_here():
    from backend.checks_sql import checks as invariants

    assert {sentence for sentence, _, _ in invariants(DIALECT)} == {sentence for sentence, _ in BROKEN.values()}


async def test_the_command_prints_sizes_and_says_in_chinese_what_is_broken(story: dict, monkeypatch, capsys):
    every = checks.broken

    async def of_this_branch(**_):
        return await every(branch_id=story["branch"])

    # The test database is shared, so the command is shown one branch of it.
    monkeypatch.setattr(checks, "broken", of_this_branch)
    assert await check.run(argparse.Namespace(), None) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("党支部 ")
    assert lines[-1] == "检查完毕，没有发现问题。"

    async def one_finding(**_):
        return [checks.Finding("同一人同一天有两个任务", 7, [{"member_id": 3, "task_id": 5}])]

    monkeypatch.setattr(checks, "broken", one_finding)
    assert await check.run(argparse.Namespace(), None) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["✗ 同一人同一天有两个任务：7 处", "    人员 3，任务 5", "发现 1 类问题。"]
