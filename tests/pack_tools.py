"""The scripts beside the content pack (curriculum/tools), and what the tests of the pack read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

PACK = Path(__file__).parent.parent / "curriculum"
sys.path.insert(0, str(PACK / "tools"))

import against_text  # noqa: E402
import lint  # noqa: E402

__all__ = ["ASPECTS", "DAYS", "PACK", "QUESTIONS", "SCHEMA", "TEXTS", "UNITS", "against_text", "copy", "faults", "lint", "read"]

SCHEMA = json.loads((PACK / "schema.json").read_text("utf-8"))


def read(name: str) -> Any:
    return yaml.safe_load((PACK / name).read_text("utf-8"))


TEXTS = {text["key"]: text for text in read("texts.yaml")["texts"]}
UNITS = {(key, unit["key"]): unit for key, text in TEXTS.items() for unit in text["units"]}
ASPECTS = [read(f"aspect-{number}.yaml") for number in range(1, 10)]
QUESTIONS = {question["key"]: question for aspect in ASPECTS for question in aspect["questions"]}
DAYS = read("syllabus.yaml")["days"]


def copy(document: Any) -> Any:
    """A fresh copy, free to be spoilt."""
    return json.loads(json.dumps(document))


def faults(document: Any, definition: str) -> list[str]:
    """The places where `document` breaks the named definition of the schema, as `path: message`."""
    validator = Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{definition}"})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
