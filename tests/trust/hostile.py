"""AC-11: a thousand broken bodies and heads, endless and slow ones, idle crowds; and the service that goes on: `make trust-11`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from people import Cast, add_plan, build_cast
from trust.house import House, house
from trust.report import Run
from trust.samples import KINDS, Operation, operations, sample

from backend.kernel import clock

ANSWER_S, PATIENCE_S = 1.0, 5.0
MORE_MB, MORE_AGAIN_MB, MOST_MB, TOO_LARGE = 50, 10, 32, 256 * 1024  # an upload may have 12 MB, and the sockets hold some
# Those that a shape may let through: they are put into every place of every body that is sound otherwise.
CORE = (
    b'"\\u0000"', b'"a\\u0000b"', b'"\x00"', b'"\\ud800"', b'"\\udfff\\ud800"', b'"\xed\xa0\x80"', b"NaN", b"1e999", b"9223372036854775807",
    b"9223372036854775808", b"-9223372036854775809", b"1" * 400, b"[9223372036854775808]", b'["\\u0000"]',
)  # fmt: skip
VALUES = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"9223372036854775808", b"-9223372036854775809", b"1" * 400, b"1.0", b"true",
    b"null",
    b'"\\ud800"', b'"\\udfff\\ud800"', b'"\xff\xfe"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\\u0000"', b'"\x00"', b'"\x01"', b'"\\x"', b'"',
    b"[]", b"{}", b"[[[]]]", b"{\"a\":1,}", b"'x'", b"// x", b"0x10", b"01", b"+1", b".5", b"1.", b"\"" + b"A" * 300_000 + b"\"",
    b"[" * 100_000, b"{\"a\":" * 50_000, b"[" * 100_000 + b"]" * 100_000, b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"",
)  # fmt: skip
PATHS = (
    "/auth/wechat",
    "/auth/bind",
    "/feedback",
    "/tasks/{task}/check-in",
    "/tasks/{task}/answers",
    "/members",
    "/questions",
    "/me/consents",
)
FIELDS = (b"code", b"name", b"text", b"passages", b"answers", b"phone", b"stem", b"version", b"unit", b"reflection")
HEADS = (
    b"Content-Length: -1", b"Content-Length: 99999999999", b"Content-Length: 1e3", b"Content-Length: 5\r\nContent-Length: 6",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity",
    b"Content-Type: application/json; charset=utf-7", b"Content-Type: application/xml", b"Content-Type: multipart/form-data",
    b"Content-Type: multipart/form-data; boundary=", b"Content-Encoding: gzip", b"Expect: 100-continue", b"Expect: what",
    b"Authorization: Basic Og==", b"Authorization: Bearer", b"Authorization: Bearer \xff\xfe", b"Cookie: " + b"a=b;" * 1500,
    b"X-Request-ID: " + b"z" * 5000, b"X-Request-ID: a\x0bb", b"Host: ",
    b"Host: evil.example\r\nHost: other.example", b"X: " + b"A" * 20_000,
    b"Accept: " + b"*/*," * 2000, b"Range: bytes=0-,0-,0-,0-", b"If-None-Match: \"" + b"x" * 900 + b"\"",
    b"Upgrade: websocket\r\nConnection: Upgrade",
    b"Connection: close, close", b"bad header without colon", b"\x00: x", b" leading: fold", b"X-Forwarded-For: " + b"1.1.1.1," * 900,
)  # fmt: skip
LINES = (
    b"GET / HTTP/9.9", b"GET  /  HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /" + b"a" * 20_000 + b" HTTP/1.1",
    b"GET /%00 HTTP/1.1", b"GET /%ff%fe HTTP/1.1", b"GET /../../etc/passwd HTTP/1.1",
    b"GET /docs/vendor/..%2f..%2f..%2fetc/passwd HTTP/1.1",
    b"GET /docs/vendor/%2e%2e/%2e%2e/http.py HTTP/1.1", b"GET http://evil.example/ HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"PRI * HTTP/2.0",
    b"BREW / HTTP/1.1", b"GET /api/v1/tasks/99999999999999999999999 HTTP/1.1", b"GET /api/v1/tasks/-1 HTTP/1.1",
    b"GET /api/v1/me/sessions?limit=%F0%28%8C%28 HTTP/1.1", b"GET /api/v1/me/sessions?" + b"a=1&" * 2000 + b" HTTP/1.1", b"", b"\r\n\r\n",
    b"GET /console/static/..%5c..%5cx HTTP/1.1", b"GET /sandbox/people HTTP/1.1", b"OPTIONS * HTTP/1.1", b"HEAD /api/v1/me HTTP/1.1",
)  # fmt: skip


def leaves(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a body."""
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inside:
        yield (*way, name)
        yield from leaves(value, (*way, name))


