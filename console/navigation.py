"""The console's main navigation, one list: a page of its own gets a line here, and whoever may not see the page gets no link to it."""

from __future__ import annotations

from dataclasses import dataclass

from backend.kernel.access import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` below /console; `who`: a capability of kernel.access, the one that the page itself asks for."""

    label: str
    path: str
    who: str


ENTRIES = (
    Entry("今日", "/", "stats.read"),
    Entry("提醒", "/reminders", "reminders.send"),
    Entry("覆盖", "/coverage", "stats.read"),
    Entry("成员", "/members", "members.read"),
    Entry("代录", "/paper", "checkins.record"),
    Entry("办理", "/requests", "leaves.decide"),
    Entry("计划", "/plans", "plans.read"),
    Entry("题库", "/questions", "content.read"),
    Entry("文本", "/texts", "content.read"),
    Entry("设置", "/settings", "roster.write"),
    Entry("操作记录", "/audit", "audit.read"),
)


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    path: str
    is_current: bool


def links(actor: Actor, path: str) -> list[Link]:
    """What `actor` may open, in the order of ENTRIES; `path` (below /console) marks the entry it lies under."""
    seen = [entry for entry in ENTRIES if actor.has(entry.who)]
    current = max((entry for entry in seen if _lies_under(path, entry.path)), key=lambda entry: len(entry.path), default=None)
    return [Link(entry.label, entry.path, entry is current) for entry in seen]


def _lies_under(path: str, entry: str) -> bool:
    return path.rstrip("/") == entry.rstrip("/") or (entry != "/" and path.startswith(f"{entry}/"))
