"""Entering by a scanned code: the wrong phone, the wrong browser, too late and twice first, then the secretary."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from datetime import timedelta

import zxingcpp
from desk import Desk
from door import Door
from people import Cast
from PIL import Image

from backend import console_scans, guesses
from backend.kernel import clock
from backend.kernel.errors import TooMany
from console.http import ENTRY, SESSION
from models.audit import AuditEntry
from models.auth import Guess
from models.console import ConsoleScan
from models.members import RoleGrant


async def shown(desk: Desk) -> tuple[str, dict[str, str]]:
    """The code in the picture on the page, and what the page asks again and again with."""
    page = (await desk.see("/enter")).body.decode()
    image = base64.b64decode(re.search(r"data:image/png;base64,([^\"]+)", page)[1])
    asked = dict(re.findall(r'"(csrf|at)": "(\w+)"', page))
    return zxingcpp.read_barcode(Image.open(io.BytesIO(image))).text, asked


async def confirm(door: Door, person: object, code: str) -> object:
    return await door.post("/auth/console-scan", person, {"code": code})


async def test_a_member_without_a_role_lets_nobody_in(door: Door, desk: Desk, cast: Cast) -> None:
    code, asked = await shown(desk)
    assert (await confirm(door, None, code)).status == 401
    assert (await confirm(door, cast.alice, code)).status == 403
    assert (await desk.send("/enter/scan", **asked)).status == 204
    assert SESSION not in desk.cookies


async def test_another_browser_is_not_let_in_by_this_ones_code(door: Door, desk: Desk, cast: Cast) -> None:
    code, asked = await shown(desk)
    other = Desk(door)
    _, others = await shown(other)
    assert (await confirm(door, cast.secretary, code)).status == 204
    assert (await other.send("/enter/scan", **asked)).status == 403
    assert (await other.send("/enter/scan", **{**others, "at": asked["at"]})).status == 204
    other.cookies[ENTRY] = "guessed"
    assert (await other.send("/enter/scan", **others)).status == 403
    assert SESSION not in other.cookies
    assert (await desk.send("/enter/scan", **asked)).status == 303


async def test_a_confirmed_code_lets_its_browser_in_once(door: Door, desk: Desk, cast: Cast) -> None:
    code, asked = await shown(desk)
    assert (await desk.send("/enter/scan", **asked)).status == 204
    for _ in range(2):
        assert (await confirm(door, cast.secretary, code)).status == 204
    assert (await confirm(door, cast.editor, code)).code == "scan_used"
    entry = dict(desk.cookies)
    entered = await desk._ask("POST", "/enter/scan", data=asked, headers={"HX-Request": "true"})
    assert (entered.status, entered.headers["HX-Redirect"]) == (200, "/console/")
    assert cast.secretary.name in (await desk.see()).body.decode()
    again = Desk(door)
    again.cookies = entry
    assert (await again.send("/enter/scan", **asked)).status == 204
    assert SESSION not in again.cookies
    assert await AuditEntry.filter(action="console:scan", actor_id=cast.secretary.id).count() == 1
    assert code not in str(await ConsoleScan.all().values())


async def test_of_twenty_questions_at_once_one_enters(cast: Cast, door: Door) -> None:
    at = int(clock.now().timestamp())
    assert (await confirm(door, cast.secretary, console_scans.code_for("browser", shown_at=at))).status == 204
    entered = await asyncio.gather(*(console_scans.redeem("browser", shown_at=at) for _ in range(20)))
    assert sum(entry is not None for entry in entered) == 1


async def test_after_two_minutes_it_is_neither_confirmed_nor_redeemed(door: Door, desk: Desk, cast: Cast) -> None:
    code, asked = await shown(desk)
    late, asked_late = await shown(Desk(door))
    assert (await confirm(door, cast.secretary, code)).status == 204
    with clock.shifted(clock.now() + timedelta(seconds=125)):
        assert (await confirm(door, cast.secretary, late)).code == "scan_expired"
        page = (await desk.send("/enter/scan", **asked)).body.decode()
    assert "换一张" in page and SESSION not in desk.cookies


async def test_a_code_from_the_future_or_of_another_kind_is_none(door: Door, cast: Cast) -> None:
    later = int((clock.now() + timedelta(hours=1)).timestamp())
    assert (await confirm(door, cast.secretary, console_scans.code_for("browser", shown_at=later))).code == "scan_expired"
    for wrong in ("ABCD-EFGH-JKMN", "IN" + "0" * 28, "IN" + "Z" * 28, "二维码"):
        assert (await confirm(door, cast.secretary, wrong)).status in (409, 422), wrong
    desk = Desk(door)
    _, asked = await shown(desk)
    for at in ("", "x", "9" * 30, "-1"):
        assert (await desk.send("/enter/scan", **{**asked, "at": at})).status == 422, at


async def test_whoever_loses_the_role_after_confirming_does_not_enter(door: Door, desk: Desk, cast: Cast) -> None:
    code, asked = await shown(desk)
    assert (await confirm(door, cast.editor, code)).status == 204
    await RoleGrant.filter(member_id=cast.editor.id).delete()
    assert (await desk.send("/enter/scan", **asked)).status == 401
    assert SESSION not in desk.cookies


async def test_an_address_that_asks_for_codes_without_end_is_told_to_wait(desk: Desk) -> None:
    for _ in range(guesses.VISITS_PER_ADDRESS):
        try:
            await guesses.count_visit("code_image", "127.0.0.1")
        except TooMany:
            break
    try:
        page = await desk.see("/enter")
        assert (page.status, "暂时取不到" in page.body.decode()) == (200, True)
        assert (await desk.see("/enter?token=x")).status == 200
    finally:
        await Guess.filter(kind="code_image").delete()


async def test_who_confirms_made_up_codes_without_end_is_told_to_wait(door: Door, cast: Cast) -> None:
    made_up = [console_scans.code_for(f"browser {n}", shown_at=int(clock.now().timestamp())) for n in range(3)]
    assert (await confirm(door, cast.observer, made_up[0])).status == 204
    assert (await confirm(door, cast.secretary, made_up[1])).status == 204
    await Guess.filter(kind="console_scan").update(count=guesses.VISITS_PER_ADDRESS)
    refused = await confirm(door, cast.observer, made_up[2])
    assert (refused.status, refused.code) == (429, "too_many_attempts") and int(refused.headers["Retry-After"]) > 0
    assert await ConsoleScan.filter(member_id=cast.observer.id).count() == 1
    # Each is counted alone.
    assert (await confirm(door, cast.editor, made_up[2])).status == 204
