"""One handler: every error becomes application/problem+json (RFC 9457) with a Chinese sentence and a stable code."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import structlog
from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from backend.kernel import database, refusals
from backend.kernel.errors import DakaError, Invalid, NotFound, Unavailable

log = structlog.get_logger()

# msgspec's English sentences, and what a person is shown.
SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"Object missing required field `(.+?)`", "缺少 {0}"),
        (r"Object contains unknown field `(.+?)`", "不认识的字段 {0}"),
        (r"Expected `(.+?)`, got `(.+?)`", "类型不对：应为 {0}，收到 {1}"),
        (r"Expected `(?:str|array|object|bytes)` of length >= (\d+)", "至少 {0} 个"),
        (r"Expected `(?:str|array|object|bytes)` of length <= (\d+)", "最多 {0} 个"),
        (r"Expected `(?:int|float)` >= (-?[\d.]+)", "不能小于 {0}"),
        (r"Expected `(?:int|float)` <= (-?[\d.]+)", "不能大于 {0}"),
        (r"Expected `str` matching regex", "格式不对"),
        (r"Invalid enum value (.+)", "没有这个选项：{0}"),
        (r"Invalid (?:RFC3339 encoded|ISO8601) .*?(date|datetime)", "日期格式不对，应为 2023-02-23 的样子"),
        (r"Invalid UTF-8|[Ss]urrogate", "文字编码不对"),
        (r"Integer value out of range|out of range", "数值超出范围"),
    )
)
TYPES = {"str": "文字", "int": "整数", "bool": "真假值", "array": "列表", "object": "对象", "date": "日期", "null": "空", "float": "数字"}


def refuse_shape(error: msgspec.ValidationError) -> Invalid:
    """What msgspec found wrong, as Invalid with field and Chinese message."""
    text, _, where = str(error).partition(" - at `")
    field = where.rstrip("`").removeprefix("$").lstrip(".") or ""
    for pattern, sentence in SENTENCES:
        if found := pattern.search(text):
            words = [" 或 ".join(TYPES.get(w, w) for w in part.split(" | ")) for part in found.groups()]
            if "field `" in text and found.groups():
                field = ".".join(part for part in (field, found.group(1)) if part)
            return Invalid(errors=[{"field": field, "message": sentence.format(*words)}])
    return Invalid(errors=[{"field": field, "message": "内容不对"}])


def problem(request: Request, error: DakaError) -> HTTPResponse:
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request.ctx.request_id if hasattr(request.ctx, "request_id") else "",
        **error.extra,
    }
    headers = {"Cache-Control": "no-store", **error.headers}
    return HTTPResponse(msgspec.json.encode(document), status=error.status, content_type="application/problem+json", headers=headers)


HTTP_WORDS = {
    400: ("bad_request", "请求有误", "请求有误，请检查后再试。"),
    404: ("not_found", "没有找到", "没有找到所请求的内容。"),
    405: ("method_not_allowed", "方法不允许", "此地址不支持这种请求方法。"),
    408: ("timeout", "超时", "请求超时，请重试。"),
    413: ("too_large", "内容过大", "请求内容过大。"),
    416: ("range_not_satisfiable", "范围无效", "请求的范围无效。"),
    417: ("expectation_failed", "请求有误", "请求有误，请检查后再试。"),
    503: ("unavailable", "暂时不可用", "服务暂时不可用，请稍后再试。"),
}


class HttpProblem(DakaError):
    """An error of HTTP itself, as Sanic found it."""

    def __init__(self, request: Request, error: SanicException) -> None:
        code, title, detail = HTTP_WORDS.get(error.status_code, ("http_error", "请求有误", "请求有误，请检查后再试。"))
        super().__init__(detail, code=code, headers={k: str(v) for k, v in (getattr(error, "headers", None) or {}).items()})
        self.status, self.title = error.status_code, title
        if self.status == 405 and not self.headers.get("Allow"):
            self.headers["Allow"] = ", ".join(methods_at(request))


def methods_at(request: Request) -> list[str]:
    """What may be asked of the request's path; the router tells it for some of the paths alone."""
    path = request.path.strip("/")
    fitting = (r for r in request.app.router.routes if re.fullmatch(re.sub(r"<[^>]+>", "[^/]+", r.path.strip("/")), path))
    return sorted({method for route in fitting for method in route.methods})


class ServerFault(DakaError):
    status, code, title, detail = 500, "server_error", "服务出错", "服务出错了，我们会尽快处理；请稍后再试。"


def is_no_file(request: Request, error: Exception) -> bool:
    """True when a static route was asked for a folder, or for a name that no file can have."""
    static = request.route is not None and "__file_uri__" in request.route.path
    return static and isinstance(error, OSError | ValueError)


async def answer(request: Request, error: Exception) -> HTTPResponse:
    """Every exception ends here."""
    if isinstance(error, SanicException) and not isinstance(error, DakaError) and error.status_code != 500:
        error = HttpProblem(request, error)
    elif is_no_file(request, error):
        error = NotFound()
    elif isinstance(error, database.AWAY):
        database.count_error(error)
        log.error("database_away", kind=type(error).__name__)
        error = Unavailable(code="database_unavailable", retry_after=3)
    elif not isinstance(error, DakaError):
        database.count_error(error)
        log.error("server_error", exc_info=error)
        error = ServerFault()
    tell(request, error)
    return problem(request, error)


def tell(request: Request, error: DakaError) -> None:
    """Notes a refusal, and lets the request's log line name the code."""
    request.ctx.code = error.code
    route = f"/{request.route.path}" if request.route else "unknown"
    refusals.note(error, route=route, address=getattr(request.ctx, "address", ""), member_id=getattr(request.ctx, "member_id", None))


def install(app: Sanic) -> None:
    app.exception(Exception)(answer)
