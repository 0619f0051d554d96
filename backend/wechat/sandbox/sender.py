"""Sends an app's pushes as WeChat does: signed, plain or encrypted, XML or JSON, 5 s to answer, three attempts.

The encryption is written from WeChat's description and shares no code with what opens it: two sides that agree are worth more.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from backend.wechat.sandbox.records import App, Refused
from backend.wechat.sandbox.state import SandboxState

ANSWER_S = 5
ATTEMPTS = 3
PLATFORM_ACCOUNT = "oSandboxPlatformAccount00000"


async def push_event(state: SandboxState, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Delivers one event `times` times, as `order` says: {openid, event, RevokeInfo?, mode, format, times}.

    Returns for each delivery its attempts: [{"status": int or null, "answer": text, "accepted": bool}]. Raises Refused.
    """
    user = state.user(str(order.get("openid", "")))
    app = state.apps[user.appid]
    mode, form, times = order.get("mode", "secure" if app.push.aes_key else "plain"), order.get("format", "json"), order.get("times", 1)
    if not app.push.url or mode not in ("plain", "secure") or form not in ("json", "xml") or (mode == "secure" and not app.push.aes_key):
        raise Refused(47001, "push needs an address, mode plain|secure (secure with an AES key), format json|xml")
    if not isinstance(times, int) or not 1 <= times <= 1000 or not order.get("event"):
        raise Refused(47001, "push needs an event, and times between 1 and 1000")
    fields = {
        "ToUserName": "gh_sandbox",
        "FromUserName": PLATFORM_ACCOUNT,
        "CreateTime": int(state.now()),
        "MsgType": "event",
        "Event": str(order["event"]),
        "OpenID": user.openid,
        "AppID": app.appid,
        **({"RevokeInfo": str(order["RevokeInfo"])} if order.get("RevokeInfo") else {}),
    }
    return [{"attempts": await _deliver(state, app, fields, secure=mode == "secure", xml=form == "xml")} for _ in range(times)]


async def _deliver(state: SandboxState, app: App, fields: dict[str, Any], *, secure: bool, xml: bool) -> list[dict[str, Any]]:
    attempts: list[dict[str, Any]] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session:
        while len(attempts) < ATTEMPTS:
            query, body = sealed(state, app, fields, secure=secure, xml=xml)
            content_type = "text/xml" if xml else "application/json"
            try:
                posting = session.post(app.push.url, params=query, data=body, headers={"Content-Type": content_type}, allow_redirects=False)
                async with posting as response:
                    status, answer = response.status, (await response.content.read(1024)).decode("utf-8", "replace")
            except (aiohttp.ClientError, TimeoutError) as error:
                status, answer = None, type(error).__name__
            accepted = status == 200 and answer in ("", "success")
            attempts.append({"status": status, "answer": answer, "accepted": accepted})
            if accepted:
                break
    return attempts


def sealed(state: SandboxState, app: App, fields: dict[str, Any], *, secure: bool, xml: bool) -> tuple[dict[str, str], bytes]:
    """Query and body of one delivery, signed at the sandbox's time."""
    timestamp, nonce = str(int(state.now())), str(state.rng.randrange(10**9, 10**10))
    message = _written(fields, xml=xml)
    query = {"signature": signature(app.push.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce, "openid": fields["OpenID"]}
    if not secure:
        return query, message.encode()
    encrypted = encrypt(message, aes_key=app.push.aes_key, appid=app.appid, prefix=state.rng.randbytes(16))
    query |= {"encrypt_type": "aes", "msg_signature": signature(app.push.token, timestamp, nonce, encrypted)}
    return query, _written({"ToUserName": fields["ToUserName"], "Encrypt": encrypted}, xml=xml).encode()


def signature(*parts: str) -> str:
    """SHA-1 of the sorted parts joined: what WeChat's protocol prescribes for its pushes."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(message: str, *, aes_key: str, appid: str, prefix: bytes) -> str:
    """AES-256-CBC over 16 random bytes, the length (4 bytes, big endian), message and appid, padded to 32 bytes; base64."""
    key, text = base64.b64decode(aes_key + "="), message.encode()
    plain = prefix + len(text).to_bytes(4, "big") + text + appid.encode()
    padding = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()


def _written(fields: dict[str, Any], *, xml: bool) -> str:
    if not xml:
        return json.dumps(fields, ensure_ascii=False)
    texts = {name: value if isinstance(value, int) else _cdata(value) for name, value in fields.items()}
    return f"<xml>{''.join(f'<{name}>{text}</{name}>' for name, text in texts.items())}</xml>"


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
