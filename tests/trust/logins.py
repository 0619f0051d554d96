"""AC-07: codes used twice, too old, another program's, a hundred times at once, with a lost answer; no secret anywhere: `make trust-07`."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Any

import outages
from door import Door
from people import build_cast
from trust import traces
from trust.house import KEY, House, house
from trust.report import Run
from wechat_user import WeChatUser, add_member, invite, new_phone, wechat_user

from backend.kernel.database import fetch
from backend.wechat.client import LOGIN
from backend.wechat.sandbox.faults import parse_fault
from backend.wechat.sandbox.scenarios import SCENARIOS

OTHER_APP = "wxanotherprogram01"


async def sign_in(door: Door, code: str) -> tuple[int, str | None]:
    reply = await door.post("/auth/wechat", json={"code": code})
    return reply.status, reply.code


async def sessions_of(openid: str) -> int:
    rows = await fetch("SELECT COUNT(*) AS n FROM session s JOIN account a ON a.id = s.account_id WHERE a.openid = $1", openid)
    return rows[0]["n"]


async def used_and_old(made: House, door: Door) -> int:
    """A code once, and once more; one 299 and one 301 seconds old; one of another program; and what is none."""
    user = wechat_user(made.state)
    code = made.state.wx_login(user.openid)
    assert await sign_in(door, code) == (200, None)
    assert await sign_in(door, code) == (401, "login_again")
    for age_s, expected in ((299, (200, None)), (301, (401, "login_again"))):
        code = made.state.wx_login(user.openid)
        made.state.set_clock(advance_s=age_s)
        assert await sign_in(door, code) == expected, age_s
    made.state.add_app(OTHER_APP, "f" * 32)
    stranger = made.state.add_user(appid=OTHER_APP)
    assert await sign_in(door, made.state.wx_login(stranger.openid)) == (401, "login_again")
    for none in ("x", "0" * 32, "'; DROP TABLE session;--", "文" * 30):
        assert (await sign_in(door, none))[0] in (401, 422)
    return 8


async def at_once(made: House, door: Door, number: int) -> Counter:
    """One code, a hundred requests over all processes: one session at most."""
    user = wechat_user(made.state)
    code = made.state.wx_login(user.openid)
    replies = Counter(await asyncio.gather(*(sign_in(door, code) for _ in range(number))))
    assert await sessions_of(user.openid) == replies[200, None] <= 1, replies
    assert set(replies) <= {(200, None), (401, "login_again"), (429, "too_many_attempts"), (503, "wechat_unavailable")}, replies
    return replies


async def lost_answer(made: House, door: Door) -> None:
    """WeChat takes the code and its answer is lost: whatever is said, the code opens at most one session."""
    user = wechat_user(made.state)
    made.state.faults.append(parse_fault({"match": {"path": LOGIN}, "do": {"close_after_effect": True}, "times": 1}))
    code = made.state.wx_login(user.openid)
    first = await sign_in(door, code)
    assert first[0] in (200, 401, 503), first
    again = await sign_in(door, code)
    assert again[0] in (401, 503) and await sessions_of(user.openid) <= 1, (first, again)
    made.state.faults.clear()


async def bind_and_wander(made: House, door: Door, secrets: dict[str, str]) -> WeChatUser:
    """A number, a binding, and what everybody looks at."""
    cast, phone = await build_cast(), new_phone()
    secrets[phone] = "number"
    user, member = wechat_user(made.state, phone=phone), await add_member(cast.branch, "林登录", phone=phone)
    await user.sign_in(door)
    secrets[user.token] = "session token"
    assert (await user.bind(door, "查无此人")).status == 404
    reply = await user.bind(door, member.name)
    assert reply.status == 200
    user.token = reply.json["token"]
    secrets[user.token] = "session token"
    for path in ("/me", "/tasks/today", "/me/sessions", "/me/consents", "/nowhere"):
        await door.get(path, user)
    other = await add_member(cast.branch, "林邀请")
    code = await invite(other)
    secrets[code] = "invitation"
    second = wechat_user(made.state)
    await second.sign_in(door)
    secrets[second.token] = "session token"
    assert (await second.bind(door, other.name, code=code)).status == 200
    return user


async def check(dialect: str, number: int) -> dict[str, Any]:
    async with house(dialect=dialect, log_level="DEBUG") as made:
        secrets = traces.watch_secrets(made.state)
        door = traces.recording(made)
        async with door.session:
            cases = await used_and_old(made, door)
            replies = await at_once(made, door, number)
            await lost_answer(made, door)
            await bind_and_wander(made, door, secrets)
            for scenario in SCENARIOS:
                # Whatever WeChat does and says, our own secret included.
                outages.rule(made.state, scenario)
                for _ in range(3):
                    await wechat_user(made.state).sign_in(door)
                outages.rule(made.state, "")
        secrets |= {KEY: "SECRET_KEY"}
        places = {"log": made.log, "database": await traces.database_text(made), "redis": await traces.redis_text(made)}
        found = traces.hits(places, secrets)
        # A reply to sign-in holds the new token: that is what it is for. Nothing else may stand in any reply.
        found += traces.hits({"replies": "\n".join(door.replies)}, {v: kind for v, kind in secrets.items() if kind != "session token"})
        seen = {"log": made.log.count("\n"), "secrets": len(secrets), "rows": places["database"].count("INSERT INTO")}
        assert seen["log"] > 100 and seen["secrets"] > 20 and seen["rows"] > 20, seen
        assert found == [], "\n".join(sorted(set(found)))
        return {"cases": cases + 1, "at_once": number, "sessions": replies[200, None], "canaries": len(secrets), "hits": 0,
                "log_lines": made.log.count("\n"), "replies": len(door.replies)}  # fmt: skip


def main() -> int:
    run = Run.of("AC-07", "login codes", parallel=100)
    for name in run.left(("postgres", "sqlite")):
        with run.piece(name) as found:
            found |= asyncio.run(check(name, run.given.parallel))
    return run.conclude(cases=sum, at_once=max, sessions=max, canaries=sum, hits=sum, log_lines=sum, replies=sum)


if __name__ == "__main__":
    sys.exit(main())
