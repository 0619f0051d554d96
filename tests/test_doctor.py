"""`daka doctor` on a real installation: all well, and then everything broken for real, each with its line and its cure."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import pytest
from process import ROOT, daka, environment, free_port, fresh_database

from backend.kernel import security
from backend.kernel import settings as kernel_settings
from backend.kernel.settings import Settings

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long

KEY, OTHER_KEY = "k" * 64, "o" * 64
PASSWORD = "canary-password"
LINE = re.compile(r"([✓!✗–]) ([^：]+)：(.+)")


async def examined(env: Mapping[str, str], cwd: Path) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit code, and each subject's (mark, sentence)."""
    command = await asyncio.to_thread(daka, "doctor", env=env, cwd=cwd)
    assert command.stderr == "" and "Traceback" not in command.stdout, command.stdout + command.stderr
    lines = command.stdout.splitlines()
    found: dict[str, list[tuple[str, str]]] = {}
    for line in lines[:-1]:
        mark, subject, sentence = LINE.fullmatch(line).groups()
        found.setdefault(subject, []).append((mark, sentence))
    assert re.fullmatch(r"有 \d+ 项须处理。|没有发现须处理的问题。", lines[-1])
    return command.returncode, found


@pytest.fixture
async def env(settings: Settings, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """An installation of its own, with the tables made and no content yet."""
    async with fresh_database(settings.database_url, tmp_path) as url:
        own = environment(
            DATABASE_URL=url, REDIS_URL=settings.redis_url, SECRET_KEY=KEY, DATA_DIR=str(tmp_path), WECHAT_APPID=settings.wechat_appid,
            WECHAT_SECRET=settings.wechat_secret, WECHAT_API_BASE=settings.wechat_api_base, WECHAT_PUSH_TOKEN=settings.wechat_push_token,
            WECHAT_PUSH_AES_KEY=settings.wechat_push_aes_key,
        )  # fmt: skip
        await done("migrate", env=own, cwd=tmp_path)
        yield own


async def done(*words: str, env: Mapping[str, str], cwd: Path) -> None:
    command = await asyncio.to_thread(daka, *words, env=env, cwd=cwd)
    assert command.returncode == 0, command.stderr


async def add_member(url: str, key: str) -> None:
    """Somebody whose number is sealed with `key`."""
    await execute(
        url,
        "INSERT INTO member (branch_id, name, post, note, joined_on, created_at, phone_sealed) "  # noqa: S608
        f"VALUES (1, '某', '', '', '2020-01-01', '2020-01-01', '{sealed(key)}')",
    )


def sealed(key: str) -> str:
    before = kernel_settings._current
    kernel_settings.use(Settings(secret_keys=(key,)))
    try:
        return security.encrypt("13900000000", purpose="phone")
    finally:
        kernel_settings._current = before


async def execute(url: str, statement: str) -> None:
    if url.startswith("sqlite://"):
        with sqlite3.connect(url.removeprefix("sqlite://")) as connection:
            connection.execute(statement)
        connection.close()
        return
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def test_all_is_well_and_then_everything_is_broken(env: dict[str, str], settings: Settings, tmp_path: Path):
    code, found = await examined(env, tmp_path)
    assert code == 1 and found["学习内容"] == [("✗", "还没有载入：请运行 daka curriculum load")]
    await done("curriculum", "load", str(ROOT / "curriculum"), env=env, cwd=tmp_path)
    await done("branch", "create", "支部", env=env, cwd=tmp_path)
    await add_member(env["DAKA_DATABASE_URL"], KEY)
    await all_is_well(env, tmp_path)
    broken = await break_everything(env, tmp_path)
    code, found = await examined(broken, tmp_path)
    assert code == 1
    expected = {
        "文件权限": "chmod 600",
        "Redis": "没有应答",
        "微信推送": "缺少 DAKA_WECHAT_PUSH_AES_KEY",
        "微信": "AppSecret 不正确",
        "数据库结构": "比程序新（9999_future）",
        "密钥": "DAKA_SECRET_KEY 与数据不符",
    }
    if not settings.on_sqlite:
        expected |= {"数据库时钟": "快 3600 秒", "备份程序": "postgresql-client-"}
    for subject, cure in expected.items():
        assert any(mark == "✗" and cure in sentence for mark, sentence in found[subject]), (subject, found[subject])
    assert found["数据库"][0][0] == "✓" and [mark for mark, _ in found["文件权限"]] == ["✗", "!"]
    told = json.dumps(found, ensure_ascii=False)
    assert not any(secret in told for secret in (KEY, OTHER_KEY, env["DAKA_WECHAT_SECRET"], "canary"))
    await the_service_refuses_a_strange_key(env, tmp_path)


async def all_is_well(env: dict[str, str], tmp_path: Path) -> None:
    code, found = await examined(env, tmp_path)
    assert code == 0, found
    assert [subject for subject, lines in found.items() if any(mark not in "✓!" for mark, _ in lines)] == []
    assert {"设置", "文件权限", "磁盘", "数据库", "数据库结构", "密钥", "学习内容", "Redis", "微信", "微信推送", "对外地址"} <= set(found)
    assert "可以取得访问令牌" in found["微信"][0][1] and "（1 条）" in found["密钥"][0][1]
    command = await asyncio.to_thread(daka, "doctor", "--json", env=env, cwd=tmp_path)
    told = json.loads(command.stdout)
    assert command.returncode == 0 and told["state"] in ("ok", "warn")
    assert {check["subject"] for check in told["checks"]} == set(found)


async def break_everything(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Each in its own way, all at once."""
    url = env["DAKA_DATABASE_URL"]
    await execute(url, "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('models', '9999_future', '2026-01-01')")
    (tmp_path / ".env").write_text("# canary\n")
    (tmp_path / ".env").chmod(0o644)
    (tmp_path / "secret_key").write_text(KEY)
    (tmp_path / "secret_key").chmod(0o640)
    programs, ahead = tmp_path / "programs", tmp_path / "ahead"
    programs.mkdir()
    (programs / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    (programs / "pg_dump").chmod(0o755)
    ahead.mkdir()
    shift = "import datetime, backend.kernel.clock as clock\nclock._shift = datetime.timedelta(hours=1)\n"
    (ahead / "sitecustomize.py").write_text(shift)
    return {
        **env,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ahead}:{env['PYTHONPATH']}",
        "DAKA_SECRET_KEY": OTHER_KEY,
        "DAKA_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:9/0",
        "DAKA_WECHAT_SECRET": "canary-wrong-secret",
        "DAKA_WECHAT_PUSH_AES_KEY": "",
    }


async def the_service_refuses_a_strange_key(env: dict[str, str], tmp_path: Path) -> None:
    """At its start; with the old key behind the new one it goes on."""
    words = ("serve", "--port", str(free_port()))
    refused = await asyncio.to_thread(daka, *words, env={**env, "DAKA_SECRET_KEY": OTHER_KEY}, cwd=tmp_path)
    assert refused.returncode == 1 and "DAKA_SECRET_KEY 与数据不符" in refused.stderr and "Traceback" not in refused.stderr
    code, found = await examined({**env, "DAKA_SECRET_KEY": f"{OTHER_KEY},{KEY}", "PATH": str(tmp_path)}, tmp_path)
    assert found["密钥"][0][0] == "!" and "daka keys rotate" in found["密钥"][0][1]
    on_sqlite = env["DAKA_DATABASE_URL"].startswith("sqlite://")
    assert found["备份程序"][0][0] == "✓" if on_sqlite else "没有 pg_dump" in found["备份程序"][0][1]
    await add_member(env["DAKA_DATABASE_URL"], "x" * 64)
    code, found = await examined(env, tmp_path)
    assert (code, found["密钥"][0][0]) == (1, "✗") and "2 条加密的数据中有 1 条打不开" in found["密钥"][0][1]
    # One value that no key opens is enough: it would be missed when it is asked for.
    refused = await asyncio.to_thread(daka, *words, env=env, cwd=tmp_path)
    assert refused.returncode == 1 and "2 条加密的数据中有 1 条打不开" in refused.stderr and "--lost" in refused.stderr


async def test_a_wrong_name_of_the_database_and_a_wrong_user_are_told_apart(settings: Settings, tmp_path: Path):
    """On PostgreSQL; the name of an SQLite database is its file, which is then missing."""
    url = settings.database_url.split("?")[0]
    code, found = await examined(environment(SECRET_KEY=KEY, DATABASE_URL=f"{url}_of_nobody"), tmp_path)
    cure = "请先运行 daka migrate" if settings.on_sqlite else "createdb"
    assert code == 1 and cure in found["数据库"][0][1]
