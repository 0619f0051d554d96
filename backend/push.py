"""What WeChat's server pushes do here: each event once, however often it is delivered.

Source: developers.weixin.qq.com, "授权用户资料变更": user_authorization_revoke and user_authorization_cancellation oblige to delete.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from backend import sessions
from backend.kernel import audit, clock
from backend.kernel.database import fetch, transactional
from backend.wechat.push import PushEvent, open_push, verify_url

# RevokeInfo: what the user takes back (6 nickname and avatar, 8 phone number, 13 location, …).
PHONE_NUMBER = "8"


def check_address(query: Mapping[str, str]) -> str:
    """The echostr to answer when WeChat checks the push address. Raises Forbidden."""
    return verify_url(query)


async def receive(query: Mapping[str, str], body: bytes) -> None:
    """Takes in one delivery: verified before anything else, then stored with its effect in one transaction.

    A repeated delivery and an event without meaning here have no effect. Raises Forbidden or BadRequest as `open_push`.
    """
    account_id = await _take_in(open_push(query, body))
    if account_id is not None:
        sessions.forget(account_id=account_id)


@transactional
async def _take_in(event: PushEvent) -> int | None:
    """The account that the event ended, if any."""
    is_new = await fetch(
        "INSERT INTO push_event (key, event, received_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING RETURNING id",
        event.key, event.kind, clock.now(),
    )  # fmt: skip
    effect = EFFECTS.get(event.kind)
    return await effect(event) if is_new and effect else None


async def _cancelled(event: PushEvent) -> int | None:
    """The WeChat account is closed: its openid, its binding and its sessions go; the member stays on the roster, to be invited again."""
    account = await _account(event)
    if account is None:
        return None
    # Its sessions go with the row; `receive` forgets what is remembered of them.
    await fetch("DELETE FROM account WHERE id = $1", account["id"])
    await _note("account:cancel", account, "account")
    return account["id"]


async def _revoked(event: PushEvent) -> None:
    """The user takes an authorisation back. Nothing that WeChat gave is kept (a phone number is compared and dropped), so it is noted."""
    account = await _account(event)
    if account is not None:
        await _note("account:revoke", account, "phone" if PHONE_NUMBER in re.findall(r"\d+", event.detail) else "profile")


async def _account(event: PushEvent) -> dict[str, Any] | None:
    rows = await fetch(
        "SELECT a.id, a.member_id, m.branch_id FROM account a LEFT JOIN member m ON m.id = a.member_id WHERE a.openid = $1", event.openid
    )
    return rows[0] if rows else None


async def _note(action: str, account: dict[str, Any], field: str) -> None:
    if account["member_id"] is not None:
        about = {"subject": "member", "subject_id": account["member_id"], "branch_id": account["branch_id"]}
    else:
        about = {"subject": "account", "subject_id": account["id"]}
    await audit.record(None, action, fields=[field], **about)


EFFECTS: dict[str, Callable[[PushEvent], Awaitable[int | None]]] = {
    "user_authorization_cancellation": _cancelled,
    "user_authorization_revoke": _revoked,
}
