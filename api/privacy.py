"""The rights over the own data over HTTP: a copy of everything, and leaving."""

from __future__ import annotations

from typing import Any

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, endpoint
from backend import privacy, privacy_export

blueprint = Blueprint("privacy")

Rows = list[dict[str, Any]]


class Export(msgspec.Struct):
    """本人的全部数据，每个列表对应一类记录。"""

    exported_at: str
    member: dict[str, Any]
    standings: Rows
    roles: Rows
    invites: Rows
    consents: Rows
    accounts: Rows
    sessions: Rows
    console_links: Rows
    console_scans: Rows
    second_factors: Rows
    recovery_codes: Rows
    leaves: Rows
    plans: Rows
    readings: Rows
    answers: Rows
    answer_tallies: Rows
    reviews: Rows
    check_ins: Rows
    idempotency_keys: Rows
    reflections: Rows
    feedback: Rows
    corrections: Rows
    subscriptions: Rows
    reminders: Rows
    grant_entries: Rows
    task_fetches: Rows
    audit_entries: Rows


@endpoint(blueprint, "GET", "/me/export", who=MEMBER, summary="本人的全部数据", reply=Export)
async def export(call: Call) -> dict:
    return await privacy_export.export(call.actor)


@endpoint(
    blueprint, "POST", "/me/withdraw-consent", who=MEMBER, summary="撤回同意并退出：清除个人信息，结束所有登录，不可恢复",
    status=204, also=(409,),
)  # fmt: skip
async def withdraw(call: Call) -> None:
    await privacy.withdraw(call.actor)
