"""Puts the newest results of every scenario into docs/performance.md, each at its own place. `make bench-page`.

A place is a line `<!-- storm -->`; what stands between it and the next heading is replaced.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from bench.places import ROOT
from bench.report import RESULTS

PAGE = ROOT / "docs" / "performance.md"
_PLACE = re.compile(r"<!-- (\w+) -->\n(.*?)(?=\n## |\n<!-- |\Z)", re.DOTALL)


def newest(scenario: str) -> Path | None:
    """The latest page of results; their names begin with the date."""
    return max(RESULTS.glob(f"????-??-??-{scenario}.md"), default=None)


def shown(path: Path) -> str:
    """The results as a part of the page: the title becomes a line, pictures are found from docs/."""
    title, _, rest = path.read_text("utf-8").partition("\n")
    return f"**{title.removeprefix('# ')}**\n{rest.rstrip()}".replace("](20", "](../bench/results/20")


def filled(page: str) -> str:
    def place(found: re.Match[str]) -> str:
        path = newest(found[1])
        return f"<!-- {found[1]} -->\n\n{shown(path)}\n" if path else found[0]

    return _PLACE.sub(place, page)


def main() -> int:
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
