"""The rules of ARCHITECTURE.md: who may import whom, where third parties live, how long a file may be, what must exist beside what."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from backend.kernel import settings

ROOT = Path(__file__).parent.parent
OURS = ("api", "backend", "console", "models")
LONGEST = 300

# Features of backend/ in import order: each may import only those before it.
FEATURES = (
    "months branches figures audiences audit consents sessions members guesses second_factors console_entry "
    "console_links console_scans keys auth leaves push answering feedback corrections subscriptions reflections "
    "privacy calendar texts questions curriculum plans tasks readings quizzes reviews checkins notices progress "
    "coverage attention reminders checks backups moves housekeeping "
    "worker doctor demo bench_data"
).split()

# A third party and the only places that may import it.
HOMES = {
    "sanic": ("api/", "console/", "backend/wechat/sandbox/"),
    "tortoise": ("models/", "backend/"),
    "asyncpg": (
        "backend/kernel/connection.py",
        "backend/kernel/database.py",
        "backend/kernel/schema.py",
    ),
    "wechatpy": ("backend/wechat/",),
    "aiohttp": ("backend/wechat/",),
    "redis": ("backend/kernel/redis.py",),
    "fakeredis": ("backend/kernel/redis.py",),
    "aioredis": (),
    "xlsxwriter": ("backend/kernel/documents",),
    "python_calamine": ("backend/kernel/documents",),
    "docx": ("backend/kernel/documents",),
    "lxml": ("backend/kernel/documents", "backend/kernel/webpages"),
    "prometheus_client": ("backend/kernel/metrics",),
    "jinja2": ("console/",),
    "fsrs": ("backend/reviews.py",),
    "pyotp": ("backend/second_factors.py",),
    "taskiq": ("backend/kernel/wakeups.py",),
    "taskiq_redis": ("backend/kernel/wakeups.py",),
    "segno": ("backend/wechat/sandbox/", "console/"),
    "pypinyin": ("backend/members_pinyin.py",),
    "chinese_calendar": ("backend/calendar.py",),
}

# Doors without a feature of their own, and why.
NOT_FEATURES = {
    "__init__": "package", "__main__": "starts the service", "process": "one serving process", "supervisor": "several of them",
    "app": "wiring", "http": "the endpoint declaration",
    "errors": "the one error shape",
    "requests": "around every request", "health": "life of the process",
    "openapi": "the document", "member_page": "the built files of miniprogram/",
}  # fmt: skip


def files(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and not {"__pycache__", "vendor", "migrations"} & set(path.parts):
                yield path


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, `from a import b` as a.b as well as a."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def feature_of(path: Path | str) -> str | None:
    """The feature of a module of backend/: checkins_write belongs to checkins."""
    stem = Path(path).stem
    return next((f for f in sorted(FEATURES, key=len, reverse=True) if stem == f or stem.startswith(f + "_")), None)


def test_nothing_is_imported_upward_or_between_the_doors():
    allowed = {"models": {"models"}, "backend": {"backend", "models"}, "api": {"api", "backend"}, "console": {"console", "backend"}}
    wrong = []
    for layer, may in allowed.items():
        for path in files(layer):
            for module in imports(path):
                top = module.split(".")[0]
                if top in OURS and top not in may and (name_of(path), top) != ("api/app.py", "console"):
                    wrong.append(f"{name_of(path)} imports {module}")
    assert wrong == []


def test_every_module_of_the_backend_has_a_place_in_the_order():
    known = {path.stem for path in (ROOT / "backend").glob("*.py")} - {"__init__", "__main__"}
    assert {stem for stem in known if feature_of(stem) is None} == set()


def test_a_feature_imports_only_features_before_it():
    wrong = []
    for path in sorted((ROOT / "backend").glob("*.py")):
        if (mine := feature_of(path)) is None:
            continue
        for module in imports(path):
            parts = module.split(".")
            if parts[0] == "backend" and len(parts) > 1 and (other := feature_of(parts[1])):
                if FEATURES.index(other) > FEATURES.index(mine):
                    wrong.append(f"{name_of(path)} imports {module}")
            if module.startswith(("backend.cli", "backend.wechat.sandbox")) and mine != "demo":
                wrong.append(f"{name_of(path)} imports {module}")
    assert wrong == []


def test_the_kernel_knows_no_feature_and_the_rules_know_the_standard_library_alone():
    wrong = []
    for path in files("backend/kernel", "backend/wechat"):
        for module in imports(path):
            if module.startswith("backend.") and not module.startswith(("backend.kernel", "backend.wechat")):
                wrong.append(f"{name_of(path)} imports {module}")
    for path in files("backend/rules"):
        for module in imports(path):
            if module.split(".")[0] not in sys.stdlib_module_names and not module.startswith("backend.rules"):
                wrong.append(f"{name_of(path)} imports {module}")
    assert wrong == []


def test_third_parties_stay_at_home():
    wrong = []
    for path in files(*OURS):
        for module in imports(path):
            homes = HOMES.get(module.split(".")[0])
            if homes is not None and not name_of(path).startswith(homes or "-"):
                wrong.append(f"{name_of(path)} imports {module}")
    assert wrong == []


def test_no_file_of_ours_is_longer_than_three_hundred_lines():
    paths = files(*OURS, "tests", suffixes=(".py", ".js", ".css", ".html", ".yaml"))
    assert [f"{name_of(p)}: {n}" for p in paths if (n := len(p.read_text("utf-8").splitlines())) > LONGEST] == []


def test_every_door_has_its_feature_and_its_tests():
    missing = []
    for path in sorted((ROOT / "api").glob("*.py")):
        if path.stem in NOT_FEATURES:
            continue
        missing += [str(p) for p in (f"backend/{path.stem}.py", f"tests/test_{path.stem}.py") if not (ROOT / p).exists()]
    assert missing == []


@pytest.mark.parametrize("pattern, home", [(r"datetime\.now\(|date\.today\(|time\.time\(", "backend/kernel/clock.py")])
def test_the_clock_is_read_in_one_place(pattern: str, home: str):
    found = [name_of(p) for p in files(*OURS) if re.search(pattern, p.read_text("utf-8")) and name_of(p) != home]
    assert found == []


def test_every_setting_is_documented_with_its_default():
    example = dotenv_values(ROOT / ".env.example")
    commented = set(re.findall(r"^#?\s*(DAKA_[A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert commented == {settings.PREFIX + name for name in settings.NAMES}
    assert set(example) <= commented


def test_nothing_asks_an_outside_address():
    """Pages and scripts of ours load nothing from elsewhere; links that a person follows are content, not pages."""
    loads = re.compile(r"""(?:src|href|action)=["']https?://|@import|url\(\s*["']?https?:|fetch\(\s*["'`]https?:""")
    paths = files("api", "console", suffixes=(".html", ".js", ".css"))
    assert [name_of(p) for p in paths if loads.search(p.read_text("utf-8"))] == []
