"""The calls beyond sign-in: text check, messages, mini-program codes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_server import serve, settings_for
from sanic import Request, Sanic
from sanic.response import HTTPResponse, json
from wechat_world import CURT, PAGE, TEMPLATE, ZHANG, Server, World, outcome, wechat_world

from backend.kernel.errors import TooMany, Unavailable
from backend.kernel.redis import connect
from backend.wechat import texts
from backend.wechat.client import CODE_IMAGE, MESSAGE, STABLE_TOKEN, TEXT_CHECK, WeChat
from backend.wechat.messages import Delivery, Outcome
from backend.wechat.texts import Scene, TextCheck, Verdict

FIELDS = {"thing1": "学习二十大报告", "time2": "21:00"}
UNAVAILABLE = "503 wechat_unavailable"


@pytest.fixture
async def world(wechat_server: Server) -> AsyncIterator[World]:
    async with wechat_world(wechat_server, background=replace(CURT, read_s=1.0, total_s=2.0)) as world:
        yield world


async def checked(world: World, text: str, *, openid: str = ZHANG) -> TextCheck:
    return await world.wechat.check_text(text, openid=openid, scene=Scene.LOG)


def sent_bodies(world: World, path: str) -> list[dict[str, Any]]:
    return [record["body"] for record in world.state.requests if record["path"] == path]


# --- text check -------------------------------------------------------------------------------------------------------


async def test_a_stranger_and_somebody_long_away_are_not_checked_and_not_asked_about_twice(world: World) -> None:
    assert await checked(world, "学习心得", openid="o_a_stranger") == TextCheck(Verdict.UNKNOWN, reason="openid")
    world.state.users[ZHANG].last_visit_at -= 3 * 3600
    away = await checked(world, "段落。\n" * 1000)
    assert away == TextCheck(Verdict.UNKNOWN, reason="no_recent_visit") and not away.worth_another_try
    assert world.asked(TEXT_CHECK) == 2 and not world.wechat.degraded


@pytest.mark.parametrize(
    ("text", "verdict", "label"),
    [
        ("学习心得：江山就是人民，人民就是江山。", Verdict.PASS, 0),
        ("[[review:20001]]", Verdict.REVIEW, 20001),
        ("[[risky:20003]]", Verdict.RISKY, 20003),
    ],
)
async def test_each_verdict_comes_with_its_label(world: World, text: str, verdict: Verdict, label: int) -> None:
    assert await checked(world, text) == TextCheck(verdict, label)


async def test_the_body_is_version_two_and_real_utf_8() -> None:
    app, bodies = Sanic("wechat-ear", configure_logging=False), []
    app.config.TOUCHUP = False

    async def token(request: Request) -> HTTPResponse:
        return json({"access_token": "FAKE_" + "x" * 20, "expires_in": 7200})

    async def check(request: Request) -> HTTPResponse:
        bodies.append(request.body)
        return json({"errcode": 0, "result": {"suggest": "pass", "label": 100}})

    app.add_route(token, STABLE_TOKEN, methods=["POST"])
    app.add_route(check, TEXT_CHECK, methods=["POST"])
    async with serve(app) as base_url:
        wechat = WeChat(settings_for(base_url), connect("redis://127.0.0.1:9/0"))
        await wechat.start()
        assert await wechat.check_text("党的“报告”😀", openid=ZHANG, scene=Scene.FORUM) == TextCheck(Verdict.PASS)
        await wechat.close()
    assert bodies == ['{"content":"党的“报告”😀","version":2,"scene":3,"openid":"o_zhang_wei"}'.encode()]


async def test_a_blank_text_passes_unasked(world: World) -> None:
    assert await checked(world, " \n\n ") == TextCheck(Verdict.PASS)
    assert world.asked(TEXT_CHECK) == 0


async def test_of_a_long_text_every_part_is_checked_and_the_worst_verdict_wins(world: World) -> None:
    paragraph = "读" * 1200 + "\n"
    assert await checked(world, paragraph * 6) == TextCheck(Verdict.PASS)
    assert [len(body["content"]) for body in sent_bodies(world, TEXT_CHECK)] == [2402] * 3
    assert await checked(world, paragraph * 2 + "[[review:20001]]" + paragraph * 3) == TextCheck(Verdict.REVIEW, 20001)
    asked = world.asked(TEXT_CHECK)
    text = paragraph * 2 + "[[review:20001]]\n" + paragraph * 2 + "[[risky:20006]]\n" + paragraph * 4
    assert await checked(world, text) == TextCheck(Verdict.RISKY, 20006)
    # What comes after the worst need not be looked at.
    assert len(texts.parts(text)) == 4 and world.asked(TEXT_CHECK) - asked == 2


async def test_a_part_that_could_not_be_checked_leaves_the_whole_unknown(world: World) -> None:
    world.fault(TEXT_CHECK, {"errcode": 45011}, when={"nth": 2})
    found = await checked(world, ("读" * 2400 + "\n") * 2)
    assert found == TextCheck(Verdict.UNKNOWN, reason="busy") and found.worth_another_try


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ({"errcode": 40129}, "refused"),
        ({"errcode": 48001}, "unavailable"),
        ({"http_status": 502}, "unavailable"),
        ({"garbage": True}, "unavailable"),
        ({"errcode": 45009}, "busy"),
    ],
)
async def test_a_text_check_never_raises_for_wechats_sake(world: World, do: dict[str, Any], reason: str) -> None:
    world.fault(TEXT_CHECK, do)
    assert await checked(world, "学习心得") == TextCheck(Verdict.UNKNOWN, reason=reason)
    nowhere = WeChat(settings_for(wechat_appid="", wechat_secret=""), world.wechat._shelf._redis)
    assert (await nowhere.check_text("学习心得", openid=ZHANG, scene=Scene.LOG)).reason == "unavailable"


@given(st.text(alphabet=st.sampled_from("读。？！；;!?a \n\r😀"), max_size=60), st.integers(1, 400))
def test_the_parts_of_a_text_are_short_enough_and_joined_are_the_text(seed: str, times: int) -> None:
    text = seed * times
    found = texts.parts(text)
    assert "".join(found) == (text if text.strip() else "")
    assert all(0 < texts.width(part) <= texts.LONGEST for part in found)


def test_a_text_is_cut_between_paragraphs_then_sentences() -> None:
    assert texts.parts("甲" * 2000 + "\n" + "乙" * 2000) == ["甲" * 2000 + "\n", "乙" * 2000]
    assert texts.parts("甲" * 2000 + "。" + "乙" * 1000 + "。") == ["甲" * 2000 + "。", "乙" * 1000 + "。"]
    assert [len(part) for part in texts.parts("甲" * 2501)] == [2500, 1]
    assert [len(part) for part in texts.parts("😀" * 2500)] == [1250, 1250]


# --- messages ---------------------------------------------------------------------------------------------------------


async def send(world: World, **changes: Any) -> Delivery:
    given = {"openid": ZHANG, "template_id": TEMPLATE, "page": f"{PAGE}?from=reminder", "fields": FIELDS, **changes}
    return await world.wechat.send_subscribe_message(**given)


async def test_who_has_accepted_nothing_gets_nothing_and_the_reason_is_told(world: World) -> None:
    world.state.users[ZHANG].grants[TEMPLATE] = 1
    assert [await send(world), await send(world)] == [Delivery(Outcome.SENT), Delivery(Outcome.REFUSED, "no_grant")]
    [message] = world.state.users[ZHANG].received
    assert [field["value"] for field in message["fields"]] == list(FIELDS.values())
    assert sent_bodies(world, MESSAGE)[0] == {
        "touser": ZHANG,
        "template_id": TEMPLATE,
        "page": f"{PAGE}?from=reminder",
        "data": {"thing1": {"value": "学习二十大报告"}, "time2": {"value": "21:00"}},
        "miniprogram_state": "trial",
        "lang": "zh_CN",
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"openid": "o_a_stranger"}, "openid"),
        ({"template_id": "unknown_template"}, "template"),
        ({"page": "pages/none"}, "page"),
        ({"fields": {**FIELDS, "thing1": "长" * 21}}, "fields"),
    ],
)
async def test_a_refusal_is_final_and_names_its_reason(
    world: World, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], reason: str
) -> None:
    caplog.set_level("INFO", logger="backend")
    assert await send(world, **changes) == Delivery(Outcome.REFUSED, reason)
    assert world.asked(MESSAGE) == 1 and ("alarm" in caplog.text) is (reason != "openid")
    assert ("field thing1" in caplog.text) is (reason == "fields") and "长长" not in caplog.text


@pytest.mark.parametrize("errcode", [43107, 43108, 45168, 47001, 99999])
async def test_a_refusal_that_nobody_has_explained_is_final_with_an_alarm(
    world: World, caplog: pytest.LogCaptureFixture, errcode: int
) -> None:
    world.fault(MESSAGE, {"errcode": errcode})
    assert await send(world) == Delivery(Outcome.REFUSED, "other") and "alarm" in caplog.text


@pytest.mark.parametrize(
    "do", [{"close_after_effect": True}, {"reset": True}, {"http_status": 502}, {"garbage": True}, {"truncate": True}, {"hang": True}]
)
async def test_a_message_that_may_have_arrived_is_never_sent_again(do: dict[str, Any], wechat_server: Server) -> None:
    async with wechat_world(wechat_server, background=CURT) as world:
        await world.wechat.access_token()
        world.fault(MESSAGE, do)
        assert await send(world) == Delivery(Outcome.UNKNOWN)
        assert world.asked(MESSAGE) == 1
        arrived = {"close_after_effect", "garbage", "truncate"} & set(do)
        assert len(world.state.users[ZHANG].received) == len(arrived)


async def test_a_message_that_certainly_was_not_sent_may_be_tried_later(world: World) -> None:
    for path, do, error in (
        (MESSAGE, {"errcode": -1}, Unavailable),
        (STABLE_TOKEN, {"http_status": 502}, Unavailable),
        (MESSAGE, {"errcode": 45009}, TooMany),
    ):
        world.state.faults.clear()
        world.wechat._shelf.held = None
        await world.wechat._shelf._redis.flushall()
        world.fault(path, do)
        with pytest.raises(error):
            await send(world)
    assert world.asked(MESSAGE) == 4 and not world.state.users[ZHANG].received


async def test_a_message_survives_a_busy_moment_and_a_dead_token_and_arrives_once(world: World) -> None:
    world.fault(MESSAGE, {"errcode": -1}, times=1)
    world.fault(MESSAGE, {"invalidate_token": True}, times=1)
    assert await send(world) == Delivery(Outcome.SENT) and len(world.state.users[ZHANG].received) == 1


@pytest.mark.parametrize("fields", [{}, {"thing": "x"}, {"thing1'": "x"}, {"THING1": "x"}])
async def test_fields_that_no_template_has_are_a_defect_of_ours(world: World, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="thing1"):
        await send(world, fields=fields)
    assert world.asked(MESSAGE) == 0


async def test_of_many_sends_at_once_exactly_as_many_arrive_as_were_accepted(world: World) -> None:
    world.state.users[ZHANG].grants[TEMPLATE] = 3
    outcomes = [delivery.outcome for delivery in await asyncio.gather(*(send(world) for _ in range(10)))]
    assert outcomes.count(Outcome.SENT) == len(world.state.users[ZHANG].received) == 3


# --- mini-program codes -----------------------------------------------------------------------------------------------


async def test_a_code_is_a_picture_and_a_refusal_is_json(world: World) -> None:
    image = await world.wechat.mini_program_code("a=1!#$&'()*+,/:;=?@-._~", PAGE)
    assert image.media_type == "image/png" and image.content.startswith(b"\x89PNG") and len(image.content) > 300
    [asked] = sent_bodies(world, CODE_IMAGE)
    assert asked == {"scene": "a=1!#$&'()*+,/:;=?@-._~", "page": PAGE, "width": 430, "check_path": False, "env_version": "trial"}
    world.fault(CODE_IMAGE, {"errcode": 41030})
    assert await outcome(world.wechat.mini_program_code("s", PAGE)) == UNAVAILABLE
    world.state.faults.clear()
    world.fault(CODE_IMAGE, {"truncate": True})
    assert await outcome(world.wechat.mini_program_code("s", PAGE)) == UNAVAILABLE


@pytest.mark.parametrize(
    ("scene", "page", "width"),
    [("", PAGE, 430), ("党", PAGE, 430), ("a%20b", PAGE, 430), ("a" * 33, PAGE, 430), ("a b", PAGE, 430), ("a\n", PAGE, 430)]
    + [("s", "/" + PAGE, 430), ("s", PAGE + "?a=1", 430), ("s", "", 430), ("s", PAGE, 279), ("s", PAGE, 1281)],
)
async def test_what_no_code_can_carry_is_refused_here(world: World, scene: str, page: str, width: int) -> None:
    with pytest.raises(ValueError, match="scene, page or width"):
        await world.wechat.mini_program_code(scene, page, width=width)
    assert world.asked(STABLE_TOKEN) == 0


async def test_production_opens_the_released_version(world: World) -> None:
    production = WeChat(settings_for(world.base_url, env="production"), world.wechat._shelf._redis)
    await production.start()
    assert (await production.mini_program_code("s", PAGE)).content
    world.state.users[ZHANG].grants[TEMPLATE] = 1
    assert (await production.send_subscribe_message(ZHANG, TEMPLATE, PAGE, FIELDS)).outcome is Outcome.SENT
    await production.close()
    assert sent_bodies(world, CODE_IMAGE)[0] | {"check_path": True, "env_version": "release"} == sent_bodies(world, CODE_IMAGE)[0]
    assert sent_bodies(world, MESSAGE)[0]["miniprogram_state"] == "formal"
