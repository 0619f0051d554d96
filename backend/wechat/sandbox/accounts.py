"""Endpoints about who somebody is: access tokens, sign-in, session keys, phone numbers."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from backend.wechat.sandbox import tokens
from backend.wechat.sandbox.calls import Call
from backend.wechat.sandbox.records import Refused, Token, User


def legacy_token(call: Call) -> dict[str, Any]:
    call.state.count(call.app.appid, "token", per_day=call.state.options.legacy_per_day)
    _demand_grant_type(call.query.get("grant_type"), "client_credential")
    return _issued(call, tokens.fetch_legacy(call.state, call.app))


def stable_token(call: Call) -> dict[str, Any]:
    _demand_grant_type(call.body.get("grant_type"), "client_credential")
    return _issued(call, tokens.fetch_stable(call.state, call.app, force=call.body.get("force_refresh") is True))


def _demand_grant_type(given: Any, demanded: str) -> None:
    if given != demanded:
        raise Refused(40002, "invalid grant_type")


def _issued(call: Call, token: Token) -> dict[str, Any]:
    return {"access_token": token.value, "expires_in": int(token.valid_until - call.state.now())}


def code_to_session(call: Call) -> dict[str, Any]:
    """A stray access_token in the query is ignored, as WeChat does: wechatpy sends one."""
    state, js_code = call.state, call.query.get("js_code")
    known = state.js_codes.get(js_code or "")
    if known:
        state.count(known.openid, "jscode2session", per_minute=100)
    if not js_code:
        raise Refused(41008, "missing code")
    _demand_grant_type(call.query.get("grant_type"), "authorization_code")
    user = state.spend(state.js_codes, js_code, appid=call.app.appid, check_only=True)
    if user.risk_blocked:
        raise Refused(40226, "code blocked")
    state.spend(state.js_codes, js_code, appid=call.app.appid)
    user.last_visit_at = state.now()
    if not user.session_key or _is_time_for_another(call):
        _renew_session_key(call, user)
    return {"session_key": user.session_key, "openid": user.openid, **({"unionid": user.unionid} if user.unionid else {})}


def _is_time_for_another(call: Call) -> bool:
    chosen = call.state.options.session_key
    return chosen == "always" or (chosen == "one_in_3" and call.state.rng.randrange(3) == 0)


def _renew_session_key(call: Call, user: User) -> None:
    user.session_key, user.session_key_issued = call.state.new_session_key(), call.state.now()


def phone_number(call: Call) -> dict[str, Any]:
    code, openid = call.body.get("code"), call.body.get("openid", "")
    if call.app.entity == "personal":
        raise Refused(48001, "api unauthorized")
    if not isinstance(code, str) or not code or not isinstance(openid, str):
        raise Refused(40029, "invalid code")
    user = call.state.spend(call.state.phone_codes, code, appid=call.app.appid, openid=openid)
    phone_info = {
        "phoneNumber": user.phone,
        "purePhoneNumber": user.phone,
        "countryCode": "86",
        "watermark": {"timestamp": int(call.state.now()), "appid": call.app.appid},
    }
    return {"errcode": 0, "errmsg": "ok", "phone_info": phone_info}


def check_session(call: Call) -> dict[str, Any]:
    _demand_session_signature(call)
    return {"errcode": 0, "errmsg": "ok"}


def reset_session(call: Call) -> dict[str, Any]:
    """A new session_key; the old one is dead, and the time of issue (on which its end depends) stays."""
    user = _demand_session_signature(call)
    user.session_key = call.state.new_session_key()
    return {"errcode": 0, "errmsg": "ok", "openid": user.openid, "session_key": user.session_key}


def _demand_session_signature(call: Call) -> User:
    """The user of `openid`. Raises Refused 40003, 87007 (no session), 87008 (method), 87009 (signature)."""
    user = call.user(call.query.get("openid"))
    if call.query.get("sig_method") != "hmac_sha256":
        raise Refused(87008, "invalid sig_method")
    if not user.session_key:
        raise Refused(87007, "session_key is not existd or expired")
    if not hmac.compare_digest(session_signature(user.session_key).encode(), call.query.get("signature", "").encode()):
        raise Refused(87009, "invalid signature")
    return user


def session_signature(session_key: str, message: bytes = b"") -> str:
    """HMAC-SHA256 in hex. The key is the session_key as text, not what it encodes; the message is empty for a GET, else the body."""
    return hmac.new(session_key.encode(), message, hashlib.sha256).hexdigest()
