"""AC-18: a member's life with the service at DEBUG and what it leaves; keys, export, leaving, retention, audit: `make trust-18`."""

from __future__ import annotations

import asyncio
import secrets as dice
import sys
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import outages
from people import Cast, Person, add_plan, build_cast, whole_day
from process import daka
from test_privacy import figures_of
from trust import office, traces
from trust.house import KEY, House, house
from trust.report import Run
from wechat_user import add_member, invite, new_phone, wechat_user

from backend import audit_proof, audit_retention, checks, consents, privacy_export
from backend.kernel import clock, tables
from backend.kernel import settings as kernel_settings
from backend.kernel.database import fetch
from backend.wechat.sandbox.sender import push_event

NEW_KEY = "canary-newer-key-" + "1" * 47


class Life:
    """One person, from the invitation to the last day; `marks` are texts that belong to nobody else."""

    def __init__(self, made: House, cast: Cast, door: traces.Recording) -> None:
        self.made, self.cast, self.door = made, cast, door
        self.phone = new_phone()
        self.marks = {kind: f"暗记{kind}{dice.token_hex(6)}" for kind in ("姓名", "备注", "职务", "心得", "投诉", "假由", "更正")}
        self.user = wechat_user(made.state, phone=self.phone)
        self.person: Person

    async def begin(self) -> None:
        """Joins the roster through the office, binds, agrees, studies, asks for leave, complains, exports."""
        office, door = self.cast.secretary, self.door
        fields = {"name": self.marks["姓名"], "phone": self.phone, "note": self.marks["备注"], "post": self.marks["职务"]}
        member = (await door.post("/members", office, fields)).json["id"]
        self.person = Person(member, self.marks["姓名"], "", self.user.openid, self.cast.branch.id)
        code = (await door.post(f"/members/{member}/invite", office)).json["invite_code"]
        await self.user.sign_in(door)
        reply = await self.user.bind(door, self.marks["姓名"], code=code)
        assert reply.status == 200
        self.user.token = reply.json["token"]
        assert (await door.post("/me/consents", self.user, {"version": consents.CURRENT})).status in (200, 201)
        self.code = code

    async def study(self) -> None:
        [task] = await add_plan(self.cast, days=[clock.today()], members=[self.person, self.cast.bob])
        shown = (await self.door.get(f"/tasks/{task.id}", self.user)).json
        day = whole_day(shown) | {"reflection": self.marks["心得"]}
        assert (await self.door.post(f"/tasks/{task.id}/check-in", self.user, day)).status == 201
        soon = str(clock.today() + timedelta(days=40))
        leave = {"starts_on": soon, "ends_on": soon, "reason": "illness", "note": self.marks["假由"]}
        assert (await self.door.post("/me/leaves", self.user, leave)).status in (200, 201)
        assert (await self.door.post("/feedback", self.user, {"text": self.marks["投诉"]})).status == 201
        wrong = {"subject": "roster", "text": self.marks["更正"]}
        assert (await self.door.post("/me/corrections", self.user, wrong)).status == 201

    async def looked_at(self) -> None:
        """What others are shown of the person, over the API and in searches by name and number."""
        who, door, member = self.cast.secretary, self.door, self.person.id
        for path in ("/members", "/leaves", "/feedback", "/audit", f"/members/{member}", f"/members/{member}/leaves"):
            assert (await door.get(path, who)).status == 200
        for sought in (self.phone, self.marks["姓名"]):
            assert (await door.get("/members", who, params={"q": sought})).status == 200

    async def trouble(self) -> None:
        """WeChat in every kind of trouble, and requests that fail."""
        for form in ("hang", "reset", "garbage", "busy"):
            outages.rule(self.made.state, form)
            for _ in range(2):
                await wechat_user(self.made.state).sign_in(self.door)
            outages.rule(self.made.state, "")
        for path in ("/members/x", "/tasks/999999999", "/nowhere"):
            await self.door.get(path, self.cast.secretary)


async def lives(made: House, told: dict[str, Any]) -> None:
    cast = await build_cast()
    known = traces.watch_secrets(made.state)
    door = traces.recording(made)
    async with door.session:
        life = Life(made, cast, door)
        await life.begin()
        await life.study()
        await life.looked_at()
        await life.trouble()
        told["acts"], missed = await office.not_in_the_log(door, await build_cast())
        assert missed == [], "\n".join(missed)
        told["exported"] = await is_whole(life)
        sealed = {KEY: "SECRET_KEY", life.phone: "number", life.user.token: "session token", life.code: "invitation",
                  life.code.replace("-", ""): "invitation"}  # fmt: skip
        canaries = known | sealed | {text: kind for kind, text in life.marks.items()} | {quote(life.marks["姓名"]): "name in an address"}
        found = traces.hits({"log": made.log, "redis": await traces.redis_text(made)}, canaries)
        found += traces.hits({"database": await traces.database_text(made)}, known | sealed)
        told |= {"canaries": len(canaries), "hits": len(found), "log_lines": made.log.count("\n")}
        assert found == [] and len(known) >= 8 and told["log_lines"] > 60, "\n".join(sorted(set(found)))
        told["audited"] = await in_the_log(life)
        told["rotated"] = await keys_rotate(life)
        told["left_over"] = await leaves(life)
        told["kept_days"] = await retention(life)


