"""The database door: connecting, migrating, shielded transactions, and raw SQL written once for both dialects.

Two faults of the ORM are held off here (docs/decisions/0003): `in_transaction()` leaks its connection when its task is
cancelled, so every transaction runs in a task of its own under `asyncio.shield`; and migrations take no lock, so `migrate` does.
"""

from __future__ import annotations

import asyncio
import contextvars
import fcntl
import functools
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
import orjson
from tortoise import Tortoise, connections
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.exceptions import DBConnectionError, OperationalError
from tortoise.migrations.api.migrate import migrate as run_migrations
from tortoise.migrations.executor import MigrationExecutor
from tortoise.transactions import in_transaction

import models
from backend.kernel.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

RETRIES = 5
MIGRATION_LOCK = 0x64616B61  # "daka"

# What is raised while the database is away or refuses more connections: the doors answer 503.
AWAY: tuple[type[BaseException], ...] = (
    DBConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
    asyncio.TimeoutError,
)

_inside = contextvars.ContextVar("daka_transaction", default=False)


class _Connection(asyncpg.Connection):
    """A connection that goes back to its pool without four statements of cleaning up: nothing here listens, sets or locks for a session.

    A transaction that was left open is still rolled back.
    """

    def get_reset_query(self) -> str:
        return ""


