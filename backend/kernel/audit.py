"""The audit log: written in the transaction of the change it records. Ids and field names only, never a personal value."""

from __future__ import annotations

from collections.abc import Iterable

from backend.kernel import audit_chain, clock, last_steps
from backend.kernel.access import Actor
from backend.kernel.audit_chain import Entry
from backend.kernel.database import inside_transaction, transactional


async def record(
    actor: Actor | None,
    action: str,
    *,
    subject: str,
    subject_id: int | None = None,
    branch_id: int | None = None,
    fields: Iterable[str] = (),
) -> None:
    """Notes that `actor` (None: the command line or WeChat) did `action`, a `subject:verb` such as `member:unbind`.

    The entry is appended as the last thing of the transaction under way, or in one of its own: see audit_chain.
    """
    entry = Entry(
        branch_id=branch_id if branch_id is not None else (actor.branch_id if actor else None),
        at=clock.now(),
        actor_id=actor.member_id if actor else None,
        action=action,
        subject=subject,
        subject_id=subject_id,
        fields=sorted(fields),
        request_id=actor.request_id if actor else "",
    )
    if inside_transaction():
        last_steps.add(audit_chain.append, entry)
    else:
        await _append_alone(entry)


@transactional
async def _append_alone(entry: Entry) -> None:
    await audit_chain.append([entry])