async def is_whole(life: Life) -> int:
    """The copy for the member has as many rows as the database has about the member."""
    copy = (await life.door.get("/me/export", life.user)).json
    rows = 0
    for name, (model, _) in privacy_export.TABLES.items():
        kept = await model.filter(member_id=life.person.id).count()
        assert len(copy[name]) == kept, (name, len(copy[name]), kept)
        rows += kept
    with_member = {m for m in tables.all_models() if "member_id" in m._meta.fields_db_projection.values()}
    assert with_member == {model for model, _ in privacy_export.TABLES.values()}, "a table about members is not in the copy"
    return rows


async def in_the_log(life: Life) -> int:
    """The log as the secretary reads it says of every entry when, with the offset; and it is whole."""
    told = (await life.door.get("/audit", life.cast.secretary, params={"limit": "200"})).json["items"]
    assert {"member:create", "member:invite", "member:bind"} <= {entry["action"] for entry in told}
    assert all(entry["at"].endswith("+08:00") for entry in told)
    assert await audit_proof.faults(elsewhere=life.made.settings) == []
    return len(await fetch("SELECT id FROM audit_entry"))


async def keys_rotate(life: Life) -> int:
    """By the command, while the service with the old ring runs on; then one with the new key alone reads the number."""
    both = {**life.made.env, "DAKA_SECRET_KEY": f"{NEW_KEY},{KEY}"}
    done = await asyncio.to_thread(daka, "keys", "rotate", env=both, cwd=life.made.folder)
    assert done.returncode == 0 and life.phone not in done.stdout + done.stderr, done.stderr
    # From here on this process reads what is sealed under either.
    kernel_settings.use(kernel_settings.load({n: v for n, v in both.items() if n.startswith("DAKA_")}, dotenv=None))
    async with life.made.another(DAKA_SECRET_KEY=NEW_KEY) as newer:
        shown = (await newer.get(f"/members/{life.person.id}", life.cast.secretary)).json
        assert shown["phone"] == life.phone
    whole = await asyncio.to_thread(daka, "check", env=both, cwd=life.made.folder)
    assert whole.returncode == 0 and "没有发现问题" in whole.stdout, whole.stdout + whole.stderr
    only_old = await asyncio.to_thread(daka, "serve", "--port", "9", env=life.made.env, cwd=life.made.folder)
    assert only_old.returncode == 1 and "DAKA_SECRET_KEY 与数据不符" in only_old.stderr
    return (await fetch("SELECT COUNT(*) AS n FROM member WHERE phone_sealed IS NOT NULL"))[0]["n"]


async def leaves(life: Life) -> int:
    """After leaving nothing of the person is in database or Redis, and the figures are what they were."""
    before = await figures_of(life.cast)
    assert (await life.door.post("/me/withdraw-consent", life.user)).status == 204
    after = await figures_of(life.cast)
    assert after == before, (before, after)
    marks = {text: kind for kind, text in life.marks.items()} | {life.phone: "number", life.user.openid: "openid", life.user.token: "token"}
    left = traces.hits({"database": await traces.database_text(life.made), "redis": await traces.redis_text(life.made)}, marks)
    assert left == [], left
    return len(left)


async def retention(life: Life) -> int:
    """Entries of half a year ago are all there after the job, those past their time are gone, and what is left is whole: the days kept."""
    count = "SELECT COUNT(*) AS n FROM audit_entry"
    [before] = await fetch(count)
    assert await audit_retention.expire(now=clock.now() + timedelta(days=200)) == 0 and await fetch(count) == [before]
    assert await audit_retention.expire(now=clock.now() + audit_retention.KEPT + timedelta(days=1)) == before["n"]
    assert await checks.broken() == []
    return audit_retention.KEPT.days


async def cancelled_in_wechat(made: House) -> None:
    """A cancelled WeChat account takes the binding and what came from WeChat, not the roster's row."""
    cast = await build_cast()
    member, user = await add_member(cast.branch, "注销者"), wechat_user(made.state)
    await user.sign_in(made.door)
    assert (await user.bind(made.door, member.name, code=await invite(member))).status == 200
    made.state.apps[made.state.appid].push.url = f"{made.door.base}/wechat/push"
    await push_event(made.state, {"openid": user.openid, "event": "user_authorization_cancellation", "format": "json"})
    left = traces.hits({"database": await traces.database_text(made)}, {user.openid: "openid"})
    assert left == [], left


async def check(dialect: str, told: dict[str, Any]) -> None:
    async with house(dialect=dialect, log_level="DEBUG") as made:
        await cancelled_in_wechat(made)
        await lives(made, told)


def main() -> int:
    run = Run.of("AC-18", "privacy")
    for name in run.left(("postgres", "sqlite")):
        with run.piece(name) as found:
            asyncio.run(check(name, found))
    return run.conclude(
        canaries=sum, hits=sum, acts=max, audited=sum, exported=sum, rotated=sum, left_over=sum, log_lines=sum, kept_days=min
    )


if __name__ == "__main__":
    sys.exit(main())
