"""People with a phone in their hand: they press wx.login and the phone button in the sandbox, and come from an address of their own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import aiohttp
from door import Door, Reply
from people import LONG_AGO, Person

from backend.kernel import clock, security
from backend.wechat.sandbox import SandboxState
from models.branches import Branch
from models.members import Invite, Member, Standing


@asynccontextmanager
async def from_elsewhere(door: Door, address: str | None = None) -> AsyncIterator[Door]:
    """The same service, called from another address of 127/8: failures are counted by address, and tests share 127.0.0.1."""
    address = address or f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(255)}.{secrets.randbelow(253) + 2}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0), limit=0)) as session:
        yield Door(door.base, session)


@dataclass
class WeChatUser:
    """Somebody with WeChat; `token` is that of the last sign-in."""

    state: SandboxState
    openid: str
    token: str = ""

    async def sign_in(self, door: Door) -> Reply:
        reply = await door.post("/auth/wechat", json={"code": self.state.wx_login(self.openid)})
        if reply.status == 200:
            self.token = reply.json["token"]
        return reply

    async def bind(self, door: Door, name: str, *, code: str | None = None, phone_code: str | None = None) -> Reply:
        proof = {"invite_code": code} if code is not None else {"phone_code": phone_code or self.state.phone_button(self.openid)}
        return await door.post("/auth/bind", self, {"name": name, **proof})


def wechat_user(state: SandboxState, *, phone: str = "") -> WeChatUser:
    user = state.add_user(openid=f"o{secrets.token_hex(13)}w", phone=phone)
    return WeChatUser(state, user.openid)


def new_phone() -> str:
    return f"139{secrets.randbelow(10**8):08d}"


async def add_member(branch: Branch, name: str, *, phone: str = "", joined_on: date = LONG_AGO, **columns: Any) -> Person:
    """Somebody on the roster whom no WeChat account is bound to yet."""
    if phone:
        columns |= {
            "phone_sealed": security.encrypt(phone, purpose="phone"),
            "phone_hash": security.keyed_hash(phone, purpose="phone"),
        }
    member = await Member.create(branch=branch, name=name, joined_on=joined_on, created_at=clock.now(), **columns)
    await Standing.create(member=member, unit=None, starts_on=date.min)
    return Person(member.id, name, "", "", branch.id)


async def invite(member: Person, *, days: int = 7) -> str:
    """A fresh invitation code for this member, good for so many days."""
    code = security.new_invite_code()
    code_hash = security.token_hash(security.plain_code(code))
    await Invite.create(member_id=member.id, code_hash=code_hash, expires_at=clock.now() + timedelta(days=days))
    return code
