"""`daka doctor`: looks at everything the service relies on and says for each, in one line, whether it is well, and else the cure.

It works when things are broken: each check has a time limit of its own, and whatever a check meets becomes its line.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from backend.kernel import settings as kernel_settings
from backend.kernel.settings import Settings, SettingsError

OK, WARN, FAIL, SKIPPED = "ok", "warn", "fail", "skipped"
LIMIT_S = 6.0
DOTENV = Path(".env")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it stands (ok, warn, fail, skipped), and a Chinese sentence with the cure where one is needed."""

    subject: str
    state: str
    sentence: str


class Sick(Exception):
    """A check cannot go on; the text is the Chinese sentence with the cure."""


Check = Callable[[Settings], Awaitable[Finding | list[Finding]]]

# Stand for a missing setting, so that the next fault shows; no check is made with them.
STAND_INS = {
    "DAKA_SECRET_KEY": "0" * 64,
    "DAKA_WECHAT_APPID": "-",
    "DAKA_WECHAT_SECRET": "-",
    "DAKA_PUBLIC_URL": "https://-",
}


async def examine() -> AsyncIterator[Finding]:
    """Every finding, as it is made; the settings come from the environment and `.env`, as for every command."""
    # Imported here: they import what is defined above.
    from backend import doctor_database, doctor_machine, doctor_wechat

    try:
        values = kernel_settings.given(dotenv=DOTENV)
        faults = faulty_settings(values)
    except SettingsError as error:
        values, faults = dict(os.environ), [str(error)]
    for fault in faults:
        yield Finding("设置", FAIL, f"{fault}。在 .env 或环境变量里改正")
    for finding in doctor_machine.permissions(Path(values.get("DAKA_DATA_DIR") or "var"), DOTENV):
        yield finding
    if faults:
        yield Finding("其余", SKIPPED, "设置改好之后再检查数据库、Redis、微信等")
        return
    chosen = kernel_settings.use(kernel_settings.load(values, dotenv=None))
    yield Finding("设置", OK, f"完整，环境为 {chosen.env}")
    for subject, check in (
        ("对外地址", doctor_machine.public_url),
        ("磁盘", doctor_machine.disk),
        ("Redis", doctor_machine.redis_answers),
        ("微信推送", doctor_wechat.push),
        ("微信", doctor_wechat.reachable),
    ):
        for finding in await within(subject, check, chosen):
            yield finding
    [database] = await within("数据库", doctor_database.reachable, chosen)
    yield database
    for subject, check in doctor_database.CHECKS.items():
        if database.state == FAIL:
            yield Finding(subject, SKIPPED, "数据库无法使用，未检查")
            continue
        for finding in await within(subject, check, chosen):
            yield finding


async def within(subject: str, check: Check, chosen: Settings) -> list[Finding]:
    """What a check finds; a line of its own when it takes too long or stumbles."""
    try:
        async with asyncio.timeout(LIMIT_S):
            found = await check(chosen)
    except TimeoutError:
        return [Finding(subject, FAIL, f"{LIMIT_S:.0f} 秒内没有结果：检查网络与防火墙")]
    except Sick as sick:
        return [Finding(subject, FAIL, str(sick))]
    except Exception as error:  # noqa: BLE001 — whatever it is, the other checks are to be made
        return [Finding(subject, FAIL, f"检查时出错（{type(error).__name__}），请报告")]
    return found if isinstance(found, list) else [found]


def faulty_settings(values: Mapping[str, str]) -> list[str]:
    """A sentence for every setting that is missing or makes no sense, not only for the first."""
    left, sentences = dict(values), []
    while True:
        try:
            kernel_settings.load(left, dotenv=None)
            return sentences
        except SettingsError as error:
            if str(error) in sentences:
                return sentences
            sentences.append(str(error))
            for name in re.findall(r"DAKA_[A-Z_]+", str(error)):
                left.pop(name, None)
                if name in STAND_INS:
                    left[name] = STAND_INS[name]


async def in_thread(work: Callable[..., T], *words: object) -> T:
    """`work` in a thread that nobody waits for at the end: a name that does not resolve must not hold up the command."""
    loop, done = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    def tell(answer: T | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(answer)

    def run() -> None:
        answer, error = None, None
        try:
            answer = work(*words)
        except Exception as caught:  # noqa: BLE001 — carried over to whoever waits
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, answer, error)

    threading.Thread(target=run, daemon=True).start()
    return await done


def worst(findings: Sequence[Finding]) -> str:
    return next((state for state in (FAIL, WARN) if any(each.state == state for each in findings)), OK)