def spoilt(body: Any, way: tuple[Any, ...], value: bytes) -> bytes:
    """The body as JSON with `value` in this place, whatever that makes of it."""
    copied = json.loads(json.dumps(body))
    place = copied
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = "@here@"
    return json.dumps(copied, ensure_ascii=False).encode().replace(b'"@here@"', value)


def sound_but_for_one(ids: dict[str, Any]) -> Iterator[tuple[Operation, str, bytes]]:
    """Every body that the service takes, right in all places but one: what is wrong there is not hidden by a field that is missing."""
    for operation in operations():
        if operation.body is not None:
            path = operation.path(**{name: ids[KINDS[name]] for name in operation.in_path if KINDS.get(name) in ids})
            for whole in (True, False):
                body = sample(operation.body, ids=ids, whole=whole)
                for way in leaves(body):
                    for value in CORE:
                        yield operation, path, spoilt(body, way, value)


def cases(dice: random.Random, number: int, cast: Cast, task: int) -> list[bytes]:
    """Whole requests as bytes: broken JSON in every place, every head, every first line; then mixtures of them."""
    token = cast.secretary.token.encode()

    def request(path: str, body: bytes, *more: bytes, bare: bool = False, method: str = "POST") -> bytes:
        head = [f"{method} /api/v1{path.format(task=task)} HTTP/1.1".encode(), b"Authorization: Bearer " + token, *more]
        names = b"\n".join(more).lower()
        head += [] if b"host:" in names else [b"Host: x"]
        head += [] if b"content-type" in names else [b"Content-Type: application/json"]
        head += [] if b"content-length" in names or b"transfer-encoding" in names or bare else [b"Content-Length: %d" % len(body)]
        return b"\r\n".join(head) + b"\r\n\r\n" + body

    found = [request(path, value) for path in PATHS for value in VALUES]
    found += [request("/members", b'{"' + field + b'": ' + value + b"}") for field in FIELDS for value in VALUES]
    found += [request("/feedback", b'{"text": "x"}', head) for head in HEADS]
    found += [line + b"\r\nHost: x\r\n\r\n" for line in LINES]
    found += [request("/feedback", b'{"text": "a", "text": "b"}'), request("/auth/wechat", b'{"code": "a", "code": "b"}')]
    ids = {"task": task, "member": cast.bob.id, "unit": cast.units[0].id, "branch": cast.branch.id}
    found += [request(path, body, method=each.endpoint.method) for each, path, body in sound_but_for_one(ids)]
    number += len(found)
    while len(found) < number:
        path, field, value = dice.choice(PATHS), dice.choice(FIELDS), bytearray(dice.choice(VALUES)[:2000])
        for _ in range(dice.randrange(1, 6)):
            value.insert(dice.randrange(len(value) + 1), dice.randrange(256))
        found.append(request(path, b'{"' + field + b'":' + bytes(value) + b"}", *dice.sample(HEADS, dice.randrange(2))))
    dice.shuffle(found)
    return found


async def answered(base: str, sent: bytes) -> tuple[int, float]:
    """The status (0: hung up on, -1: no answer in time, 1: a 1xx alone) and the seconds until it came."""
    at = urlsplit(base)
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        with suppress(ConnectionError):
            writer.write(sent)
            await writer.drain()
        line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        return (int(line.split()[1]) if line.startswith(b"HTTP/") else 0), time.monotonic() - began
    except ConnectionError:
        return 0, time.monotonic() - began
    except TimeoutError:
        return -1, PATIENCE_S
    finally:
        writer.close()


# A request that says that more is to come is waited for, as is right; the service ends the wait by itself (REQUEST_TIMEOUT).
def waits_for_more(sent: bytes) -> bool:
    head, _, body = sent.partition(b"\r\n\r\n")
    names = head.lower()
    return b"content-length: 99999999999" in names or b"chunked" in names or sent.startswith((b"\x16", b"\r\n")) or not head.strip()


async def throw(made: House, wanted: list[bytes]) -> dict[str, Any]:
    statuses, slow, slowest = Counter(), [], 0.0
    for first in range(0, len(wanted), 20):
        batch = wanted[first : first + 20]
        for sent, (status, took) in zip(batch, await asyncio.gather(*(answered(made.door.base, each) for each in batch)), strict=True):
            statuses[status] += 1
            if status >= 500 and status not in (501, 505):
                slow.append(f"{status}: {sent[:300]!r}")
            body = sent.partition(b"\r\n\r\n")[2]
            if len(body) > TOO_LARGE and status not in (0, 400, 401, 404, 413, 415, 417):
                slow.append(f"{status} for {len(body)} bytes: {sent[:200]!r}")
            if status == -1 and not waits_for_more(sent):
                slow.append(f"no answer: {sent[:300]!r}")
            if status > 0:
                if took > ANSWER_S:
                    # A busy machine is slow once; what a request costs, it costs again.
                    took = min(took, (await answered(made.door.base, sent))[1])
                slowest = max(slowest, took)
                slow += [f"{took:.1f} s: {sent[:200]!r}"] if took > ANSWER_S else []
    assert slow == [], "\n".join(slow[:20])
    return {"cases": len(wanted), "server_errors": sum(n for status, n in statuses.items() if status >= 500 and status not in (501, 505)),
            "slowest_s": slowest, "statuses": dict(sorted(statuses.items()))}  # fmt: skip


