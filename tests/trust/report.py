"""The one form of the long checks: pieces that are done one by one, a line at the end, evidence under var/reports/.

    run = Run.of("AC-01", "kill -9 under load", rounds=50)       # --rounds, --seed, --most, --minutes, --fresh on the command line
    for name in run.left(f"postgres-{n}" for n in range(run.given.rounds)):
        with run.piece(name) as found:                           # found: the piece's figures; run.dice(name): its own seeded generator
            found["lost"] = await one_round(run.dice(name))
            assert found["lost"] == 0, "acknowledged, and not there"
    sys.exit(run.conclude(lost=sum, ready_s=max))                # AC-01 PASS pieces=50/50 lost=0 ready_s=3.1 seed=20221016

A piece that is done stays done: the next run of the same size and seed goes on after it, and says PART until none is left. A piece that
fails is written down with what it said, and is tried again by the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
REPORTS = ROOT / "var" / "reports"
SEED = 20221016
PASSED, FAILED, UNFINISHED = 0, 1, 3
ENOUGH_FAILURES = 3
HOW_FAR = ("most", "minutes", "fresh")  # of this run alone: they say nothing of the size of the check

Combine = Callable[[list[Any]], Any]


@dataclass
class Run:
    """One check of one size and seed. `told` is its evidence, written down after each piece."""

    check: str
    given: argparse.Namespace
    told: dict[str, Any]
    began: float = field(default_factory=time.monotonic)
    names: list[str] = field(default_factory=list)
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    _begun: int = 0

    @classmethod
    def of(cls, check: str, title: str, argv: list[str] | None = None, **sizes: int | float | str) -> Run:
        """The run that the command line asks for; `sizes` are options with their full values, and `--seed` is always one."""
        parser = argparse.ArgumentParser(prog=check, description=title, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        for name, value in {"seed": SEED, **sizes}.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help="size of the check")
        parser.add_argument("--most", type=int, default=0, help="at most so many pieces now (0: all)")
        parser.add_argument("--minutes", type=float, default=0.0, help="begin no piece after so many minutes (0: no end)")
        parser.add_argument("--fresh", action="store_true", help="forget what is done")
        given = parser.parse_args(argv)
        size = {name: value for name, value in vars(given).items() if name not in HOW_FAR}
        told = {"check": check, "title": title, "size": size, "machine": machine(), "pieces": {}, "failures": []}
        run = cls(check, given, told)
        if not given.fresh and run.evidence.exists():
            before = json.loads(run.evidence.read_text("utf-8"))
            run.told |= {name: before[name] for name in ("pieces", "failures")}
        return run

    @property
    def evidence(self) -> Path:
        """A file of its own for each size, so that a small run never passes for a large one."""
        size = "-".join(f"{name}={value}" for name, value in self.told["size"].items())
        return REPORTS / f"{self.check}-{size}.json"

    def dice(self, name: str = "") -> random.Random:
        """A generator that depends on the seed and the piece alone: a piece is the same whatever was done before it."""
        return random.Random(f"{self.given.seed}/{self.check}/{name}")

    def has_left(self, names: Iterable[str]) -> bool:
        """Takes the pieces on, and says whether there is one among them to do now: what they need is built only then."""
        some = list(names)
        self.names += [name for name in some if name not in self.names]
        return not self._is_over() and any(name not in self.told["pieces"] for name in some)

    def left(self, names: Iterable[str]) -> Iterator[str]:
        """Those of the pieces that are still to do now."""
        some = list(names)
        self.has_left(some)
        for name in some:
            if name in self.told["pieces"]:
                continue
            if self._is_over():
                return
            self._begun += 1
            yield name

    def _is_over(self) -> bool:
        minutes = (time.monotonic() - self.began) / 60
        too_many = self.given.most and self._begun >= self.given.most
        return bool(too_many or (self.given.minutes and minutes >= self.given.minutes) or len(self.failed) >= ENOUGH_FAILURES)

    @contextmanager
    def piece(self, name: str) -> Iterator[dict[str, Any]]:
        """The block fills in the figures; whatever it raises is a failure of the piece, written down, and the run goes on."""
        found: dict[str, Any] = {}
        began = time.monotonic()
        facts = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
        try:
            yield found
        except Exception as error:
            self.failed[name] = found
            self.told["failures"].append({"piece": name, **facts, **found, "why": f"{type(error).__name__}: {error}"})
            traceback.print_exc()
        else:
            self.told["pieces"][name] = {**facts, "seconds": round(time.monotonic() - began, 2), **found}
        self._write()
        print(f"  {name}: {'FAILED ' if name in self.failed else ''}{spelt(found)}", flush=True)

    def conclude(self, **metrics: Combine) -> int:
        """Prints the line, and returns the exit code. `metrics`: figure -> how the pieces' values become one (sum, max, min)."""
        done = [self.told["pieces"][name] for name in self.names if name in self.told["pieces"]]
        figures = [*done, *self.failed.values()]
        verdict = "FAIL" if self.failed else "PASS" if len(done) == len(self.names) and done else "PART"
        values = {name: combine([piece[name] for piece in figures if name in piece] or [0]) for name, combine in metrics.items()}
        line = f"{self.check} {verdict} pieces={len(done)}/{len(self.names)} {spelt(values)} seed={self.given.seed}"
        if self.failed:
            line += f" failed={','.join(self.failed)}"
        self.told |= {"line": line, "command": " ".join(["python", "-m", _module(), *sys.argv[1:]])}
        self._write()
        print(f"{line}\n  {self.evidence.relative_to(ROOT)}", flush=True)
        return {"PASS": PASSED, "FAIL": FAILED, "PART": UNFINISHED}[verdict]

    def _write(self) -> None:
        """Whole or not at all: the check may be killed at any moment."""
        self.evidence.parent.mkdir(parents=True, exist_ok=True)
        begun = self.evidence.with_suffix(".part")
        begun.write_text(json.dumps(self.told, ensure_ascii=False, indent=1, default=str), "utf-8")
        begun.replace(self.evidence)


def spelt(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={f'{value:.4g}' if isinstance(value, float) else value}" for name, value in values.items())


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"


def commit() -> str:
    """The product as it is checked; a plus sign after it: with changes that are in no commit."""
    asked = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem
