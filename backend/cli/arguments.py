"""What is typed on a command line, as values: refused in Chinese, before a database is asked."""

from __future__ import annotations

import argparse
from datetime import date


def row_id(text: str) -> int:
    """The number of a branch, member or other row."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) < 2**63):
        raise argparse.ArgumentTypeError(f"编号应为正整数，不是 {text[:30]}")
    return int(text)


def day(text: str) -> date:
    """A date as 2023-02-23."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"日期应为 2023-02-23 的样子，不是 {text[:30]}") from None
