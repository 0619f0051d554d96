"""AC-12: SQL, scripts and formulas through every text of every request, and out again by every page and export: `make trust-12`."""

from __future__ import annotations

import asyncio
import hashlib
import io
import sys
import time
from collections.abc import Iterator
from typing import Any

from door import Door, Reply
from openpyxl import load_workbook
from trust import payloads
from trust.house import House, house
from trust.report import Run
from trust.samples import KINDS, Operation, operations, sample
from trust.strangers import who_may
from trust.two_branches import World, build_world

from api.http import PUBLIC
from backend import checks
from backend.kernel import tables
from backend.kernel.database import fetch
from console.http import FILE, PAGES, SESSION, STREAM, csrf_of
from models.branches import Unit

SLOWEST_S = 3.0  # the payloads ask the database to sleep for 4
# What a read may leave behind: the session was seen, the attempt was counted.
MOVES = {"session", "guess", "audit_entry", "audit_head", "audit_checkpoint", "task_fetch", "tortoise_migrations"}
ENDS = {"POST /auth/logout", "DELETE /me/sessions", "POST /me/withdraw-consent"}


def texts_in(schema: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to every free text of a schema; lists are gone into."""
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "string" and "enum" not in schema and schema.get("format") not in ("date", "date-time"):
        yield at
    for part in schema.get("anyOf", []):
        yield from texts_in(part, at)
    if "items" in schema:
        yield from texts_in(schema["items"], (*at, "[]"))
    for name, part in schema.get("properties", {}).items():
        yield from texts_in(part, (*at, name))


def placed(value: Any, at: tuple[str, ...], text: str) -> Any:
    """`value` with `text` at the end of the way."""
    if not at:
        return text
    if at[0] == "[]":
        return [placed(value[0] if isinstance(value, list) and value else None, at[1:], text)]
    return {**(value if isinstance(value, dict) else {}), at[0]: placed((value or {}).get(at[0]), at[1:], text)}


async def state_of(branches: list[int] | None = None) -> dict[str, str]:
    """A hash of each table's rows; with `branches`, of those tables that say whose branch a row is, theirs alone."""
    found = {}
    for model in tables.all_models():
        table, fields = model._meta.db_table, model._meta.fields_db_projection.values()
        if table in MOVES or (branches is not None and "branch_id" not in fields):
            continue
        only = f" WHERE branch_id IN ({','.join(map(str, branches))})" if branches is not None else ""
        rows = sorted(repr(sorted(row.items())) for row in await fetch(f"SELECT * FROM {table}{only}"))  # noqa: S608
        found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


class Attack:
    """Counts what was sent, and keeps what went wrong."""

    def __init__(self, door: Door, world: World) -> None:
        self.door, self.world = door, world
        self.sent, self.slowest_s, self.faults = 0, 0.0, []

    async def send(self, operation: Operation, path: str, who: Any, **sent: Any) -> Reply:
        reply, took = await self._timed(operation, path, who, sent)
        if took > SLOWEST_S:
            # A busy machine is slow once; a database that was told to sleep is slow again.
            reply, took = min([await self._timed(operation, path, who, sent) for _ in range(2)], key=lambda one: one[1])
        self.sent, self.slowest_s = self.sent + 1, max(self.slowest_s, took)
        what = f"{operation.row} {str(sent)[:150]}"
        if reply.status >= 500 or took > SLOWEST_S:
            self.faults.append(f"{what}: {reply.status} in {took:.1f} s")
        kind = reply.headers.get("Content-Type", "")
        if reply.body and (reply.headers.get("X-Content-Type-Options") != "nosniff" or "html" in kind):
            self.faults.append(f"{what}: {kind} without nosniff")
        return reply

    async def _timed(self, operation: Operation, path: str, who: Any, sent: dict[str, Any]) -> tuple[Reply, float]:
        began = time.monotonic()
        return await self.door.ask(operation.endpoint.method, path, who, **sent), time.monotonic() - began

    async def through(self, operation: Operation, corpus: tuple[str, ...]) -> None:
        """Every text of one operation, in path, query and body."""
        who = None if operation.endpoint.who == PUBLIC else who_may(self.world, operation)
        ids = {each: self.world.mine[KINDS[each]] for each in operation.in_path if each in KINDS}
        for text in corpus:
            quoted = text.replace("/", "%2F").replace("?", "%3F").replace("#", "%23")
            for name in operation.in_path:
                await self.send(operation, operation.path(**ids | {name: quoted}), who, **({"json": {}} if operation.body else {}))
            for name in operation.queries:
                needed = {n: sample(s) for n, s in operation.queries.items() if n == "by"}
                body = {"json": sample(operation.body, ids=self.world.mine)} if operation.body else {}
                await self.send(operation, operation.path(**ids), who, params={**needed, name: text}, **body)
            for at in texts_in(operation.body) if operation.body else ():
                body = placed(sample(operation.body, ids=self.world.mine), at, text)
                await self.send(operation, operation.path(**ids), who, json=body)


async def reads_and_writes(made: House, world: World, corpus: tuple[str, ...]) -> tuple[Attack, list[str]]:
    """Reads change no row at all; writes, be they taken or not, change nothing of another branch."""
    attack = Attack(made.door, world)
    mine = [operation for operation in operations() if operation.row not in ENDS]
    before = await state_of()
    for operation in mine:
        if operation.endpoint.method == "GET":
            await attack.through(operation, corpus)
    changed = [table for table, known in (await state_of()).items() if before[table] != known]
    assert changed == [], f"reads changed {changed}"
    far = [world.far.branch.id, world.far.above.id, world.far.other.id]
    before = await state_of(far)
    for operation in mine:
        if operation.endpoint.method != "GET":
            await attack.through(operation, corpus)
    changed = [table for table, known in (await state_of(far)).items() if before[table] != known]
    assert changed == [], f"writes to one branch changed {changed} of another"
    assert await checks.broken() == []
    return attack, attack.faults


# --- in and out again ----------------------------------------------------------------------------------------------------


async def there_and_back(made: House, world: World) -> tuple[int, list[str]]:
    """Names as hostile as can be: the API gives back what it was given, each export quotes it, each page escapes it."""
    names, faults = [text[:60] for text in payloads.FORMULAS + payloads.SCRIPTS], []
    secretary, door = world.cast.secretary, made.door
    taken = []
    for name in names:
        reply = await door.post("/units", secretary, {"name": name[:40]})
        if reply.status == 201:
            taken.append(reply.json["name"])
            member = {"name": name, "note": name, "post": name, "unit": reply.json["id"]}
            reply = await door.post("/members", secretary, member)
        if reply.status not in (201, 409, 422):
            faults.append(f"{name!r}: {reply.status} {reply.body[:200]!r}")
    assert len(taken) > 20, taken
    kept = [row["name"] for row in await Unit.filter(branch_id=world.cast.branch.id).values("name")]
    faults += [f"{name!r} is not kept as it was sent" for name in taken if name not in kept]
    shown = [unit["name"] for unit in (await door.get("/units", secretary)).json["items"]]
    faults += [f"{name!r} is not shown as it was kept" for name in taken if name not in shown]
    cells, found = await exports(door, world, taken)
    return cells, faults + found + await escaped(door, world)


async def exports(door: Door, world: World, names: list[str]) -> tuple[int, list[str]]:
    """Every workbook there is, re-read: no cell is a formula, and the names are in one of them as documented."""
    faults, cells, seen = [], 0, set()
    desk = {"Cookie": f"{SESSION}={world.consoles['secretary']}"}
    asked = []
    for operation in operations():
        if operation.endpoint.method == "GET" and "spreadsheet" in operation.endpoint.content_type:
            axes = operation.queries.get("by", {}).get("enum", [None])
            asked += [door.get(operation.path(), world.cast.secretary, params={"by": axis} if axis else {}) for axis in axes]
    form = {"csrf": csrf_of(world.consoles["secretary"])}
    for page in PAGES:
        if page.gives == FILE and "<" not in page.path:
            asked.append(door.ask(page.method, page.path, root=True, headers=desk, **({"data": form} if page.method == "POST" else {})))
    for reply in await asyncio.gather(*asked):
        if reply.status != 200 or not reply.body.startswith(b"PK"):
            faults += [f"an export answers {reply.status}"] if reply.status >= 500 else []
            continue
        for sheet in load_workbook(io.BytesIO(reply.body)):
            for row in sheet.iter_rows():
                for cell in row:
                    cells += cell.value is not None
                    seen.add(str(cell.value))
                    if cell.data_type == "f" or cell.hyperlink and "127.0.0.1" not in str(cell.hyperlink.target):
                        faults.append(f"{sheet.title} {cell.coordinate} is a formula or a link: {cell.value!r}")
    # Written down here once more, so that it is no matter what the product takes for the start of a formula.
    wanted = {name: f"'{name}" if name.startswith(payloads.STARTS) else name for name in names}
    faults += [f"{name!r} is in no export as {form!r}" for name, form in wanted.items() if form not in seen]
    return cells, faults


async def escaped(door: Door, world: World) -> list[str]:
    """No page of the console holds a payload as markup, and some hold it as text."""
    faults, as_text, desk = [], 0, {"Cookie": f"{SESSION}={world.consoles['secretary']}"}
    for page in PAGES:
        if page.method != "GET" or "<" in page.path or page.gives == STREAM:
            continue
        body = (await door.get(page.path, root=True, headers=desk)).body.decode("utf-8", "replace")
        as_text += body.count("&lt;script&gt;alert(1)")
        faults += [f"{page.path} holds {text}" for text in payloads.SCRIPTS if "<" in text and "alert" in text and text[:30] in body]
    assert as_text > 0, "no page shows a name at all"
    return faults


async def check(dialect: str, told: dict[str, Any]) -> None:
    async with house(dialect=dialect) as made:
        world = await build_world(made.door)
        told["cells"], faults = await there_and_back(made, world)
        told["formulas"] = sum("is a formula" in fault for fault in faults)
        attack, found = await reads_and_writes(made, world, payloads.SQL + payloads.SCRIPTS[:6])
        told |= {"sent": attack.sent, "slowest_s": attack.slowest_s, "faults": len(faults + found)}
        assert faults + found == [], "\n".join((faults + found)[:40])


def main() -> int:
    run = Run.of("AC-12", "injection and export")
    for name in run.left(("postgres", "sqlite")):
        with run.piece(name) as found:
            asyncio.run(check(name, found))
    return run.conclude(sent=sum, slowest_s=max, faults=sum, cells=sum, formulas=sum)


if __name__ == "__main__":
    sys.exit(main())
