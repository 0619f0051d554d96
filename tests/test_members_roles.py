"""Roles and bindings: never one's own, never the last secretary, and effective at once."""

from __future__ import annotations

import asyncio

import pytest
from commands import run
from door import Door
from people import Cast, Person, add_person

from backend import members, sessions
from backend.cli import branch as branch_commands
from backend.cli import member as member_commands
from backend.kernel import clock, security
from backend.kernel.errors import Conflict, NotFound
from models.auth import Account, ConsoleLink, Session
from models.members import Invite, Member, Role, RoleGrant


async def _set(door: Door, who: Person, member_id: int, *roles: str):
    return await door.ask("PUT", f"/members/{member_id}/roles", who, json={"roles": list(roles)})


async def test_only_the_secretary_changes_roles(door: Door, cast: Cast):
    for person in (cast.alice, cast.editor, cast.unit_head, cast.observer):
        assert (await _set(door, person, cast.bob.id, "editor")).status == 403
    assert (await _set(door, cast.other_secretary, cast.bob.id, "editor")).status == 404
    assert (await _set(door, cast.secretary, cast.bob.id, "emperor")).status == 422
    assert await RoleGrant.filter(member_id=cast.bob.id).count() == 0


async def test_a_new_role_works_at_once_and_is_audited(door: Door, cast: Cast):
    assert (await door.get("/members", cast.alice)).status == 403
    assert (await _set(door, cast.secretary, cast.alice.id, "editor", "unit_head", "editor")).json == {"roles": ["editor", "unit_head"]}
    assert (await door.get("/members", cast.alice)).status == 200
    assert (await _set(door, cast.secretary, cast.alice.id)).json == {"roles": []}
    assert (await door.get("/members", cast.alice)).status == 403
    log = (await door.get("/audit", cast.secretary, params={"action": "member:roles"})).json["items"]
    assert [entry["fields"] for entry in log] == [["+editor", "+unit_head"], ["-editor", "-unit_head"]]


async def test_nobody_changes_the_own_roles(door: Door, cast: Cast):
    reply = await _set(door, cast.secretary, cast.secretary.id, "secretary", "observer")
    assert (reply.status, reply.code) == (409, "own_roles")
    assert await members.grant(None, member_id=cast.secretary.id, role=Role.OBSERVER) == ["observer", "secretary"]


async def test_the_last_secretary_can_neither_be_removed_nor_leave(door: Door, cast: Cast):
    with pytest.raises(Conflict) as refused:
        await members.revoke(None, member_id=cast.secretary.id, role=Role.SECRETARY)
    assert refused.value.code == "last_secretary"
    away = {"left_on": clock.today().isoformat()}
    assert (await door.ask("PATCH", f"/members/{cast.secretary.id}", cast.secretary, json=away)).code == "last_secretary"
    assert (await _set(door, cast.secretary, cast.alice.id, "secretary")).status == 200
    assert (await _set(door, cast.alice, cast.secretary.id)).json == {"roles": []}
    assert (await door.ask("PATCH", f"/members/{cast.alice.id}", cast.alice, json=away)).code == "last_secretary"


async def test_a_secretary_who_is_about_to_leave_does_not_count_as_one_who_stays(door: Door, cast: Cast):
    second = await add_person(cast.branch, "副书记", roles=(Role.SECRETARY,))
    assert (await door.ask("PATCH", f"/members/{second.id}", cast.secretary, json={"left_on": "2999-01-01"})).status == 200
    assert (await _set(door, second, cast.secretary.id)).code == "last_secretary"


async def test_two_secretaries_who_remove_each_other_leave_one(door: Door, cast: Cast):
    for _ in range(5):
        second = await add_person(cast.branch, "另一书记", roles=(Role.SECRETARY,))
        first = (await RoleGrant.filter(role=Role.SECRETARY, member__branch_id=cast.branch.id).exclude(member_id=second.id).get()).member_id
        outcomes = await asyncio.gather(
            *(members.revoke(None, member_id=one, role=Role.SECRETARY) for one in (first, second.id)), return_exceptions=True
        )
        assert sorted(isinstance(outcome, Conflict) for outcome in outcomes) == [False, True]
        assert await RoleGrant.filter(role=Role.SECRETARY, member__branch_id=cast.branch.id).count() == 1


async def test_who_has_left_takes_no_role(door: Door, cast: Cast):
    await Member.filter(id=cast.bob.id).update(left_on=clock.today())
    assert (await _set(door, cast.secretary, cast.bob.id, "editor")).code == "member_left"


async def test_an_invitation_replaces_the_last_and_only_its_hash_is_kept(door: Door, cast: Cast):
    path = f"/members/{cast.bob.id}/invite"
    assert (await door.post(path, cast.alice)).status == 403
    first, second = await door.post(path, cast.editor), await door.post(path, cast.secretary)
    assert first.json["invite_code"] != second.json["invite_code"]
    assert second.json["expires_at"].endswith("+08:00")
    kept = await Invite.get(member_id=cast.bob.id)
    assert kept.code_hash == security.token_hash(security.plain_code(second.json["invite_code"].lower()))
    lasts = kept.expires_at - clock.now()
    assert 6.99 < lasts.total_seconds() / 86400 <= 7
    replies = await asyncio.gather(*(door.post(path, cast.secretary) for _ in range(8)))
    assert {reply.status for reply in replies} == {200}
    assert await Invite.filter(member_id=cast.bob.id).count() == 1


