"""The OpenAPI 3.1 document, made from the endpoints' own declarations, and the page that shows it without any outside address.

Shapes become schemas by msgspec (docs/decisions/0006 says why not by sanic-ext).
"""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from api.http import ENDPOINTS, MEMBER, PUBLIC, SIGNED_IN, STUDENT, Endpoint

blueprint = Blueprint("openapi")
STATIC = Path(__file__).parent / "static" / "docs"
REFERENCE = "#/components/schemas/{name}"
PROBLEM = "application/problem+json"

AUDIENCE = {
    PUBLIC: "无需登录",
    SIGNED_IN: "已登录（可未绑定名册）",
    MEMBER: "已绑定名册的党员/会员",
    STUDENT: "已绑定名册并已同意个人信息保护说明",
}
REASONS = {
    400: "请求有误",
    401: "需要登录",
    403: "没有权限",
    404: "没有找到（他人的与不存在的相同）",
    409: "状态冲突",
    413: "内容过大",
    415: "内容类型不支持",
    422: "内容有误",
    429: "尝试过多",
    503: "暂时不可用",
}


class FieldFault(msgspec.Struct):
    field: str
    message: str


class Problem(msgspec.Struct):
    """RFC 9457；code 供程序判断，detail 供人阅读。"""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldFault] | msgspec.UnsetType = msgspec.UNSET


TAGS = {
    "auth": "登录与绑定",
    "consents": "知情同意",
    "privacy": "本人数据与退出",
    "feedback": "投诉建议",
    "corrections": "更正申请",
    "reflections": "心得体会",
    "tasks": "每日任务",
    "readings": "阅读",
    "quizzes": "答题",
    "reviews": "复习",
    "checkins": "打卡",
    "notices": "告知本人的事项",
    "subscriptions": "接收提醒的许可",
    "reminders": "提醒",
    "progress": "本人进度",
    "texts": "学习文本",
    "questions": "题库",
    "plans": "学习计划",
    "calendar": "节假日历",
    "members": "名册",
    "leaves": "请假",
    "branches": "支部与专委会",
    "coverage": "覆盖统计",
    "audit": "操作记录",
    "root": "服务本身",
}

# Routes at the root, outside /api/v1: (method, path, summary, reply's content type, statuses).
AT_THE_ROOT = (
    ("get", "/healthz", "进程是否存活", "application/json", (200,)),
    ("get", "/readyz", "数据库是否应答；列出降级的部分", "application/json", (200, 503)),
    ("get", "/metrics", "Prometheus 指标（不公开）", "text/plain", (200, 404)),
    ("get", "/wechat/push", "微信服务器推送：校验地址", "text/plain", (200, 403)),
    ("post", "/wechat/push", "微信服务器推送：接收事件", "text/plain", (200, 400, 403)),
    ("get", "/openapi.json", "本接口文档", "application/json", (200,)),
    ("get", "/docs", "接口文档页面", "text/html", (200,)),
)


def document() -> dict[str, Any]:
    """The whole document; one operation for each declared endpoint."""
    shapes = [shape for e in ENDPOINTS for shape in (e.body, e.query, e.reply) if shape is not None] + [Problem]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=REFERENCE)
    schema_of = {id(shape): schema for shape, schema in zip(shapes, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for e in ENDPOINTS:
        path = re.sub(r"<(\w+)(?::\w+)?>", r"{\1}", e.path)
        paths.setdefault(path, {})[e.method.lower()] = _operation(e, schema_of, components)
    for method, path, summary, content_type, statuses in AT_THE_ROOT:
        # /readyz says what is wrong in the same shape as what is well.
        kinds = {s: content_type if s == 200 or path == "/readyz" else PROBLEM for s in statuses}
        replies = {str(s): {"description": summary if s == 200 else REASONS[s], "content": {kinds[s]: {}}} for s in statuses}
        paths.setdefault(path, {})[method] = {"summary": summary, "tags": ["root"], "security": [], "responses": replies}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "打卡 API",
            "version": version("daka"),
            "description": "每日学习、答题、打卡与覆盖统计。日期为北京时间的日历日，时刻为带时区的 RFC 3339。",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"session": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(e: Endpoint, schema_of: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{e.tag}_{e.handler.__name__}",
        "summary": e.summary,
        "description": f"权限：{AUDIENCE.get(e.who, e.who)}",
        "tags": [e.tag],
        "parameters": [*_path_parameters(e), *_query_parameters(e, schema_of, components)],
        "responses": _responses(e, schema_of),
    }
    if e.who == PUBLIC:
        found["security"] = []
    content = {"application/json": {"schema": schema_of[id(e.body)]}} if e.body is not None else {}
    if e.upload:
        content["multipart/form-data"] = {
            "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
        }
    if content:
        found["requestBody"] = {"required": True, "content": content}
    return found


def _path_parameters(e: Endpoint) -> list[dict[str, Any]]:
    types = {"int": {"type": "integer", "minimum": 0}, "str": {"type": "string"}}
    return [
        {"name": name, "in": "path", "required": True, "schema": types.get(kind or "str", {"type": "string"})}
        for name, kind in re.findall(r"<(\w+)(?::(\w+))?>", e.path)
    ]


def _query_parameters(e: Endpoint, schema_of: dict[int, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if e.query is None:
        return []
    shape = components[schema_of[id(e.query)]["$ref"].rpartition("/")[2]]
    return [
        {"name": name, "in": "query", "required": name in shape.get("required", []), "schema": schema}
        for name, schema in shape.get("properties", {}).items()
    ]


def _responses(e: Endpoint, schema_of: dict[int, Any]) -> dict[str, Any]:
    good = {s for s in (e.status, *e.also) if s < 300}
    bad = {422, *(s for s in e.also if s >= 300)}
    if e.who != PUBLIC:
        bad |= {401}
    if e.who not in (PUBLIC, SIGNED_IN):
        bad |= {403}
    if "<" in e.path:
        bad |= {404}
    if e.body is not None:
        bad |= {400, 413, 415}
    replies: dict[str, Any] = {}
    for status in sorted(good):
        replies[str(status)] = {"description": e.summary}
        if e.reply is not None and status != 204:
            replies[str(status)]["content"] = {e.content_type: {"schema": schema_of[id(e.reply)]}}
        elif e.content_type != "application/json":
            replies[str(status)]["content"] = {e.content_type: {"schema": {"type": "string", "format": "binary"}}}
    for status in sorted(bad):
        problem = {PROBLEM: {"schema": {"$ref": REFERENCE.format(name="Problem")}}}
        replies[str(status)] = {"description": REASONS.get(status, "请求有误"), "content": problem}
    return replies


@blueprint.get("/openapi.json")
async def openapi(request: Request) -> HTTPResponse:
    """The document as JSON."""
    return HTTPResponse(msgspec.json.encode(document()), content_type="application/json")


blueprint.static("/docs", STATIC / "index.html", name="docs")
blueprint.static("/docs/vendor", STATIC / "vendor", name="docs_vendor")
blueprint.static("/docs/start.js", STATIC / "start.js", name="docs_start")
