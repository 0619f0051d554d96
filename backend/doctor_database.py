"""The database's part of `daka doctor`. Each check opens the database for itself: whatever is wrong with one, the next can be made."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tortoise.exceptions import BaseORMException

from backend import keys
from backend.doctor import FAIL, OK, SKIPPED, WARN, Finding, Sick, in_thread
from backend.kernel import clock, database, schema
from backend.kernel.settings import Settings

LEAST_SQLITE, LEAST_POSTGRES = (3, 35), (13, 0)
LATE_S, WRONG_S = 5.0, 60.0
AWAY = (*database.AWAY, OSError)
# What the ORM and the drivers raise for a table that is not there yet.
NO_SUCH_TABLE = (BaseORMException, sqlite3.Error)


@asynccontextmanager
async def opened(chosen: Settings) -> AsyncIterator[None]:
    """The database, open for the block. Raises Sick; never makes an SQLite file that is not there."""
    if chosen.on_sqlite:
        refuse_missing(Path(chosen.database_url.removeprefix("sqlite://").split("?")[0]))
    try:
        try:
            await database.connect(chosen, pool=1)
            await database.fetch("SELECT 1 AS one")
        except Exception as error:
            raise Sick(f"{where(chosen)}：{cure_of(error)}") from error
        yield
    finally:
        await database.close()


def refuse_missing(file: Path) -> None:
    if not file.exists():
        raise Sick(f"{file} 不存在：请先运行 daka migrate（或检查 DAKA_DATABASE_URL、DAKA_DATA_DIR 与当前目录）")
    if not os.access(file, os.R_OK | os.W_OK):
        raise Sick(f"不能读写 {file}：请把它交给运行服务的用户（chown）")


def cure_of(error: Exception) -> str:
    kinds = {kind.__name__ for each in (error, error.__cause__) if each for kind in type(each).__mro__}
    if "InvalidAuthorizationSpecificationError" in kinds:
        return "用户名或口令不对：改正 DAKA_DATABASE_URL"
    if "InvalidCatalogNameError" in kinds:
        return "没有这个数据库：先用 createdb 建立，或改正 DAKA_DATABASE_URL 中的库名"
    if "TooManyConnectionsError" in kinds:
        return "连接数已满：调高 PostgreSQL 的 max_connections，或减少 --workers"
    if isinstance(error, BaseORMException | sqlite3.Error) and "not a database" in str(error):
        return "文件不是 SQLite 数据库，或已损坏：请从备份恢复"
    if isinstance(error, AWAY):
        return f"无法连接（{type(error).__name__}）：检查数据库是否在运行，以及 DAKA_DATABASE_URL 的主机与端口"
    return f"不能使用（{type(error).__name__}）：检查 DAKA_DATABASE_URL"


async def reachable(chosen: Settings) -> Finding:
    async with opened(chosen):
        if chosen.on_sqlite:
            name, version, least = "SQLite", sqlite3.sqlite_version_info[:2], LEAST_SQLITE
        else:
            name, version, least = "PostgreSQL", await server_version(), LEAST_POSTGRES
    shown = f"{name} {'.'.join(map(str, version))}"
    if version < least:
        return Finding("数据库", FAIL, f"{shown} 太旧：请升级到 {'.'.join(map(str, least))} 或更新版本")
    if chosen.on_sqlite and chosen.production:
        return Finding("数据库", WARN, f"{shown} 只能用一个进程：正式使用建议 PostgreSQL（DAKA_DATABASE_URL）")
    return Finding("数据库", OK, f"{shown}，可以连接")


async def server_version() -> tuple[int, int]:
    number = int((await database.fetch("SELECT current_setting('server_version_num') AS version"))[0]["version"])
    return number // 10000, number % 10000


def where(chosen: Settings) -> str:
    """The database's place without name and password."""
    if chosen.on_sqlite:
        return "SQLite"
    parts = urlsplit(chosen.database_url)
    return f"PostgreSQL {parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


async def migrations(chosen: Settings) -> Finding:
    """Older than the program: a step is missing. Newer: an older program was put back."""
    if await schema.is_behind(chosen):
        return Finding("数据库结构", FAIL, "不是最新：请先备份，再运行 daka migrate")
    async with opened(chosen):
        strange = await schema.unknown_migrations()
    if strange:
        return Finding("数据库结构", FAIL, f"比程序新（{'、'.join(strange)}）：请换回新版程序，或恢复升级之前的备份")
    return Finding("数据库结构", OK, "与程序一致")


