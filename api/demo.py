"""The demo's own routes under /sandbox: the people one can play, what stands for `wx.login`, and the page that plays the phone."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse, redirect

from api.errors import refuse_shape
from api.http import Shape, respond
from backend import demo, demo_wechat
from backend.kernel.errors import BadRequest, NotFound
from backend.kernel.settings import Settings
from backend.wechat.sandbox import sandbox
from backend.wechat.sandbox.records import Refused

blueprint = Blueprint("demo", url_prefix="/sandbox")
PHONE = Path(__file__).parent / "static" / "phone"
ROLES = {"secretary": "书记", "editor": "党建工作部", "unit_head": "专委会主任", "observer": "上级党委"}
BANNER = """
打卡演示已就绪（演示数据，仅限本机）

  会员端              {base}/m/
  沙箱手机            {base}/sandbox/
  书记控制台          {base}/console/
  接口文档            {base}/docs

一键登录链接
  会员端：
{phones}
  控制台（每条链接只能用一次，30 分钟内有效；重新运行会换新）：
{links}

按 Ctrl+C 停止；再次 make run 数据保留，邀请码与控制台链接换新。
"""


@blueprint.get("/people")
async def people(request: Request) -> HTTPResponse:
    return respond({"items": await demo.people(request.app.ctx.demo)})


class WxLogin(Shape):
    openid: str


@blueprint.post("/wx-login")
async def wx_login(request: Request) -> HTTPResponse:
    """Stands for `wx.login` on a phone: a js_code for this openid."""
    try:
        body = msgspec.json.decode(request.body, type=WxLogin)
        return respond({"code": request.app.ctx.demo.sandbox.wx_login(body.openid)})
    except msgspec.ValidationError as error:
        raise refuse_shape(error) from None
    except msgspec.DecodeError:
        raise BadRequest("请求内容不是有效的 JSON。", code="bad_json") from None
    except Refused:
        raise NotFound() from None


def install(app: Sanic, settings: Settings) -> None:
    """Mounts the sandbox on the same port and the demo's routes and page; the demo branch is ready before the first request."""
    state = demo_wechat.sandbox_state(settings)
    app.blueprint(sandbox(state))
    app.blueprint(blueprint)
    app.static("/sandbox", PHONE, name="phone", index="index.html")
    app.add_route(lambda _: redirect("/sandbox/"), "/sandbox", methods=["GET"], name="phone_without_slash", strict_slashes=True)

    @app.before_server_start
    async def make_ready(app: Sanic) -> None:
        app.ctx.demo = await demo.prepare(state, settings)

    @app.after_server_start
    async def say_so(app: Sanic) -> None:
        await announce(app)


async def announce(app: Sanic) -> None:
    """Prints, in Chinese, what to open and how to sign in."""
    base, shown = app.ctx.settings.public_url, await demo.people(app.ctx.demo)
    chosen = [
        *[person for person in shown if person["roles"]],
        *[person for person in shown if person["bound"] and not person["roles"]][:2],
        *[person for person in shown if not person["bound"]][:2],
    ]
    phones = [f"    {person['name']}（{_who(person)}）  {base}/m/?openid={person['openid']}" for person in chosen]
    links = [f"    {who}  {link}" for who, link in app.ctx.demo.links]
    print(BANNER.format(base=base, phones="\n".join(phones), links="\n".join(links)), flush=True)


def _who(person: dict) -> str:
    if not person["bound"]:
        return f"未绑定，邀请码 {person['invite_code']}"
    return "、".join(ROLES[role] for role in person["roles"]) or "党员"
