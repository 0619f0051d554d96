"""WeChat's server push: is it really from WeChat, and what does it say. Signatures and decryption are wechatpy's.

Source: developers.weixin.qq.com, "消息推送" (URL check, plain and secure mode, XML and JSON) and "授权用户资料变更" (the events).
The signature is checked before anything is decrypted: the cipher has no integrity check of its own.
wechatpy is imported with the first message: it brings a second HTTP client along, which nobody else needs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

import orjson
import xmltodict

from backend.kernel import clock, settings
from backend.kernel.errors import BadRequest, Forbidden

FRESH_S = 600
MAX_PUSH_BYTES = 64 * 1024

# A declaration of any kind; WeChat's messages have none but CDATA. Refused before the parser sees it: no entities, no DTD.
_DECLARATION = re.compile(r"<!(?!\[CDATA\[)")
_NUMBER = re.compile(r"[0-9]{1,12}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{0,60}")


@dataclass(frozen=True, slots=True)
class PushEvent:
    """One message. `key` is the same for every delivery of it; `openid` is empty where WeChat leaves it out.

    kind: the Event (`user_authorization_revoke`, …), or the MsgType of what is no event. created_at: WeChat's CreateTime, Unix seconds.
    detail: RevokeInfo, else empty. key: SHA-256 in hex, 64 characters. appid: ours.
    """

    kind: str
    openid: str
    created_at: int
    detail: str
    key: str
    appid: str


def verify_url(query: Mapping[str, str]) -> str:
    """The echostr to answer, as plain text, when WeChat checks the push address. Raises Forbidden `bad_signature`, `stale_push`."""
    echostr = query.get("echostr", "")
    if "msg_signature" in query:
        _demand_signature(query, "msg_signature", echostr)
        return _decrypted(query, echostr)
    _demand_signature(query, "signature")
    return echostr


def open_push(query: Mapping[str, str], body: bytes) -> PushEvent:
    """The message in `body`, secure or (where no AES key is set) plain, XML or JSON.

    Raises Forbidden `bad_signature` (missing or wrong), `stale_push` (more than 600 s old or early), `secure_mode_required` (plain
    although a key is set, or secure without one), `wrong_appid`; BadRequest `bad_push` for what cannot be read.
    """
    chosen = settings.current()
    secure = query.get("encrypt_type", "raw") != "raw" or "msg_signature" in query
    if secure:
        sealed = _text(_fields(body), "Encrypt")
        _demand_signature(query, "msg_signature", sealed)
    else:
        _demand_signature(query, "signature")
    if secure != bool(chosen.wechat_push_aes_key):
        raise Forbidden("消息推送的加密方式与设置不一致。", code="secure_mode_required")
    message = _fields(_decrypted(query, sealed).encode() if secure else body)
    return _event(message, chosen.wechat_appid)


def _demand_signature(query: Mapping[str, str], name: str, *signed: str) -> None:
    """Token, timestamp, nonce and what else is `signed` must give the signature; then the timestamp must be near our clock."""
    token = settings.current().wechat_push_token
    timestamp, nonce, given = (query.get(key, "") for key in ("timestamp", "nonce", name))
    parts = (timestamp, nonce, *signed)
    # Without a token of ours anybody could sign.
    if not token or not given.isascii() or not all(part and part.isascii() for part in parts):
        raise Forbidden("签名不正确。", code="bad_signature")
    from wechatpy.utils import WeChatSigner

    signer = WeChatSigner()
    signer.add_data(token, *parts)
    # wechatpy itself compares with !=, which tells by its duration how much was right.
    if not hmac.compare_digest(signer.signature, given):
        raise Forbidden("签名不正确。", code="bad_signature")
    if not _NUMBER.fullmatch(timestamp) or abs(clock.now().timestamp() - int(timestamp)) > FRESH_S:
        raise Forbidden("消息已过期。", code="stale_push")


def _decrypted(query: Mapping[str, str], sealed: str) -> str:
    """The text inside `sealed`, whose signature has been checked. Raises Forbidden `wrong_appid`, BadRequest `bad_push`."""
    chosen = settings.current()
    if not chosen.wechat_push_aes_key:
        raise Forbidden("消息推送的加密方式与设置不一致。", code="secure_mode_required")
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.exceptions import InvalidAppIdException

    crypto = WeChatCrypto(chosen.wechat_push_token, chosen.wechat_push_aes_key, chosen.wechat_appid)
    try:
        return crypto.decrypt_message({"Encrypt": sealed}, query["msg_signature"], query["timestamp"], query["nonce"])
    except InvalidAppIdException:
        wrong_app = True
    except (ValueError, IndexError, struct.error):
        wrong_app = False
    raise _wrong_appid() if wrong_app else _unreadable()


def _fields(body: bytes) -> dict[str, Any]:
    """The top level of a JSON or XML message. Raises BadRequest `bad_push`."""
    if len(body) > MAX_PUSH_BYTES:
        raise _unreadable()
    try:
        text = body.decode("utf-8").strip()
        if text.startswith("<"):
            if _DECLARATION.search(text):
                raise _unreadable()
            fields = (xmltodict.parse(text) or {}).get("xml")
        else:
            fields = orjson.loads(text)
    except (ValueError, ExpatError):
        fields = None
    if not isinstance(fields, dict):
        raise _unreadable()
    return fields


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A field as text, empty where it is missing: numbers are text in XML and numbers in JSON. Raises BadRequest for a nested one."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) <= MAX_PUSH_BYTES:
        return str(value)
    raise _unreadable()


def _event(fields: Mapping[str, Any], appid: str) -> PushEvent:
    msg_type, event, openid, created, revoked, trace_id, msg_id, sender, app = (
        _text(fields, name)
        for name in ("MsgType", "Event", "OpenID", "CreateTime", "RevokeInfo", "trace_id", "MsgId", "FromUserName", "AppID")
    )
    if not msg_type or not _NUMBER.fullmatch(created):
        raise _unreadable()
    if app and app != appid:
        raise _wrong_appid()
    # In the authorisation events FromUserName is WeChat's own platform account, elsewhere it is the user.
    if not openid and not event.startswith("user_"):
        openid = sender
    identity = [msg_type, event, trace_id] if trace_id else [msg_type, event, openid, created, revoked, msg_id]
    key = hashlib.sha256(orjson.dumps(identity)).hexdigest()
    kind = event if msg_type == "event" and event else msg_type
    if not _NAME.fullmatch(kind) or not _NAME.fullmatch(openid):
        raise _unreadable()
    return PushEvent(kind=kind, openid=openid, created_at=int(created), detail=revoked, key=key, appid=appid)


def _unreadable() -> BadRequest:
    return BadRequest("无法读取的消息。", code="bad_push")


def _wrong_appid() -> Forbidden:
    return Forbidden("消息不属于本小程序。", code="wrong_appid")
