"""What a stranger can find out: by asking for what is another's, by reading what is shown, by sending what was not asked for (AC-09)."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from door import Door, Reply
from people import Person
from trust.samples import KINDS, MISSING, NO_IDS, Operation, ids_in, numbers_in, operations, reply_schema, sample
from trust.two_branches import World, missing

from api.http import MEMBER, PUBLIC, SIGNED_IN, STUDENT
from backend.kernel.access import CAPABILITIES
from console.http import PAGES, SESSION, csrf_of

# Nobody asks for these fields; the product decides each of them itself.
EXTRAS = (
    "role", "roles", "branch", "branch_id", "branch_path", "member", "member_id", "checked_at", "checked_in_at", "kind", "recorded_by",
    "is_admin", "admin", "id", "created_at", "consented", "token", "session_id", "state", "decided_by", "right", "is_first", "score",
    "streak", "openid", "phone_hash", "phone_sealed", "blanked_at", "left_at", "__proto__",
)  # fmt: skip
# Goes on for as long as the page is open: there is no end to read to.
STREAMS = {"/console/today/live"}
CALLERS_OF = {MEMBER: "alice", STUDENT: "alice", SIGNED_IN: "alice"}


def who_may(world: World, operation: Operation) -> Person:
    """Somebody whom the route lets in: 安敏 where every member may, else the secretary (who has every capability but these)."""
    who = operation.endpoint.who
    name = CALLERS_OF.get(who) or ("secretary" if "secretary" in CAPABILITIES.get(who, _NOBODY).roles else "observer")
    return world.callers[name]


class _NOBODY:
    roles: frozenset[str] = frozenset()


def unknown_ids() -> list[str]:
    """Ids of which nobody has said what they are ids of: they would go unchecked."""
    return sorted({f"{op.row}: {name}" for op in operations() for name in ids_in(op) if name not in KINDS})


# --- foreign and missing are the same --------------------------------------------------------------------------------


async def differing(door: Door, world: World, operation: Operation) -> tuple[int, list[str]]:
    """Questions asked, and where the answer for another's thing is not, to the byte, that for one which does not exist."""
    asked, faults = 0, []
    who = who_may(world, operation)
    for name in sorted(ids_in(operation)):
        kind = KINDS.get(name)
        of_others = [("of another branch", world.foreign)] + ([("of another member", world.others)] if _is_own(operation) else [])
        for whose, ids in of_others:
            if kind is None or kind not in ids:
                continue
            theirs = await _ask(door, operation, who, name, world.mine | {kind: ids[kind]})
            none = await _ask(door, operation, who, name, world.mine | {kind: missing(ids)[kind]})
            asked += 1
            if plain(theirs, ids[kind]) != plain(none, missing(ids)[kind]):
                faults.append(f"{operation.row} {name} {whose}: {plain(theirs, ids[kind])} and {plain(none, missing(ids)[kind])}")
            elif theirs.status < 300 and operation.endpoint.method != "GET":
                faults.append(f"{operation.row} {name} {whose}: taken with {theirs.status}")
            elif theirs.status in (401, 403) or theirs.status >= 500:
                faults.append(f"{operation.row} {name} {whose}: {theirs.status} {theirs.code}, the question was not judged")
    return asked, faults


def _is_own(operation: Operation) -> bool:
    """A route for one's own things: a colleague's are as foreign as anybody's."""
    return operation.endpoint.who in (MEMBER, STUDENT, SIGNED_IN)


async def _ask(door: Door, operation: Operation, who: Person, name: str, ids: dict[str, Any]) -> Reply:
    path = operation.path(**{each: ids[KINDS[each]] for each in operation.in_path if each in KINDS})
    sent: dict[str, Any] = {}
    if operation.body is not None:
        sent["json"] = sample(_with(operation.body, name), ids=ids)
    if name in operation.queries:
        sent["params"] = {name: str(ids[KINDS[name]])}
    for needed, schema in operation.queries.items():
        if needed == "by" and name in operation.queries:
            sent["params"]["by"] = sample(schema)
    return await door.ask(operation.endpoint.method, path, who, **sent)