async def test_unbinding_ends_every_session_and_frees_the_account(door: Door, cast: Cast):
    path = f"/members/{cast.alice.id}/unbind"
    assert (await door.post(path, cast.bob)).status == 403
    await sessions.open_session(member_id=cast.alice.id, account_id=None, kind="console")
    link = await ConsoleLink.create(member_id=cast.alice.id, token_hash=security.token_hash(security.new_token()), expires_at=clock.now())
    assert (await door.get("/units", cast.alice)).status == 200
    assert (await door.post(path, cast.secretary)).status == 204
    assert not await ConsoleLink.exists(id=link.id)
    assert (await door.get("/units", cast.alice)).status == 401
    account = await Account.get(openid=cast.alice.openid)
    assert (account.member_id, account.bound_at) == (None, None)
    assert await Session.filter(member_id=cast.alice.id, ended_at=None).count() == 0
    assert (await door.post(path, cast.secretary)).status == 204
    log = (await door.get("/audit", cast.secretary, params={"action": "member:unbind"})).json["items"]
    assert [(entry["subject_id"], entry["fields"]) for entry in log] == [(cast.alice.id, ["account"])]


async def test_the_command_unbinds_too(door: Door, cast: Cast, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(NotFound, match="没有编号为 999999 的成员"):
        await run(member_commands, "unbind", "999999")
    await run(member_commands, "unbind", str(cast.alice.id))
    assert f"成员 {cast.alice.id} 没有绑定微信了" in capsys.readouterr().out
    assert (await door.get("/me", cast.bob)).status == 200 and (await door.get("/me", cast.alice)).status == 401


async def test_the_commands_lead_from_nothing_to_a_secretary_with_a_code(door: Door, cast: Cast, capsys: pytest.CaptureFixture[str]):
    def printed() -> str:
        return capsys.readouterr().out.strip()

    await run(branch_commands, "create", f"命令支部{cast.branch.id}", "--parent", str(cast.above.id))
    branch_id = printed()
    await run(member_commands, "add", "首任书记", "--branch", branch_id, "--phone", "13500135000", "--unit", "机关组", "--status", "full")
    member_id = printed()
    await run(member_commands, "role", member_id, "--add", "secretary")
    assert printed().endswith("职责：书记")
    await run(member_commands, "invite", member_id)
    code = printed()
    assert await Invite.exists(member_id=int(member_id), code_hash=security.token_hash(security.plain_code(code)))
    await run(member_commands, "list", "--branch", branch_id)
    assert printed().split("\t") == [member_id, "首任书记", "机关组", "会员", "正式党员", "书记", "未绑定"]
    with pytest.raises(Conflict):
        await run(member_commands, "role", member_id, "--remove", "secretary")
    await run(branch_commands, "list")
    assert f"{branch_id}\t命令支部{cast.branch.id}\t上级 {cast.above.id}" in printed().splitlines()
    for words in (("add", "无处可去", "--branch", str(2**62)), ("invite", str(2**62)), ("list", "--branch", str(2**62))):
        with pytest.raises(NotFound):
            await run(member_commands, *words)
    for words in (("invite", "9" * 30), ("add", "某人", "--branch", "甲"), ("add", "某人", "--branch", branch_id, "--joined", "昨天")):
        with pytest.raises(SystemExit):
            await run(member_commands, *words)
        assert "应为" in capsys.readouterr().err


async def test_a_code_handed_out_before_the_role_does_not_carry_it(door: Door, cast: Cast):
    """An editor invites an ordinary member and keeps the code; the member is made secretary; the code is worth nothing."""
    person = await add_person(cast.branch, "新书记", bound=False)
    kept = (await door.post(f"/members/{person.id}/invite", cast.editor)).json["invite_code"]
    given = await door.ask("PUT", f"/members/{person.id}/roles", cast.secretary, json={"roles": ["secretary"]})
    assert given.status == 200, given.body
    tried = await door.post("/auth/bind", cast.passer_by, {"name": "新书记", "invite_code": kept})
    assert (tried.status, tried.code) == (404, "not_on_roster")
    assert (await door.post(f"/members/{person.id}/invite", cast.editor)).code == "secretary_only"


async def test_an_editor_cannot_move_a_unit_head_to_another_unit(door: Door, cast: Cast):
    moved = await door.ask("PATCH", f"/members/{cast.unit_head.id}", cast.editor, json={"unit": cast.units[1].id})
    assert (moved.status, moved.code) == (403, "secretary_only")
    assert (await door.ask("PATCH", f"/members/{cast.unit_head.id}", cast.secretary, json={"unit": cast.units[1].id})).status == 200
