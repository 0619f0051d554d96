"""The member's page, end to end in a real browser against the real service with the sandbox. Run by `make test-client`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from phone import Phone, ask, demo, overflow, people, sign_in
from stage import faults_of_looks


@pytest.fixture(scope="module")
async def base(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


async def test_a_first_day_from_consent_to_a_look_at_the_mistake(base: str, browser: Any):
    newcomer = next(person for person in people(base) if not person["bound"])
    phone = await Phone.of(browser, base)
    await phone.open()
    await phone.sees("先请您看一看")
    await phone.tap("同意并继续")
    await phone.tap(newcomer["name"])
    await phone.sees("实名绑定")
    await phone.fill("姓名", newcomer["name"])
    await phone.fill("邀请码", "AAAA-AAAA-AAAA")
    await phone.tap("绑定")
    await phone.sees("名册")
    await phone.fill("邀请码", newcomer["invite_code"].lower())
    await phone.tap("绑定")
    await phone.sees("需要您单独同意")
    await phone.page.locator("[role=button]").get_by_text("同意", exact=True).click()
    await phone.sees("导读")
    token = sign_in(base, newcomer["openid"])
    task = ask(base, "GET", "/api/v1/tasks/today", token=token)["task"]
    assert all(passage["text"] for passage in task["passages"])
    await study(phone, task)
    await phone.sees("打卡完成")
    await phone.sees("已连续 1 天")
    done = ask(base, "GET", "/api/v1/tasks/today", token=token)["task"]["progress"]
    assert done["checked_in"] and done["kind"] == "on_time"
    assert (done["passages_read"], done["questions_answered"]) == (len(task["passages"]), len(task["questions"]))
    await look_around(phone, task)
    phone.watch.clean()


async def study(phone: Phone, task: dict[str, Any]) -> None:
    """Reads all, answers the first question wrongly and the others rightly, checks in: within the promised number of taps."""
    phone.taps = 0
    await phone.tap("读完了，开始答题")
    for number, question in enumerate(task["questions"]):
        await phone.answer(question, rightly=number > 0)
    await phone.tap("打卡")
    assert phone.taps <= 12


async def look_around(phone: Phone, task: dict[str, Any]) -> None:
    await phone.page.locator(".uni-tabbar__item").filter(has_text="日历").click()
    today = phone.page.locator(".cell.today:visible")
    assert "按时完成" in await today.get_attribute("aria-label")
    await phone.page.locator(".uni-tabbar__item").filter(has_text="进度").click()
    await phone.sees("九个方面")
    await phone.sees("已连续 1 天")
    await phone.tap("错题本")
    await phone.sees(task["questions"][0]["stem"])
    await phone.sees("正确答案")
    await phone.tap("再答一次")
    await phone.answer(task["questions"][0], look=lambda: phone.sees("再复习这一题"))
    await phone.page.locator(".btn.main:visible").click()
    await phone.sees("1 题答对 1 题")
    await phone.open("pages/mistakes/mistakes")
    await phone.sees("没有错题")


async def test_no_is_a_full_answer_at_the_first_screen_and_at_the_second(base: str, browser: Any):
    newcomer = [person for person in people(base) if not person["bound"]][-1]
    phone = await Phone.of(browser, base)
    await phone.open(f"?openid={newcomer['openid']}&scene={newcomer['invite_code']}")
    await phone.tap("不同意")
    await phone.sees("没有收集任何信息")
    await phone.tap("再看一看说明")
    await phone.tap("同意并继续")
    await phone.sees("已从扫描的码中填好")
    await phone.fill("姓名", newcomer["name"])
    await phone.tap("绑定")
    await phone.tap("不同意，只阅读")
    await phone.sees("不能答题和打卡")
    await phone.sees("导读")
    await phone.sees_no("开始答题")
    await phone.tap("再看一看说明")
    await phone.tap("看完了，继续")
    await phone.page.locator("[role=button]:visible").get_by_text("同意", exact=True).click()
    await phone.sees("读完了，开始答题")
    phone.watch.clean()


async def test_a_day_finished_without_a_network_is_there_once_when_it_is_back(base: str, browser: Any):
    person = unfinished(base)[0]
    token = sign_in(base, person["openid"])
    task = ask(base, "GET", "/api/v1/tasks/today", token=token)["task"]
    phone = await Phone.of(browser, base)
    await phone.use_as(person)
    await phone.context.set_offline(True)
    await phone.tap("读完了，开始答题")
    for question in task["questions"]:
        await phone.answer(question, offline=True)
    await phone.tap("打卡")
    await phone.sees("已完成，等待发送")
    await phone.kill()
    state = ask(base, "GET", "/api/v1/tasks/today", token=token)["task"]["progress"]
    assert not state["checked_in"] and state["questions_answered"] == 0
    posts: list[str] = []
    phone.context.on("request", lambda request: posts.append(request.url) if request.url.endswith("/check-in") else None)
    await phone.context.set_offline(False)
    await phone.open()
    await phone.sees("打卡完成")
    await phone.sees_no("等待发送")
    assert len(posts) == 1
    copy = ask(base, "GET", "/api/v1/me/export", token=token)
    of_today = {
        kind: [row for row in copy[kind] if str(row.get("task_id", row.get("task"))) == str(task["id"])]
        for kind in ("check_ins", "answers")
    }
    assert len(of_today["check_ins"]) == 1
    assert len(of_today["answers"]) == len(task["questions"])
    phone.watch.clean()


async def test_an_answer_that_is_lost_on_its_way_back_is_no_second_check_in(base: str, browser: Any):
    person = unfinished(base)[0]
    token = sign_in(base, person["openid"])
    task = ask(base, "GET", "/api/v1/tasks/today", token=token)["task"]
    phone = await Phone.of(browser, base)
    await phone.use_as(person)
    await phone.tap("读完了，开始答题")
    for question in task["questions"]:
        await phone.answer(question)
    lost = []

    async def lose_once(route: Any) -> None:
        if lost:
            await route.continue_()
            return
        lost.append(route.request.headers["idempotency-key"])
        await route.fetch()
        await route.abort()

    await phone.context.route("**/check-in", lose_once)
    await phone.tap("打卡")
    await phone.sees("已完成，等待发送")
    async with phone.page.expect_request("**/check-in") as again:
        await phone.tap("现在发送")
    assert (await again.value).headers["idempotency-key"] == lost[0]
    await phone.sees("打卡完成")
    rows = [row for row in ask(base, "GET", "/api/v1/me/export", token=token)["check_ins"] if row["date"] == task["date"]]
    assert len(rows) == 1


def unfinished(base: str) -> list[dict[str, Any]]:
    """Bound people without a role whose task of today is still to be done."""
    found = []
    for person in people(base):
        if person["bound"] and not person["roles"]:
            task = ask(base, "GET", "/api/v1/tasks/today", token=sign_in(base, person["openid"]))["task"]
            if task and not task["progress"]["checked_in"]:
                found.append(person)
    assert found
    return found


PLACES = (
    "today", "calendar", "progress", "me", "mistakes", "review", "reminders", "correction", "data", "notice", "feedback", "leave",
    "sessions", "unit", "console", "text?key=report",
)  # fmt: skip


@pytest.mark.parametrize(("size", "scheme"), [("standard", "light"), ("largest", "dark")])
async def test_every_page_fits_the_screen_and_axe_finds_nothing_grave(base: str, browser: Any, size: str, scheme: str):
    head = next(person for person in people(base) if "unit_head" in person["roles"])
    phone = await Phone.of(browser, base, color_scheme=scheme)
    await phone.use_as(head)
    await phone.page.evaluate(f"localStorage.setItem('daka.size', JSON.stringify({{type: 'string', data: JSON.stringify('{size}')}}))")
    faults = {}
    for place in PLACES:
        name, mark, query = place.partition("?")
        await phone.open(f"pages/{name}/{name}{mark}{query}")
        await phone.page.locator("uni-page-body .h1").first.wait_for()
        await phone.page.wait_for_load_state("networkidle")
        k = await phone.page.locator(".app").evaluate("(element) => element.style.getPropertyValue('--k')")
        assert k == {"standard": "1", "largest": "1.45"}[size]
        if found := await faults_of_looks(phone.page) + await overflow(phone.page):
            faults[place] = found
    assert faults == {}
    phone.watch.clean()
