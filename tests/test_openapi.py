"""The document covers every route, holds together, and says what the service really replies."""

from __future__ import annotations

import re
from typing import Any

import pytest
from door import Door
from jsonschema import Draft202012Validator
from people import Cast, add_plan, whole_day

from api import openapi
from api.http import ENDPOINTS
from backend.kernel import clock


@pytest.fixture(scope="module")
async def document(door: Door) -> dict[str, Any]:
    reply = await door.get("/openapi.json", root=True)
    assert reply.status == 200
    return reply.json


def in_document(path: str) -> str:
    return re.sub(r"<(\w+)(?::\w+)?>", r"{\1}", path)


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(v) for v in value.values()))
    return set().union(*(references(v) for v in value)) if isinstance(value, list) else set()


async def test_every_route_stands_in_the_document_with_a_chinese_name_and_its_tag(document: dict[str, Any]):
    for e in ENDPOINTS:
        operation = document["paths"][in_document(e.path)][e.method.lower()]
        assert re.search(r"[\u4e00-\u9fff]", operation["summary"]), e.path
        assert operation["tags"][0] in openapi.TAGS, e.path
    assert {path for _, path, *_ in openapi.AT_THE_ROOT} <= set(document["paths"])
    names = [op["operationId"] for path in document["paths"].values() for op in path.values() if "operationId" in op]
    assert len(names) == len(set(names)) == len(ENDPOINTS)


async def test_every_reference_leads_somewhere_and_every_schema_is_one(document: dict[str, Any]):
    schemas = document["components"]["schemas"]
    assert {r.rpartition("/")[2] for r in references(document)} <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("e", [e for e in ENDPOINTS if e.method == "GET" and e.content_type == "application/json"], ids=lambda e: e.path)
async def test_a_reply_is_what_the_document_says(door: Door, cast: Cast, document: dict[str, Any], e):
    [task] = await add_plan(cast, days=[clock.today()])
    shown = (await door.get(f"/tasks/{task.id}", cast.secretary)).json
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.secretary, whole_day(shown, right=False))).status == 201
    sent = await door.post("/reminders", cast.secretary, {"members": [cast.bob.id]})
    ids = {
        "task_id": task.id,
        "member_id": cast.bob.id,
        "plan_id": cast.plan.id,
        "year": 2026,
        "text_id": "report",
        "batch_id": sent.json["id"],
    }
    path = re.sub(r"<(\w+)(?::\w+)?>", lambda found: str(ids[found[1]]), e.path)
    params = {"by": "aspect"} if path.endswith("/stats/coverage") else {}
    reply = await door.ask("GET", path, cast.secretary, root=True, params=params)
    assert reply.status == 200, reply.body
    declared = document["paths"][in_document(e.path)]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    faults = list(Draft202012Validator({**declared, "components": document["components"]}).iter_errors(reply.json))
    assert [f"{list(f.absolute_path)}: {f.message}"[:200] for f in faults] == []


async def test_an_error_is_what_the_document_says(door: Door, cast: Cast, document: dict[str, Any]):
    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    for reply in (
        await door.get("/me"),
        await door.get("/tasks/1", cast.alice),
        await door.post("/feedback", cast.alice, {"text": ""}),
        await door.post("/feedback", cast.alice, data=b"{", headers={"Content-Type": "application/json"}),
    ):
        assert reply.status >= 400 and reply.headers["Content-Type"] == "application/problem+json"
        assert list(Draft202012Validator(schema).iter_errors(reply.json)) == []
