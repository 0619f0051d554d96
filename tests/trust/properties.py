"""AC-10: schemathesis reads the service's own OpenAPI document and tries to break its word, once for each role: `make trust-10`.

Left out is what would end the caller's own session; those routes have tests of their own. Its report is kept beside the evidence.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from people import Cast, add_person, add_plan, build_cast
from process import ROOT
from trust.house import House, house
from trust.report import REPORTS, Run

from backend.kernel import clock

LEFT_OUT = ("/auth/logout", "/me/withdraw-consent", "/me/sessions$", "/me/sessions/", "/auth/wechat", "/auth/bind", "/roles$", "/unbind$")
# What the bar asks to be none; every other finding is told in the report.
COUNTED = {
    "server_errors": "Server error",
    "ignored_auth": "accepts (?:invalid|requests without) auth|Authentication declared but not enforced",
           "violations": "violates schema|Response violates|Undocumented"}  # fmt: skip
ROLES = ("anonymous", "unbound", "no_consent", "member", "unit_head", "editor", "secretary", "observer", "other_secretary")


async def token_of(cast: Cast, role: str) -> str | None:
    """A token of somebody of this kind whose membership no request of schemathesis names by chance."""
    if role == "no_consent":
        return (await add_person(cast.branch, "未同意", consented=False)).token
    person = {"unbound": cast.passer_by, "member": cast.alice, "other_secretary": cast.other_secretary}.get(role)
    if person is None and role != "anonymous":
        person = getattr(cast, role)
    return person.token if person else None


async def tell(made: House, role: str, examples: int, seed: int) -> dict[str, Any]:
    cast = await build_cast()
    await add_plan(cast, days=[clock.today()])
    token = await token_of(cast, role)
    words = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{made.door.base}/openapi.json", "--checks", "all",
             "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(examples), "--seed", str(seed),
             "--request-timeout", "10", "--continue-on-failure", "--no-color"]  # fmt: skip
    words += ["--exclude-path-regex", "|".join(LEFT_OUT)]
    words += ["--header", f"Authorization: Bearer {token}"] if token else []
    process = await asyncio.create_subprocess_exec(
        *words, cwd=made.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**made.env, "NO_COLOR": "1"}
    )
    said = (await process.communicate())[0].decode("utf-8", "replace")
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"AC-10-{role}.txt").write_text(said.replace(token, "TOKEN") if token else said, "utf-8")
    if token is not None:
        assert (await made.door.get("/me/sessions", token)).status == 200, "the caller was put out on the way"
    return summed(said)


def summed(said: str) -> dict[str, Any]:
    """Cases made, and how often each kind of failure is in the report."""
    cases = re.search(r"(\d[\d,]*) generated", said)
    kinds = dict(re.findall(r"❌\s+(.+?):\s+(\d+)", said))
    found: dict[str, Any] = {"cases": int(cases[1].replace(",", "")) if cases else 0, "kinds": {k: int(n) for k, n in kinds.items()}}
    for name, words in COUNTED.items():
        found[name] = sum(n for kind, n in found["kinds"].items() if re.search(words, kind, re.IGNORECASE))
    assert found["cases"] > 0, said[-2000:]
    return found


async def check(role: str, examples: int, seed: int, found: dict[str, Any]) -> None:
    async with house() as made:
        found |= await tell(made, role, examples, seed)
    assert not any(found[name] for name in COUNTED), found["kinds"]


def main() -> int:
    run = Run.of("AC-10", "schemathesis, once for each role", examples=50)
    for role in run.left(ROLES):
        with run.piece(role) as found:
            asyncio.run(check(role, run.given.examples, run.given.seed, found))
    print(f"  {(REPORTS / 'AC-10-*.txt').relative_to(ROOT)}")
    return run.conclude(cases=sum, **{name: sum for name in COUNTED})


if __name__ == "__main__":
    sys.exit(main())
