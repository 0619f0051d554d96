"""What a browser is told with every page, and that no page needs more than that: nothing inline, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from door import Door
from people import Cast
from trust.pages import every_page

from api.requests import PAGE_HEADERS
from backend import sessions

ROOT = Path(__file__).parent.parent
SERVED = [path for folder in ("console/templates", "api/static") for path in sorted((ROOT / folder).rglob("*.html"))]


def directives(policy: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in policy.split(";")) if words}


def refuse_loose(text: str) -> None:
    """A policy under which nothing inline runs and nothing comes from elsewhere."""
    policy = directives(text)
    sources = {source for words in policy.values() for source in words}
    assert sources <= {"'self'", "'none'", "data:"} and policy["default-src"] in (["'self'"], ["'none'"]), text
    assert policy["base-uri"] == policy["frame-ancestors"] == ["'none'"] and "form-action" in policy, text


def test_the_policy_lets_nothing_inline_run_and_nothing_from_elsewhere_load():
    refuse_loose(PAGE_HEADERS["Content-Security-Policy"])


async def test_every_page_bears_the_headers_whoever_asks_and_whatever_comes_of_it(door: Door, cast: Cast):
    token, _ = await sessions.open_session(member_id=cast.secretary.id, account_id=None, kind="console")
    seen = set()
    for path, cookie in every_page(token):
        reply = await door.get(path, root=True, headers=cookie)
        if "html" not in reply.headers.get("Content-Type", ""):
            continue
        seen.add(reply.status)
        assert reply.headers["X-Content-Type-Options"] == "nosniff", path
        refuse_loose(reply.headers["Content-Security-Policy"])
        missing = [name for name in PAGE_HEADERS if name not in reply.headers]
        assert missing == [], (path, missing)
        assert inline(reply.body.decode()) == [], path
    assert {200, 401, 404} <= seen


def inline(page: str) -> list[str]:
    """What the policy would not let run or show."""
    found = re.findall(r"<style\b|\s(?:style|on[a-z]+)=[\"']|javascript:", page)
    return found + [body[:40] for body in re.findall(r"<script\b[^>]*>(.*?)</script>", page, re.S) if body.strip()]


@pytest.mark.parametrize("path", SERVED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_of_ours_has_anything_inline(path: Path):
    if "vendor" not in path.parts:
        assert inline(path.read_text("utf-8")) == []