def _with(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema with the field in which `name` stands among the required ones."""
    holding = [n for n, s in schema.get("properties", {}).items() if n == name or name in set(numbers_in(s, n))]
    return schema | {"required": [*schema.get("required", ()), *holding]}


def plain(reply: Reply, asked_for: Any) -> tuple[int, str, str]:
    """Status, type and body, without the request's own id and the id that was asked for.

    That one is taken out of texts alone: a number may be the same by chance, as 404 is.
    """
    kind = reply.headers.get("Content-Type", "")
    if reply.json is None:
        return reply.status, kind, reply.body.decode("utf-8", "replace")
    told = {n: part for n, part in reply.json.items() if n != "request_id"} if isinstance(reply.json, dict) else reply.json
    return reply.status, kind, json.dumps(_without(told, str(asked_for)), ensure_ascii=False)


def _without(value: Any, own: str) -> Any:
    if isinstance(value, str):
        return re.sub(rf"(?<![\w-]){re.escape(own)}(?![\w-])", "…", value)
    if isinstance(value, dict):
        return {name: _without(part, own) for name, part in value.items()}
    return [_without(part, own) for part in value] if isinstance(value, list) else value


# --- what is shown ------------------------------------------------------------------------------------------------------


async def shown_to_the_wrong(door: Door, world: World, operation: Operation, names: list[str]) -> tuple[int, list[str]]:
    """Replies read, and the marks in them that these callers must not see, and the keys that no document names."""
    if operation.endpoint.method != "GET":
        return 0, []
    read, faults = 0, []
    path = operation.path(**{each: world.mine[KINDS[each]] for each in operation.in_path if each in KINDS})
    for name in names:
        for params in _views(operation):
            reply = await door.get(path, world.callers[name], params=params)
            read += 1
            faults += [f"GET {path} shows {mark.what} to {name}" for mark in leaked(world, reply, name)]
            if reply.status == 200 and reply.json is not None:
                faults += [f"GET {path}: key {key} for {name}" for key in unlisted(reply.json, reply_schema(operation.row))]
    return read, faults


def _views(operation: Operation) -> Iterator[dict[str, str]]:
    """As it comes, or by every axis where an axis must be named."""
    by = operation.queries.get("by")
    yield from ({"by": axis} for axis in by["enum"]) if by and "enum" in by else [{}]


def leaked(world: World, reply: Reply, name: str) -> list[Any]:
    text = text_of(reply.body)
    return [mark for mark in world.marks if name not in mark.readers and mark.text in text]


def text_of(body: bytes) -> str:
    """A reply as text; of a workbook every part."""
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            return "".join(book.read(part).decode("utf-8", "replace") for part in book.namelist())
    text = body.decode("utf-8", "replace")
    return text + json.dumps(json.loads(text), ensure_ascii=False) if text[:1] in "{[" and "\\u" in text else text


def unlisted(value: Any, schema: Any, at: str = "") -> list[str]:
    """The keys of a reply that its documented shape does not have."""
    if "anyOf" in schema:
        forms = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return min((unlisted(value, each, at) for each in forms), key=len, default=[])
    if isinstance(value, list):
        return [key for each in value for key in unlisted(each, schema.get("items", {}), f"{at}[]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    found = [f"{at}.{key}" for key in value if key not in schema["properties"]]
    return found + [k for key, part in value.items() for k in unlisted(part, schema["properties"].get(key, {}), f"{at}.{key}")]


# --- what was not asked for -----------------------------------------------------------------------------------------------


async def taken_unasked(door: Door, world: World, operation: Operation, extras: tuple[str, ...]) -> tuple[int, list[str]]:
    """Writes sent with one field too many, and those that were not refused for it."""
    if operation.body is None:
        return 0, []
    faults, who = [], None if operation.endpoint.who == PUBLIC else who_may(world, operation)
    path = operation.path(**{each: world.mine[KINDS[each]] for each in operation.in_path if each in KINDS})
    mine = [extra for extra in extras if extra not in operation.body.get("properties", {})]
    for extra in mine:
        reply = await door.ask(operation.endpoint.method, path, who, json=sample(operation.body, ids=world.mine) | {extra: 1})
        if reply.status != 422:
            faults.append(f"{operation.row} with {extra}: {reply.status} {reply.code}")
    return len(mine), faults


# --- numbers that no column holds -------------------------------------------------------------------------------------------


BEYOND = (2**63, -(2**63) - 1, 2**64, -(2**70), 10**30)


async def beyond_numbers(door: Door, world: World, operation: Operation) -> tuple[int, list[str]]:
    """Every integer of a request in turn as one that no column holds: refused in words, never a fault."""
    who = None if operation.endpoint.who == PUBLIC else who_may(world, operation)
    ids = {each: world.mine[KINDS[each]] for each in operation.in_path if each in KINDS}
    body = {"json": sample(operation.body, ids=world.mine)} if operation.body is not None else {}
    asked: list[tuple[str, str, dict[str, Any]]] = []
    for number in BEYOND:
        asked += [(f"{name} {number}", operation.path(**ids | {name: number}), body) for name in operation.in_path]
        for name in operation.queries:
            asked.append((f"{name} {number}", operation.path(**ids), {"params": {name: str(number)}, **body}))
        for name in set(numbers_in(operation.body)):
            kinds = dict.fromkeys(KINDS.values(), number)
            changed = sample(_with(operation.body, name), ids=kinds) if name in KINDS else _put(body["json"], operation.body, name, number)
            asked.append((f"{name} {number} in the body", operation.path(**ids), {"json": changed}))
    replies = [(what, await door.ask(operation.endpoint.method, path, who, **sent)) for what, path, sent in asked]
    return len(replies), [f"{operation.row} {what}: {reply.status}" for what, reply in replies if reply.status >= 500]


def _put(body: dict[str, Any], schema: dict[str, Any], name: str, number: int) -> dict[str, Any]:
    held = schema.get("properties", {}).get(name)
    return body if held is None else {**body, name: [number] if held.get("type") == "array" else number}


# --- the console ------------------------------------------------------------------------------------------------------------


async def console_faults(door: Door, world: World, names: list[str]) -> tuple[int, list[str]]:
    """Every page of the console: marks shown to the wrong, and another's thing told from none."""
    asked, faults = 0, []
    for page in (each for each in PAGES if each.path not in STREAMS):
        params = [name for name in re.findall(r"<(\w+)(?::\w+)?>", page.path) if name not in NO_IDS]
        for name in names if page.method == "GET" else []:
            reply = await _page(door, world, page, name, world.mine)
            asked += 1
            faults += [f"{page.path} shows {mark.what} to {name}" for mark in leaked(world, reply, name)]
            faults += [f"{page.path}: {reply.status} for {name}"] if reply.status >= 500 else []
        for param in params:
            if (kind := KINDS.get(param)) is None:
                faults.append(f"{page.path}: what is {param} an id of?")
                continue
            theirs = await _page(door, world, page, "secretary", world.mine | {kind: world.foreign[kind]})
            none = await _page(door, world, page, "secretary", world.mine | {kind: missing(world.mine)[kind]})
            asked += 1
            if plain(theirs, world.foreign[kind])[:2] != plain(none, MISSING)[:2]:
                faults.append(f"{page.method} {page.path} {param}: {theirs.status} and {none.status}")
            elif theirs.status < 400 and page.method != "GET":
                faults.append(f"{page.method} {page.path} {param}: taken with {theirs.status}")
    return asked, faults


async def _page(door: Door, world: World, page: Any, name: str, ids: dict[str, Any]) -> Reply:
    path = re.sub(r"<(\w+)(?::\w+)?>", lambda found: str(ids.get(KINDS.get(found[1], ""), 2026)), page.path)
    token = world.consoles[name]
    form = {"data": {"csrf": csrf_of(token)}} if page.method == "POST" else {}
    return await door.ask(page.method, path, root=True, headers={"Cookie": f"{SESSION}={token}"}, **form)
