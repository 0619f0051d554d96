"""AC-15: a push that is not WeChat's has no effect, a thousand replays have one, and what breaks parsers is refused: `make trust-15`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from typing import Any

from door import Reply
from held_up import held_up
from people import Cast, add_person, build_cast
from test_push import CANCELLED, REVOKED, delivery
from trust.house import House, house
from trust.report import Run

from backend.kernel import clock
from backend.kernel.database import fetch
from backend.wechat.sandbox.sealing import sealed, signature
from models.audit import AuditEntry
from models.auth import Account

HELD_UP_S, WECHAT_WAITS_S = 0.5, 5.0
# Entities that would grow to gigabytes, read a file, or ask another host.
BOMBS = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><xml><Encrypt>&c;</Encrypt></xml>',
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Encrypt>&f;</Encrypt></xml>',
    b'<?xml version="1.0"?><!DOCTYPE b SYSTEM "http://127.0.0.1:9/x.dtd"><xml><Encrypt>x</Encrypt></xml>',
    b"<xml>" + b"<a>" * 20_000 + b"</a>" * 20_000 + b"</xml>",
    b"<xml><Encrypt>" + b"A" * 2_000_000 + b"</Encrypt></xml>",
    b"{" * 100_000, b"[" * 100_000, b'{"Encrypt": ' + b"1" * 5_000 + b"}", b"\xff\xfe\x00", b"", b"null", b"[]",
    b"<xml/>", b"<xml>", b"\x00" * 99,
)  # fmt: skip


async def knock(made: House, query: dict[str, str], body: bytes) -> tuple[Reply, float]:
    began = time.monotonic()
    reply = await made.door.ask("POST", "/wechat/push", root=True, params=query, data=body)
    return reply, time.monotonic() - began


async def forged(made: House, cast: Cast) -> int:
    """Every way in which a push can be somebody else's: 403, and 安敏 stays bound."""
    query, body = delivery(made.state, cast.alice.openid)
    stamp, encrypted = query["timestamp"], json.loads(body)["Encrypt"]
    other = signature("another-token", stamp, query["nonce"], encrypted)
    stale = str(int(clock.now().timestamp()) - 3600)
    wrong: list[tuple[dict[str, str], bytes]] = [
        ({}, body), ({**query, "msg_signature": "0" * 40}, body), ({**query, "msg_signature": ""}, body),
        ({**query, "msg_signature": other}, body), ({k: v for k, v in query.items() if k != "msg_signature"}, body),
        ({**query, "nonce": query["nonce"] + "1"}, body), ({**query, "timestamp": str(int(stamp) + 1)}, body),
        ({**query, "timestamp": stale, "msg_signature": signature("AAAAA", stale, query["nonce"], encrypted)}, body),
        (query, body.replace(b'"Encrypt": "', b'"Encrypt": "A')), delivery(made.state, cast.alice.openid, secure=False),
        ({**query, "msg_signature": query["msg_signature"].upper() + " "}, body),
        *((query, bomb) for bomb in BOMBS), *(({}, bomb) for bomb in BOMBS),
    ]  # fmt: skip
    for given, content in wrong:
        reply, took = await knock(made, given, content)
        assert reply.status in (400, 403, 413) and took <= 1.0, (given, content[:80], reply.status, reply.body, took)
        assert await bound(cast.alice), (given, content[:80])
    # Signed with our own token and sealed with our own key, yet for another mini-program.
    ours = made.state.apps[made.state.appid]
    theirs = replace(ours, appid="wxffffffffffffffff")
    fields = {"CreateTime": int(clock.now().timestamp()), "MsgType": "event", "Event": CANCELLED, "OpenID": cast.alice.openid}
    for xml in (False, True):
        reply, _ = await knock(
            made, *sealed(made.state, theirs, fields | {"ToUserName": "gh_1", "FromUserName": "o"}, secure=True, xml=xml)
        )
        assert reply.status == 403, (reply.status, reply.body)
    return len(wrong) + 2


async def bound(person: Any) -> bool:
    return await Account.exists(openid=person.openid, member_id=person.id)


async def replays(made: House, cast: Cast, number: int) -> dict[str, Any]:
    """One event again and again, both workers at once; the first of them while the database is held up."""
    person = await add_person(cast.branch, "注销者")
    query, body = delivery(made.state, person.openid, REVOKED, RevokeInfo="8")
    async with held_up(made.settings, "push_event"):
        waiting = [asyncio.create_task(knock(made, query, body)) for _ in range(50)]
        await asyncio.sleep(HELD_UP_S)
        assert not any(task.done() for task in waiting), "a push was answered before its effect was written"
    held, replies = await asyncio.gather(*waiting), []
    for _ in range(number // 50 - 1):
        replies += await asyncio.gather(*(knock(made, query, body) for _ in range(50)))
    assert {(reply.status, reply.body) for reply, _ in held + replies} == {(200, b"success")}
    effects = await AuditEntry.filter(action="account:revoke", subject_id=person.id).count()
    await knock(made, *delivery(made.state, person.openid, CANCELLED))
    assert not await bound(person)
    for xml in (True, False):
        reply, _ = await knock(made, *delivery(made.state, person.openid, "user_info_modified", xml=xml))
        assert (reply.status, reply.body) == (200, b"success")
    waited = max(took for _, took in held)
    assert waited < WECHAT_WAITS_S, waited
    return {"replays": len(held + replies), "effects": effects, "slowest_s": max(took for _, took in replies), "held_up_s": waited}


async def check(dialect: str, number: int, told: dict[str, Any]) -> None:
    async with house(dialect=dialect) as made:
        cast = await build_cast()
        told["refused"] = await forged(made, cast)
        assert await bound(cast.alice), "a forged push unbound somebody"
        assert await fetch("SELECT id FROM audit_entry WHERE action LIKE 'account:%'") == []
        told |= await replays(made, cast, number)
        assert told["effects"] == 1, f"{told['effects']} effects of one push"
        assert (await made.door.get("/healthz", root=True)).status == 200


def main() -> int:
    run = Run.of("AC-15", "WeChat's push", replays=1000)
    for name in run.left(("postgres", "sqlite")):
        with run.piece(name) as found:
            asyncio.run(check(name, run.given.replays, found))
    return run.conclude(refused=sum, replays=sum, effects=max, slowest_s=max, held_up_s=max)


if __name__ == "__main__":
    sys.exit(main())
