"""What a reminder says, why one cannot be sent, and when the daily one is due."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

EARLIEST, LATEST, TOO_LATE = "07:00", "21:30", "22:00"
NOTE = "今天的学习还未完成，请抽空打卡"
MOST_OF_A_THING = 20  # characters

# Why a member got none, for people to read.
REASONS = {
    "done": "已完成打卡",
    "on_leave": "请假中",
    "unbound": "还没有绑定微信",
    "no_template": "还没有设置订阅消息模板",
    "no_grant": "没有可用的订阅许可",
    "off": "本人已关闭提醒",
    "rejected": "本人未同意接收提醒",
    "banned": "消息模板已被停用",
    "already": "今天已经提醒过",
    "gone": "今天不再有这项任务",
    "expired": "当天已过，没有发出",
    "openid": "微信不认识这个账号",
    "template": "消息模板编号不正确",
    "page": "消息要打开的页面尚未发布",
    "fields": "消息内容与模板不符",
    "other": "微信没有接受这条消息",
}
# Reasons that leave nothing to tell the member.
TOLD = ("done", "on_leave", "already")
UNKNOWN = "微信没有答复，不知道是否送达，不会重发"


def is_time(text: str) -> bool:
    """Whether a daily reminder may be set for `text`, HH:MM within waking hours."""
    return bool(re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text)) and EARLIEST <= text <= LATEST


def first_day(at: str, *, now: str, today: date, tomorrow: date) -> date:
    """From which day a time that is set `now` (HH:MM) counts: today only when it is still to come."""
    return today if at > now else tomorrow


def is_due(at: str, since: date, *, now: str, today: date) -> bool:
    """Whether a daily reminder is to be sent `now`; one that was missed while nobody worked is sent until 22:00."""
    return since <= today and at <= now < TOO_LATE


def refusal(*, done: bool, on_leave: bool, bound: bool, configured: bool, standing: str | None, reminded: bool) -> str | None:
    """The reason why this member gets none, the one that tells most first; None when one can be sent.

    `standing`: what the grants say (no_grant, off, rejected, banned) or None."""
    if done:
        return "done"
    if on_leave:
        return "on_leave"
    if reminded:
        return "already"
    if not bound:
        return "unbound"
    return standing if configured else "no_template"


def message(fields: Sequence[tuple[str, str]], *, title: str, day: date) -> dict[str, str]:
    """The template's fields by name; `fields`: name -> title, date or note. Cut to what WeChat takes: 20 characters, one line."""
    date_text = f"{day.year}年{day.month}月{day.day}日"
    held = {"title": _thing(title), "date": date_text, "note": NOTE}
    return {name: f"{date_text} 23:59" if name.startswith("time") and holds == "date" else held[holds] for name, holds in fields}


def _thing(text: str) -> str:
    text = " ".join(text.split()) or "每日学习"
    return text if len(text) <= MOST_OF_A_THING else f"{text[: MOST_OF_A_THING - 1]}…"


def group_text(*, day: date, tasks: Iterable[tuple[str, date]]) -> str:
    """A text to paste into the WeChat group: it names nobody and counts nobody. `tasks`: the day's, each with its last day for make-up."""
    named = dict.fromkeys(("“" + " ".join(title.split()) + "”", until) for title, until in tasks)
    ends = {until for _, until in named}
    later = f"可在{max(ends).month}月{max(ends).day}日前补学" if len(ends) == 1 else "可在规定的期限内补学"
    return (
        f"【学习提醒】今天（{day.month}月{day.day}日）的学习任务是{'、'.join(title for title, _ in named)}。"
        "还没有完成的同志请在今天内打开小程序学习并打卡；"
        f"今天确有困难的，{later}。已完成的同志请忽略。"
    )


def head_text(*, day: date, names: Sequence[str]) -> str:
    """What goes to the head of a unit alone: whom no message reached."""
    return (
        f"今天（{day.month}月{day.day}日）的学习，下列同志收不到系统的提醒，请您个别转告：{'、'.join(names)}。"
        "可能是手机不便，宜先问一问。名单请勿发到群里。"
    )
