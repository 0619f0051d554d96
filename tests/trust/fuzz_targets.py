"""The parsers that take foreign bytes, each as one function of bytes, and valid samples to begin with.

The first byte chooses where there is a choice (the form of a text, the part of an archive, the shape of a body). Inside an archive the
bytes are one part of a sound one: a spoilt archive is refused by its checksum, and nothing behind it would ever be reached.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import docx
import msgspec
from congress_text import HEADINGS, lines, page
from sandbox_server import AES_KEY, APPID, PUSH_TOKEN, settings_for
from sanic import Sanic
from sanic.compat import Header
from sanic.request import Request

from api import app as _routes  # noqa: F401 (declares the endpoints)
from api.http import ENDPOINTS, read_body, read_query
from backend import curriculum_import
from backend.kernel import documents
from backend.kernel import settings as kernel_settings
from backend.rules import forms_questions, forms_roster
from backend.wechat.push import open_push
from backend.wechat.sandbox.sealing import encrypt, signature
from models.texts import Form

FORMS = tuple(Form)
TITLES = {number: title for number, title in enumerate(("序言", *HEADINGS))}
BODIES = [(each, msgspec.json.Decoder(each.body)) for each in ENDPOINTS if each.body is not None]
QUERIES = [None, *(each.query for each in ENDPOINTS if each.query is not None)]
APP = Sanic("fuzz")
ROSTER = documents.template(forms_roster.COLUMNS, forms_roster.CHOICES, forms_roster.EXAMPLES, forms_roster.TITLE)
QUESTIONS = documents.template(forms_questions.COLUMNS, forms_questions.CHOICES, forms_questions.EXAMPLES, forms_questions.TITLE)
SECURE, PLAIN = settings_for(), settings_for(wechat_push_aes_key="")
EVENT = {
    "ToUserName": "gh_sandbox", "FromUserName": "oPlatform", "CreateTime": 1714037059, "MsgType": "event",
    "Event": "user_authorization_revoke", "OpenID": "o_zhang_wei", "AppID": APPID, "RevokeInfo": "8",
}  # fmt: skip
EVENT_XML = "<xml>" + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in EVENT.items()) + "</xml>"


def word() -> bytes:
    document, out = docx.Document(), io.BytesIO()
    for line in lines():
        document.add_paragraph(line)
    document.add_table(1, 1).cell(0, 0).text = "表格里的字。"
    document.save(out)
    return out.getvalue()


WORD = word()


def parts(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


PARTS = {"docx": parts(WORD), "roster": parts(ROSTER), "questions": parts(QUESTIONS)}


def put_into(kind: str, data: bytes) -> bytes:
    """The archive with the part that the first byte chooses replaced by the rest."""
    sound = PARTS[kind]
    name = sorted(sound)[data[0] % len(sound)] if data else ""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for each, content in sound.items():
            archive.writestr(each, data[1:] if each == name else content)
    return out.getvalue()


def as_text(suffix: str, data: bytes) -> None:
    form = FORMS[data[0] % len(FORMS)] if data else FORMS[0]
    titles = {1: TITLES[1]} if form == Form.WHOLE else TITLES
    curriculum_import.split_file(f"a.{suffix}", data[1:], form=form, title="某次会议上的报告", titles=titles)


def as_docx(data: bytes) -> None:
    content = data[1:] if data[:1] == b"\xff" else put_into("docx", data)
    documents.paragraphs("a.docx", content)


def as_sheet(data: bytes) -> None:
    kind = "roster" if data[:1] < b"\x80" else "questions"
    content = data[1:] if data[:1] == b"\xff" else put_into(kind, data)
    rows = documents.read_sheet(content)
    forms_roster.roster_sheet(rows)
    forms_questions.question_sheet(rows)


def as_push(data: bytes) -> None:
    """Rightly signed, plain or sealed: what only the holder of the keys can send must be read or refused all the same."""
    secure = data[:1] == b"s"
    kernel_settings.use(SECURE if secure else PLAIN)
    timestamp, nonce, body = str(int(time.time())), "1234567890", data[1:]
    query = {"timestamp": timestamp, "nonce": nonce, "signature": signature(PUSH_TOKEN, timestamp, nonce)}
    if secure:
        sealed = encrypt(body.decode("utf-8", "replace"), aes_key=AES_KEY, appid=APPID, prefix=b"0" * 16)
        query |= {"encrypt_type": "aes", "msg_signature": signature(PUSH_TOKEN, timestamp, nonce, sealed)}
        body = json.dumps({"ToUserName": "gh", "Encrypt": sealed}).encode()
    event = open_push(query, body)
    assert len(event.key) == 64 and "\x00" not in event.kind + event.openid


def as_body(data: bytes) -> None:
    """What is let through is of its shape, can be written as JSON again, and holds no NUL, which no column takes."""
    _, decoder = BODIES[data[0] % len(BODIES)] if data else BODIES[0]
    value = read_body(SimpleNamespace(content_type="application/json", body=data[1:]), decoder)  # type: ignore[arg-type]
    assert b"\\u0000" not in msgspec.json.encode(value)


def as_query(data: bytes) -> None:
    shape = QUERIES[data[0] % len(QUERIES)] if data else None
    # What is no URL is turned away by the server before it comes here: the bytes stand as they may in one.
    line = b"/?" + bytes(byte for byte in data[1:] if 0x21 <= byte <= 0x7E and byte != 0x23)
    request = Request(line, Header(), "1.1", "GET", None, APP)  # type: ignore[arg-type]
    value = read_query(request, shape)
    assert value is None or b"\\u0000" not in msgspec.json.encode(value)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "txt": lambda data: as_text("txt", data),
    "html": lambda data: as_text("html", data),
    "docx": as_docx,
    "sheet": as_sheet,
    "push": as_push,
    "body": as_body,
    "query": as_query,
}


def samples(name: str) -> dict[str, bytes]:
    """Valid inputs of a target, by the hash that libFuzzer too would name them."""
    text = "\n".join(lines())
    found: list[bytes] = []
    if name == "txt":
        found = [bytes([form]) + text.encode(code)[:40_000] for form in range(len(FORMS)) for code in ("utf-8", "gb18030", "utf-16")]
    elif name == "html":
        found = [bytes([form]) + page("".join(f"<p>{line}</p>" for line in lines())).encode()[:40_000] for form in range(len(FORMS))]
    elif name == "docx":
        found = [bytes([index]) + PARTS["docx"][part] for index, part in enumerate(sorted(PARTS["docx"]))] + [b"\xff" + WORD]
    elif name == "sheet":
        found = [bytes([index]) + PARTS["roster"][part] for index, part in enumerate(sorted(PARTS["roster"]))]
        number = len(PARTS["questions"])
        first = next(byte for byte in range(0x80, 0xFF) if byte % number == 0)
        found += [bytes([first + index]) + PARTS["questions"][part] for index, part in enumerate(sorted(PARTS["questions"]))]
        found += [b"\xff" + ROSTER, b"\xff" + QUESTIONS]
    elif name == "push":
        found = [kind + body.encode() for kind in (b"s", b"p") for body in (EVENT_XML, json.dumps(EVENT))]
    elif name == "body":
        found = [bytes([index]) + json.dumps(_example(each.body)).encode() for index, (each, _) in enumerate(BODIES)]
    elif name == "query":
        found = [
            bytes([index]) + b"&".join(b"%s=1" % field.encode_name.encode() for field in _fields(q)) for index, q in enumerate(QUERIES)
        ]
    return {hashlib.sha1(each).hexdigest(): each for each in found}  # noqa: S324 (libFuzzer's own names)


def _fields(shape: Any) -> tuple[Any, ...]:
    return msgspec.structs.fields(shape) if shape is not None else ()


def _example(shape: Any) -> dict[str, Any]:
    """All fields of a shape, each with something short: near enough to its type for the fuzzer to go on from."""
    values: dict[str, Any] = {"int": 1, "str": "2023-02-23", "bool": True, "list": [1], "date": "2023-02-23"}
    wanted = {field.encode_name: str(field.type) for field in _fields(shape)}
    return {name: next((value for word, value in values.items() if word in kind), None) for name, kind in wanted.items()}
