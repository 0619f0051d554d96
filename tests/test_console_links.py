"""One-time links into the console: who gets one, and that it works once, in time, for the right person."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from people import Cast

from backend import console_links, sessions
from backend.cli import console as command
from backend.cli.main import parser
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.errors import Conflict, Forbidden, NotFound, Unauthorised
from backend.kernel.settings import Settings
from models.audit import AuditEntry
from models.auth import ConsoleLink, Session
from models.members import Member, RoleGrant


def as_actor(cast: Cast, person: object, *roles: str) -> Actor:
    return Actor(session_id=1, member_id=person.id, branch_id=cast.branch.id, roles=frozenset(roles))


async def test_a_member_without_a_role_gets_no_link(cast: Cast) -> None:
    with pytest.raises(Conflict) as refused:
        await console_links.create(None, member_id=cast.alice.id)
    assert refused.value.code == "no_role"
    with pytest.raises(NotFound):
        await console_links.create(None, member_id=10**15)


async def test_nobody_gets_a_link_for_somebody_else(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        await console_links.create(as_actor(cast, cast.secretary, "secretary"), member_id=cast.editor.id)
    assert await console_links.create(as_actor(cast, cast.secretary, "secretary"), member_id=cast.secretary.id)


async def test_each_of_the_four_roles_enters_once_and_in_the_console_alone(cast: Cast) -> None:
    for person in (cast.secretary, cast.editor, cast.unit_head, cast.observer):
        link = await console_links.create(None, member_id=person.id)
        token, until, _ = await console_links.redeem(link)
        assert timedelta(hours=11) < until - clock.now() <= timedelta(hours=12)
        assert (await sessions.actor_of(token, kind="console")).member_id == person.id
        with pytest.raises(Unauthorised):
            await sessions.actor_of(token)
        with pytest.raises(Unauthorised) as refused:
            await console_links.redeem(link)
        assert refused.value.code == "link_invalid"


async def test_of_twenty_people_with_one_link_one_enters(cast: Cast) -> None:
    link = await console_links.create(None, member_id=cast.secretary.id)
    outcomes = await asyncio.gather(*(console_links.redeem(link) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert all(isinstance(outcome, tuple | Unauthorised) for outcome in outcomes)
    assert await Session.filter(member_id=cast.secretary.id, kind="console").count() == 1


async def test_a_link_is_good_for_thirty_minutes(cast: Cast) -> None:
    begin = clock.now()
    links = [await console_links.create(None, member_id=cast.secretary.id) for _ in range(2)]
    with clock.shifted(begin + timedelta(minutes=29, seconds=50)):
        assert await console_links.redeem(links[0])
    with clock.shifted(begin + timedelta(minutes=30, seconds=30)), pytest.raises(Unauthorised):
        await console_links.redeem(links[1])


async def test_a_link_dies_with_the_last_role_and_with_leaving(cast: Cast) -> None:
    link = await console_links.create(None, member_id=cast.editor.id)
    await RoleGrant.filter(member_id=cast.editor.id).delete()
    with pytest.raises(Unauthorised):
        await console_links.redeem(link)
    link = await console_links.create(None, member_id=cast.unit_head.id)
    await Member.filter(id=cast.unit_head.id).update(left_on=clock.today())
    with pytest.raises(Unauthorised):
        await console_links.redeem(link)


async def test_a_link_is_audited_and_its_token_is_not_kept(cast: Cast) -> None:
    link = await console_links.create(None, member_id=cast.secretary.id)
    entry = await AuditEntry.get(action="console:link", subject_id=cast.secretary.id)
    assert (entry.branch_id, entry.actor_id, entry.subject) == (cast.branch.id, None, "member")
    stored = await ConsoleLink.filter(member_id=cast.secretary.id).values()
    assert link not in str(stored)


async def test_the_command_prints_the_address_and_says_that_it_works_once(
    cast: Cast, settings: Settings, capsys: pytest.CaptureFixture
) -> None:
    top = parser()
    if "console" not in top.format_help():
        command.add(top._subparsers._group_actions[0])
    parsed = top.parse_args(["console", "link", str(cast.secretary.id)])
    await parsed.run(parsed, settings)
    address, notice = capsys.readouterr().out.splitlines()
    assert address.startswith(f"{settings.public_url}/console/enter?token=")
    assert "只能使用一次" in notice
    assert await console_links.redeem(address.partition("token=")[2])
