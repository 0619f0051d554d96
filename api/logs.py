"""Structured logs: one JSON line an event on standard output, with the request id and no personal data."""

from __future__ import annotations

import logging
import sys

import structlog

# The level of our own lines, as logging numbers them.
threshold = logging.INFO


def configure(level: str) -> None:
    """Sets up structlog and the standard library's logging at `level`; libraries speak from WARNING on."""
    global threshold
    threshold = logging.getLevelName(level)
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s", force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
