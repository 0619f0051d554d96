"""What a line of the log may say: everything as JSON, errors without their texts, libraries without their values."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import structlog
from process import environment

from backend.kernel import logs
from backend.kernel.errors import NotFound

CANARY = "金丝雀13900000000"


@pytest.fixture
def lines(capfd: pytest.CaptureFixture):
    """What has been written since, line by line."""
    before = logging.getLogger().handlers[:]
    logs.configure("DEBUG")

    def read() -> list[dict]:
        out, err = capfd.readouterr()
        assert err == "" and CANARY not in out
        return [json.loads(line) for line in out.splitlines()]

    yield read
    logs.configure("WARNING")
    logging.getLogger().handlers[:] = before


def test_a_librarys_sentence_is_shown_before_values_were_put_in_and_else_not_at_all(lines):
    library = logging.getLogger("some.library")
    library.warning("cannot reach %s", CANARY)
    library.error(f"cannot reach {CANARY}")
    library.error(ValueError(CANARY))
    library.debug("statement %s", CANARY)
    told = lines()
    assert [(line["text"], line["level"], line["logger"]) for line in told] == [
        ("cannot reach %s", "warning", "some.library"),
        (None, "error", "some.library"),
        (None, "error", "some.library"),
    ]
    assert all(line["place"].startswith("tests/test_logs.py:") and line["at"].endswith("Z") for line in told)


def test_our_own_sentences_are_shown_as_they_are(lines):
    logging.getLogger("backend.wechat.client").warning("wechat %s: %s, try %d", "/sns/jscode2session", "busy", 2)
    assert [line["text"] for line in lines()] == ["wechat /sns/jscode2session: busy, try 2"]


def test_an_error_is_told_by_its_type_its_causes_and_the_places_it_passed(lines):
    def inner() -> None:
        raise ValueError(CANARY)

    try:
        try:
            inner()
        except ValueError as error:
            raise ExceptionGroup(CANARY, [KeyError(CANARY), NotFound(CANARY)]) from error
    except ExceptionGroup as error:
        structlog.get_logger().error("server_error", exc_info=error)
        logging.getLogger("some.library").exception("failed")
    ours, theirs = lines()
    assert ours["error"] == theirs["error"]
    assert ours["error"]["type"] == "ExceptionGroup" and ours["error"]["cause"]["type"] == "ValueError"
    assert [each["type"] for each in ours["error"]["group"]] == ["KeyError", "backend.kernel.errors.NotFound"]
    assert ours["error"]["group"][1]["code"] == "not_found"
    assert ours["error"]["cause"]["at"][-1].endswith("test_an_error_is_told_by_its_type_its_causes_and_the_places_it_passed.<locals>.inner")


LAST_RESORTS = f"""
import threading, warnings
from backend.kernel import logs
logs.configure("INFO"); logs.own_the_process()
class Bad:
    def __del__(self): raise ValueError({CANARY!r})
def fail(): raise ValueError({CANARY!r})
thread = threading.Thread(target=fail); thread.start(); thread.join()
Bad()
warnings.simplefilter("always"); warnings.warn({CANARY!r})
fail()
"""


def test_the_interpreters_last_resorts_speak_json_too(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", LAST_RESORTS], env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (1, "") and CANARY not in done.stdout
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in told] == ["uncaught", "unraisable", "python_warning", "uncaught"]
    assert [line["error"]["type"] for line in told if "error" in line] == ["ValueError"] * 3


def test_lines_of_several_threads_do_not_run_into_each_other(lines):
    def speak() -> None:
        for _ in range(200):
            structlog.get_logger().info("spoken", text="字" * 300)

    threads = [threading.Thread(target=speak) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines()) == 800
