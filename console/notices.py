"""What a write says on the next page ("已保存。"): a cookie signed with the session, shown once."""

from __future__ import annotations

import base64
import binascii
import hmac

from backend.kernel import security

COOKIE = "daka_console_notice"
LONGEST = 500


def sealed(text: str, token: str) -> str:
    """The cookie's value; `token`: the session's, so that no other page's cookie is taken for ours."""
    body = base64.urlsafe_b64encode(text[:LONGEST].encode()).decode()
    return f"{body}.{security.keyed_hash(f'{token} {body}', purpose='console-notice')}"


def opened(value: str, token: str) -> str:
    """What `sealed` sealed for this session; "" for anything else."""
    body, _, seal = value.rpartition(".")
    expected = security.keyed_hashes(f"{token} {body}", purpose="console-notice")
    if not any(hmac.compare_digest(seal.encode("utf-8", "surrogatepass"), one.encode()) for one in expected):
        return ""
    try:
        return base64.urlsafe_b64decode(body).decode()
    except (binascii.Error, ValueError):
        return ""
