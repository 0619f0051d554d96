"""Each page of the console, one at a time, for a branch of 600 members: when its first byte comes. `make bench SCENARIO=pages`.

No load: a secretary opens one page after the other, so a plain client is enough.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import statistics
import sys
import time
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from bench import places
from bench.places import Place
from bench.report import Report, spread
from console import app  # noqa: F401  (declares the pages)
from console.http import PAGE, PAGES, PREFIX, PUBLIC

MOST_MS = 150
STUDYING = 2  # the branch below the one that observes
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Pages with an id in their address are found by following a page that leads to them.
LED_TO = {
    "/members/<member_id:int>": ("/members", r"/console(/members/\d+)\""),
    "/members/<member_id:int>/edit": ("/members", r"/console(/members/\d+)\""),
    "/plans/<plan_id:int>": ("/plans", r"/console(/plans/\d+)\""),
    "/questions/<question_id:int>": ("/questions", r"/console(/questions/\d+)"),
}
HEAVY = {
    "/coverage": ("?by=unit", "?by=member", "?by=tier"),
    "/members": ("", "?q=a"),
}


class Browser:
    """Keeps cookies and one connection."""

    def __init__(self, port: int) -> None:
        self.connection, self.cookies = http.client.HTTPConnection("127.0.0.1", port), {}

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, float, str]:
        """Status, milliseconds to the first byte, and the body."""
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        began = time.perf_counter()
        self.connection.request(
            method, f"/console{path}", urlencode(fields) if fields else None, {"Cookie": jar, **(FORM if fields else {})}
        )
        reply = self.connection.getresponse()
        first = 1000 * (time.perf_counter() - began)
        for header in reply.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        return reply.status, first, reply.read().decode()

    def enter(self, link: str) -> None:
        token = parse_qs(urlsplit(link).query)["token"][0]
        _, _, shown = self.ask("GET", f"/enter?{urlencode({'token': token})}")
        csrf = re.search(r'name="csrf" value="(\w+)"', shown)[1]
        status, _, _ = self.ask("POST", "/enter", {"csrf": csrf, "token": token})
        if status != 303:
            raise SystemExit(f"不能进入控制台：{status}")


def addresses(browser: Browser) -> list[str]:
    """Every page that is read, with addresses that exist in this branch."""
    found = []
    for page in PAGES:
        if page.method != "GET" or page.gives != PAGE or page.who == PUBLIC:
            continue
        path = page.path.removeprefix(PREFIX)
        if path in LED_TO:
            listed, pattern = LED_TO[path]
            led = re.search(pattern, browser.ask("GET", listed)[2])
            path = led[1] + path.rpartition(">")[2] if led else path
        if "<" not in path:
            found += [f"{path}{asked}" for asked in HEAVY.get(path, ("",))]
    return found


def measure(place: Place, rounds: int) -> dict[str, list[float]]:
    browser = Browser(place.port)
    listed = places.run(["-m", "backend", "member", "list", "--branch", str(STUDYING)], env=place.env, cwd=place.folder)
    secretary = next(line for line in listed.splitlines() if "书记" in line).split()[0]
    link = places.run(["-m", "backend", "console", "link", secretary], env=place.env, cwd=place.folder)
    browser.enter(re.search(r"https?://\S+", link)[0])
    taken: dict[str, list[float]] = {}
    for path in addresses(browser):
        for number in range(rounds + 1):
            status, first, _ = browser.ask("GET", path)
            if status == 200 and number:
                taken.setdefault(path, []).append(first)
            elif status != 200:
                print(f"{path}：{status}", flush=True)
                break
    return taken


async def main() -> int:
    given = places.options("pages", rounds=15, members=600, branches=1, days=120, open_days=1)
    size = places.size_of(given)
    report = Report("pages", "控制台每一页的首字节")
    taken: dict[str, dict[str, list[float]]] = {}
    async with places.ground() as ground:
        await report.head(ground)
        for name, label, workers in (("postgres", "PostgreSQL，2 进程", 2), ("sqlite", "SQLite，1 进程", 1)):
            place = await places.prepared(ground, name, label, size, sqlite=name == "sqlite")
            async with places.product(place, workers=workers):
                taken[label] = await asyncio.to_thread(measure, place, given.rounds)
    report.say(
        f"数据：{size}。书记一页一页地打开，每页先开一次，再计 {given.rounds} 次，取中位数（最小–最大），毫秒。要求：不超过 {MOST_MS}。"
    )
    paths = sorted({path for pages in taken.values() for path in pages})
    report.table(("页面", *taken), [[f"`{path}`", *(spread(pages.get(path, [0.0]), 1) for pages in taken.values())] for path in paths])
    over = [f"{path} {label}" for label, pages in taken.items() for path, some in pages.items() if statistics.median(some) > MOST_MS]
    report.say(f"超过的：{'、'.join(over) or '没有'}。")
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
