"""`daka doctor`: one line for each thing the service relies on, with the cure; exit 1 when something is wrong."""

from __future__ import annotations

import argparse
import asyncio
import json

from backend import doctor

MARKS = {doctor.OK: "✓", doctor.WARN: "!", doctor.FAIL: "✗", doctor.SKIPPED: "–"}


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("doctor", help="检查设置、数据库、Redis、微信、时钟、磁盘等，逐项给出处理办法")
    command.add_argument("--json", action="store_true", help="输出 JSON，供程序使用")
    # It begins before the settings are read: they may be what is wrong.
    command.set_defaults(run=run, serves=True)


def run(parsed: argparse.Namespace) -> int:
    findings = asyncio.run(_examine(show=not parsed.json))
    worst = doctor.worst(findings)
    if parsed.json:
        checks = [{"subject": each.subject, "state": each.state, "sentence": each.sentence} for each in findings]
        print(json.dumps({"state": worst, "checks": checks}, ensure_ascii=False))
    else:
        wrong = sum(each.state == doctor.FAIL for each in findings)
        print(f"有 {wrong} 项须处理。" if wrong else "没有发现须处理的问题。")
    return 1 if worst == doctor.FAIL else 0


async def _examine(*, show: bool) -> list[doctor.Finding]:
    findings = []
    async for finding in doctor.examine():
        findings.append(finding)
        if show:
            print(f"{MARKS[finding.state]} {finding.subject}：{finding.sentence}", flush=True)
    return findings
