"""Whether the secret keys of today open what is stored: a changed DAKA_SECRET_KEY is told before a member's number is asked for."""

from __future__ import annotations

from backend.kernel import security
from backend.kernel.database import fetch

CURE = (
    "DAKA_SECRET_KEY 与数据不符：请换回原来的密钥，或把它补在列表末尾（新密钥,旧密钥）；"
    "旧密钥确已遗失时，先用 daka roster import 重新导入手机号"
)


async def unreadable(*, most: int) -> tuple[int, int]:
    """(looked at, of these not to be opened) among at most `most` sealed phone numbers: the first half of them and the last."""
    half = max(1, most // 2)
    rows = [
        row
        for order in ("ASC", "DESC")
        for row in await fetch(
            f"SELECT id, phone_sealed FROM member WHERE phone_sealed IS NOT NULL ORDER BY id {order} LIMIT $1",  # noqa: S608
            half,
        )
    ]
    sealed = {row["id"]: row["phone_sealed"] for row in rows}
    return len(sealed), sum(not opens(each) for each in sealed.values())


def opens(sealed: str) -> bool:
    try:
        security.decrypt(sealed, purpose="phone")
    except ValueError:
        return False
    return True
