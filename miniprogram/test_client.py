"""All checks of the member's client, run by `make test-client`; ends with "N passed, N failed".

Installs the locked packages, then: types, logic and pages (vitest), the package for WeChat (WeChat's own compilers, its size, a day walked
in it), and the page for a browser, in Chromium against the real service.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import build_h5
from build_h5 import HERE, Failure

ROOT = HERE.parent
REPORTS = ROOT / "var" / "test-client"
BROWSER = [ROOT / "tests" / "browser" / name for name in ("member_walk.py", "member_requests.py", "member_package.py")]


def main() -> int:
    """0 when everything passed, 1 when something failed, 2 when it could not be tried; says in Chinese what is missing."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    try:
        path = build_h5.node_path()
        for folder in (HERE, HERE / "checks"):
            install(folder, path)
    except Failure as failure:
        print(f"无法检查会员端：{failure}", file=sys.stderr)
        return 2
    counts = [0, 0]
    for name, check in CHECKS.items():
        began = time.monotonic()
        passed, failed = check(path)
        counts[0] += passed
        counts[1] += failed
        print(f"—— {name}：{passed} 通过，{failed} 未通过（{time.monotonic() - began:.0f} 秒）", flush=True)
    print(f"{counts[0]} passed, {counts[1]} failed")
    return 1 if counts[1] else 0


def install(folder: Path, path: str) -> None:
    """The locked packages with what the tests need, unless they are there."""
    lock = (folder / "package-lock.json").read_bytes()
    stamp = folder / "node_modules" / ".tested"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    build_h5.fetch(path, beside=False, folder=folder)
    stamp.write_bytes(lock)
    if folder == HERE:
        build_h5.note_installed()


def node(path: str, *words: str) -> int:
    return subprocess.run(words, cwd=HERE, env=build_h5.environment(path), check=False).returncode


def types(path: str) -> tuple[int, int]:
    return outcome(node(path, "npx", "vue-tsc", "--noEmit"))


def logic_and_pages(path: str) -> tuple[int, int]:
    report = REPORTS / "vitest.json"
    report.unlink(missing_ok=True)
    node(path, "npx", "vitest", "run", "--reporter=dot", "--reporter=json", f"--outputFile.json={report}")
    if not report.is_file():
        return 0, 1
    told = json.loads(report.read_text("utf-8"))
    # A file that could not even be loaded has no tests that failed.
    broken = sum(one["status"] == "failed" and not one["assertionResults"] for one in told["testResults"])
    return told["numPassedTests"], told["numFailedTests"] + broken


def builds(path: str) -> tuple[int, int]:
    """Both targets of the one source: for a browser where the service serves it, for WeChat in dist."""
    told = [node(path, sys.executable, "build_h5.py"), node(path, "npm", "run", "--silent", "build:mp-weixin")]
    return sum(code == 0 for code in told), sum(code != 0 for code in told)


def in_the_browser(path: str) -> tuple[int, int]:
    report = REPORTS / "browser.xml"
    report.unlink(missing_ok=True)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *map(str, BROWSER)]
    code = subprocess.run(words, cwd=ROOT, env=build_h5.environment(path), check=False).returncode
    if not report.is_file():
        return 0, 1
    suite = next(ElementTree.parse(report).iter("testsuite"))
    total, bad = int(suite.get("tests", 0)), int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return total - bad, bad or int(code != 0)


def outcome(code: int) -> tuple[int, int]:
    return (1, 0) if code == 0 else (0, 1)


CHECKS: dict[str, Callable[[str], tuple[int, int]]] = {
    "类型": types, "逻辑与页面": logic_and_pages, "两种构建": builds, "微信包与浏览器": in_the_browser,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
