"""The form of the long checks: what it says passed was whole, what failed stays written down, and a killed check goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trust import report
from trust.report import FAILED, PASSED, UNFINISHED, Run


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "REPORTS", tmp_path / "reports")
    return tmp_path / "reports"


def go(*words: str, fails: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """A check of four pieces: its exit code, and the pieces that it did now."""
    run, now = Run.of("AC-00", "a check", [*words], rounds=4), []
    for name in run.left(f"round-{n}" for n in range(run.given.rounds)):
        with run.piece(name) as found:
            now.append(name)
            found["lost"] = int(name in fails)
            assert found["lost"] == 0, "one is not there"
    return run.conclude(lost=sum), now


def test_a_check_cut_short_says_so_and_goes_on_where_it_was(capsys: pytest.CaptureFixture[str]):
    assert go("--most", "3") == (UNFINISHED, ["round-0", "round-1", "round-2"])
    assert "AC-00 PART pieces=3/4 " in capsys.readouterr().out
    assert go() == (PASSED, ["round-3"])
    assert "AC-00 PASS pieces=4/4 lost=0 seed=20221016" in capsys.readouterr().out
    assert go() == (PASSED, [])
    assert go("--fresh", "--most", "1") == (UNFINISHED, ["round-0"])


def test_a_smaller_run_or_another_seed_is_another_check(reports: Path):
    assert go("--rounds", "2") == (PASSED, ["round-0", "round-1"])
    assert len(go()[1]) == 4 and len(go("--seed", "7")[1]) == 4
    assert len(list(reports.iterdir())) == 3
    runs = [Run.of("AC-00", "a check", ["--seed", seed]) for seed in "77"]
    assert runs[0].dice("a").random() == runs[1].dice("a").random() != runs[1].dice("b").random()


def test_a_piece_that_fails_is_kept_as_failed_and_tried_again(reports: Path, capsys: pytest.CaptureFixture[str]):
    assert go(fails=("round-1",)) == (FAILED, [f"round-{n}" for n in range(4)])
    assert "AC-00 FAIL pieces=3/4 lost=1 seed=20221016 failed=round-1" in capsys.readouterr().out
    assert go() == (PASSED, ["round-1"])
    [evidence] = reports.iterdir()
    [failure] = json.loads(evidence.read_text("utf-8"))["failures"]
    assert (failure["piece"], failure["lost"], failure["why"]) == ("round-1", 1, "AssertionError: one is not there\nassert 1 == 0")


def test_who_asks_for_nothing_is_told_nothing_passed():
    run = Run.of("AC-00", "a check", [])
    assert list(run.left([])) == [] and run.conclude(lost=sum) == UNFINISHED
