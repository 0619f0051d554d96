"""What the papers for operators name exists: commands and their options, settings, files, headings, make targets, endpoints, figures."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from process import ROOT

import api.app  # noqa: F401 - declares the endpoints
from api.http import ENDPOINTS, PREFIX
from backend.cli.main import GROUPS, parser
from backend.kernel import settings

PAPERS = ("README.md", "docs/production.md", "docs/operations.md")
TEXTS = {name: (ROOT / name).read_text("utf-8") for name in PAPERS}
ALL = "\n".join(TEXTS.values())
# Options that stand alone in a sentence and belong to another program.
FOREIGN = {"--build-arg"}
ENDS = re.compile(r"[|;&>#`)]|\s{2,}")
COMMAND = re.compile(r"(?<![\w:.-])daka ([a-z][a-z-]*)([^\n]*)")


def code(text: str) -> Iterator[str]:
    """Every line of a fenced block, and every span between backticks outside of them."""
    for number, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        yield from part.splitlines() if number % 2 else re.findall(r"`([^`\n]+)`", part)


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """(as written, its words) of each `daka …`, without what follows it on the line; a unit's name is no command."""
    for piece in code(text):
        for found in COMMAND.finditer(piece):
            if not found[1].startswith("daka"):
                yield found[0], [found[1], *ENDS.split(found[2])[0].split()]


def children(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next((action.choices for action in of._actions if isinstance(action, argparse._SubParsersAction)), {})


GROUPED = children(parser())


def faults(words: list[str]) -> list[str]:
    """What of a command line the product does not know: its group, its verb, its options."""
    at = GROUPED.get(words[0])
    if at is None:
        return [words[0]]
    rest = words[1:]
    if verbs := children(at):
        if not rest or rest[0] not in verbs:
            return [" ".join(words[:2])]
        at, rest = verbs[rest[0]], rest[1:]
    return [word for word in rest if word.startswith("--") and word.split("=")[0] not in at._option_string_actions]


@pytest.mark.parametrize("name", PAPERS)
def test_every_command_and_option_named_exists(name: str):
    found = list(commands(TEXTS[name]))
    assert len(found) >= 15
    assert {written: wrong for written, words in found if (wrong := faults(words))} == {}


def test_an_option_that_stands_alone_belongs_to_some_command():
    known = set(FOREIGN)
    for group in GROUPED.values():
        for each in (group, *children(group).values()):
            known |= set(each._option_string_actions)
    alone = {span.split()[0].split("=")[0] for span in re.findall(r"`(--[^`\n]+)`", ALL)}
    assert len(alone) > 5 and alone - known == set()


def test_the_two_papers_name_every_group_that_an_operator_needs():
    named = {words[0] for name in PAPERS[1:] for _, words in commands(TEXTS[name])}
    assert set(GROUPS) - named == {"questions", "bench-data"}


def test_every_setting_named_exists_and_production_explains_each():
    known = {settings.PREFIX + name for name in settings.NAMES}
    assert set(re.findall(r"\bDAKA_[A-Z_]+", ALL)) <= known
    # WeChat's address has one value only in production.
    assert known - set(re.findall(r"\bDAKA_[A-Z_]+", TEXTS["docs/production.md"])) == {"DAKA_WECHAT_API_BASE"}


def headings(path: Path) -> set[str]:
    """The anchors of a page, as the usual viewers make them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAPERS)
def test_every_file_and_heading_linked_exists(name: str):
    missing = []
    for target in re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', TEXTS[name]):
        path, _, anchor = "".join(target).partition("#")
        if path.startswith(("http://", "https://")):
            continue
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists() or (anchor and anchor not in headings(file)):
            missing.append("".join(target))
    assert missing == []


def test_every_file_and_make_target_in_a_command_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for text in TEXTS.values():
        for piece in code(text):
            for path in re.findall(r"(?<![\w/])(?:deploy|docs|curriculum|bench)/[\w.-]+[\w]", piece):
                assert (ROOT / path).exists(), piece
            for target in re.findall(r"(?:^|&& )make ([a-z][a-z-]+)", piece):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), piece


def test_every_endpoint_named_exists():
    """`{…}` and numbers stand for what changes from call to call."""
    known = {(e.method, re.sub(r"<[^>]+>", "*", e.path)) for e in ENDPOINTS}
    named = re.findall(rf"((?:GET|POST|PUT|PATCH|DELETE)(?:`、`[A-Z]+)*) ({PREFIX}[^\s`]*)", ALL)
    asked = {(method, re.sub(r"\{[^}]+\}|\d+$", "*", path)) for methods, path in named for method in methods.split("`、`")}
    assert len(asked) >= 6 and asked - known == set()


def test_every_figure_and_alert_named_is_explained():
    metrics, alerts = ((ROOT / path).read_text("utf-8") for path in ("docs/metrics.md", "deploy/alerts.yaml"))
    figures = set(re.findall(r"`(daka_[a-z_]+)", TEXTS["docs/operations.md"])) - {"daka_old", "daka_drill"}
    assert figures and {name for name in figures if name not in metrics} == set()
    assert {name for name in re.findall(r"`(Daka[A-Za-z]+)`", ALL) if f"alert: {name}\n" not in alerts} == set()
