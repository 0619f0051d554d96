"""WeChat's server push, at the root: the address check, and events. WeChat takes `success` for an answer within 5 s, else it asks again."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from backend import push

blueprint = Blueprint("push")


@blueprint.get("/wechat/push")
async def check_address(request: Request) -> HTTPResponse:
    return _plain(push.check_address(_query(request)))


@blueprint.post("/wechat/push")
async def receive(request: Request) -> HTTPResponse:
    await push.receive(_query(request), request.body)
    return _plain("success")


def _query(request: Request) -> dict[str, str]:
    return dict(request.get_query_args(keep_blank_values=True))


def _plain(text: str) -> HTTPResponse:
    return HTTPResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})
