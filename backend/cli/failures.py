"""What went wrong outside the product, as one Chinese sentence: a file, the database. Imported only once something has."""

from __future__ import annotations

import errno
import sqlite3

from tortoise.exceptions import OperationalError

from backend.cli.arguments import reason
from backend.kernel import database, schema
from backend.kernel.settings import Settings

AWAY = (*database.AWAY, OSError)
# PostgreSQL's refusals of a name, a password or a database, by name: the driver stays behind the kernel's door.
REFUSALS = {"InvalidAuthorizationSpecificationError", "InvalidCatalogNameError"}


async def sentence(error: Exception, settings: Settings) -> str | None:
    """The sentence for `error`, or None when it is a fault of the product itself and its traceback should be seen."""
    if isinstance(error, OSError) and error.filename and error.errno != errno.ECONNREFUSED:
        return f"无法读写 {error.filename}：{reason(error)}"
    if isinstance(error, AWAY) or _refused(error):
        return f"DAKA_DATABASE_URL 指向的数据库无法连接（{type(error).__name__}）"
    if isinstance(error, OperationalError) and await _is_behind(settings):
        return "数据库结构不是最新，请先运行 daka migrate"
    return None


def _refused(error: Exception) -> bool:
    if any(kind.__name__ in REFUSALS for kind in type(error).__mro__):
        return True
    faults = ("unable to open database file", "file is not a database", "readonly database")
    return isinstance(error, OperationalError | sqlite3.DatabaseError) and any(fault in str(error) for fault in faults)


async def _is_behind(settings: Settings) -> bool:
    try:
        return await schema.is_behind(settings)
    except (OperationalError, *AWAY):
        return False
