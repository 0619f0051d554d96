"""Texts in: `documents.paragraphs` over .txt, .docx and saved web pages. The text is invented, its headings are official titles."""

from __future__ import annotations

import html
import io
import textwrap
import zipfile

import docx
import pytest
from congress_text import HEADINGS, NUMBERED, PASSAGES, TITLE, lines, page

from backend.kernel.documents import decode, paragraphs
from backend.kernel.errors import Invalid
from backend.rules.textsplit import split

TEXT = "\n".join(lines())


def word(*, table: bool = True) -> bytes:
    document = docx.Document()
    for line in lines():
        document.add_paragraph(line)
    if table:
        document.add_table(1, 1).cell(0, 0).text = "表格里的字，不是正文。"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def marked_up(kind: str) -> str:
    texts = [html.escape(line) for line in lines()]
    if kind == "br":
        return "<br/>\n<br>".join(f"　　{text}" for text in texts)
    if kind == "sections":
        parts = "".join(f"<section><h2>{NUMBERED[n - 1]}</h2>{''.join(f'<p>{p}</p>' for p in PASSAGES[n])}</section>" for n in range(1, 16))
        return f"<div>{''.join(f'<p>{text}</p>' for text in texts[:5])}</div>{parts}"
    if kind == "spans":
        return "".join(f"<div><span>{text[:7]}</span><strong>{text[7:]}</strong></div>" for text in texts)
    if kind == "table":
        return f"<table><tr><td>{''.join(f'<p>{text}</p>' for text in texts)}</td></tr></table>"
    if kind == "form":
        return f"<form action='#'>{''.join(f'<p>{text}</p>' for text in texts)}<input value='搜索'></form>"
    return "".join(f"<p style='text-indent:2em'>　　{text}</p>\n" for text in texts)


def indented(width: int) -> str:
    return "\n".join(part for line in lines() for part in textwrap.wrap(f"〇〇{line}", width)).replace("〇〇", "　　")


SOURCES = {
    "txt": ("a.txt", TEXT.encode()),
    "bom": ("a.txt", TEXT.encode("utf-8-sig")),
    "gb18030": ("a.txt", TEXT.encode("gb18030")),
    "utf16": ("a.txt", TEXT.encode("utf-16")),
    "windows": ("a.txt", TEXT.replace("\n", "\r\n\r\n").encode()),
    "broken lines with indents": ("a.txt", indented(38).encode()),
    "broken lines with gaps": ("a.txt", "\n\n".join("\n".join(textwrap.wrap(line, 30)) for line in lines()).encode()),
    "docx": ("a.docx", word()),
    "misnamed docx": ("a.txt", word()),
    "gb page": ("a.htm", page(marked_up("p"), charset="gb2312").encode("gb18030")),
    "page without a name": ("saved", page(marked_up("p")).encode()),
    "wrongly declared page": ("a.html", page(marked_up("p"), charset="gb2312").encode("utf-8-sig")),
} | {f"page of {kind}": ("a.html", page(marked_up(kind)).encode()) for kind in ("p", "br", "sections", "spans", "table", "form")}


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_passages_come_from_every_kind_of_file(source: str):
    name, content = SOURCES[source]
    found = split(paragraphs(name, content, headings=HEADINGS), headings=HEADINGS)
    assert {section.number: section.passages for section in found.sections} == PASSAGES
    assert found.title == TITLE
    assert found.warnings == []


def test_no_menu_script_or_hidden_text_is_among_the_lines_of_a_page():
    found = paragraphs("a.html", page(marked_up("p")).encode(), headings=HEADINGS)
    assert not [line for line in found if any(word in line for word in ("栏目", "var first", "看不见", "热点", "版权所有", "登录"))]


def test_without_known_headings_a_page_gives_all_its_lines_but_those_dropped():
    found = paragraphs("a.html", b"<body><nav>menu</nav><p>one<br>two</p><script>x</script><div hidden>three</div>four</body>")
    assert found == ["one", "two", "four"]


def test_the_title_of_a_page_stands_before_its_text():
    body = "".join(f"<p>{line}</p>" for line in lines()[1:])
    assert paragraphs("a.html", page(body).encode(), headings=HEADINGS)[:2] == [TITLE, lines()[1]]


def test_an_indent_begins_a_paragraph_even_below_a_full_line():
    full = "　　" + "某" * 36
    rest = ["某" * 38] * 10 + ["某" * 20 + "。"]
    assert paragraphs("a.txt", "\n".join([full, *rest, full, full, *rest]).encode()) == [
        "某" * 436 + "。", "某" * 36, "某" * 436 + "。",
    ]  # fmt: skip


def test_a_short_text_in_gb18030_is_read():
    assert paragraphs("a.txt", "正文一段".encode("gb18030")) == ["正文一段"]


def test_one_heading_alone_does_not_choose_a_part_of_a_page():
    content = f"<body><p>{'前文。' * 20}</p><div><p>{NUMBERED[0]}</p></div></body>".encode()
    assert len(paragraphs("a.html", content, headings=HEADINGS)) == 2


@pytest.mark.parametrize("content", [b"%PDF-1.7 x", b"\xd0\xcf\x11\xe0 old doc", b"{\\rtf1 x}", b"PK\x03\x04 broken"])
def test_other_and_broken_files_are_refused_in_chinese(content: bytes):
    for name in ("a.txt", "a.docx", "a.html"):
        with pytest.raises(Invalid) as caught:
            paragraphs(name, content)
        assert caught.value.code == "unreadable_file"


def test_a_file_over_ten_megabytes_is_refused():
    with pytest.raises(Invalid, match="10 MB"):
        paragraphs("a.txt", b"x" * (10 * 1024 * 1024 + 1))


def test_entities_of_a_docx_are_not_followed(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("机密", "utf-8")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word(table=False))) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "word/document.xml":
                start = part.index(b"?>") + 2
                part = part[:start] + f'<!DOCTYPE x [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'.encode() + part[start:]
                part = part.replace(TITLE.encode(), b"&s;", 1)
            target.writestr(name, part)
    try:
        assert "机密" not in "".join(paragraphs("a.docx", out.getvalue()))
    except Invalid as refused:
        assert refused.code == "unreadable_file"


@pytest.mark.parametrize("body", [b"<div>" * 50_000, b"<p>\x00\x00a</p>", b"<html>", b"<!doctype html>", b"<body><p>" + bytes(range(256))])
def test_odd_pages_are_read_or_refused_but_never_break(body: bytes):
    try:
        paragraphs("a.html", body, headings=HEADINGS)
    except Invalid as refused:
        assert refused.code == "unreadable_file"


def test_a_page_with_characters_that_no_xml_may_hold_is_read_without_them():
    page_ = "<body><p>一\x01<script>x</script>\x02二&#1;<script>y</script>三&#2;&#xFFFE;<style>z</style>四</p>"
    assert paragraphs("a.html", page_.encode()) == ["一二三四"]


@pytest.mark.parametrize("declared", ["undefined", "idna", "rot13", "utf-16", "no-such", "zlib"])
def test_a_senseless_declared_encoding_is_passed_over(declared: str):
    assert "正文" in decode(f'<meta charset="{declared}"><p>正文</p>'.encode(), html=True)


def test_a_text_in_which_nothing_can_be_read_has_no_lines():
    assert paragraphs("a.txt", b"") == []
    assert paragraphs("a.txt", "\u3000\n \u200b\n".encode()) == []
