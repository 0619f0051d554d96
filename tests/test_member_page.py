"""The member's page at /m/: files of a build, what a browser may keep of them, and what is said where there is none."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from door import Door

from api import member_page
from backend import consents

ROOT = Path(__file__).parent.parent
SCRIPT = "console.log('打卡')" * 50


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build in small, and a file beside it that is none of anybody's business."""
    folder = tmp_path / "m"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>打卡</title>", "utf-8")
    (folder / "assets" / "index-abc.js").write_text(SCRIPT, "utf-8")
    (folder / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (folder / ".sources").write_text("stamp")
    (tmp_path / "secret_key").write_text("secret")
    monkeypatch.setattr(member_page, "BUILT", folder)
    return folder


async def test_nothing_beside_the_build_can_be_had(door: Door, built: Path):
    for path in ("../secret_key", "..%2fsecret_key", "assets/..%2f..%2fsecret_key", "%2e%2e/secret_key", ".sources", "assets/nothing.js"):
        reply = await door.get(f"/m/{path}", root=True)
        assert b"secret" not in reply.body and b"stamp" not in reply.body
        assert reply.status == 404 or b"<title>" in reply.body, path


async def test_the_page_is_asked_for_each_time_and_its_files_are_kept_for_ever(door: Door, built: Path):
    page = await door.get("/m/", root=True)
    assert (page.status, page.headers["Cache-Control"]) == (200, "no-cache")
    assert page.headers["Content-Type"].startswith("text/html")
    again = await door.get("/m/", root=True, headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    script = await door.get("/m/assets/index-abc.js", root=True)
    assert script.status == 200 and "immutable" in script.headers["Cache-Control"]
    assert script.headers["Content-Type"].startswith("text/javascript")


async def test_a_browser_that_takes_it_packed_gets_it_packed(door: Door, built: Path):
    packed = await door.get("/m/assets/index-abc.js", root=True, headers={"Accept-Encoding": "gzip"})
    plain = await door.get("/m/assets/index-abc.js", root=True, headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert plain.body == SCRIPT.encode()


async def test_a_route_of_the_page_is_the_page_and_scripts_come_from_here_alone(door: Door, built: Path):
    assert (await door.get("/m?scene=ABCD-EFGH-JKLM", root=True)).headers["Location"] == "/m/?scene=ABCD-EFGH-JKLM"
    for path in ("/m/pages/calendar/calendar", "/m/?scene=ABCD-EFGH-JKLM"):
        reply = await door.get(path, root=True)
        assert reply.status == 200 and "<title>打卡" in reply.body.decode(), path
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy


async def test_without_a_build_the_page_says_so(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(member_page, "BUILT", tmp_path / "nothing")
    reply = await door.get("/m/", root=True)
    assert (reply.status, reply.headers["Cache-Control"]) == (503, "no-store")
    assert "还没有会员的页面" in reply.body.decode()
    for page in member_page.NOT_BUILT.iterdir():
        assert not re.search(r"https?://|<script|style=", page.read_text("utf-8"))
    assert "/sandbox/" in (member_page.NOT_BUILT / "demo.html").read_text("utf-8")


def test_the_client_shows_the_notice_that_is_in_force():
    """A package that shows another text than the one agreed to would take a consent that nobody gave."""
    shown = (ROOT / "miniprogram" / "src" / "words" / "notice.ts").read_text("utf-8")
    assert re.search(r'NOTICE_VERSION = "(.+)"', shown).group(1) == consents.CURRENT


def test_every_kind_of_ones_own_data_has_a_chinese_name():
    from api.privacy import Export

    named = (ROOT / "miniprogram" / "src" / "logic" / "copy.ts").read_text("utf-8")
    assert [kind for kind in Export.__struct_fields__ if kind != "exported_at" and f"  {kind}: " not in named] == []


def test_every_page_a_message_may_open_is_a_page_of_the_client():
    from backend.demo_wechat import PAGES

    pages = set(re.findall(r'"path": "(.+?)"', (ROOT / "miniprogram" / "src" / "pages.json").read_text("utf-8")))
    assert set(PAGES) <= pages


def test_no_file_of_the_client_is_longer_than_three_hundred_lines():
    ours = [p for folder in ("src", "tests") for p in (ROOT / "miniprogram" / folder).rglob("*") if p.suffix in {".ts", ".vue", ".css"}]
    assert len(ours) > 30
    assert {p.name: n for p in ours if (n := len(p.read_text("utf-8").splitlines())) > 300} == {}