# --- those who take their time ---------------------------------------------------------------------------------------------


async def endless(base: str, seconds: float) -> int:
    """Chunks without end: how many megabytes the service took before it hung up or answered."""
    at, sent, until = urlsplit(base), 0, time.monotonic() + seconds
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(b"POST /api/v1/feedback HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    with suppress(ConnectionError, TimeoutError):
        while time.monotonic() < until and not reader.at_eof():
            writer.write(b"10000\r\n" + b"A" * 65536 + b"\r\n")
            await asyncio.wait_for(writer.drain(), 2)
            sent += 65536
    writer.close()
    return sent // 2**20


async def crowd_of_idlers(made: House, cast: Cast, number: int) -> float:
    """So many sockets that say nothing or a letter a second; meanwhile everybody else is served: the 95th percentile in seconds."""
    at = urlsplit(made.door.base)
    writers = [(await asyncio.open_connection(at.hostname, at.port))[1] for _ in range(number)]
    try:
        for index, writer in enumerate(writers):
            writer.write(b"POST /api/v1/feedback HTTP/1.1\r\nHost: x\r\nContent-Le"[: index % 60])
        return await p95(made, cast)
    finally:
        for writer in writers:
            writer.close()


async def p95(made: House, cast: Cast, number: int = 200) -> float:
    times = []
    for _ in range(number):
        began = time.monotonic()
        assert (await made.door.get("/me", cast.alice)).status == 200
        times.append(time.monotonic() - began)
    return sorted(times)[int(number * 0.95)]


def workers(made: House) -> dict[int, float]:
    """The processes of the service: number -> megabytes in memory."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError, KeyError):
            told = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            if made.process.pid in (int(told["PPid"]), int(told["Pid"])):
                found[int(told["Pid"])] = int(told["VmRSS"].split()[0]) / 1024
    return found


async def check(dialect: str, dice: random.Random, number: int, idlers: int) -> dict[str, Any]:
    async with house(dialect=dialect) as made:
        cast = await build_cast()
        [task] = await add_plan(cast, days=[clock.today()])
        await throw(made, cases(random.Random(1), 150, cast, task.id)[:150])
        usual, before = min([await p95(made, cast) for _ in range(3)]), workers(made)
        wanted = cases(dice, number, cast, task.id)
        found = await throw(made, wanted)
        # The same once more: by now everything is warm, and what still grows would grow for ever.
        warm = workers(made)
        await throw(made, wanted)
        again = max(megabytes - warm.get(pid, 0.0) for pid, megabytes in workers(made).items())
        took = await asyncio.gather(*(endless(made.door.base, 8) for _ in range(4)))
        assert again <= MORE_AGAIN_MB, f"{again:.0f} MB more for what had been asked before"
        assert max(took) <= MOST_MB, f"{max(took)} MB were taken of a body without end"
        # The quietest of three, before and among them: what else the machine does is not the idlers' doing.
        crowded = min([await crowd_of_idlers(made, cast, idlers) for _ in range(3)])
        after = workers(made)
        assert after.keys() == before.keys(), f"{before} and {after}"
        grown = max(after[pid] - before[pid] for pid in before)
        assert grown <= MORE_MB, f"{grown:.0f} MB more"
        assert crowded <= max(2 * usual, 0.05), f"{usual:.3f} s, {crowded:.3f} s among idlers"
        return found | {
            "endless_mb": max(took),
            "deaths": 0,
            "grown_mb": grown,
            "grown_again_mb": again,
            "p95_ms": usual * 1000,
            "crowded_p95_ms": crowded * 1000,
        }


def main() -> int:
    run = Run.of("AC-11", "hostile input", cases=1000, idlers=500)
    for name in run.left(("postgres", "sqlite")):
        with run.piece(name) as found:
            found |= asyncio.run(check(name, run.dice(name), run.given.cases, run.given.idlers))
    return run.conclude(
        cases=sum, server_errors=sum, slowest_s=max, deaths=sum, grown_mb=max, grown_again_mb=max, p95_ms=max, crowded_p95_ms=max
    )


if __name__ == "__main__":
    sys.exit(main())
