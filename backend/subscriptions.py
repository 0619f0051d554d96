"""Grants for reminders (订阅消息): one accepted prompt is one message. WeChat tells nobody how many are left, so they are counted here.

A grant is counted when the phone reports the prompt, and goes only by a message: sent, or perhaps sent. Where WeChat says that none is
left (43101) it is believed: what was counted has lapsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backend.kernel import clock, metrics, settings
from backend.kernel.access import Actor
from backend.kernel.database import fetch, int_list, lock_rows, transactional
from backend.kernel.errors import Conflict, Invalid
from models.subscriptions import GrantEntry, GrantReason, Subscription

ANSWERS = ("accept", "reject", "ban", "filter")
MOST_LEFT = 200


def templates() -> tuple[str, ...]:
    """The template ids that a phone asks for: none as long as the setting is empty."""
    chosen = settings.current().wechat_reminder_template
    return (chosen,) if chosen else ()


async def own(actor: Actor) -> list[dict[str, Any]]:
    """[{"template_id", "purpose": "reminder", "left", "on", "last"}], one for each template in use; `last`: the newest prompt's result."""
    last = await fetch(
        "SELECT template_id, reason FROM grant_entry WHERE id IN "
        "(SELECT MAX(id) FROM grant_entry WHERE member_id = $1 AND prompt IS NOT NULL GROUP BY template_id)",
        actor.member_id,
    )
    found = {row.template_id: row for row in await Subscription.filter(member_id=actor.member_id)}
    results = {row["template_id"]: row["reason"] for row in last}
    return [
        {
            "template_id": template,
            "purpose": "reminder",
            "left": found[template].remaining if template in found else 0,
            "on": found[template].is_on if template in found else False,
            "last": results.get(template),
        }
        for template in templates()
    ]


async def report(actor: Actor, *, prompt: str, results: Mapping[str, str]) -> list[dict[str, Any]]:
    """Takes in what wx.requestSubscribeMessage gave, template id -> accept, reject, ban or filter; the same `prompt` again counts once.

    An acceptance switches reminders on. Raises Invalid for an unknown template or result, Conflict `reminders_not_configured`.
    """
    if not templates():
        raise Conflict("还没有设置订阅消息模板，请联系管理员。", code="reminders_not_configured")
    errors = [{"field": f"results.{name[:64]}", "message": "不认识的模板"} for name in results if name not in templates()]
    errors += [{"field": f"results.{name[:64]}", "message": "不认识的结果"} for name, given in results.items() if given not in ANSWERS]
    if errors or not results:
        raise Invalid(errors=errors or [{"field": "results", "message": "请填写订阅结果"}])
    for template, given in results.items():
        if await _note(actor.member_id, template, GrantReason(given), prompt=prompt):
            metrics.grants.labels(given).inc()
    return await own(actor)


async def switch(actor: Actor, *, on: bool) -> list[dict[str, Any]]:
    """Reminders on or off, by one tap; grants stay counted. As `own`."""
    for template in templates():
        await _note(actor.member_id, template, GrantReason.ON if on else GrantReason.OFF)
    return await own(actor)


@transactional
async def _note(member_id: int, template: str, reason: GrantReason, *, prompt: str | None = None) -> bool:
    """One line of the ledger and what it changes; False where the prompt is known or nothing changes."""
    await lock_rows("member", [member_id], strength="FOR NO KEY UPDATE")
    if prompt is not None and await GrantEntry.exists(member_id=member_id, template_id=template, prompt=prompt):
        return False
    kept = await Subscription.get_or_none(member_id=member_id, template_id=template)
    kept = kept or Subscription(member_id=member_id, template_id=template, remaining=0, is_on=False, changed_at=clock.now())
    change = 1 if reason is GrantReason.ACCEPT and kept.remaining < MOST_LEFT else 0
    switched = {GrantReason.ACCEPT: True, GrantReason.ON: True, GrantReason.OFF: False}.get(reason, kept.is_on)
    if prompt is None and switched == kept.is_on:
        return False
    await _write(kept, change, reason, switched, prompt)
    return True


async def _write(kept: Subscription, change: int, reason: GrantReason, is_on: bool, prompt: str | None = None) -> None:
    kept.remaining, kept.is_on, kept.changed_at = kept.remaining + change, is_on, clock.now()
    await kept.save()
    await GrantEntry.create(
        member_id=kept.member_id, template_id=kept.template_id, change=change, reason=reason, prompt=prompt, at=kept.changed_at
    )


async def spend(member_id: int, template: str, reason: GrantReason) -> None:
    """A message was sent, or its outcome is unknown: one grant less; or WeChat knows of none (LAPSED): none left.

    Inside the transaction that settles the message; never below zero. What is not there (the member has left) is not spent.
    """
    await lock_rows("member", [member_id], strength="FOR NO KEY UPDATE")
    kept = await Subscription.get_or_none(member_id=member_id, template_id=template)
    if kept is not None and kept.remaining > 0:
        await _write(kept, -kept.remaining if reason is GrantReason.LAPSED else -1, reason, kept.is_on)


async def standing(member_ids: Iterable[int], template: str) -> dict[int, str]:
    """Of these members those whom no message can reach, and why: as `grants`. One query."""
    return {member_id: reason for member_id, (_, reason) in (await grants(member_ids, template)).items() if reason}


async def grants(member_ids: Iterable[int], template: str) -> dict[int, tuple[int, str | None]]:
    """How many messages each of these members may still get, and why none can reach them, None where one can: no_grant, off, rejected,
    banned (the newest prompt). One query."""
    rows = await fetch(
        "SELECT m.id, s.remaining, s.is_on, (SELECT e.reason FROM grant_entry e WHERE e.member_id = m.id AND e.template_id = $1 "  # noqa: S608
        "AND e.prompt IS NOT NULL ORDER BY e.id DESC LIMIT 1) AS last "
        "FROM member m LEFT JOIN subscription s ON s.member_id = m.id AND s.template_id = $1 "
        f"WHERE m.id IN ({int_list(member_ids)})",
        template,
    )
    found = {}
    for row in rows:
        refused = {"reject": "rejected", "ban": "banned"}.get(row["last"] or "", "no_grant")
        stands = (None if row["is_on"] else "off") if row["remaining"] else refused
        found[row["id"]] = (row["remaining"] or 0, stands)
    return found
