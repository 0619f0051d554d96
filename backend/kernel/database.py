"""The database door: connecting, migrating, shielded transactions, and raw SQL written once for both dialects.

Two faults of the ORM are held off here (docs/decisions/0003): `in_transaction()` leaks its connection when its task is
cancelled, so every transaction runs in a task of its own under `asyncio.shield`; and it gives a connection back with four statements of
tidying up, which nothing here needs.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
import orjson
import structlog
from tortoise import Tortoise, connections
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.exceptions import BaseORMException, DBConnectionError, IntegrityError, OperationalError
from tortoise.transactions import in_transaction

import models
from backend.kernel import last_steps, metrics
from backend.kernel.connection import Connection
from backend.kernel.errors import Unavailable
from backend.kernel.settings import Settings

log = structlog.get_logger()
P = ParamSpec("P")
T = TypeVar("T")

RETRIES = 5
BUSY_S = 10.0
LONGEST_PAUSE_S = 0.25
CLOSE_S = 3.0

# What is raised while the database is away or refuses more connections: the doors answer 503.
AWAY: tuple[type[BaseException], ...] = (
    DBConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
    asyncio.TimeoutError,
)

# What is raised when the database does not take what it is given: a row, a statement, a script.
REFUSED: tuple[type[BaseException], ...] = (asyncpg.PostgresError, OperationalError, IntegrityError)
LockedOut = asyncpg.LockNotAvailableError  # raised where a lock_timeout is shorter than the wait

_under_way: set[asyncio.Task] = set()
_inside = contextvars.ContextVar("daka_transaction", default=False)


# Questions are small and many. The planner does not know which partition will be asked: for all it would start workers and compile.
SETTINGS = {"jit": "off", "max_parallel_workers_per_gather": "0", "plan_cache_mode": "force_generic_plan"}


def config(settings: Settings, *, pool: int = 8) -> dict[str, Any]:
    """Tortoise's configuration for `settings`; `pool` = most connections of this process (PostgreSQL)."""
    url = settings.database_url
    if settings.on_sqlite:
        sqlite_path(settings).parent.mkdir(parents=True, exist_ok=True)
        # 8 MB of pages kept: most of what a busy day touches of the indexes; the file itself stays in the system's cache.
        pragmas = {"journal_mode": "WAL", "synchronous": "FULL", "busy_timeout": "5000", "foreign_keys": "ON", "cache_size": "-8000"}
        connection = expand_db_url(_with(url, **pragmas))
    else:
        connection = expand_db_url(_with(_asyncpg(url), minsize="1", maxsize=str(pool)))
        connection["credentials"] |= {"connection_class": Connection, "server_settings": {**SETTINGS}}
    return {
        "connections": {"default": connection},
        "apps": {"models": {"models": list(models.MODULES), "migrations": "models.migrations", "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


def sqlite_path(settings: Settings) -> Path:
    """The database's file, where the settings name SQLite."""
    return Path(settings.database_url.removeprefix("sqlite://").split("?")[0])


def elsewhere(settings: Settings, path: Path) -> Settings:
    """The same settings with another SQLite file for the database."""
    return replace(settings, database_url=f"sqlite://{path}")


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
    """Closes this process's connections, by force after CLOSE_S; transactions that go on behind a phone that hung up may end first."""
    if _under_way:
        await asyncio.wait(_under_way, timeout=CLOSE_S)
    try:
        async with asyncio.timeout(CLOSE_S):
            await Tortoise.close_connections()
    except TimeoutError:
        log.error("database_closed_by_force")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[None]:
    """The database over one connection, for the block alone: for questions before the service starts, and for commands."""
    await connect(settings, pool=1)
    try:
        yield
    finally:
        await close()


async def ask_once(settings: Settings, sql: str) -> list[dict[str, Any]]:
    """The rows of one statement, over a connection opened for it alone."""
    async with opened(settings):
        return await fetch(sql)


def dialect() -> str:
    """`sqlite` or `postgres`."""
    return connections.get("default").capabilities.dialect


def driver() -> Any:
    """The driver's own connection of the transaction under way, for what the ORM does not know: COPY, whole scripts (PostgreSQL)."""
    return connections.get("default")._connection


# --- transactions ---------------------------------------------------------------------------------------------------


def transactional(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Runs `function` in one transaction, or inside the caller's. A client that hangs up does not stop it half-way.

    A deadlock makes it run again, at most RETRIES times, and so does an SQLite file that another process (a command) writes to, for
    BUSY_S: it must do nothing outside the database. Raises Unavailable `database_busy` after that.
    """

    @functools.wraps(function)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        if _inside.get():
            return await function(*args, **kwargs)
        task = asyncio.create_task(_in_own_transaction(function, args, kwargs))
        _under_way.add(task)
        task.add_done_callback(_under_way.discard)
        return await asyncio.shield(task)

    return wrapper


@asynccontextmanager
async def interruptible() -> AsyncIterator[None]:
    """One transaction of a command in a process of its own: unlike `transactional`, Ctrl+C ends it at once, and it runs only once."""
    token = _inside.set(True)
    try:
        async with in_transaction(), last_steps.taken():
            yield
    finally:
        _inside.reset(token)


async def _in_own_transaction(function: Callable[..., Awaitable[T]], args: Any, kwargs: Any) -> T:
    _inside.set(True)
    tries, give_up_at = 0, time.monotonic() + BUSY_S
    while True:
        try:
            with metrics.Wait() as wait:
                async with in_transaction(), last_steps.taken():
                    wait.over()
                    return await function(*args, **kwargs)
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, OperationalError, sqlite3.OperationalError) as error:
            passing = _passing(error)
            if passing is None:
                raise
            tries += 1
            if time.monotonic() > give_up_at if passing == "busy" else tries == RETRIES:
                metrics.database_errors.labels(passing).inc()
                raise Unavailable("服务繁忙，请稍后再试。", code="database_busy", retry_after=3) from error
            metrics.retries.labels(passing).inc()
            await asyncio.sleep(min(0.01 * 2**tries, LONGEST_PAUSE_S))


def _passing(error: Exception) -> str | None:
    """deadlock, serialization or busy: what another try may cure; None for anything else."""
    if isinstance(error, asyncpg.SerializationError):
        return "serialization"
    if isinstance(error, asyncpg.DeadlockDetectedError) or "deadlock detected" in str(error):
        return "deadlock"
    return "busy" if "database is locked" in str(error) else None


def count_error(error: BaseException) -> None:
    """Counts an error that reached a door and came from the database: away, or one of its own; anything else is none."""
    if isinstance(error, AWAY):
        metrics.database_errors.labels("away").inc()
    elif isinstance(error, BaseORMException | asyncpg.PostgresError | sqlite3.Error) and _passing(error) is None:
        metrics.database_errors.labels("refused").inc()


def pool_use() -> tuple[int, int, int] | None:
    """Connections in use, idle, and the most there may be, of this process; None on SQLite, which has one and no pool."""
    pool = None if dialect() == "sqlite" else connections.get("default")._pool
    return (pool.get_size() - pool.get_idle_size(), pool.get_idle_size(), pool.get_max_size()) if pool else None


# --- SQL for both dialects ------------------------------------------------------------------------------------------
# Written with $1, $2 …; booleans, dates and instants are passed as Python values.


@functools.lru_cache(maxsize=512)
def for_sqlite(sql: str) -> str:
    sql = re.sub(r"::(?:bigint|int|text|date|jsonb?|timestamptz|boolean)\b(?:\[\])?", "", sql)
    return re.sub(r"\$(\d+)", r"?\1", sql)


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _instant(value)
    return value.isoformat() if isinstance(value, date) else value


# One instant stands in many rows of a batch, and writing it takes longer than finding it again.
@functools.lru_cache(maxsize=1024)
def _instant(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


async def fetch(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement as dicts. On SQLite dates come back as text: read them with `as_date` and `as_instant`."""
    connection = connections.get("default")
    if dialect() == "sqlite":
        return await connection.execute_query_dict(for_sqlite(sql), [plain(v) for v in values])
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
        packed = orjson.dumps(rows, default=plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
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
