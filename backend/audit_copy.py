"""Where the audit log ended when it was last looked at: a small file in DATA_DIR, outside the database, and a line in the log.

Who cuts off the end of the log inside the database does not reach it. One file for each database: a drill has another.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from backend.kernel import audit_chain, settings
from backend.kernel.audit_chain import RETENTION
from backend.kernel.database import fetch
from backend.kernel.settings import Settings

log = structlog.get_logger()


def path(chosen: Settings) -> Path:
    """Named after the database, without user and password."""
    url = urlsplit(chosen.database_url)
    of = f"{url.hostname or ''}:{url.port or ''}{url.path}"
    return chosen.data_dir / f"audit-end-{hashlib.sha256(of.encode()).hexdigest()[:12]}.json"


def _kept(chosen: Settings) -> dict[str, Any] | None:
    try:
        return json.loads(path(chosen).read_text("ascii"))
    except FileNotFoundError:
        return None


async def keep() -> None:
    """Writes the end down, unless the one that is kept already is not in the log: that is for `daka check` to tell."""
    chosen = settings.current()
    head, kept = await audit_chain.head(), _kept(chosen)
    if head is None or (kept and kept["hash"] == head["hash"]):
        return
    if not await agrees(chosen):
        log.error("audit_end_differs", kept=kept["last_id"], found=head["last_id"])
        return
    place = path(chosen)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"last_id": head["last_id"], "hash": head["hash"]}), "ascii")
    os.replace(draft, place)
    log.info("audit_end", entry=head["last_id"], hash=head["hash"])


def forget(chosen: Settings) -> None:
    """The database was filled anew: its log ends elsewhere, and is written down again within the hour."""
    path(chosen).unlink(missing_ok=True)


async def agrees(chosen: Settings) -> bool:
    """Whether the log still has the entry that was its end, unless that one's time was over since."""
    kept = _kept(chosen)
    if kept is None:
        return True
    rows = await fetch("SELECT hash FROM audit_entry WHERE id = $1", kept["last_id"])
    if rows:
        return rows[0]["hash"] == kept["hash"]
    return any(each["reason"] == RETENTION and each["last_id"] >= kept["last_id"] for each in await audit_chain.checkpoints())
