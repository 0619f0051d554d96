"""What the sandbox's endpoints answer: text check, subscription messages, codes to scan, links, session keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sandbox_remote import LI, ZHANG, Remote, read_code, remote_sandbox
from sandbox_server import APPID, SECRET

from backend.wechat.sandbox.accounts import session_signature
from backend.wechat.sandbox.paths import CHECK_SESSION, CODE_IMAGE, RESET_SESSION, SCHEME, SUBSCRIBE_SEND, TEXT_CHECK, URL_LINK

OTHER_APPID = "wxfedcba9876543210"
STUDY, NEWS = "template-study", "template-news"
DATA = {"thing1": {"value": "每日学习"}, "date2": {"value": "2023年2月23日"}}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Remote]:
    async with remote_sandbox() as remote:
        yield remote


@pytest.fixture
async def remote(served: Remote) -> Remote:
    served.start_anew()
    templates = {
        STUDY: {"title": "学习提醒", "fields": {"thing1": "内容", "date2": "日期"}},
        NEWS: {"title": "政务通知", "fields": {"thing1": "内容"}, "kind": "long"},
    }
    await served.order("apps", pages=["pages/today/today"], templates=templates)
    return served


async def call(remote: Remote, path: str, /, **body: Any) -> dict[str, Any]:
    """One POST with a good token."""
    return await remote.post(path, body, access_token=await remote.token())


async def check(remote: Remote, content: str, **changes: Any) -> dict[str, Any]:
    return await call(remote, TEXT_CHECK, **{"version": 2, "scene": 2, "openid": ZHANG, "content": content, **changes})


async def send(remote: Remote, **changes: Any) -> dict[str, Any]:
    return await call(remote, SUBSCRIBE_SEND, **{"touser": ZHANG, "template_id": STUDY, "data": DATA, **changes})


async def test_a_text_is_not_checked_in_the_name_of_a_stranger_or_of_somebody_who_has_not_been_here(remote: Remote) -> None:
    await remote.order("apps", appid=OTHER_APPID, secret="other")
    await remote.order("users", openid="o_elsewhere", appid=OTHER_APPID)
    answers = [await check(remote, "学习", openid=openid) for openid in ("o_nobody_here", "o_elsewhere", ZHANG)]
    assert [answer["errcode"] for answer in answers] == [40003, 43104, 61010]
    await remote.order("clock", freeze=True)
    await remote.order("visit", openid=ZHANG)
    for advance_s, errcode in ((7200, 0), (1, 61010)):
        await remote.order("clock", advance_s=advance_s)
        assert (await check(remote, "学习"))["errcode"] == errcode


async def test_a_text_check_refuses_what_is_not_as_it_should_be(remote: Remote) -> None:
    await remote.order("visit", openid=ZHANG)
    refused = {
        40129: ({"scene": 0}, {"scene": 5}, {"scene": "2"}, {"scene": True}, {"scene": None}),
        47001: ({"version": 3}, {"version": "2"}, {"content": ["x"]}, {"content": "习" * 2501}, {"nickname": 7}),
        44002: ({"content": ""},),
    }
    for errcode, changes in refused.items():
        assert [(await check(remote, **{"content": "学习", **change}))["errcode"] for change in changes] == [errcode] * len(changes)
    assert (await check(remote, "习" * 2500))["errcode"] == 0


async def test_the_verdict_follows_the_marks_in_the_text_and_the_worst_counts(remote: Remote) -> None:
    await remote.order("visit", openid=ZHANG)
    for content, suggest, label in (
        ("原原本本学习", "pass", 100),
        ("有一处 [[review:20001]] 时政", "review", 20001),
        ("[[review]] 和 [[risky:20003]]", "risky", 20003),
    ):
        answer = await check(remote, content)
        assert answer["result"] == {"suggest": suggest, "label": label} and answer["trace_id"]
        assert [part["suggest"] for part in answer["detail"] if part["errcode"] == 0] == [suggest] * (1 if suggest == "pass" else 2)
    assert (await check(remote, "好", title="[[risky]]"))["result"]["suggest"] == "risky"


async def test_the_old_body_without_a_version_knows_good_and_bad_alone(remote: Remote) -> None:
    assert (await call(remote, TEXT_CHECK, content="[[review:20001]] 学习"))["errcode"] == 0
    assert (await call(remote, TEXT_CHECK, content="[[risky]]"))["errcode"] == 87014


async def test_without_a_grant_no_message_arrives_and_a_refused_prompt_is_none(remote: Remote) -> None:
    assert (await remote.order("subscribe", openid=ZHANG, template_id=STUDY, accept=False))["result"] == "reject"
    assert (await send(remote))["errcode"] == 43101
    assert (await remote.get("/control/messages", openid=ZHANG))["items"] == []


async def test_each_acceptance_is_good_for_one_message_and_only_one_that_arrives_uses_it_up(remote: Remote) -> None:
    for left in (1, 2):
        assert (await remote.order("subscribe", openid=ZHANG, template_id=STUDY, accept=True))["left"] == left
    assert (await send(remote, data={}))["errcode"] == 47003
    days = [{**DATA, "thing1": {"value": value}} for value in ("第一条", "第二条", "第三条")]
    assert [(await send(remote, data=day, page="pages/today/today?from=wx"))["errcode"] for day in days] == [0, 0, 43101]
    inbox = await remote.get("/control/messages", openid=ZHANG)
    assert [grant["left"] for grant in inbox["grants"] if grant["template_id"] == STUDY] == [0] and len(inbox["items"]) == 2
    newest = inbox["items"][0]
    assert (newest["title"], newest["page"]) == ("学习提醒", "pages/today/today?from=wx")
    assert newest["fields"] == [
        {"name": "thing1", "label": "内容", "value": "第二条"},
        {"name": "date2", "label": "日期", "value": "2023年2月23日"},
    ]
    assert (await remote.get("/control/messages", openid=LI))["items"] == []


async def test_a_long_grant_does_not_run_out_and_the_main_switch_stops_everything(remote: Remote) -> None:
    for template_id in (NEWS, STUDY):
        await remote.order("subscribe", openid=ZHANG, template_id=template_id, accept=True)
    news = {"template_id": NEWS, "data": {"thing1": {"value": "通知"}}}
    assert [(await send(remote, **news))["errcode"] for _ in range(3)] == [0, 0, 0]
    await remote.order("users", openid=ZHANG, takes_messages=False)
    assert (await remote.order("subscribe", openid=ZHANG, template_id=STUDY))["errcode"] == 20004
    assert [(await send(remote, **news))["errcode"], (await send(remote))["errcode"]] == [43101, 43101]
    await remote.order("users", openid=ZHANG, takes_messages=True)
    assert (await send(remote))["errcode"] == 0


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("thing1", ["党的二十大报告 20 字以内！", "习" * 20], ["习" * 21, "两\n行", " "]),
        ("number1", ["0", "12.5", "9" * 32], ["十二", "1 2", "9" * 33, "1."]),
        ("letter1", ["Daka"], ["Daka1", "a" * 33]),
        ("symbol1", ["!!~"], ["!!!!!!", "a"]),
        ("character_string1", ["No.2023-02/23"], ["第一号", "x" * 33]),
        ("time1", ["15:01", "2023年2月23日 15:01", "2023-02-23 8:00 ~ 2023-02-23 9:30", "8:00~9:30"], ["25:00", "下午三点", "2023年"]),
        ("date1", ["2023年2月23日", "2023-02-23", "2023年2月23日 15:01", "2023/2/1~2023/2/3"], ["2月23日", "2023-02/23", "明天"]),
        ("amount1", ["￥100", "12.50元", "$3"], ["100 块", "￥12345678901"]),
        ("phone_number1", ["+86-025-66888866"], ["1" * 18, "电话"]),
        ("car_number1", ["苏A8Z88挂"], ["苏", "苏A8Z888888"]),
        ("name1", ["安敏", "Li Na", "张Wei"], ["习" * 11, "a" * 21, "张3"]),
        ("phrase1", ["待学习"], ["待学习的任务", "ok"]),
    ],
)
async def test_a_value_must_suit_its_kind_and_the_refusal_names_the_field(
    remote: Remote, name: str, good: list[str], bad: list[str]
) -> None:
    await remote.order("apps", templates={"t": {"fields": {name: "某项"}}})
    remote.state.user(ZHANG).grants["t"] = len(good)
    for value in bad:
        answer = await send(remote, template_id="t", data={name: {"value": value}})
        assert answer["errcode"] == 47003 and f"data.{name}.value" in answer["errmsg"], value
    assert {value: (await send(remote, template_id="t", data={name: {"value": value}}))["errcode"] for value in good} == dict.fromkeys(
        good, 0
    )


async def test_a_message_is_refused_for_its_recipient_template_page_and_data_in_this_order(remote: Remote) -> None:
    everything_wrong = {"touser": "o_nobody_here", "template_id": "unknown", "page": "pages/none", "data": {"thing1": {}}}
    seen = []
    for name, right in (("touser", ZHANG), ("template_id", STUDY), ("page", ""), ("data", DATA), ("lang", "zh_CN")):
        seen.append((await send(remote, **everything_wrong))["errcode"])
        everything_wrong[name] = right
    assert seen == [40003, 40037, 41030, 47003, 43101]
    for data in (None, [], {"thing1": {"value": "只有一项"}}, {**DATA, "thing9": {"value": "多余"}}, {**DATA, "thing1": {"value": 7}}):
        assert (await send(remote, data=data))["errcode"] == 47003
    assert "data.date2.value" in (await send(remote, data={"thing1": {"value": "只有一项"}}))["errmsg"]
    assert [(await send(remote, miniprogram_state="beta"))["errcode"], (await send(remote, lang="fr"))["errcode"]] == [47003, 47003]


async def image(remote: Remote, **body: Any) -> bytes:
    status, content_type, content = await remote.raw("POST", CODE_IMAGE, json=body, params={"access_token": await remote.token()})
    assert (status, content_type, content[:8]) == (200, "image/png", b"\x89PNG\r\n\x1a\n")
    return content


async def test_a_camera_reads_the_scene_from_the_code(remote: Remote) -> None:
    scene = "Ab9!#$&'()*+,/:;=?@-._~xyz012345"
    assert len(scene) == 32 and read_code(await image(remote, scene=scene)) == scene
    coloured = await image(remote, scene="k1", page="pages/today/today", width=280, line_color={"r": "168", "g": 35, "b": 28})
    assert read_code(coloured) == "k1"


async def test_a_code_is_refused_for_its_scene_its_page_and_its_measures(remote: Remote) -> None:
    for scene in ("", "x" * 33, "中文", "50%", "a b", None, 7):
        assert (await call(remote, CODE_IMAGE, scene=scene))["errcode"] in (40169, 47001), scene
    assert (await call(remote, CODE_IMAGE, scene=""))["errcode"] == 40169
    for page in ("pages/none", "/pages/today/today", "pages/today/today?x=1"):
        assert (await call(remote, CODE_IMAGE, scene="k", page=page))["errcode"] == 41030
        assert await image(remote, scene="k", page=page, check_path=False)
    for odd in ({"width": 279}, {"width": 1281}, {"width": "430"}, {"env_version": "beta"}):
        assert (await call(remote, CODE_IMAGE, scene="k", **odd))["errcode"] == 40097


async def test_where_there_is_a_phone_page_the_code_and_the_link_lead_to_it() -> None:
    async with remote_sandbox(phone_page="http://127.0.0.1:8000/sandbox/") as remote:
        await remote.order("apps", pages=["pages/today/today"])
        read = urlsplit(read_code(await image(remote, scene="a=1&b=2", page="pages/today/today")))
        assert (read.netloc, read.path) == ("127.0.0.1:8000", "/sandbox/")
        assert parse_qs(read.query) == {"scene": ["a=1&b=2"], "page": ["pages/today/today"]}
        link = (await call(remote, URL_LINK, path="pages/today/today", query="k=v"))["url_link"]
        assert parse_qs(urlsplit(link).query) == {"page": ["pages/today/today"], "query": ["k=v"]}


@pytest.mark.parametrize("path", [URL_LINK, SCHEME])
async def test_a_link_lives_thirty_days_at_most_and_leads_to_a_released_page(remote: Remote, path: str) -> None:
    now = int((await remote.order("clock", freeze=True))["now"])

    async def made(target: dict[str, Any], **expiry: Any) -> int:
        return (await call(remote, path, **({"jump_wxa": target} if path == SCHEME else target), **expiry))["errcode"]

    good = [
        {},
        {"path": "pages/today/today", "query": "k=" + "v" * 1022},
        {"path": "/pages/today/today"},
        {"env_version": "trial", "path": "x"},
    ]
    assert [await made(target) for target in good] == [0] * 4
    assert [await made({"path": "pages/none"}), await made({"query": "v" * 1025}), await made({"env_version": "beta"})] == [
        40165,
        40212,
        85402,
    ]
    month = 30 * 86_400
    ends = [{"expire_type": 1, "expire_interval": 30}, {"expire_type": 0, "expire_time": now + month}]
    assert [await made({}, **end) for end in ends] == [0, 0]
    for end in (
        {"expire_type": 1, "expire_interval": 31}, {"expire_type": 1}, {"expire_type": 0, "expire_time": now + month + 1},
        {"expire_type": 0, "expire_time": now}, {"expire_type": 2}, {"expire_type": 1, "expire_interval": "30"},
    ):  # fmt: skip
        assert await made({}, **end) == 85401, end
    await remote.order("apps", pages=[])
    assert await made({}) == 85079
    await remote.order("apps", entity="personal")
    assert await made({}) == 40002


async def test_links_and_schemes_share_one_count_of_the_day(remote: Remote) -> None:
    await remote.order("clock", freeze=True)
    day = -(int(remote.state.now()) // 86400)
    remote.state.counts[APPID, "links", day] = 499_999
    assert [(await call(remote, path))["errcode"] for path in (URL_LINK, SCHEME, URL_LINK)] == [0, 45009, 45009]


async def test_a_session_key_is_checked_and_changed_by_its_signature_alone(remote: Remote) -> None:
    key = (await remote.login(await remote.code_of(ZHANG)))["session_key"]

    async def ask(path: str, **changes: str) -> dict[str, Any]:
        query = {"openid": ZHANG, "signature": session_signature(key), "sig_method": "hmac_sha256", **changes}
        return await remote.get(path, access_token=await remote.token(), **query)

    assert (await ask(CHECK_SESSION))["errcode"] == 0
    refused = [{"openid": "o_nobody_here"}, {"sig_method": "md5"}, {"openid": LI}, {"signature": session_signature("another")}]
    assert [(await ask(RESET_SESSION, **wrong))["errcode"] for wrong in refused] == [40003, 87008, 87007, 87009]
    new = await ask(RESET_SESSION)
    assert (new["errcode"], new["openid"]) == (0, ZHANG) and new["session_key"] != key
    assert (await ask(CHECK_SESSION))["errcode"] == 87009
    assert (await ask(CHECK_SESSION, signature=session_signature(new["session_key"])))["errcode"] == 0


@pytest.mark.parametrize(("option", "changes"), [("always", range(9, 10)), ("never", range(0, 1)), ("one_in_3", range(1, 9))])
async def test_a_login_brings_a_new_session_key_as_often_as_the_option_says(remote: Remote, option: str, changes: range) -> None:
    await remote.order("options", session_key=option)
    keys = [(await remote.login(await remote.code_of(ZHANG)))["session_key"] for _ in range(10)]
    assert sum(one != other for one, other in zip(keys, keys[1:], strict=False)) in changes


async def test_options_change_the_content_type_the_overlap_the_quota_and_the_length(remote: Remote) -> None:
    query = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    assert (await remote.raw("GET", "/cgi-bin/token", params=query))[1] == "application/json"
    await remote.order("options", content_type="text/plain", overlap_s=0, legacy_per_day=4, token_length=512)
    assert (await remote.raw("GET", "/cgi-bin/token", params=query))[1] == "text/plain"
    first, second = [(await remote.get("/cgi-bin/token", **query))["access_token"] for _ in range(2)]
    assert len(second) == 512
    assert [(await remote.post(TEXT_CHECK, {"content": "x"}, access_token=token))["errcode"] for token in (first, second)] == [40001, 0]
    assert (await remote.get("/cgi-bin/token", **query))["errcode"] == 45009
    for wrong in ({"content_type": "text/html"}, {"overlap_s": -1}, {"token_length": True}, {"speed": 1}):
        assert (await remote.order("options", **wrong))["errcode"] == 47001


async def test_a_persons_app_may_not_ask_for_phone_numbers_and_a_unionid_is_given_where_there_is_one(remote: Remote) -> None:
    await remote.order("users", openid=ZHANG, unionid="u_zhang")
    assert (await remote.login(await remote.code_of(ZHANG)))["unionid"] == "u_zhang"
    assert "unionid" not in await remote.login(await remote.code_of(LI))
    await remote.order("apps", entity="personal")
    code = (await remote.order("phone_button", openid=ZHANG))["code"]
    assert (await call(remote, "/wxa/business/getuserphonenumber", code=code))["errcode"] == 48001


async def test_the_shared_checks_come_in_wechats_order_before_the_fields(remote: Remote) -> None:
    day = -(int(remote.state.now()) // 86400)
    remote.state.counts[APPID, TEXT_CHECK, day] = 2_000_000
    token = await remote.token()
    seen = [(await remote.get(TEXT_CHECK))["errcode"]]
    seen += [(await remote.post(TEXT_CHECK, access_token=given))["errcode"] for given in ("", "odd", "FAKE_unknown", token)]
    seen += [(await remote.post(TEXT_CHECK, ["no", "object"], access_token=token))["errcode"]]
    seen += [(await remote.post(TEXT_CHECK, {"scene": 99}, access_token=token))["errcode"]]
    assert seen == [43002, 41001, 40014, 40001, 44002, 47001, 45009]
