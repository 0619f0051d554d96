"""Structured logs: one JSON line an event on standard output, with the request id, and nothing personal or secret.

Our own events have a stable name and chosen fields. What others say (libraries, the interpreter, asyncio) becomes a JSON line too, but
without values: an exception is told by its type and the places it passed, since texts of databases and clients carry what was sent to
them; a library's sentence only where it stands word for word in its source, so before anything was put into it.
"""

from __future__ import annotations

import ast
import functools
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from backend.kernel import metrics
from backend.kernel.errors import DakaError

OURS = ("api", "backend", "console", "models", "__main__")
ROOT = Path(__file__).parent.parent.parent
DEEPEST = 5  # causes, and members of a group
LONGEST_TRACE = 30

# How asyncio begins its complaints; what follows holds the values of the callback or task.
LOOP_COMPLAINTS = (
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Task was destroyed but it is pending",
    "Exception in callback",
    "Unhandled exception",
    "Fatal error on transport",
    "Error on transport creation",
)

# The level of our own lines, as logging numbers them.
threshold = logging.INFO

log = structlog.get_logger()


def configure(level: str, *, worker: str = "") -> None:
    """Sets up this process's logs at `level`; libraries speak from WARNING on. `worker` names the process among several."""
    global threshold
    threshold = logging.getLevelName(level)

    def name_worker(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**event, "worker": worker} if worker else event

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            name_worker,
            without_values,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        # In one write with its end of line: the lines of several workers must not run into each other.
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[Bridge()], level=logging.WARNING, force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)


def own_the_process() -> None:
    """What ends the interpreter's last resorts (a traceback with values on stderr): for a process that serves, not for a command."""
    sys.excepthook = lambda _, error, __: log.error("uncaught", exc_info=error)
    sys.unraisablehook = lambda unraisable: log.error("unraisable", exc_info=unraisable.exc_value)
    threading.excepthook = lambda caught: log.error("uncaught", thread=True, exc_info=caught.exc_value)
    warnings.showwarning = _warned


# --- exceptions -------------------------------------------------------------------------------------------------------


def without_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces `exc_info` (an exception, a triple or True) by `error`: see `told`."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"] = told(error)
    return event


def told(error: BaseException, depth: int = 0) -> dict[str, Any]:
    """{"type", "at": [places, outermost first], …}: what an exception says without its text, which may hold anything.

    Codes that come from a fixed list stay: a DakaError's, an OS error's number, PostgreSQL's SQLSTATE and the names in its schema.
    """
    shown: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")}
    if isinstance(error, DakaError):
        shown["code"] = error.code
    for name in ("errno", "sqlstate", "table_name", "constraint_name", "sqlite_errorname"):
        if isinstance(fact := getattr(error, name, None), str | int):
            shown[name] = fact
    shown["at"] = [_place(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)][-LONGEST_TRACE:]
    if depth < DEEPEST:
        if isinstance(error, BaseExceptionGroup):
            shown["group"] = [told(each, depth + 1) for each in error.exceptions[:DEEPEST]]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            shown["cause"] = told(cause, depth + 1)
    return shown


def _place(frame: FrameType, line: int) -> str:
    return f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_qualname}"


def _short(path: str) -> str:
    """A file below the project or among the installed packages, without what leads there."""
    return path.rpartition("site-packages/")[2].removeprefix(f"{ROOT}/")


# --- what others say --------------------------------------------------------------------------------------------------


class Bridge(logging.Handler):
    """Makes a line of the standard library's logging one of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Our own modules' sentences as they are; a library's only before values were put in."""
        try:
            ours = record.name.partition(".")[0] in OURS
            text = record.getMessage() if ours else sentence(record)
            level = logging.getLevelName(record.levelno).lower()
            at_level = getattr(log, level if level in ("debug", "info", "warning", "critical") else "error")
            at_level("logged", logger=record.name, text=text, place=f"{_short(record.pathname)}:{record.lineno}", exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 — a log line must not end what it tells of; the library says so on stderr, without values
            sys.stderr.write('{"event": "log_failed", "level": "error"}\n')


def sentence(record: logging.LogRecord) -> str | None:
    """The sentence of a library's log record where it stands word for word in the source that logged it; None for one put together."""
    return record.msg if isinstance(record.msg, str) and record.msg in _texts_in(record.pathname) else None


@functools.lru_cache(maxsize=64)
def _texts_in(path: str) -> frozenset[str]:
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    return frozenset(node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def loop_complaint(loop: Any, context: dict[str, Any]) -> None:
    """asyncio's exception handler: an error that nobody waited for."""
    message = str(context.get("message", ""))
    known = next((text for text in LOOP_COMPLAINTS if message.startswith(text)), None)
    metrics.background_errors.inc()
    log.error("background_error", text=known, exc_info=context.get("exception"))


def _warned(message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None) -> None:
    log.warning("python_warning", kind=category.__name__, place=f"{_short(filename)}:{lineno}")
