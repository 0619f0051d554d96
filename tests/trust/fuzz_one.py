"""One parser under atheris until the time is up: `python -m trust.fuzz_one TARGET CORPUS FINDINGS [libFuzzer's options]`; fuzz.py calls it.

What a parser may do with foreign bytes is to read them or to refuse them (DakaError below 500). Whatever else it raises is written to
FINDINGS, once for each place, and the search goes on: the first fault would else hide the others.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["backend.kernel", "backend.rules", "backend.wechat.push", "api.http", "xmltodict"]):
    from trust import fuzz_targets

    from backend.kernel.errors import DakaError

SLOW_S = 5.0  # of processor time, with the fuzzer's own counting in it


class Findings:
    def __init__(self, folder: Path) -> None:
        self.folder, self.tried, self.refused, self.slowest = folder, 0, 0, 0.0
        self.written = time.monotonic()

    def keep(self, data: bytes, kind: str, told: str) -> None:
        name = hashlib.sha256(f"{kind}{told}".encode()).hexdigest()[:12]
        file = self.folder / f"{name}.json"
        if not file.exists():
            (self.folder / f"{name}.bytes").write_bytes(data)
            file.write_text(json.dumps({"kind": kind, "told": told, "input": repr(data[:300])}, ensure_ascii=False), "utf-8")

    def count(self) -> None:
        """libFuzzer ends the process by itself, without a last word to us: so the figures are written down now and then."""
        if time.monotonic() - self.written > 1:
            self.written = time.monotonic()
            told = {"inputs": self.tried, "refused": self.refused, "slowest_s": self.slowest}
            (self.folder / "count").write_text(json.dumps(told), "utf-8")


def under(target: Callable[[bytes], Any], found: Findings) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        began = time.process_time()
        found.tried += 1
        try:
            target(data)
        except DakaError as refusal:
            found.refused += 1
            if refusal.status >= 500:
                found.keep(data, type(refusal).__name__, f"{refusal.status} {refusal.code}")
        except Exception as error:
            places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-4:]]
            found.keep(data, type(error).__name__, " ".join(places))
        took = time.process_time() - began
        found.slowest = max(found.slowest, took)
        if took > SLOW_S:
            found.keep(data, "slow", "more than five seconds")
        found.count()

    return one


def main() -> None:
    name, corpus, findings, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options, corpus], under(fuzz_targets.TARGETS[name], Findings(Path(findings))))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
