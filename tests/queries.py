"""Counting the SQL statements of this process (the service under test runs in it): lists and statistics assert their number."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_logger = logging.getLogger("tortoise.db_client")


class _Recorder(logging.Handler):
    def __init__(self, queries: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.queries = queries

    def emit(self, record: logging.LogRecord) -> None:
        # Statements are logged as ("%s: %s", sql, values), scripts bare; the rest is about connections.
        statement = str(record.args[0]) if record.msg == "%s: %s" and record.args else str(record.msg)
        if "connection" in statement.lower().split(" ", 3)[:3] or _finds_the_caller(statement) or _is_background():
            return
        self.queries.append(statement)


def _finds_the_caller(statement: str) -> bool:
    """Who calls is remembered for 5 s, so that its query comes now and then: it is not counted."""
    return "JOIN session s" in statement and "token_hash" in statement


def _is_background() -> bool:
    """Jobs have their rounds when they are due, whatever a test does meanwhile."""
    return "job" in structlog.contextvars.get_contextvars()


@contextmanager
def counting() -> Iterator[list[str]]:
    """The statements issued within the block, in order: `with counting() as queries: …; assert len(queries) == 3`.

    BEGIN and COMMIT are not among them, nor the look-up of the calling session, nor what jobs do.
    """
    queries: list[str] = []
    recorder = _Recorder(queries)
    before = _logger.level, _logger.propagate, _logger.disabled
    _logger.setLevel(logging.DEBUG)
    _logger.propagate = _logger.disabled = False
    _logger.addHandler(recorder)
    try:
        yield queries
    finally:
        _logger.removeHandler(recorder)
        _logger.setLevel(before[0])
        _logger.propagate, _logger.disabled = before[1:]
