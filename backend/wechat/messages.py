"""Subscription messages: one accepted prompt is one message, so that nothing is sent twice, not even when the answer is lost."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backend.wechat import answers
from backend.wechat.answers import Answer, Kind

log = logging.getLogger(__name__)

_FIELD = re.compile(r"[a-z_]{1,20}[0-9]{1,2}")
_NAMED_FIELD = re.compile(r"data\.([a-z_]{1,20}[0-9]{1,2})\.value")

REASONS = {
    answers.NO_GRANT: "no_grant",
    answers.OPENID_UNKNOWN: "openid",
    40037: "template",
    41030: "page",
    47003: "fields",
}


class Outcome(StrEnum):
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message. Final in every case: SENT and UNKNOWN because a second one would be a second message (and cost a
    second grant), REFUSED because WeChat would say so again.

    `reason` of a refusal: `no_grant` (the person refused, or no accepted prompt is left), `openid`; and with an alarm `template`, `page`,
    `fields`, `other`.
    """

    outcome: Outcome
    reason: str = ""


def body(openid: str, template_id: str, page: str, fields: Mapping[str, str], *, state: str) -> dict[str, Any]:
    """The request; `state` is developer, trial or formal: the version of the mini-program that the message opens.

    Raises ValueError for a field name that no template has: a defect of ours, which WeChat is not asked about.
    """
    if not fields or not all(_FIELD.fullmatch(name) for name in fields):
        raise ValueError("a template's fields are called thing1, time2, …")
    return {
        "touser": openid,
        "template_id": template_id,
        "page": page,
        "data": {name: {"value": value} for name, value in fields.items()},
        "miniprogram_state": state,
        "lang": "zh_CN",
    }


def delivery_of(answer: Answer, endpoint: str) -> Delivery:
    """SENT or REFUSED. Raises TooMany and Unavailable where WeChat would not take any message now: it was not sent."""
    if answer.kind in (Kind.OK, Kind.RATE, Kind.CREDENTIALS):
        answers.demand_ok(answer, endpoint)
        return Delivery(Outcome.SENT)
    if answer.kind is not Kind.USER:
        answers.alarm(answer, endpoint)
    named = _NAMED_FIELD.search(str(answer.fields.get("errmsg", "")))
    log.info("wechat %s: errcode %s, field %s, rid %s", endpoint, answer.errcode, named[1] if named else "-", answer.rid)
    return Delivery(Outcome.REFUSED, REASONS.get(answer.errcode or 0, "other"))
