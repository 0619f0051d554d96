"""The page that plays the phone: what its files may not contain. How it behaves is seen in a browser."""

from __future__ import annotations

import re
from pathlib import Path

from backend.demo_wechat import PAGES

PHONE = Path(__file__).parent.parent / "api" / "static" / "phone"
FILES = {path.name: path.read_text("utf-8") for path in PHONE.iterdir()}


def test_no_text_becomes_html() -> None:
    for name, text in FILES.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), name


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name, text in FILES.items():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)\w", text), name
        assert "url(" not in text and "@import" not in text, name


def test_the_page_has_no_inline_script_or_style() -> None:
    page = FILES["index.html"]
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.S) == [""]
    assert "<style" not in page and not re.search(r"\s(?:style|on\w+)=", page)


def test_every_file_that_is_named_is_there_and_every_file_is_named() -> None:
    named = {name for text in FILES.values() for name in re.findall(r"""(?:/sandbox/|from "\./)([\w.-]+\.\w+)""", text)}
    assert named | {"index.html"} == set(FILES)


def test_every_page_of_the_demos_mini_program_opens_a_view() -> None:
    opened = dict(re.findall(r'"(pages/[\w/]+)": "(\w+)"', FILES["messages.js"]))
    assert set(opened) == set(PAGES)
    assert set(opened.values()) <= set(re.findall(r'data-view="(\w+)"', FILES["index.html"]))
