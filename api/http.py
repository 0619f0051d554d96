"""One endpoint = one declaration: who may call, what it reads, what it replies.

The OpenAPI document and the role matrix of the tests come from ENDPOINTS.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from api.errors import refuse_shape
from backend import sessions
from backend.kernel import access, clock
from backend.kernel.access import Actor
from backend.kernel.errors import BadRequest, DakaError, Forbidden, Invalid, NotFound, Unauthorised

PREFIX = "/api/v1"
PUBLIC, SIGNED_IN, MEMBER, STUDENT = "public", "signed_in", "member", "student"

MAX_JSON = 256 * 1024
MAX_ID = 2**63 - 1
_encoder = msgspec.json.Encoder()
T = TypeVar("T")


class Shape(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request's body or query; unknown fields are refused."""


@dataclass(slots=True)
class Call:
    """What a handler gets: the actor (None on a public endpoint), the decoded body and query, and the day."""

    request: Request
    actor: Actor | None
    body: Any = None
    query: Any = None
    today: date = field(default_factory=clock.today)

    @property
    def services(self) -> Any:
        """The process's settings, WeChat client and Redis: see api/app.py."""
        return self.request.app.ctx

    @property
    def address(self) -> str:
        return self.request.ctx.address

    @property
    def request_id(self) -> str:
        return self.request.ctx.request_id

    def upload(self, *, most: int = 10 * 1024 * 1024) -> tuple[str, bytes]:
        """The uploaded file `file` of a multipart form: its name and bytes. Raises Invalid."""
        file = self.request.files.get("file") if self.request.files else None
        if file is None or not file.body:
            raise Invalid("请上传文件（表单字段 file）。", code="file_missing")
        if len(file.body) > most:
            raise Invalid(f"文件不能超过 {most // 1024 // 1024} MB。", code="file_too_large")
        return file.name or "", file.body


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`who`: public, signed_in (a session), member (bound), student (bound, with consent) or a capability of kernel.access."""

    method: str
    path: str
    who: str
    summary: str
    handler: Callable[..., Awaitable[Any]]
    tag: str
    body: Any = None
    query: Any = None
    reply: Any = None
    status: int = 200
    also: tuple[int, ...] = ()
    upload: bool = False
    content_type: str = "application/json"


ENDPOINTS: list[Endpoint] = []


def endpoint(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    who: str,
    summary: str,
    body: Any = None,
    query: Any = None,
    reply: Any = None,
    status: int = 200,
    also: tuple[int, ...] = (),
    upload: bool = False,
    content_type: str = "application/json",
) -> Callable[[Callable[[Call], Awaitable[Any]]], Callable[..., Awaitable[HTTPResponse]]]:
    """Declares a handler under /api/v1. Path parameters come as keyword arguments.

    `status` is sent unless the handler returns (status, value). `upload`: the handler also takes a multipart form, and `body` is
    then read from application/json only.
    """

    def declare(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[HTTPResponse]]:
        declared = Endpoint(
            method, PREFIX + path, who, summary, handler, blueprint.name, body, query, reply, status, also, upload, content_type
        )
        ENDPOINTS.append(declared)
        decoder = msgspec.json.Decoder(body) if body is not None else None

        async def serve(request: Request, **parameters: Any) -> HTTPResponse:
            if any(isinstance(value, int) and not 0 <= value <= MAX_ID for value in parameters.values()):
                raise NotFound()
            call = Call(request, await caller(request, who))
            call.query = read_query(request, query)
            if decoder is not None and not (upload and is_form(request)):
                call.body = read_body(request, decoder)
            return respond(await handler(call, **parameters), status)

        blueprint.add_route(serve, path, methods=[method], name=handler.__name__)
        return serve

    return declare


async def caller(request: Request, who: str) -> Actor | None:
    """The actor behind the bearer token, let through for `who`. Raises Unauthorised or Forbidden."""
    if who == PUBLIC:
        return None
    actor = await sessions.actor_of(bearer(request), request_id=request.ctx.request_id)
    request.ctx.member_id = actor.member_id
    if who == SIGNED_IN:
        return actor
    if actor.member_id is None:
        raise Forbidden("尚未绑定名册，请先完成实名绑定。", code="not_bound")
    if who == STUDENT and not actor.consented:
        raise Forbidden("请先阅读并同意个人信息保护说明。", code="consent_required")
    if who not in (MEMBER, STUDENT):
        access.require(actor, who)
    return actor


def bearer(request: Request) -> str:
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorised(headers={"WWW-Authenticate": "Bearer"})
    return token.strip()


def is_form(request: Request) -> bool:
    return (request.content_type or "").startswith("multipart/form-data")


def read_body(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    """The JSON body in its shape. Raises BadRequest (400, 413, 415 by status) or Invalid naming the field."""
    if not (request.content_type or "").split(";")[0].strip() == "application/json":
        raise UnsupportedMedia()
    if len(request.body) > MAX_JSON:
        raise TooLarge()
    if b"\\u0000" in request.body or b"\x00" in request.body:
        raise Invalid("内容中不能有空字符。", code="invalid")
    try:
        return decoder.decode(request.body)
    except msgspec.ValidationError as error:
        raise refuse_shape(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("请求内容不是有效的 JSON。", code="bad_json") from None


def read_query(request: Request, shape: type[T] | None) -> T | None:
    """The query string in its shape; every parameter at most once, unknown ones refused."""
    pairs = request.get_query_args(keep_blank_values=True) if request.query_string else []
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Invalid("查询参数重复。", errors=[{"field": n, "message": "重复"} for n in sorted({n for n in names if names.count(n) > 1})])
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise Invalid("查询参数中不能有空字符。")
    if shape is None:
        if names:
            raise Invalid("不认识的查询参数。", errors=[{"field": name, "message": "不认识的参数"} for name in names])
        return None
    try:
        return msgspec.convert(dict(pairs), shape, strict=False)
    except msgspec.ValidationError as error:
        raise refuse_shape(error) from None


def respond(result: Any, status: int = 200) -> HTTPResponse:
    """A handler's result as a response: a value, (status, value), None (204) or a response of its own."""
    if isinstance(result, HTTPResponse):
        return result
    if isinstance(result, tuple):
        status, result = result
    if result is None:
        return HTTPResponse(status=204, headers={"Cache-Control": "no-store"})
    return json_response(encode(result), status)


