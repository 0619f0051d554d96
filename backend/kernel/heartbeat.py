"""The worker's sign of life: a small file that a health check reads, and systemd's own notification where it asks for one."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

from backend.kernel import clock
from backend.kernel.settings import Settings

EVERY_S = 10.0
STALE_AFTER = timedelta(seconds=60)


def path(settings: Settings) -> Path:
    return settings.data_dir / "worker.alive"


def beat(settings: Settings) -> None:
    """Writes the current instant into the file, whole or not at all. Raises OSError where the data directory cannot be written."""
    file = path(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(clock.now().isoformat(), "ascii")
    fresh.replace(file)
    notify("WATCHDOG=1")


def last(settings: Settings) -> datetime | None:
    """The instant of the last sign; None when there is none, after a graceful stop too."""
    try:
        return datetime.fromisoformat(path(settings).read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None


def is_fresh(instant: datetime | None, *, now: datetime) -> bool:
    """False after a minute of silence, and for a sign from the future: the clock was set back, and nothing has come since."""
    return instant is not None and abs(now - instant) <= STALE_AFTER


def end(settings: Settings) -> None:
    path(settings).unlink(missing_ok=True)
    notify("STOPPING=1")


def notify(state: str) -> None:
    """One datagram to the socket that systemd names (sd_notify(3)); without systemd, nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagrams:
        datagrams.sendto(state.encode("ascii"), "\0" + address[1:] if address.startswith("@") else address)
