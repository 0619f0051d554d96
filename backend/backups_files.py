"""Files of a backup: written out of sight beside their place, and moved there whole; a fault of the disk names the place."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tortoise.exceptions import OperationalError

from backend.kernel.errors import Conflict

# Faults of the disk itself: the system names no file with them.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
SQLITE_FAULTS = {"database or disk is full": errno.ENOSPC, "disk I/O error": errno.EIO}


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A private folder on the disk of `path`, gone afterwards with all that is in it. Faults of the disk inside name `path`."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".daka-", dir=path.absolute().parent))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        yield folder
    except OSError as error:
        if error.errno in DISK or str(error.filename).startswith(str(folder)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    except (sqlite3.OperationalError, OperationalError) as error:
        fault = next((fault for words, fault in SQLITE_FAULTS.items() if words in str(error)), None)
        if fault is None:
            raise
        raise OSError(fault, os.strerror(fault), str(path)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_existing(path: Path) -> None:
    """Raises Conflict `file_exists`: an older backup is never written over."""
    if os.path.lexists(path):
        raise Conflict(f"{path} 已存在，未覆盖；请换一个文件名。", code="file_exists")


def publish(whole: Path, path: Path) -> None:
    """Gives a file that is whole its name, unless something bears it already (Conflict `file_exists`); the name is on the disk too."""
    try:
        os.link(whole, path)
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError:
        # A file system without hard links, as on a memory stick.
        refuse_existing(path)
        os.rename(whole, path)
    sync_folder(path)


def take_place(whole: Path, path: Path) -> None:
    """Puts a file in the place of whatever is at `path`, down to the disk."""
    with whole.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(whole, path)
    sync_folder(path)


def sync_folder(path: Path) -> None:
    descriptor = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems keep their folders in order themselves, and say so this way.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def copy_sqlite(source: Path, to: Path) -> None:
    """A copy of the database as it stands at one moment, while others write to it (SQLite's online backup)."""
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(open_sqlite(source)) as live, closing(sqlite3.connect(to)) as copy:
        live.backup(copy)


def open_sqlite(path: Path, *, patience_s: float = 5) -> sqlite3.Connection:
    """A connection to a database that exists already, without transactions of its own."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=patience_s)


def holds_something(path: Path) -> bool:
    """Whether there is a file with anything in it."""
    return path.exists() and path.stat().st_size > 0


def left_journal(path: Path) -> Path | None:
    """A journal that stands beside the place of a database although nobody has it open."""
    return next((left for left in (Path(f"{path}-wal"), Path(f"{path}-journal")) if left.exists()), None)


def is_in_use(path: Path) -> bool:
    """Whether anybody else has this SQLite database open, be it without doing anything."""
    with closing(open_sqlite(path, patience_s=0.5)) as probe:
        probe.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            probe.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            return True
        probe.execute("ROLLBACK")
        return False