def encode(value: Any) -> bytes:
    return _encoder.encode(value)


def json_response(body: bytes, status: int = 200) -> HTTPResponse:
    return HTTPResponse(body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"})


def download(content: bytes, filename: str, content_type: str) -> HTTPResponse:
    """A file to save under `filename` (ASCII)."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return HTTPResponse(content, content_type=content_type, headers=headers)


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class UnsupportedMedia(DakaError):
    status, code, title, detail = 415, "unsupported_media_type", "内容类型不支持", "请求内容应为 application/json。"


class TooLarge(DakaError):
    status, code, title, detail = 413, "too_large", "内容过大", "请求内容过大。"


# --- lists ------------------------------------------------------------------------------------------------------------


def page(items: list[Any], *, limit: int) -> dict[str, Any]:
    """{"items", "next"} of a list that was asked for with limit + 1 rows, ordered by id; `next` is the cursor of the following page."""
    more = len(items) > limit
    shown = items[:limit]
    return {"items": shown, "next": cursor(shown[-1]["id"]) if more else None}


def cursor(last_id: int) -> str:
    return base64.urlsafe_b64encode(str(last_id).encode()).decode().rstrip("=")


def after(text: str | None) -> int:
    """The id that a cursor stands for; 0 without one. Raises Invalid."""
    if not text:
        return 0
    try:
        number = int(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        number = -1
    if not 0 <= number <= MAX_ID:
        raise Invalid("翻页标记无效。", errors=[{"field": "cursor", "message": "无效"}])
    return number
