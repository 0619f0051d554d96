"""AC-11, second part: half an hour of atheris on the parsers that take foreign bytes, one after the other: `make trust-11-fuzz`.

A parser is a piece; what the fuzzer has found worth keeping stays in var/reports/fuzz/ and the next run begins with it. One process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from trust import fuzz_targets
from trust.report import REPORTS, ROOT, Run

LONGEST_INPUT, MEMORY_MB = 65_536, 2_048


def fuzz(name: str, seconds: float, seed: int, told: dict[str, Any]) -> None:
    """`told` takes the figures. A process that dies or hangs is a finding like an exception."""
    corpus, findings = REPORTS / "fuzz" / name, REPORTS / "fuzz" / f"{name}-findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    for old in findings.iterdir():
        old.unlink()
    for sample, content in fuzz_targets.samples(name).items():
        (corpus / sample).write_bytes(content)
    words = [
        sys.executable, "-m", "trust.fuzz_one", name, str(corpus), str(findings), f"-max_total_time={seconds:.0f}", f"-seed={seed % 2**31}",
        f"-max_len={LONGEST_INPUT}", f"-rss_limit_mb={MEMORY_MB}", "-timeout=60", f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]  # fmt: skip
    log = findings.with_suffix(".log")
    with log.open("wb") as out:
        done = subprocess.run(words, cwd=ROOT, env=os.environ, stdout=out, stderr=subprocess.STDOUT, check=False)
    told |= json.loads(count.read_text("utf-8")) if (count := findings / "count").exists() else {"inputs": 0}
    told |= {"corpus": len(list(corpus.iterdir())), "findings": len(list(findings.glob("*.json"))), "ended": done.returncode}
    assert done.returncode == 0, tail(log)
    assert told["inputs"] > 0, tail(log)
    assert told["findings"] == 0, "\n".join(file.read_text("utf-8") for file in sorted(findings.glob("*.json")))


def tail(log: Path) -> str:
    return log.read_bytes()[-2000:].decode("utf-8", "replace")


def main() -> int:
    run = Run.of("AC-11-FUZZ", "atheris on the parsers", seconds=1800.0)
    share = run.given.seconds / len(fuzz_targets.TARGETS)
    for name in run.left(fuzz_targets.TARGETS):
        with run.piece(name) as found:
            fuzz(name, share, run.given.seed, found)
    return run.conclude(inputs=sum, refused=sum, corpus=sum, findings=sum, slowest_s=max)


if __name__ == "__main__":
    sys.exit(main())
