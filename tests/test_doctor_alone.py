"""`daka doctor` where no installation is needed: settings, files, addresses, and WeChat answering in every way."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from process import daka, environment
from sandbox_server import SECRET, settings_for
from test_doctor import KEY, PASSWORD, examined

from backend import doctor, doctor_machine, doctor_wechat
from backend.kernel import clock
from backend.kernel.settings import Settings

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "changed, subject, cure",
    [
        ({"DATABASE_URL": f"postgres://u:{PASSWORD}@127.0.0.1:9/x"}, "数据库", "检查数据库是否在运行"),
        ({"DATABASE_URL": "sqlite://torn.sqlite3"}, "数据库", "请从备份恢复"),
        ({"DATABASE_URL": "sqlite://missing.sqlite3"}, "数据库", "请先运行 daka migrate"),
        ({"DATABASE_URL": "sqlite://empty.sqlite3"}, "数据库结构", "再运行 daka migrate"),
        ({"DATABASE_URL": "postgres://[::1/x"}, "设置", "DAKA_DATABASE_URL 不是有效的地址"),
        ({"DATABASE_URL": "postgres://h:port/x"}, "设置", "DAKA_DATABASE_URL 不是有效的地址"),
        ({"DATA_DIR": "a-file"}, "文件权限", "不是目录"),
        ({"ENV": "production", "SECRET_KEY": "short", "LOG_LEVEL": "loud", "TYPO": "1"}, "设置", "DAKA_LOG_LEVEL"),
    ],
)
async def test_what_is_broken_has_its_line_and_no_traceback(tmp_path: Path, changed: dict[str, str], subject: str, cure: str):
    (tmp_path / "torn.sqlite3").write_bytes(b"this was a database once" * 100)
    sqlite3.connect(tmp_path / "empty.sqlite3").execute("VACUUM")
    (tmp_path / "a-file").touch()
    began = time.monotonic()
    code, found = await examined({**environment(SECRET_KEY=KEY), **{f"DAKA_{name}": text for name, text in changed.items()}}, tmp_path)
    assert time.monotonic() - began < 20
    assert code == 1 and any(mark == "✗" and cure in sentence for mark, sentence in found[subject]), found
    assert PASSWORD not in json.dumps(found)
    if subject == "数据库":
        assert {found[later][0][0] for later in ("数据库结构", "密钥", "学习内容")} == {"–"}
    assert "ENV" not in changed or len([line for line in found["设置"] if line[0] == "✗"]) == 6


async def test_settings_in_another_encoding_and_a_key_file_of_noise_are_told(tmp_path: Path):
    (tmp_path / ".env").write_bytes("DAKA_PUBLIC_URL=https://打卡".encode("gbk"))
    (tmp_path / ".env").chmod(0o600)
    code, found = await examined(environment(SECRET_KEY=KEY), tmp_path)
    assert code == 1 and found["设置"] == [("✗", ".env 不是 UTF-8 编码：请另存为 UTF-8。在 .env 或环境变量里改正")]
    (tmp_path / ".env").unlink()
    (tmp_path / "secret_key").write_bytes(b"\xff" * 64)
    (tmp_path / "secret_key").chmod(0o600)
    code, found = await examined(environment(DATA_DIR=str(tmp_path)), tmp_path)
    assert code == 1 and "不能读取" in found["设置"][0][1]


def test_every_command_tells_an_unreadable_setting_in_one_sentence(tmp_path: Path):
    (tmp_path / ".env").write_bytes("DAKA_PUBLIC_URL=https://打卡".encode("gbk"))
    command = daka("check", env=environment(SECRET_KEY=KEY), cwd=tmp_path)
    assert (command.returncode, command.stderr) == (1, ".env 不是 UTF-8 编码：请另存为 UTF-8\n")


# --- addresses and disk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, env, state",
    [
        ("https://daka.njmes.cn", "production", doctor.OK),
        ("https://daka.njmes.cn:8443", "production", doctor.OK),
        ("https://127.0.0.1", "production", doctor.FAIL),
        ("https://10.1.2.3", "production", doctor.FAIL),
        ("https://localhost", "production", doctor.FAIL),
        ("https://daka.njmes.cn/path", "production", doctor.FAIL),
        ("https://u:p@daka.njmes.cn", "production", doctor.FAIL),
        ("https://", "production", doctor.FAIL),
        ("https://daka.example.com", "production", doctor.WARN),
        ("https://intranet", "production", doctor.WARN),
        ("http://daka.njmes.cn", "development", doctor.WARN),
        ("http://127.0.0.1:8000", "development", doctor.OK),
    ],
)
async def test_an_address_that_members_cannot_open_is_told(url: str, env: str, state: str):
    assert (await doctor_machine.public_url(Settings(public_url=url, env=env))).state == state


async def test_a_disk_without_room_for_a_copy_of_the_database_is_told(tmp_path: Path):
    """The file is sparse: as large as it says, and nothing is on the disk."""
    file = tmp_path / "daka.sqlite3"
    chosen = Settings(data_dir=tmp_path, database_url=f"sqlite://{file}")
    with file.open("wb") as sparse:
        sparse.truncate(shutil.disk_usage(tmp_path).free + 1024**3)
    [finding] = await doctor_machine.disk(chosen)
    assert finding.state == doctor.FAIL and "清理或扩容" in finding.sentence and str(tmp_path) in finding.sentence
    os.truncate(file, shutil.disk_usage(tmp_path).free // 2)
    assert [each.state for each in await doctor_machine.disk(chosen)] == [doctor.WARN]
    os.truncate(file, 1024)
    assert {each.state for each in await doctor_machine.disk(replace(chosen, data_dir=tmp_path / "not" / "yet"))} == {doctor.OK}


# --- WeChat -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def answering(answer: bytes | None, head: str = "200 OK") -> AsyncIterator[Settings]:
    """A WeChat that says `answer` to whatever it is asked; None: nothing, ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await asyncio.sleep(30)
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n".encode() + answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield settings_for(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()


