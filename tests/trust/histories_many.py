"""AC-17: two thousand random histories, every figure against an oracle that counts pair by pair: `make trust-17`.

Half of them on PostgreSQL, half on SQLite, a hundred in each piece; see histories_piece.py.
"""

from __future__ import annotations

import json
import subprocess
import sys

import process
from trust.report import ROOT, Run

DATABASES = ("postgres", "sqlite")


def main() -> int:
    run = Run.of("AC-17", "statistics against the oracle", histories=2000, piece=100)
    each = run.given.histories // len(DATABASES) // run.given.piece
    names = [f"{database}-{number:02d}" for number in range(each) for database in DATABASES]
    for name in run.left(names):
        with run.piece(name) as found:
            database, seed = name.partition("-")[0], run.dice(name).randrange(2**32)
            words = [sys.executable, "-m", "trust.histories_piece", database, str(seed), str(run.given.piece)]
            env = {**process.environment(), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
            done = subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
            assert done.returncode == 0, done.stderr[-6000:]
            found |= json.loads(done.stdout.splitlines()[-1])
            assert found["histories"] >= run.given.piece, found
    return run.conclude(histories=sum, events=sum, slices=sum, readings=sum)


if __name__ == "__main__":
    sys.exit(main())
