"""Which row of a roster file is which member: by phone number, else by a name that leaves no doubt."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.rules import names


@dataclass(frozen=True, slots=True)
class Row:
    """`hashes`: the look-up values of its phone number, none without a number."""

    number: int
    name: str
    hashes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A member on the roster; `active` is false for one who has left."""

    id: int
    name: str
    phone_hash: str | None = None
    active: bool = True


LEFT = "名册中的这名成员已离开支部，请先在名册中恢复，再导入。"
TWICE = "与第 {0} 行是同一名成员。"
SAME_NAMES = "文件中有同名的行，请填写手机号以便区分。"
SEVERAL = "名册中有多名同名成员，请填写手机号以便区分。"
OTHER_PHONE = "名册中同名成员的手机号与此不同：若是同一人，请先在名册中修改手机号；若是另一人，请单独新增。"


def match(rows: Sequence[Row], known: Iterable[Known]) -> tuple[dict[int, int | None], list[tuple[int, str]]]:
    """({row number: member id, None for a new member}, [(row number, reason in Chinese)]): each row is in one of the two."""
    roster = list(known)
    found: dict[int, int | None] = {}
    faults: list[tuple[int, str]] = []
    taken = _by_phone(rows, roster, found, faults)
    refused = {number for number, _ in faults}
    unsure = [row for row in rows if row.number not in found and row.number not in refused]
    times = Counter(names.key(row.name) for row in unsure)
    for row in unsure:
        namesakes = [member for member in roster if names.key(member.name) == names.key(row.name) and member.id not in taken]
        reason = _doubt(row, namesakes, times[names.key(row.name)])
        if reason:
            faults.append((row.number, reason))
        else:
            found[row.number] = next((member.id for member in namesakes if member.active), None)
    return found, sorted(faults)


def _by_phone(rows: Sequence[Row], roster: list[Known], found: dict[int, int | None], faults: list[tuple[int, str]]) -> dict[int, int]:
    by_hash = {member.phone_hash: member for member in roster if member.phone_hash}
    taken: dict[int, int] = {}
    for row in rows:
        member = next((by_hash[value] for value in row.hashes if value in by_hash), None)
        if member is None:
            continue
        if not member.active:
            faults.append((row.number, LEFT))
        elif member.id in taken:
            faults.append((row.number, TWICE.format(taken[member.id])))
        else:
            taken[member.id] = row.number
            found[row.number] = member.id
    return taken


def _doubt(row: Row, namesakes: list[Known], times: int) -> str | None:
    """Why the row cannot be told from somebody else; None when it can. `times`: rows of this name that no number has told apart."""
    active = [member for member in namesakes if member.active]
    if times > 1 and (not row.hashes or active):
        return SAME_NAMES
    if len(active) > 1:
        return SEVERAL
    if active:
        return OTHER_PHONE if row.hashes and active[0].phone_hash else None
    return LEFT if namesakes and not row.hashes else None
