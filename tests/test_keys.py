"""The keys: everything that is stored under an old one comes under the newest, while the service runs, and the old one can go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from commands import run
from installations import Installation, apart, installation

from backend import audit_proof, branches, keys, members, second_factors
from backend.cli import keys as keys_command
from backend.kernel import audit_chain, security, tables
from backend.kernel import settings as kernel_settings
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from backend.kernel.errors import Conflict, DakaError
from backend.kernel.settings import Settings
from backend.members_columns import hashes_of

OLD, NEW, THIRD = "a" * 64, "b" * 64, "c" * 64
NUMBERS = [f"1390000{n:04d}" for n in range(7)]


@pytest.fixture
async def own(settings: Settings, blank: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    """Seven members whose numbers were sealed with OLD; batches of three."""
    monkeypatch.setattr(keys, "AT_ONCE", 3)
    async with apart(settings), installation(settings, tmp_path) as place:
        await place.become(blank)
        try:
            async with place.opened():
                use(place, OLD)
                branch_id = await branches.create(None, name="支部")
                for number, phone in enumerate(NUMBERS):
                    await members.add(None, branch_id=branch_id, name=f"林{number}", phone=phone)
                yield place
        finally:
            kernel_settings.use(settings)


def use(place: Installation, *ring: str) -> None:
    kernel_settings.use(replace(place.settings, secret_keys=ring))


async def numbers() -> list[str]:
    rows = await fetch("SELECT phone_sealed, phone_hash FROM member WHERE phone_sealed IS NOT NULL ORDER BY id")
    opened = [security.decrypt(row["phone_sealed"], purpose="phone") for row in rows]
    assert all(row["phone_hash"] in hashes_of(text) for row, text in zip(rows, opened, strict=True))
    return opened


def test_every_sealed_column_of_the_models_is_listed():
    sealed = {(m._meta.db_table, name) for m in tables.all_models() for name in m._meta.fields_db_projection if name.endswith("_sealed")}
    assert {(field.table, field.sealed) for field in keys.FIELDS} == sealed != set()


async def test_after_a_rotation_the_old_key_can_go(own: Installation, capsys: pytest.CaptureFixture[str]):
    use(own, NEW, OLD)
    assert (await keys.usage()).by_key == [0, 7]
    await run(keys_command, "rotate")
    told = capsys.readouterr().out
    assert "不再需要" in told and "这次改了 7 条" in told and not any(secret in told for secret in (OLD, NEW, *NUMBERS))
    use(own, NEW)
    assert await numbers() == NUMBERS and (await keys.usage()).by_key == [7]
    assert await audit_proof.faults(elsewhere=own.settings) == []
    with pytest.raises(Conflict) as taken:
        await members.add(None, branch_id=1, name="林六", phone=NUMBERS[6])
    assert taken.value.code == "phone_taken"
    assert await run(keys_command, "status") == 0 and "7 条" in capsys.readouterr().out


async def test_a_rotation_that_was_cut_off_goes_on_and_spares_what_is_changed_meanwhile(own: Installation):
    use(own, NEW, OLD)

    def cut_off(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await keys.rotate(told=cut_off)
    assert (await keys.usage()).by_key == [3, 4] and await numbers() == NUMBERS
    last = (await fetch("SELECT MAX(id) AS id FROM member"))[0]["id"]
    looked_at = await keys._some(keys.FIELDS[0], 0, 99)
    await members.change(None, member_id=last, changes={"phone": "13911112222"})
    assert await keys._rotate(keys.FIELDS[0], looked_at, False) == (4, 0)
    assert await numbers() == [*NUMBERS[:-1], "13911112222"]
    assert await keys.rotate() == (0, 0)


async def test_a_second_factor_rotates_too_and_goes_when_its_key_is_lost(own: Installation):
    member = (await fetch("SELECT MIN(id) AS id FROM member"))[0]["id"]
    actor = Actor(session_id=0, member_id=member, branch_id=1, name="林")
    _, secret = await second_factors.begin(actor)
    use(own, NEW, OLD)
    assert await keys.rotate() == (8, 0)
    use(own, NEW)
    assert (await second_factors.begin(actor))[1] == secret
    use(own, THIRD)
    assert await keys.rotate(lost=True) == (0, 8)
    assert await fetch("SELECT id FROM second_factor") == []
    assert (await second_factors.begin(actor))[1] != secret


async def test_without_the_old_key_nothing_is_lost_by_trying(own: Installation):
    use(own, THIRD)
    before = await fetch("SELECT id, phone_sealed, phone_hash FROM member ORDER BY id")
    with pytest.raises(DakaError) as refused:
        await keys.rotate()
    assert refused.value.code == "keys_missing"
    assert await fetch("SELECT id, phone_sealed, phone_hash FROM member ORDER BY id") == before
    assert (await keys.usage()).shut == 7


async def test_what_no_key_opens_is_given_up_only_when_asked(own: Installation):
    use(own, THIRD)
    assert await keys.rotate(lost=True) == (0, 7)
    assert await numbers() == [] and await audit_proof.faults(elsewhere=own.settings) == []
    assert (await fetch("SELECT COUNT(*) AS n FROM audit_entry WHERE action = 'member:correct'"))[0]["n"] == 7


async def test_a_log_that_was_tampered_with_is_not_sealed_anew(own: Installation):
    use(own, NEW, OLD)
    await fetch("UPDATE audit_head SET hash = $1", audit_chain.START)
    with pytest.raises(DakaError) as refused:
        await keys.rotate()
    assert refused.value.code == "audit_not_whole" and (await keys.usage()).by_key == [0, 7]
