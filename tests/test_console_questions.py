"""The question bank at the desk: found, added, changed, withdrawn with all that follows, and loaded from a workbook."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest
from desk import Desk, csrf_in
from door import Door, Reply
from people import Cast, add_person, add_plan, whole_day
from test_console_plans import send
from test_questions_import import form, row

from backend.kernel import clock
from console.hints import of_item
from models.audit import AuditEntry
from models.questions import Question, QuestionEdition, Withdrawal

NEW: dict[str, Any] = {
    "kind": "single", "stem": "本支部的第一题", "option_A": "甲", "option_B": "乙", "letters": ["B"], "aspects": ["1", "2"],
    "explanation": "见序言。",
}  # fmt: skip
TODAY = clock.today()


@pytest.fixture
async def office(desk: Desk, cast: Cast) -> Desk:
    return await desk.enter(cast.editor)


async def added(office: Desk, **changes: Any) -> int:
    made = await send(office, "/questions", {**NEW, **changes}, via="/questions/new")
    assert made.status == 303, made.body.decode()
    return int(made.headers["Location"].rpartition("/")[2])


async def seen(desk: Desk, path: str) -> str:
    return (await desk.see(path)).body.decode()


async def test_the_bank_is_searched_and_filtered(office: Desk, cast: Cast) -> None:
    await added(office, stem="50%的人<b>知道</b>")
    await added(office, stem="判断一下", kind="true_false", truth="true", aspects=["3"])
    for query, found in (
        ("q=50%25", ["50%"]), ("q=50_", []), ("state=own&kind=true_false", ["判断一下"]), ("state=own&aspect=3", ["判断一下"]),
        ("state=own", ["50%", "判断一下"]), ("state=own&level=3", []), ("state=withdrawn", []), ("state=own&unit=report/s9", []),
        ("state=own&aspect=nonsense&level=-1&after=x", ["50%", "判断一下"]),
    ):  # fmt: skip
        page = await seen(office, f"/questions?{query}")
        assert [word for word in ("50%", "判断一下") if word in page.partition("</form>\n<p")[2]] == found, query
        assert found or "没有符合条件的题目" in page
    page = await seen(office, "/questions?state=own")
    assert "<b>知道" not in page and "&lt;b&gt;知道" in page


@pytest.mark.usefixtures("pack")
async def test_the_whole_bank_is_walked_page_by_page_at_the_same_price(office: Desk, cast: Cast) -> None:
    path, stems, costs = "/questions", set(), set()
    while path:
        reply, cost = await office.cost(path)
        page = reply.body.decode()
        stems |= set(re.findall(r'<a href="/console/questions/(\d+)"', page))
        costs.add(cost)
        following = re.search(r'href="/console(/questions\?[^"]*)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(stems) == int(re.search(r"共 (\d+) 道", page)[1]) >= 461 and costs == {8}


async def test_what_is_unsound_is_refused_with_what_was_typed(office: Desk, cast: Cast) -> None:
    for changes, said in (
        ({"letters": []}, "单选题只能有一个答案"), ({"option_B": ""}, "至少两个"), ({"aspects": []}, "方面应为 1 到 9"),
        ({"kind": "x"}, "题型应为"),
        ({"kind": "multiple"}, "至少有两个答案"), ({"kind": "true_false"}, "判断题的答案"), ({"locator": "某处"}, "须同时写明出处"),
    ):  # fmt: skip
        reply = await send(office, "/questions", {**NEW, **changes}, via="/questions/new")
        assert reply.status == 422 and said in reply.body.decode() and "本支部的第一题" in reply.body.decode(), changes
    await added(office)
    again = await send(office, "/questions", NEW, via="/questions/new")
    assert again.status == 422 and "已有相同的题干" in again.body.decode()


async def test_a_change_keeps_what_the_question_said_before(office: Desk, cast: Cast) -> None:
    question = await added(office)
    reply = await send(office, f"/questions/{question}", {**NEW, "letters": ["A"], "stem": "改过的题"}, via="/questions")
    assert reply.status == 303 and (await Question.get(id=question)).answer == ["A"]
    page = await seen(office, f"/questions/{question}")
    assert "以前的样子" in page and "本支部的第一题" in page and "文编辑 修改" in page and "文编辑 新建" in page
    assert (await send(office, f"/questions/{question}", {**NEW, "letters": ["A"], "stem": "改过的题"}, via="/questions")).status == 303
    assert await QuestionEdition.filter(question_id=question).count() == 1
    wrong = await send(office, f"/questions/{question}", {**NEW, "letters": []}, via="/questions")
    assert wrong.status == 422 and "单选题只能有一个答案" in wrong.body.decode()


async def test_another_branchs_question_is_not_there_and_a_shipped_one_is_not_changed(door: Door, office: Desk, cast: Cast) -> None:
    question = await added(office)
    stranger = await Desk(door).enter(cast.other_secretary)
    assert (await stranger.see(f"/questions/{question}")).status == 404
    for verb in ("", "/withdraw", "/restore"):
        assert (await send(stranger, f"/questions/{question}{verb}", NEW, via="/questions")).status == 404
    shipped = await Question.create(kind="true_false", stem=f"随附{clock.now()}", answer=["true"], created_at=clock.now())
    assert (await send(office, f"/questions/{shipped.id}", NEW, via="/questions")).status == 409
    assert "以它为底稿新建" in await seen(office, f"/questions/{shipped.id}")
    assert "随附" in await seen(office, f"/questions/new?like={shipped.id}")


async def accuracy(door: Door, cast: Cast) -> float | None:
    return (await door.get("/stats/coverage", cast.secretary)).json["total"]["accuracy"]


async def test_a_withdrawn_question_no_longer_counts_and_those_who_answered_are_told(door: Door, office: Desk, cast: Cast) -> None:
    [task] = await add_plan(cast, days=[TODAY])
    shown = (await door.get(f"/tasks/{task.id}", cast.alice)).json
    answers = whole_day(shown)
    answers["answers"][0] = {"question": shown["questions"][0]["id"], "choice": ["A"]}
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, json=answers)).status == 201
    question = shown["questions"][0]["id"]
    assert "还没有人答过" not in await seen(office, f"/questions/{question}")
    assert await accuracy(door, cast) == pytest.approx(2 / 3, abs=1e-3)
    assert (await send(office, f"/questions/{question}/withdraw", {}, via="/questions")).status == 303
    assert await accuracy(door, cast) == 1.0
    [told] = (await door.get("/me/notices", cast.alice)).json["items"]
    assert told["kind"] == "question_withdrawn" and shown["questions"][0]["stem"] in told["text"] and "不再计入" in told["text"]
    assert (await door.get("/me/notices", cast.bob)).json["items"] == []
    page = await seen(office, f"/questions/{question}")
    assert "已撤下，答案不再计入" in page and "已撤下：答案不再计入，统计已重新计算" in page
    assert await AuditEntry.filter(action="question:withdraw", subject_id=question, actor_id=cast.editor.id).count() == 1
    assert (await send(office, f"/questions/{question}/restore", {}, via="/questions")).status == 303
    assert await accuracy(door, cast) == pytest.approx(2 / 3, abs=1e-3)
    assert (await door.get("/me/notices", cast.alice)).json["items"] == []
    assert not await Withdrawal.exists(question_id=question)


async def test_the_figures_beside_a_question_are_those_of_the_whole_analysis(door: Door, office: Desk, cast: Cast) -> None:
    people = [await add_person(cast.branch, f"人{n}") for n in range(12)]
    [task] = await add_plan(cast, days=[TODAY], members=people, questions=4)
    for n, person in enumerate(people):
        shown = (await door.get(f"/tasks/{task.id}", person)).json
        body = whole_day(shown, right=n >= 8)
        where = "check-in" if n % 2 else "answers"
        sent = body if n % 2 else {"answers": body["answers"]}
        assert (await door.post(f"/tasks/{task.id}/{where}", person, json=sent)).status in (200, 201)
    [hard, *_] = (await door.get("/stats/questions", cast.secretary)).json["items"]
    page = await seen(office, f"/questions/{hard['question']}")
    assert f"<dd>{hard['attempts']} 人次</dd>" in page and f"<dd>{hard['discrimination']:.2f}</dd>" in page and "33.3%" in page
    assert "多数人第一次没有答对" in page and not [person.name for person in people if person.name in page]


def test_a_hint_speaks_of_the_question_and_only_with_enough_answers() -> None:
    wrong = {"key": "D", "text": "丁", "count": 6}
    item = {"attempts": 10, "facility": 0.3, "discrimination": -0.2, "most_chosen_wrong": wrong}
    assert [hint[:6] for hint in of_item(item)] == ["多数人第一次", "平时答得好的", "答错的多集中"]
    assert of_item(None) == of_item({**item, "attempts": 9}) == []
    assert of_item({**item, "facility": 0.6, "discrimination": 0.4, "most_chosen_wrong": None}) == []
    assert of_item({**item, "facility": 1.0, "discrimination": None, "most_chosen_wrong": None}) == ["几乎人人答对，可以作为热身题。"]


async def choose(desk: Desk, content: bytes, *, name: str = "题库.xlsx") -> Reply:
    sent = aiohttp.FormData({"csrf": csrf_in(await desk.see("/questions/import"))}, quote_fields=False)
    sent.add_field("file", content, filename=name)
    return await desk._ask("POST", "/questions/import/preview", data=sent)


@pytest.mark.usefixtures("pack")
async def test_a_workbook_is_shown_row_by_row_before_any_of_it_is_loaded(office: Desk, cast: Cast) -> None:
    sheet = form(row("好题一"), row("坏题", answer="Z"), row("好题<二>"), row("好题一"), row("坏题三", source="某处"))
    shown = await choose(office, sheet, name="<题库>.xlsx")
    page = shown.body.decode()
    assert "无误的 2 道" in page and "有问题的 3 处" in page and "第 3 行" in page and "好题&lt;二&gt;" in page and "&lt;题库&gt;" in page
    assert await Question.filter(branch=cast.branch).count() == 0
    held = dict(re.findall(r'name="(csrf|carried|partial)" value="([^"]*)"', page))
    assert (await office.send("/questions/import", **{**held, "partial": ""})).status == 422
    assert await Question.filter(branch=cast.branch).count() == 0
    assert (await office.send("/questions/import", **held)).status == 303
    assert await Question.filter(branch=cast.branch).count() == 2
    assert "已导入 2 道题" in await seen(office, "/questions?state=own")
    assert await AuditEntry.filter(branch_id=cast.branch.id, action="question:import", actor_id=cast.editor.id).count() == 1


async def test_what_is_no_workbook_is_refused_with_its_reason(office: Desk, cast: Cast) -> None:
    for content in (b"not a workbook", b"", form()):
        reply = await choose(office, content)
        assert reply.status in (200, 422) and "导入这" not in reply.body.decode()
    csrf = csrf_in(await office.see("/questions/import"))
    for carried in ("", "@@@", "eJwDAAAAAAE="):
        reply = await office.send("/questions/import", csrf=csrf, carried=carried)
        assert reply.status == 422 and "请重新选择文件" in reply.body.decode()