def config(settings: Settings, *, pool: int = 8) -> dict[str, Any]:
    """Tortoise's configuration for `settings`; `pool` = most connections of this process (PostgreSQL)."""
    url = settings.database_url
    if settings.on_sqlite:
        Path(url.removeprefix("sqlite://")).parent.mkdir(parents=True, exist_ok=True)
        connection = expand_db_url(_with(url, journal_mode="WAL", synchronous="FULL", busy_timeout="5000", foreign_keys="ON"))
    else:
        connection = expand_db_url(_with(_asyncpg(url), minsize="1", maxsize=str(pool)))
        connection["credentials"]["connection_class"] = _Connection
    return {
        "connections": {"default": connection},
        "apps": {"models": {"models": list(models.MODULES), "migrations": "models.migrations", "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


def _asyncpg(url: str) -> str:
    return "asyncpg" + url.removeprefix("postgres") if url.startswith("postgres://") else url


def _with(url: str, **options: str) -> str:
    parts = urlsplit(url)
    query = {**options, **dict(parse_qsl(parts.query))}
    if parts.scheme == "sqlite":
        return f"{url.split('?')[0]}?{urlencode(query)}"
    return urlunsplit(parts._replace(query=urlencode(query)))


async def connect(settings: Settings, *, pool: int = 8) -> None:
    """Opens the database for this process."""
    await Tortoise.init(config=config(settings, pool=pool), _enable_global_fallback=True)


async def close() -> None:
    await connections.close_all()


async def migrate(settings: Settings) -> None:
    """Brings the database to the newest schema, one process at a time."""
    if settings.on_sqlite:
        lock_path = Path(settings.database_url.removeprefix("sqlite://").split("?")[0]).with_suffix(".migrating")
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        with lock_path.open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            await _migrate(settings)
        return
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await _migrate(settings)
    finally:
        await connection.close()


async def _migrate(settings: Settings) -> None:
    try:
        await run_migrations(config=config(settings))
    finally:
        await connections.close_all()


async def is_behind(settings: Settings) -> bool:
    """True when the database lacks a migration of this version. Raises what the driver does when it is away."""
    await Tortoise.init(config=config(settings), init_connections=True)
    try:
        await connections.get("default").execute_query("SELECT 1")
        executor = MigrationExecutor(connections.get("default"), config(settings)["apps"])
        return bool(await executor.plan(None))
    finally:
        await connections.close_all()


async def ask_once(settings: Settings, sql: str) -> list[dict[str, Any]]:
    """The rows of one statement, over a connection opened for it alone: for questions before the service starts."""
    await Tortoise.init(config=config(settings, pool=1), init_connections=True)
    try:
        return await fetch(sql)
    finally:
        await connections.close_all()


def dialect() -> str:
    """`sqlite` or `postgres`."""
    return connections.get("default").capabilities.dialect


# --- transactions ---------------------------------------------------------------------------------------------------


def transactional(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Runs `function` in one transaction, or inside the caller's. A client that hangs up does not stop it half-way.

    A deadlock or a busy SQLite file makes it run again, at most RETRIES times: it must do nothing outside the database.
    """

    @functools.wraps(function)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        if _inside.get():
            return await function(*args, **kwargs)
        return await asyncio.shield(asyncio.create_task(_in_own_transaction(function, args, kwargs)))

    return wrapper


async def _in_own_transaction(function: Callable[..., Awaitable[T]], args: Any, kwargs: Any) -> T:
    _inside.set(True)
    for attempt in range(RETRIES):
        try:
            async with in_transaction():
                return await function(*args, **kwargs)
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, OperationalError, sqlite3.OperationalError) as error:
            if attempt == RETRIES - 1 or not _is_passing(error):
                raise
            await asyncio.sleep(0.02 * 2**attempt)
    raise AssertionError("unreachable")


def _is_passing(error: Exception) -> bool:
    return isinstance(error, asyncpg.PostgresError) or any(word in str(error) for word in ("database is locked", "deadlock detected"))


# --- SQL for both dialects ------------------------------------------------------------------------------------------
# Written with $1, $2 …; booleans, dates and instants are passed as Python values.


@functools.lru_cache(maxsize=512)
def _for_sqlite(sql: str) -> str:
    sql = re.sub(r"::(?:bigint|int|text|date|jsonb?|timestamptz|boolean)\b(?:\[\])?", "", sql)
    return re.sub(r"\$(\d+)", r"?\1", sql)


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
    return value.isoformat() if isinstance(value, date) else value


async def fetch(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement as dicts. On SQLite dates come back as text: read them with `as_date` and `as_instant`."""
    connection = connections.get("default")
    if dialect() == "sqlite":
        return await connection.execute_query_dict(_for_sqlite(sql), [_value(v) for v in values])
    return await connection.execute_query_dict(sql, list(values))


def as_date(value: date | str | None) -> date | None:
    """A date column of `fetch`, whichever the dialect."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


def as_instant(value: datetime | str | None) -> datetime | None:
    """An instant column of `fetch`, whichever the dialect."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def int_list(values: Iterable[int]) -> str:
    """`values` as the inside of an SQL IN (…); only integers get in; NULL when there are none."""
    return ",".join(str(int(value)) for value in values) or "NULL"


def table_of(columns: dict[str, str], rows: Sequence[Sequence[Any]], *, first: int = 1) -> tuple[str, list[Any]]:
    """`rows` as a table for FROM, to be given an alias, and its parameters from $first on, which must be the statement's last.

    `columns`: name -> PostgreSQL type. The text is the same whatever the number of rows, so that the database keeps its plan.
    """
    if dialect() == "sqlite":
        picked = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(columns))
        packed = orjson.dumps([[_value(value) for value in row] for row in rows]).decode()
        return f"(SELECT {picked} FROM json_each(${first}))", [packed]  # noqa: S608
    arrays = ", ".join(f"${first + n}::{kind}[]" for n, kind in enumerate(columns.values()))
    by_column = [[row[n] for row in rows] for n in range(len(columns))]
    return f"(SELECT * FROM unnest({arrays}) AS given ({', '.join(columns)}))", by_column  # noqa: S608


def inside_transaction() -> bool:
    """True within a `transactional` function."""
    return _inside.get()


async def lock_rows(table: str, ids: Sequence[int], *, strength: str = "FOR UPDATE") -> None:
    """Locks rows in id order until the transaction ends. SQLite has one writer at a time and needs no lock."""
    if ids and dialect() != "sqlite":
        await fetch(f"SELECT id FROM {table} WHERE id = ANY($1::bigint[]) ORDER BY id {strength}", list(ids))  # noqa: S608
