"""What a member asks, allows, confirms and is told, on the phone in a real browser against the real service. Run by `make test-client`."""

from __future__ import annotations

import base64
import io
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zxingcpp
from phone import Phone, ask, demo, keys_of, overflow, people, sign_in
from PIL import Image
from stage import faults_of_looks


@pytest.fixture(scope="module")
async def base(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


def named(base: str, *, role: str = "", name: str = "") -> dict[str, Any]:
    return next(person for person in people(base) if role in person["roles"] or (name and person["name"] == name))


async def signed_in(browser: Any, base: str, person: dict[str, Any], query: str = "") -> Phone:
    phone = await Phone.of(browser, base)
    await phone.open(f"?openid={person['openid']}{query}")
    await phone.tap("同意并继续")
    return phone


def study(base: str, token: str) -> dict[str, Any]:
    """Today's task, done past the page with some answer to each question."""
    task = ask(base, "GET", "/api/v1/tasks/today", token=token)["task"]
    given = [
        {
            "question": q["id"],
            **({"text": "不知道"} if q["kind"] == "blank" else {"choice": keys_of(q)[: 2 if q["kind"] == "multiple" else 1]}),
        }
        for q in task["questions"]
    ]
    body = {"passages": [passage["id"] for passage in task["passages"]], "answers": given}
    ask(base, "POST", f"/api/v1/tasks/{task['id']}/check-in", body, token)
    return task


async def test_what_was_asked_is_answered_by_the_secretary_and_read_on_the_phone(base: str, browser: Any):
    secretary = sign_in(base, named(base, role="secretary")["openid"])
    phone = await signed_in(browser, base, named(base, name="安敏"))
    await phone.sees("导读")
    for place, button, answer in (
        ("correction", "申请更正", {"answer": "已经改好。", "done": True}),
        ("feedback", "提交", {"answer": "已经放大。"}),
    ):
        await phone.open(f"pages/{place}/{place}")
        await phone.page.locator("textarea").fill("字太小了 <b>")
        await phone.tap(button)
        await phone.sees("之前答复")
        path = {"correction": "/api/v1/corrections", "feedback": "/api/v1/feedback"}[place]
        waiting = ask(base, "GET", f"{path}?state=waiting", token=secretary)["items"]
        [asked] = [one for one in waiting if one["text"] == "字太小了 <b>"]
        ask(base, "POST", f"{path}/{asked['id']}/answer", answer, secretary)
        await phone.open(f"pages/{place}/{place}")
        await phone.sees(answer["answer"])
        await phone.sees("已更正。" if place == "correction" else "答复：")
        assert await faults_of_looks(phone.page) + await overflow(phone.page) == []
    phone.watch.clean()


async def test_a_reminder_is_allowed_after_the_check_in_sent_once_and_switched_off_by_one_tap(base: str, browser: Any):
    person = named(base, name="安敏")
    token = sign_in(base, person["openid"])
    study(base, token)
    phone = await signed_in(browser, base, person)
    await phone.sees("打卡完成")
    await phone.sees("现在还可以提醒 0 次")
    await phone.tap("允许再提醒一次")
    await phone.sees("现在还可以提醒 1 次")
    await phone.open("pages/reminders/reminders")
    await phone.sees("还可以提醒 1 次")
    await phone.tap("关闭提醒")
    await phone.sees("已关闭")
    [kept] = ask(base, "GET", "/api/v1/me/subscriptions", token=token)["items"]
    assert (kept["left"], kept["on"]) == (1, False)

    late = named(base, name="白桂芳")  # the demo's prompts gave her two
    mine = ask(base, "GET", "/api/v1/me", token=sign_in(base, late["openid"]))
    office = sign_in(base, named(base, role="secretary")["openid"])
    sent = ask(base, "POST", "/api/v1/reminders", {"members": [mine["id"]]}, office)
    await phone.settled(lambda: ask(base, "GET", f"/api/v1/reminders/{sent['id']}", token=office)["counts"]["sent"], 1)
    other = await signed_in(browser, base, late)
    await other.sees("导读")
    await other.open("pages/reminders/reminders")
    await other.sees("还可以提醒 1 次")
    assert await faults_of_looks(other.page) + await overflow(other.page) == []
    phone.watch.clean()


async def test_the_consoles_code_is_confirmed_on_the_phone_and_the_desk_enters(base: str, browser: Any):
    desk = await (await browser.new_context(viewport={"width": 1280, "height": 800})).new_page()
    await desk.goto(f"{base}/console/enter")
    shown = await desk.locator("#scan img").get_attribute("src")
    address = zxingcpp.read_barcode(Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2])))).text
    [scene] = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)["scene"]
    secretary = named(base, role="secretary")
    phone = await signed_in(browser, base, secretary, f"&scene={scene}")
    await phone.sees("进入控制台？")
    await phone.sees(f"{secretary['name']}（书记）")
    assert await faults_of_looks(phone.page) + await overflow(phone.page) == []
    assert desk.url == f"{base}/console/enter"
    await phone.tap("确认进入")
    await phone.sees("已确认")
    await desk.wait_for_url(f"{base}/console/")
    await phone.tap("回到今天")
    await phone.sees("导读")
    phone.watch.clean()


async def test_a_withdrawn_question_is_told_once(base: str, browser: Any):
    person = named(base, name="白桂芳")
    task = study(base, sign_in(base, person["openid"]))
    office = sign_in(base, named(base, role="secretary")["openid"])
    ask(base, "POST", f"/api/v1/questions/{task['questions'][0]['id']}/withdraw", {"reason": "题干有误"}, office)
    phone = await signed_in(browser, base, person)
    await phone.sees("一道题已撤下")
    assert await faults_of_looks(phone.page) + await overflow(phone.page) == []
    await phone.tap("知道了")
    await phone.sees_no("一道题已撤下")
    await phone.open()
    await phone.sees("打卡完成")
    await phone.sees_no("一道题已撤下")
    phone.watch.clean()
