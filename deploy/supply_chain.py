"""`make supply-chain`: a bill of materials, known vulnerabilities, secrets in the repository. Evidence under var/reports/.

A database that cannot be reached is told as such, never as clean: the exit code is then 3. 1: something was found.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "var" / "reports"
CLEAN, FOUND, UNREACHED = 0, 1, 3
# Values that only look like secrets: fixed texts of tests and examples, and sums of files.
SPARED = ROOT / ".secrets.baseline"
SKIPPED = re.compile(r"/vendor/|(^|/)(uv\.lock|package-lock\.json|SHA256SUMS|\.secrets\.baseline)$")
BIN = ROOT / ".venv" / "bin"


def run(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)


def bill_of_materials() -> tuple[int, str]:
    """CycloneDX of what is installed in production, from the lock alone."""
    place = REPORTS / "sbom.cdx.json"
    done = run(BIN / "uv", "export", "--locked", "--no-dev", "--no-emit-project", "--format", "cyclonedx1.5", "--output-file", place)
    if done.returncode:
        return FOUND, done.stderr.strip()[-300:]
    parts = json.loads(place.read_text("utf-8"))["components"]
    return CLEAN, f"{len(parts)} 个组件，{place.relative_to(ROOT)}"


def python_packages() -> tuple[int, str]:
    """pip-audit over the locked versions, tests and all."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        told = run(BIN / "uv", "export", "--locked", "--all-groups", "--no-emit-project", "--output-file", listed)
        if told.returncode:
            return FOUND, told.stderr.strip()[-300:]
        faults = []
        for service in ("osv", "pypi"):
            done = run(BIN / "pip-audit", "--requirement", listed, "--require-hashes", "--disable-pip", "--format", "json",
                       "--progress-spinner", "off", "--timeout", "15", "--vulnerability-service", service)  # fmt: skip
            try:
                packages = json.loads(done.stdout)["dependencies"]
            except (ValueError, KeyError):
                faults.append(f"{service}：{(done.stderr.strip().splitlines() or ['没有答复'])[-1][:160]}")
                continue
            (REPORTS / "pip-audit.json").write_text(done.stdout, "utf-8")
            bad = [f"{p['name']} {p['version']}: {', '.join(v['id'] for v in p['vulns'])}" for p in packages if p.get("vulns")]
            skipped = [p["name"] for p in packages if "skip_reason" in p]
            if bad:
                return FOUND, "；".join(bad)
            if not skipped:
                return CLEAN, f"{len(packages)} 个软件包，没有已知漏洞（{service}）"
            # A mirror that knows no vulnerabilities answers 404 for each: not looked up is not clean.
            faults.append(f"{service}：{len(packages)} 个软件包里有 {len(skipped)} 个查不到")
    return UNREACHED, "漏洞库无法访问，没有核对。" + "；".join(faults)


def node_packages() -> list[tuple[str, int, str]]:
    """npm audit wherever a lock of npm's lies."""
    found = []
    listed = run("git", "ls-files", "package-lock.json", "*/package-lock.json").stdout.split()
    for lock in listed:
        name = f"npm audit {Path(lock).parent}"
        if not shutil.which("npm"):
            found.append((name, UNREACHED, "没有 npm，没有核对"))
            continue
        done = run("npm", "audit", "--json", "--omit=dev", "--package-lock-only", cwd=(ROOT / lock).parent)
        try:
            told = json.loads(done.stdout)
            counts = told["metadata"]["vulnerabilities"]
        except (ValueError, KeyError):
            found.append((name, UNREACHED, f"漏洞库无法访问，没有核对：{' '.join((done.stdout + done.stderr).split())[:120]}"))
            continue
        bad = {level: n for level, n in counts.items() if n and level != "total"}
        (REPORTS / f"npm-audit-{lock.replace('/', '-')}").write_text(done.stdout, "utf-8")
        serious = any(level in bad for level in ("high", "critical"))
        found.append((name, FOUND if serious else CLEAN, f"{bad or '没有已知漏洞'}"))
    return found


def secrets() -> tuple[int, str]:
    """detect-secrets over every file of the repository, against the list of what was looked at and is none."""
    files = [path for path in run("git", "ls-files").stdout.split("\n") if path and not SKIPPED.search(path)]
    with tempfile.TemporaryDirectory() as folder:
        # The tool writes moved lines back into its list; ours stays as it is.
        listed = shutil.copy(SPARED, folder)
        done = run(BIN / "detect-secrets-hook", "--baseline", listed, *files)
    if done.returncode in (0, 3):
        return CLEAN, f"{len(files)} 个文件，没有密钥"
    places = re.findall(r"Location:\s+(\S+)", done.stdout)
    return FOUND, "；".join(places[:10]) or (done.stdout + done.stderr).strip()[-300:]


def main() -> int:
    REPORTS.mkdir(parents=True, exist_ok=True)
    told = [("物料清单", *bill_of_materials()), ("pip-audit", *python_packages()), *node_packages(), ("密钥扫描", *secrets())]
    for name, code, sentence in told:
        print(f"{ {CLEAN: '✓', FOUND: '✗', UNREACHED: '?'}[code] } {name}：{sentence}")
    codes = {code for _, code, _ in told}
    return FOUND if FOUND in codes else UNREACHED if UNREACHED in codes else CLEAN


if __name__ == "__main__":
    sys.exit(main())