async def key(chosen: Settings) -> Finding:
    """Whether what is stored encrypted can be opened with the keys of today."""
    async with opened(chosen):
        try:
            found = await keys.usage()
        except NO_SUCH_TABLE:
            return Finding("密钥", SKIPPED, "数据库结构不是最新，未检查")
    if found.shut:
        return Finding("密钥", FAIL, f"{found.seen} 条加密的数据中有 {found.shut} 条打不开。{keys.CURE}")
    if found.old:
        return Finding("密钥", WARN, f"{found.old} 条仍用旧密钥：daka keys rotate 改用新的，之后可去掉旧密钥")
    return Finding("密钥", OK, f"与数据相符（{found.seen} 条）" if found.seen else "还没有加密的数据")


async def curriculum(chosen: Settings) -> Finding:
    async with opened(chosen):
        try:
            [found] = await database.fetch(
                "SELECT (SELECT COUNT(*) FROM aspect) AS aspects, (SELECT COUNT(*) FROM section) AS units, "
                "(SELECT COUNT(*) FROM question) AS questions, (SELECT COUNT(*) FROM branch) AS branches"
            )
        except NO_SUCH_TABLE:
            return Finding("学习内容", SKIPPED, "数据库结构不是最新，未检查")
    if found["aspects"] < 9 or not found["units"]:
        return Finding("学习内容", FAIL, "还没有载入：请运行 daka curriculum load")
    if not found["questions"]:
        return Finding("学习内容", WARN, "没有题目：请运行 daka curriculum load 或 daka questions import")
    if not found["branches"]:
        return Finding("学习内容", WARN, "还没有支部：请运行 daka branch create 名称")
    return Finding("学习内容", OK, f"{found['aspects']} 个方面、{found['units']} 个单元、{found['questions']} 道题")


async def clocks(chosen: Settings) -> Finding:
    """The day that a check-in counts for is decided by this machine's clock."""
    if chosen.on_sqlite:
        return Finding("数据库时钟", OK, "SQLite 与本机同一时钟")
    async with opened(chosen):
        before = clock.now()
        [row] = await database.fetch("SELECT clock_timestamp() AS at")
        half = (clock.now() - before) / 2
    return compared("数据库时钟", (before + half - row["at"]).total_seconds(), "数据库")


def compared(subject: str, ahead_s: float, other: str) -> Finding:
    """`ahead_s`: by how much this machine's clock is ahead of the other's."""
    if abs(ahead_s) < LATE_S:
        return Finding(subject, OK, f"与{other}相差 {abs(ahead_s):.0f} 秒")
    told = f"本机时钟比{other}{'快' if ahead_s > 0 else '慢'} {abs(ahead_s):.0f} 秒"
    cure = "请在两边打开网络对时（timedatectl set-ntp true）；打卡算在哪一天由本机时钟决定"
    return Finding(subject, FAIL if abs(ahead_s) >= WRONG_S else WARN, f"{told}：{cure}")


async def pg_dump(chosen: Settings) -> Finding:
    if chosen.on_sqlite:
        return Finding("备份程序", OK, "SQLite 不需要另外的程序")
    found = shutil.which("pg_dump")
    if not found:
        return Finding("备份程序", FAIL, "没有 pg_dump，不能备份：请安装 PostgreSQL 客户端（apt install postgresql-client）")
    said = await in_thread(lambda: subprocess.run([found, "--version"], capture_output=True, text=True, timeout=4, check=False).stdout)
    ours = int(match[1]) if (match := re.search(r"\(PostgreSQL\) (\d+)", said)) else 0
    async with opened(chosen):
        server, _ = await server_version()
    if ours < server:
        return Finding("备份程序", FAIL, f"pg_dump 是 {ours} 版，不能备份 {server} 版的数据库：请安装 postgresql-client-{server}")
    return Finding("备份程序", OK, f"pg_dump {ours}")


# Made once the database is known to answer.
CHECKS = {"数据库结构": migrations, "密钥": key, "学习内容": curriculum, "数据库时钟": clocks, "备份程序": pg_dump}
