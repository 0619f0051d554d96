"""Every address that gives a page, from the console's own list and the router's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trust.strangers import STREAMS

from console.http import PAGES, SESSION

AT_THE_ROOT = (
    "/",
    "/docs",
    "/console",
    "/console/enter",
    "/console/nowhere",
    "/console/enter?token=%3Cscript%3E",
    "/console/static/nothing.css",
)


def every_page(token: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Address and cookie: as whoever `token` is, and as nobody."""
    own = {"Cookie": f"{SESSION}={token}"}
    for path in (*AT_THE_ROOT, *(page.path for page in PAGES if page.method == "GET" and page.path not in STREAMS)):
        filled = re.sub(r"<\w+(?::\w+)?>", "999999", path)
        yield filled, own
        yield filled, {}
