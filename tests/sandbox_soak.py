"""Long conversations with the sandbox: the same one with two processes, and thousands of requests of every kind, sound and mad."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from process import environment, free_port
from sandbox_remote import LI, ZHANG, Remote
from sandbox_server import APPID, SECRET

from backend.wechat.sandbox import paths

SOAK_REQUESTS = int(os.environ.get("DAKA_SOAK_REQUESTS", "600"))
NOON = 1_700_020_800

ODD: tuple[Any, ...] = (None, "", "x", "中文", "x" * 3000, 0, -1, 2, 3.5, True, [], ["x"], {}, {"value": None}, "\u0000", "😀", 10**30)
ALL = (*paths.WITH_SECRET, *paths.WITH_TOKEN)
NAMES = (
    "appid secret grant_type js_code code openid touser template_id data page content version scene title width line_color path query "
    "jump_wxa expire_type expire_time expire_interval env_version signature sig_method force_refresh lang miniprogram_state"
).split()


async def restarted_transcripts(*seeds: int) -> list[bytes]:
    """What a process of its own answers to one conversation, for each seed; the processes run at the same time."""
    return await asyncio.gather(*[_transcript(seed) for seed in seeds])


async def _transcript(seed: int) -> bytes:
    port = free_port()
    words = ["--port", str(port), "--appid", APPID, "--secret", SECRET, "--seed", str(seed)]
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.wechat.sandbox", *words],
        env=environment(), cwd=Path(__file__).parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as http:
            return await talk(f"http://127.0.0.1:{port}/sandbox", http)
    finally:
        process.terminate()
        process.wait(10)


async def talk(base_url: str, http: aiohttp.ClientSession) -> bytes:
    """Every answer of one conversation, as it came, once the sandbox is there."""
    for _ in range(400):
        try:
            await (await http.get(f"{base_url}/control/health")).read()
            break
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    lines: list[bytes] = []

    async def ask(method: str, path: str, **how: Any) -> dict[str, Any]:
        async with http.request(method, base_url + path, **how) as response:
            lines.append(await response.read())
            return json.loads(lines[-1])

    await ask("POST", "/control/clock", json={"set": NOON, "freeze": True})
    await ask("POST", "/control/options", json={"session_key": "one_in_3"})
    openid = (await ask("POST", "/control/users", json={"phone": "13800000001"}))["openid"]
    credentials = {"appid": APPID, "secret": SECRET}
    await ask("POST", "/control/scenario", json={"name": "busy_30pct"})
    for _ in range(14):
        code = (await ask("POST", "/control/wx_login", json={"openid": openid}))["code"]
        await ask("GET", paths.LOGIN, params={**credentials, "js_code": code, "grant_type": "authorization_code"})
        token = await ask("POST", paths.STABLE_TOKEN, json={**credentials, "grant_type": "client_credential", "force_refresh": True})
        await ask("POST", paths.TEXT_CHECK, params={"access_token": token.get("access_token", "")}, json={"content": "学习"})
    return b"\n".join(lines) + b"\n"


@dataclass
class Tally:
    statuses: Counter[int] = field(default_factory=Counter)
    errcodes: Counter[int] = field(default_factory=Counter)


async def soak(remote: Remote, count: int, *, seed: int) -> Tally:
    """`count` requests, 20 at a time: half as a client would make them, a quarter with odd values, the rest with odd bytes."""
    tally, rng = Tally(), random.Random(seed)
    token = await remote.token()
    for _ in range(count // 20):
        # Ten seconds for twenty requests: below the limits of the minute, and still before the token's end.
        await remote.order("clock", advance_s=10)
        await remote.order("visit", openid=ZHANG)
        await remote.order("subscribe", openid=ZHANG, template_id=sorted(remote.state.apps[APPID].templates)[0])
        requests = [_request(remote, rng, token) for _ in range(20)]
        for status, body in await asyncio.gather(*[_sent(remote, *request) for request in requests]):
            tally.statuses[status] += 1
            tally.errcodes[0 if body[:4] == b"\x89PNG" else json.loads(body).get("errcode", 0)] += 1
    for _ in range(count % 20):
        tally.statuses[(await _sent(remote, *_request(remote, rng, token)))[0]] += 1
    return tally


async def _sent(remote: Remote, method: str, path: str, how: dict[str, Any]) -> tuple[int, bytes]:
    status, _, body = await remote.raw(method, path, **how)
    return status, body


def _request(remote: Remote, rng: random.Random, token: str) -> tuple[str, str, dict[str, Any]]:
    dice = rng.random()
    if dice < 0.5:
        return _sound(remote, rng, token)
    path, method = rng.choice(ALL), rng.choice(["GET", "POST", "POST"])
    query = {"access_token": rng.choice([token, token, "", "odd", "FAKE_gone", "中"]), "appid": APPID, "secret": SECRET}
    if dice < 0.75:
        body = {name: rng.choice(ODD) for name in rng.sample(NAMES, 8)} | {"appid": APPID, "secret": SECRET}
        return method, path, {"params": {**query, "js_code": rng.choice(["x", "中", ""])}, "json": body}
    bodies = [b"", b"\xff\xfe", b"[]", b"{", b"[" * 5000, b'"x"', b"null", rng.randbytes(200), b'{"a":1' + b" " * 9000 + b"}"]
    return method, path, {"params": {name: value for name, value in query.items() if rng.random() < 0.7}, "data": rng.choice(bodies)}


def _sound(remote: Remote, rng: random.Random, token: str) -> tuple[str, str, dict[str, Any]]:
    """What a client would ask, with codes that are fresh, and now and then used before."""
    state, openid = remote.state, rng.choice([ZHANG, LI])
    template_id = sorted(state.apps[APPID].templates)[0]
    login = {"appid": APPID, "secret": SECRET, "js_code": state.wx_login(openid), "grant_type": "authorization_code"}
    client = {"appid": APPID, "secret": SECRET, "grant_type": "client_credential"}
    signed = {"access_token": token}
    message = {"touser": ZHANG, "template_id": template_id, "data": {"thing1": {"value": rng.choice(["学习", "习" * 21])}}}
    return rng.choice(
        [
            ("GET", paths.LOGIN, {"params": login}),
            ("GET", paths.LEGACY_TOKEN, {"params": client}),
            ("POST", paths.STABLE_TOKEN, {"json": client}),
            (
                "POST",
                paths.PHONE_NUMBER,
                {"params": signed, "json": {"code": state.phone_button(openid), "openid": rng.choice([openid, ZHANG])}},
            ),
            ("POST", paths.TEXT_CHECK, {"params": signed, "json": {"content": "学习", "version": 2, "scene": 2, "openid": openid}}),
            ("POST", paths.SUBSCRIBE_SEND, {"params": signed, "json": message}),
            ("POST", paths.CODE_IMAGE, {"params": signed, "json": {"scene": state.letters(rng.choice([8, 32, 33]))}}),
            ("POST", paths.URL_LINK, {"params": signed, "json": {"path": rng.choice(["", "pages/none"])}}),
            ("POST", paths.SCHEME, {"params": signed, "json": {"expire_type": 1, "expire_interval": rng.choice([1, 30, 31])}}),
            ("GET", paths.CHECK_SESSION, {"params": {**signed, "openid": openid, "sig_method": "hmac_sha256", "signature": "0"}}),
        ]
    )
