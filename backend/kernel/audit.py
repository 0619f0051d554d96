"""The audit log: written in the transaction of the change it records. Ids and field names only, never a personal value."""

from __future__ import annotations

from collections.abc import Iterable

from backend.kernel import clock
from backend.kernel.access import Actor
from models.audit import AuditEntry


async def record(
    actor: Actor | None,
    action: str,
    *,
    subject: str,
    subject_id: int | None = None,
    branch_id: int | None = None,
    fields: Iterable[str] = (),
) -> None:
    """Notes that `actor` (None: the command line or WeChat) did `action`, a `subject:verb` such as `member:unbind`."""
    await AuditEntry.create(
        branch_id=branch_id if branch_id is not None else (actor.branch_id if actor else None),
        at=clock.now(),
        actor_id=actor.member_id if actor else None,
        action=action,
        subject=subject,
        subject_id=subject_id,
        fields_changed=sorted(fields),
        request_id=actor.request_id if actor else "",
    )