def refusal(code: int, text: str = "") -> bytes:
    return json.dumps({"errcode": code, "errmsg": f"{text} {SECRET} rid: 0123abcd-0123abcd-0123abcd"}).encode()


@pytest.mark.parametrize(
    "answer, head, state, told",
    [
        (refusal(40125), "200 OK", doctor.FAIL, "AppSecret 不正确：在小程序后台"),
        (refusal(40013), "200 OK", doctor.FAIL, "核对 DAKA_WECHAT_APPID（errcode 40013，rid 0123abcd-0123abcd-0123abcd）"),
        (refusal(40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7"), "200 OK", doctor.FAIL, "微信看到的地址 203.0.113.7"),
        (refusal(40243), "200 OK", doctor.FAIL, "解冻"),
        (refusal(-1), "200 OK", doctor.WARN, "稍后再试"),
        (refusal(99999), "200 OK", doctor.FAIL, "errcode 99999"),
        (b'{"errcode": "x"}', "200 OK", doctor.FAIL, "不是微信的格式"),
        (b'["access_token"]', "200 OK", doctor.FAIL, "不是微信的格式"),
        (b"<html>portal</html>", "200 OK", doctor.FAIL, "不是微信的格式"),
        (b"", "502 Bad Gateway", doctor.FAIL, "HTTP 502"),
        (b"", "302 Found\r\nLocation: http://127.0.0.1:9/", doctor.FAIL, "HTTP 302"),
        (b"", "no status line", doctor.FAIL, "无法连接"),
    ],
)
async def test_each_way_in_which_wechat_refuses_has_its_cure(answer: bytes, head: str, state: str, told: str):
    async with answering(answer, head) as chosen:
        [finding] = await doctor.within("微信", doctor_wechat.reachable, chosen)
    assert finding.state == state and told in finding.sentence and SECRET not in finding.sentence


async def test_a_wechat_that_is_not_there_and_one_that_is_silent_are_told_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_wechat, "SOCKET_S", 0.3)
    [gone] = await doctor.within("微信", doctor_wechat.reachable, settings_for("http://127.0.0.1:9"))
    [lost] = await doctor.within("微信", doctor_wechat.reachable, settings_for("http://daka.invalid"))
    async with answering(None) as chosen:
        [silent] = await doctor.within("微信", doctor_wechat.reachable, chosen)
        monkeypatch.setattr(doctor_wechat, "SOCKET_S", 30)
        monkeypatch.setattr(doctor, "LIMIT_S", 0.3)
        [late] = await doctor.within("微信", doctor_wechat.reachable, chosen)
    assert "ConnectionRefusedError" in gone.sentence and "DNS" in lost.sentence
    assert "秒内没有答复" in silent.sentence and "秒内没有结果" in late.sentence


@pytest.mark.parametrize(
    "seconds, state, told", [(0, doctor.OK, "相差 [01] 秒"), (30, doctor.WARN, "快 3[01] 秒"), (-7200, doctor.FAIL, "慢 (7199|7200) 秒")]
)
async def test_a_clock_that_differs_from_wechats_is_told(seconds: int, state: str, told: str):
    date = format_datetime(clock.now() - timedelta(seconds=seconds), usegmt=True)
    async with answering(b'{"access_token": "t", "expires_in": 7200}', f"200 OK\r\nDate: {date}") as chosen:
        token, clocks = await doctor.within("微信", doctor_wechat.reachable, chosen)
    assert (token.state, clocks.state) == (doctor.OK, state) and re.search(told, clocks.sentence)
