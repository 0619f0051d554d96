"""The second factor of the console: half entered one sees nothing, a code counts once, guesses run out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from desk import Desk, csrf_in
from door import Door
from people import Cast, Person

from backend import console_links, sessions
from backend.kernel import clock
from backend.kernel import settings as kernel_settings
from backend.kernel.settings import Settings
from console.http import SESSION
from models.audit import AuditEntry
from models.console import RecoveryCode, SecondFactor


def digits(secret: str, *, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=30 * steps))


async def arrive(desk: Desk, person: Person) -> str:
    """Enters by a link: where it led."""
    link = await console_links.create(None, member_id=person.id)
    page = await desk.see(f"/enter?token={link}")
    return (await desk.send("/enter", csrf=csrf_in(page), token=link)).headers["Location"]


async def set_up(desk: Desk, *, at: str = "/account/second-factor", to: str = "/account/second-factor") -> tuple[str, list[str]]:
    """The secret, and the recovery codes shown once."""
    page = await desk.see(at)
    secret = re.search(r'class="secret">(\w+)<', page.body.decode())[1]
    wrong = await desk.send(to, csrf=csrf_in(page), code="000000")
    assert wrong.status == 422 and "口令不对" in wrong.body.decode()
    done = await desk.send(to, csrf=csrf_in(page), code=digits(secret, steps=-1))
    assert done.status == 200
    return secret, re.findall(r"<li>([A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4})</li>", done.body.decode())


@pytest.fixture
def required(settings: Settings) -> Iterator[None]:
    kernel_settings.use(replace(settings, second_factor_required=True))
    yield
    kernel_settings.use(settings)


async def test_half_entered_one_sees_nothing_but_the_question(desk: Desk, door: Door, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    secret, _ = await set_up(desk)
    other = Desk(door)
    assert await arrive(other, cast.secretary) == "/console/second-factor"
    half = other.cookies[SESSION]
    asked = await other.see("/second-factor")
    for path in ("/", "/account", "/coverage.xlsx"):
        other.cookies[SESSION] = half
        assert (await other.see(path)).status == 401, path
    assert (await door.get("/me", half)).status == 401
    other.cookies[SESSION] = half
    assert (await other.send("/second-factor", csrf=csrf_in(asked), code="12345")).status == 422
    entered = await other.send("/second-factor", csrf=csrf_in(asked), code=f" {digits(secret)[:3]} {digits(secret)[3:]} ")
    assert (entered.status, entered.headers["Location"]) == (303, "/console/")
    assert (await other.see()).status == 200
    other.cookies[SESSION] = half
    assert (await other.see("/second-factor")).status == 401


async def test_a_code_counts_once_and_so_does_a_recovery_code(desk: Desk, door: Door, cast: Cast) -> None:
    await desk.enter(cast.editor)
    secret, codes = await set_up(desk)
    assert len(set(codes)) == 10
    for given, expected in ((digits(secret), 303), (digits(secret), 422), (codes[0].lower(), 303), (codes[0], 422), (codes[1], 303)):
        other = Desk(door)
        await arrive(other, cast.editor)
        asked = await other.see("/second-factor")
        assert (await other.send("/second-factor", csrf=csrf_in(asked), code=given)).status == expected, given
    assert "剩余恢复码 8 个" in (await other.see("/account")).body.decode()
    assert await AuditEntry.filter(action="second_factor:recover", actor_id=cast.editor.id).count() == 2


async def test_after_five_wrong_codes_no_right_one_helps(desk: Desk, door: Door, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    secret, codes = await set_up(desk)
    other = Desk(door)
    await arrive(other, cast.secretary)
    asked = await other.see("/second-factor")
    outcomes = [(await other.send("/second-factor", csrf=csrf_in(asked), code="000000")).status for _ in range(6)]
    assert outcomes == [422] * 5 + [429]
    assert (await other.send("/second-factor", csrf=csrf_in(asked), code=codes[0])).status == 429


async def test_where_it_is_required_nobody_of_the_office_enters_without(desk: Desk, door: Door, cast: Cast, required: None) -> None:
    assert await arrive(desk, cast.editor) == "/console/second-factor"
    secret, _ = await set_up(desk, at="/second-factor", to="/second-factor/set-up")
    assert (await desk.see()).status == 200
    page = await desk.see("/account/second-factor")
    refused = await desk.send("/account/second-factor/remove", csrf=csrf_in(page), code=digits(secret))
    assert refused.status == 409 and await SecondFactor.exists(member_id=cast.editor.id)
    assert await arrive(Desk(door), cast.unit_head) == "/console/"


async def test_taking_it_away_needs_a_code_and_takes_the_recovery_codes_too(desk: Desk, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    secret, codes = await set_up(desk)
    page = await desk.see("/account/second-factor")
    assert (await desk.send("/account/second-factor/remove", csrf=csrf_in(page), code="1")).status == 422
    renewed = await desk.send("/account/second-factor/codes", csrf=csrf_in(page), code=codes[0])
    assert renewed.status == 200 and codes[1] not in renewed.body.decode()
    assert (await desk.send("/account/second-factor/remove", csrf=csrf_in(page), code=codes[1])).status == 422
    assert (await desk.send("/account/second-factor/remove", csrf=csrf_in(page), code=digits(secret))).status == 303
    assert not await SecondFactor.exists(member_id=cast.secretary.id) and not await RecoveryCode.exists(member_id=cast.secretary.id)


async def test_the_secret_lies_sealed(desk: Desk, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    secret, codes = await set_up(desk)
    stored = str(await SecondFactor.all().values()) + str(await RecoveryCode.all().values())
    assert secret not in stored and codes[0] not in stored


async def test_one_sees_the_own_sessions_alone_and_ends_one_of_them(desk: Desk, door: Door, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    other = await Desk(door).enter(cast.secretary)
    stranger = await Desk(door).enter(cast.editor)
    page = await desk.see("/account")
    own = re.findall(r"/account/sessions/(\d+)/end", page.body.decode())
    foreign = (await sessions.actor_of(stranger.cookies[SESSION], kind="console")).session_id
    assert (await sessions.actor_of(other.cookies[SESSION], kind="console")).session_id in map(int, own) and str(foreign) not in own
    assert (await desk.send(f"/account/sessions/{foreign}/end", csrf=csrf_in(page))).status == 404
    for session_id in own:
        assert (await desk.send(f"/account/sessions/{session_id}/end", csrf=csrf_in(page))).status == 303
    assert "已结束这个登录" in (await desk.see("/account")).body.decode()
    assert "已结束这个登录" not in (await desk.see("/account")).body.decode()
    assert ((await other.see()).status, (await stranger.see()).status) == (401, 200)


async def test_a_desk_that_is_left_shuts_after_an_hour_and_one_in_use_does_not(desk: Desk, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    start = clock.now()
    for minutes in (50, 100, 150):
        sessions.forget(member_id=cast.secretary.id)
        with clock.shifted(start + timedelta(minutes=minutes)):
            assert (await desk.see("/account")).status == 200
    sessions.forget(member_id=cast.secretary.id)
    with clock.shifted(start + timedelta(minutes=215)):
        left = await desk.see("/account")
    assert left.status == 401 and "1 小时没有操作" in left.body.decode()
