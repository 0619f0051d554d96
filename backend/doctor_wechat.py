"""WeChat's part of `daka doctor`: one call for an access token, in stable mode, which changes nothing for the running service.

The secret goes in the body, and nothing of WeChat's text is shown but its request id and the address that it saw.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from datetime import datetime
from email.utils import parsedate_to_datetime

from backend.doctor import FAIL, OK, WARN, Finding, in_thread
from backend.doctor_database import compared
from backend.kernel import clock
from backend.kernel.settings import Settings

PATH = "/cgi-bin/stable_token"
SOCKET_S = 4.0
MOST_BYTES = 64 * 1024
CURES = {
    -1: "微信繁忙，请稍后再试",
    40001: "AppSecret 不正确：在小程序后台“开发管理”中重置后填入 DAKA_WECHAT_SECRET",
    40002: "不支持 stable_token：检查 DAKA_WECHAT_API_BASE",
    40013: "AppID 不正确：核对 DAKA_WECHAT_APPID",
    40125: "AppSecret 不正确：在小程序后台“开发管理”中重置后填入 DAKA_WECHAT_SECRET",
    40164: "服务器出口 IP 不在白名单中：在小程序后台“开发管理”的 IP 白名单中加入",
    40243: "AppSecret 已被冻结：请在小程序后台解冻",
    41002: "请求缺少 AppID：填写 DAKA_WECHAT_APPID",
    41004: "请求缺少 AppSecret：填写 DAKA_WECHAT_SECRET",
    45009: "今天的调用次数已用完：明天恢复，或在小程序后台清零",
    45011: "调用过于频繁：请一分钟后再试",
    89503: "此次调用须管理员在微信中确认",
    89506: "此出口 IP 被管理员拒绝，24 小时内不能再试",
    89507: "此出口 IP 被管理员拒绝，1 小时内不能再试",
}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask(base: str, appid: str, secret: str) -> tuple[dict, str | None]:
    """WeChat's answer and its Date header. Raises OSError, HTTPException or ValueError."""
    body = json.dumps({"grant_type": "client_credential", "appid": appid, "secret": secret, "force_refresh": False}).encode()
    request = urllib.request.Request(base + PATH, data=body, headers={"Content-Type": "application/json", "User-Agent": "daka"})
    opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SOCKET_S) as reply:
        answer = json.loads(reply.read(MOST_BYTES))
        if not isinstance(answer, dict):
            raise ValueError("no object")
        return answer, reply.headers.get("Date")


async def reachable(chosen: Settings) -> list[Finding]:
    if not chosen.wechat_appid:
        return [Finding("微信", WARN, "未配置小程序，会员不能用微信登录：填写 DAKA_WECHAT_APPID 与 DAKA_WECHAT_SECRET（演示不需要）")]
    try:
        answer, date = await in_thread(ask, chosen.wechat_api_base, chosen.wechat_appid, chosen.wechat_secret)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return [Finding("微信", FAIL, unreached(error))]
    finding = judged(answer)
    return [finding, *clock_of(date)]


def unreached(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError) else error
    match reason:
        case urllib.error.HTTPError():
            return f"答复异常（HTTP {reason.code}）：检查 DAKA_WECHAT_API_BASE 与出口代理"
        case socket.gaierror():
            return "域名不能解析：检查服务器的 DNS 与 DAKA_WECHAT_API_BASE"
        case ssl.SSLError():
            return "证书不能验证：检查系统时间与 ca-certificates，或出口代理是否改写了证书"
        case TimeoutError():
            return f"{SOCKET_S:.0f} 秒内没有答复：检查防火墙是否放行 443 端口的出站连接"
        case ValueError():
            return "答复不是微信的格式：检查 DAKA_WECHAT_API_BASE 与出口代理"
        case _:
            return f"无法连接（{type(reason).__name__}）：检查网络与 DAKA_WECHAT_API_BASE"


def judged(answer: dict) -> Finding:
    code = answer.get("errcode", 0)
    if code == 0 and isinstance(answer.get("access_token"), str):
        return Finding("微信", OK, "可以取得访问令牌")
    text = str(answer.get("errmsg", ""))
    seen = re.search(r"\b(?:\d{1,3}\.){3}\d{1,3}\b", text)
    rid = re.search(r"rid: ?([0-9a-f-]{8,40})", text)
    cure = CURES.get(code, "未预期的错误码：查微信文档") if isinstance(code, int) else "答复不是微信的格式"
    more = [f"微信看到的地址 {seen[0]}" if code == 40164 and seen else "", f"rid {rid[1]}" if rid else ""]
    told = "，".join(part for part in (f"errcode {code}" if isinstance(code, int) else "", *more) if part)
    return Finding("微信", WARN if code in (-1, 45011) else FAIL, f"{cure}（{told}）")


def clock_of(date: str | None) -> list[Finding]:
    """The clock beside that of whoever answered; nothing where the answer has no date."""
    try:
        theirs: datetime = parsedate_to_datetime(date or "")
    except ValueError:
        return []
    return [compared("时钟", (clock.now() - theirs).total_seconds(), "微信")]


async def push(chosen: Settings) -> Finding:
    given = {"DAKA_WECHAT_PUSH_TOKEN": chosen.wechat_push_token, "DAKA_WECHAT_PUSH_AES_KEY": chosen.wechat_push_aes_key}
    missing = [name for name, text in given.items() if not text]
    if len(missing) == 1:
        return Finding("微信推送", FAIL, f"缺少 {missing[0]}：两项都要填，与小程序后台“消息推送”一致")
    if missing:
        told = "未配置，收不到会员注销微信等通知（依法须据此删除信息）：在小程序后台“消息推送”配置后填入 " + "、".join(missing)
        return Finding("微信推送", WARN, told) if chosen.production else Finding("微信推送", OK, "未配置（正式使用时须配置）")
    return Finding("微信推送", OK, f"已配置，后台应填 {chosen.public_url}/wechat/push")
