"""How a push is written, encrypted and signed.

Written from WeChat's description, without a line in common with what opens it: two sides that agree are worth more.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from backend.wechat.sandbox.records import App
from backend.wechat.sandbox.state import SandboxState

SOMEBODY_ELSES_APP = "wxffffffffffffffff"
NOTHING: Mapping[str, Any] = {}


def sealed(
    state: SandboxState, app: App, fields: dict[str, Any], *, secure: bool, xml: bool, fault: Mapping[str, Any] = NOTHING
) -> tuple[dict[str, str], bytes]:
    """Query and body of one delivery, signed at the sandbox's time."""
    appid = app.appid
    if fault.get("wrong_appid"):
        appid = SOMEBODY_ELSES_APP
        fields = {**fields, "AppID": appid}
    if fault.get("omit_openid"):
        fields = {name: value for name, value in fields.items() if name != "OpenID"}
    query = signed_query(state, app, fault=fault)
    if "OpenID" in fields:
        query["openid"] = fields["OpenID"]
    message = _written(fields, xml=xml)
    if not secure:
        return query, message.encode()
    encrypted = encrypt(message, aes_key=app.push.aes_key, appid=appid, prefix=state.rng.randbytes(16))
    own = signature(app.push.token, query["timestamp"], query["nonce"], encrypted)
    query |= {"encrypt_type": "aes", "msg_signature": _spoilt(own) if fault.get("bad_signature") else own}
    return query, _written({"ToUserName": fields["ToUserName"], "Encrypt": encrypted}, xml=xml).encode()


def signed_query(state: SandboxState, app: App, *, fault: Mapping[str, Any] = NOTHING) -> dict[str, str]:
    """signature, timestamp and nonce."""
    timestamp = str(int(state.now() - fault.get("old_timestamp", 0)))
    nonce = str(state.rng.randrange(10**9, 10**10))
    right = signature(app.push.token, timestamp, nonce)
    return {"signature": _spoilt(right) if fault.get("bad_signature") else right, "timestamp": timestamp, "nonce": nonce}


def _spoilt(signature: str) -> str:
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


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
