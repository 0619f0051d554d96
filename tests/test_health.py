"""Life and readiness, as the machine's keeper asks for them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from door import Door
from people import Cast, add_plan

from backend.kernel import clock, database


async def test_a_living_service_says_so(door: Door):
    reply = await door.get("/healthz", root=True)
    assert (reply.status, reply.json) == (200, {"status": "ok"})


async def test_a_ready_service_names_nothing_degraded(door: Door):
    reply = await door.get("/readyz", root=True)
    assert (reply.status, reply.json) == (200, {"status": "ok", "degraded": []})


async def test_an_unknown_address_is_a_problem_document_in_chinese(door: Door):
    reply = await door.get("/no-such-thing")
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert (reply.code, reply.json["detail"]) == ("not_found", "没有找到所请求的内容。")
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]


async def test_a_folder_of_static_files_is_not_listed(door: Door):
    for path in ("/docs/vendor/", "/docs/vendor", "/console/static/", "/docs/vendor/%2e%2e/%2e%2e/app.py"):
        assert (await door.get(path, root=True)).status == 404, path


async def test_figures_of_a_new_plan_stand_in_the_summary(cast: Cast):
    tasks = await add_plan(cast, days=[clock.today()])
    rows = await database.fetch("SELECT SUM(assigned) AS assigned FROM task_figure WHERE task_id = $1", tasks[0].id)
    assert rows[0]["assigned"] == 5


async def test_odd_bytes_in_headers_and_names_are_refused_not_stumbled_over(door: Door):
    """Raw bytes as no client library sends them."""
    address = urlsplit(door.base)

    async def status(head: bytes) -> int:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(head + b"\r\nHost: t\r\nConnection: close\r\n\r\n")
        line = await reader.readline()
        writer.close()
        return int(line.split()[1])

    assert await status(b"GET /api/v1/me HTTP/1.1\r\nAuthorization: Bearer \xff\xfe") == 401
    assert await status(b"GET /console/ HTTP/1.1\r\nCookie: daka_console=\xff\xfe") == 401
    for path in (b"/docs/vendor/%00", b"/console/static/%00", b"/console/static/" + b"x" * 4000):
        assert await status(b"GET " + path + b" HTTP/1.1") == 404


async def test_the_bare_address_leads_to_a_page(door: Door):
    reply = await door.get("/", root=True)
    assert (reply.status, reply.headers["Location"]) == (302, "/console/")
