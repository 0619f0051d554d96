"""Requests made from the service's own OpenAPI document: a body that fits its schema, and every place where an id stands.

So a new route is asked by the checks without being named here. What it must say is which kind of thing a new id is: see KINDS.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import api.app  # noqa: F401 - declares the endpoints
from api import openapi
from api.http import ENDPOINTS, PREFIX, Endpoint

# Names of ids in paths, queries and bodies, and what they are ids of.
KINDS = {
    "task_id": "task", "task": "task", "tasks": "task", "member_id": "member", "member": "member", "members": "member", "actor": "member",
    "unit_id": "unit", "unit": "unit", "units": "unit", "leave_id": "leave", "session_id": "session", "plan_id": "plan", "plan": "plan",
    "question_id": "question", "question": "question", "questions": "question", "passage": "passage", "passages": "passage",
    "passage_id": "passage",
    "branch": "branch", "text_id": "text", "key": "text", "batch_id": "batch", "correction_id": "correction", "feedback_id": "feedback",
}  # fmt: skip
# Numbers and lists of numbers that are no ids; `subject_id` is any kind's, and told by the branch of the entry.
NO_IDS = {
    "year", "day", "limit", "weekdays", "aspects", "aspect", "questions_per_day", "makeup_days", "subject_id", "number", "grade",
    "hour", "minute",
    "times", "days", "budget", "dry_run", "partial", "withdrawn",
}  # fmt: skip
MISSING = 999_999_999


@dataclass(frozen=True)
class Operation:
    """One endpoint: `body` is its JSON schema (None without one), `queries` its parameters' schemas."""

    endpoint: Endpoint
    body: dict[str, Any] | None
    queries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def row(self) -> str:
        return f"{self.endpoint.method} {self.endpoint.path.removeprefix(PREFIX)}"

    @property
    def in_path(self) -> list[str]:
        return re.findall(r"<(\w+)(?::\w+)?>", self.endpoint.path)

    def path(self, **ids: Any) -> str:
        """With these in the places of its parameters, 2026 for a year."""
        return re.sub(r"<(\w+)(?::\w+)?>", lambda found: str(ids.get(found[1], 2026)), self.endpoint.path.removeprefix(PREFIX))


@functools.cache
def document() -> dict[str, Any]:
    return openapi.document()


@functools.cache
def operations() -> tuple[Operation, ...]:
    told = document()
    schemas = told["components"]["schemas"]
    found = []
    for e in ENDPOINTS:
        operation = told["paths"][re.sub(r"<(\w+)(?::\w+)?>", r"{\1}", e.path)][e.method.lower()]
        content = operation.get("requestBody", {}).get("content", {})
        body = content.get("application/json", {}).get("schema")
        queries = {p["name"]: p["schema"] for p in operation["parameters"] if p["in"] == "query"}
        found.append(Operation(e, resolve(body, schemas) if body else None, {n: resolve(s, schemas) for n, s in queries.items()}))
    return tuple(found)


@functools.cache
def reply_schema(row: str) -> Any:
    """What the operation of this row says that it replies when all goes well; {} when that is no JSON."""
    e = next(each.endpoint for each in operations() if each.row == row)
    told = document()["paths"][re.sub(r"<(\w+)(?::\w+)?>", r"{\1}", e.path)][e.method.lower()]["responses"][str(e.status)]
    return resolve(told.get("content", {}).get("application/json", {}).get("schema", {}), document()["components"]["schemas"])


def resolve(schema: Any, schemas: dict[str, Any]) -> Any:
    """The schema with every reference replaced by what it leads to."""
    if isinstance(schema, list):
        return [resolve(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolve(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    return {name: resolve(part, schemas) for name, part in schema.items()}


def sample(schema: dict[str, Any], name: str = "", ids: dict[str, Any] | None = None, *, whole: bool = False) -> Any:
    """A value that fits the schema; `ids`: kind -> the id to put where one stands; `whole`: optional fields too."""
    ids = ids or {}
    if "anyOf" in schema:
        return sample(next(each for each in schema["anyOf"] if each.get("type") != "null"), name, ids, whole=whole)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("properties", {})
        return {n: sample(s, n, ids, whole=whole) for n, s in wanted.items() if whole or n in schema.get("required", ())}
    if kind == "array":
        return [sample(schema.get("items", {"type": "string"}), name, ids, whole=whole)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return ids.get(KINDS.get(name, ""), max(1, schema.get("minimum", 1)))
    if kind == "boolean":
        return False
    if schema.get("format") == "date":
        return date.today().isoformat()  # noqa: DTZ011 - any day will do
    return "文" * max(1, schema.get("minLength", 1))


def numbers_in(schema: Any, name: str = "") -> Iterator[str]:
    """The names of every integer in a schema."""
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "integer":
        yield name
    for part in schema.get("anyOf", []):
        yield from numbers_in(part, name)
    if "items" in schema:
        yield from numbers_in(schema["items"], name)
    for inner, part in schema.get("properties", {}).items():
        yield from numbers_in(part, inner)


def ids_in(operation: Operation) -> set[str]:
    """The names of everything in a request that is an id, or may be one."""
    numbers = set(numbers_in(operation.body))
    for name, schema in operation.queries.items():
        numbers |= set(numbers_in(schema, name))
    return (numbers | set(operation.in_path)) - NO_IDS
