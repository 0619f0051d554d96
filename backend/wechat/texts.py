"""Checking a text with msgSecCheck 2.0: at most 2,500 characters a call, so that a longer one goes in parts, and the worst verdict wins."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from backend.wechat import answers
from backend.wechat.answers import Answer, Kind

log = logging.getLogger(__name__)

LONGEST = 2500


class Scene(IntEnum):
    """What kind of text it is, in WeChat's numbers."""

    PROFILE = 1
    COMMENT = 2
    FORUM = 3
    LOG = 4


class Verdict(StrEnum):
    """In rising order of what is to be done. UNKNOWN: not checked, so that a person has to."""

    PASS = "pass"
    UNKNOWN = "unknown"
    REVIEW = "review"
    RISKY = "risky"


ORDER = list(Verdict)


@dataclass(frozen=True, slots=True)
class TextCheck:
    """`label` is WeChat's number for what it found (20001: politics; 0: nothing was found). `reason` says why a text went unchecked:

    `no_recent_visit` (the person has not opened the mini-program for 2 hours), `openid`, `busy` (a quota is spent), `refused` (what we
    sent was wrong, an alarm was raised), `unavailable`. Only `busy` and `unavailable` can change by asking later.
    """

    verdict: Verdict
    label: int = 0
    reason: str = ""

    @property
    def worth_another_try(self) -> bool:
        return self.reason in ("busy", "unavailable")


def worst(checks: list[TextCheck]) -> TextCheck:
    """The check that decides; the first of equals. A text without parts passes."""
    return max(checks, key=lambda check: ORDER.index(check.verdict), default=TextCheck(Verdict.PASS))


def parts(text: str) -> list[str]:
    """The text in parts of at most LONGEST characters, cut between paragraphs; a longer paragraph after a sentence, or where it must be.

    Joined, the parts are the text. Characters beyond U+FFFF count as two, as WeChat may count them. Blank texts have no parts.
    """
    if not text.strip():
        return []
    found, current, room = [], [], LONGEST
    for piece in _pieces(text):
        if width(piece) > room:
            found.append("".join(current))
            current, room = [], LONGEST
        current.append(piece)
        room -= width(piece)
    return [part for part in (*found, "".join(current)) if part]


def _pieces(text: str) -> list[str]:
    """Paragraphs with their line ends; those that are too long as sentences; those as runs that fit."""
    found = []
    for paragraph in text.splitlines(keepends=True):
        sentences = [paragraph] if width(paragraph) <= LONGEST else re.findall(r"[^。！？；!?;]*[。！？；!?;]+|[^。！？；!?;]+$", paragraph)
        for sentence in sentences:
            # Half of LONGEST fits even if every character counts as two.
            step = len(sentence) if width(sentence) <= LONGEST else LONGEST // 2
            found += [sentence[at : at + step] for at in range(0, len(sentence), step)]
    return found


def width(text: str) -> int:
    """The number of UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def body(part: str, *, openid: str, scene: Scene) -> dict[str, Any]:
    return {"content": part, "version": 2, "scene": int(scene), "openid": openid}


def check_of(answer: Answer, endpoint: str) -> TextCheck:
    """What WeChat thinks of one part. Raises TooMany and Unavailable for refusals that are not this text's affair."""
    if answer.kind in (Kind.USER, Kind.CONTENT):
        if answer.kind is Kind.CONTENT:
            answers.alarm(answer, endpoint)
            return TextCheck(Verdict.UNKNOWN, reason="refused")
        log.info("wechat %s: errcode %s, rid %s", endpoint, answer.errcode, answer.rid)
        return TextCheck(Verdict.UNKNOWN, reason="no_recent_visit" if answer.errcode == answers.NO_RECENT_VISIT else "openid")
    result = answers.demand_ok(answer, endpoint).get("result")
    found = result if isinstance(result, dict) else {}
    suggest, label = found.get("suggest"), found.get("label")
    if suggest not in ("pass", "review", "risky"):
        raise answers.not_understood(endpoint)
    return TextCheck(Verdict(suggest), label if isinstance(label, int) and suggest != "pass" else 0)
