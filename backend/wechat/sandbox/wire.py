"""How an answer travels: HTTP 200 with JSON, or an image, unless a fault spoils it on the way.

Faults, in the order in which they happen. First `invalidate_token` and `rotate_session_key`. Then, without effect: `hang` (no answer for
ten minutes, or until the server it is mounted in gives up), `close` (no answer), `reset` (TCP RST). In the place of the endpoint:
`http_status` (an HTML page), `errcode`. After the effect: `delay_ms` (the answer is late), `close_after_effect` (it is lost),
`errcode_as_string`, `bom`, `garbage` (no UTF-8), `truncate` (half of it, then the end of the connection).
"""

from __future__ import annotations

import asyncio
import codecs
import json
import socket
import struct
from collections.abc import Callable
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from backend.wechat.sandbox import tokens
from backend.wechat.sandbox.faults import Asked
from backend.wechat.sandbox.records import Refused
from backend.wechat.sandbox.state import SandboxState

Answer = dict[str, Any] | bytes

HANG_S = 600
GATEWAY_PAGE = "<html><head><title>Bad Gateway</title></head><body><center><h1>nginx</h1></center></body></html>"


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises Refused 44002 (empty) or 47001 (no JSON object)."""
    if not request.body:
        raise Refused(44002, "empty post data")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused(47001, "data format error")
    return body


def reply(answer: dict[str, Any], content_type: str = "application/json; encoding=utf-8") -> HTTPResponse:
    return HTTPResponse(json.dumps(answer, ensure_ascii=False), content_type=content_type)


async def deliver(
    state: SandboxState, request: Request, asked: Asked, fault: dict[str, Any], record: dict[str, Any], act: Callable[[], Answer]
) -> HTTPResponse:
    """What `act` answers, as `fault` lets it arrive; `record` learns the errcode that was given, and the HTTP status."""
    _before(state, asked, fault)
    if fault.get("hang"):
        await asyncio.sleep(HANG_S)
    if fault.get("close") or fault.get("reset"):
        return _cut(request, with_reset=bool(fault.get("reset")))
    if "http_status" in fault:
        record["status"] = fault["http_status"]
        await _late(fault)
        return HTTPResponse(GATEWAY_PAGE, status=fault["http_status"], content_type="text/html")
    answer = answered(state, lambda: _ordered(fault)) if "errcode" in fault else answered(state, act)
    record["status"] = 200
    record["errcode"] = answer.get("errcode", 0) if isinstance(answer, dict) else 0
    await _late(fault)
    if fault.get("close_after_effect"):
        return _cut(request, with_reset=False)
    return _sent(state, request, fault, answer)


def answered(state: SandboxState, act: Callable[[], Answer]) -> Answer:
    """What `act` returns; a refusal becomes errcode and errmsg, with a request id as WeChat writes it."""
    try:
        return act()
    except Refused as refused:
        return {"errcode": refused.errcode, "errmsg": f"{refused.errmsg} rid: {state.rid()}"}


def _before(state: SandboxState, asked: Asked, fault: dict[str, Any]) -> None:
    """Changes of the world that a fault brings with it: of the asking app or user where they are known, else of all."""
    if fault.get("invalidate_token"):
        for app in state.apps.values():
            if asked.appid in ("", app.appid):
                tokens.invalidate(app)
    if fault.get("rotate_session_key"):
        for user in state.users.values():
            if user.session_key and asked.openid in ("", user.openid):
                user.session_key, user.session_key_issued = state.new_session_key(), state.now()


def _ordered(fault: dict[str, Any]) -> Answer:
    raise Refused(fault["errcode"], fault.get("errmsg", "fault injected"))


async def _late(fault: dict[str, Any]) -> None:
    if fault.get("delay_ms"):
        await asyncio.sleep(fault["delay_ms"] / 1000)


def _sent(state: SandboxState, request: Request, fault: dict[str, Any], answer: Answer) -> HTTPResponse:
    if isinstance(answer, dict) and fault.get("errcode_as_string"):
        answer = {**answer, "errcode": str(answer.get("errcode", 0))}
    if isinstance(answer, bytes):
        content, content_type = answer, "image/png"
    else:
        content, content_type = json.dumps(answer, ensure_ascii=False).encode(), state.options.content_type
    if fault.get("bom"):
        content = codecs.BOM_UTF8 + content
    if fault.get("garbage"):
        # 0xFF stands nowhere in UTF-8.
        content = b"\xff" + state.dice.randbytes(64)
    if not fault.get("truncate"):
        return HTTPResponse(content, content_type=content_type)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n\r\n"
    request.transport.write(head.encode() + content[: len(content) // 2])
    request.transport.close()
    return HTTPResponse()


def _cut(request: Request, *, with_reset: bool) -> HTTPResponse:
    """Ends the connection without a byte of an answer; what is returned goes nowhere."""
    if with_reset and (connection := request.transport.get_extra_info("socket")) is not None:
        # Lingering for zero seconds sends RST in the place of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return HTTPResponse()
