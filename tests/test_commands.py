"""A command that cannot do its work says so in one Chinese sentence, never with a traceback: `backend/cli`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from official import PACK
from process import ROOT, daka, environment, free_port

from backend.cli import arguments, chinese
from backend.cli.main import GROUPS, main
from backend.kernel.documents import Column, Sheet, write_book
from backend.kernel.errors import Invalid
from backend.rules.forms_questions import COLUMNS

PLAN = ("plan", "create", "--title", "学习", "--to", "2026-03-31")
BAD_LINES = [
    ((), "缺少参数：命令"),
    (("nonsense",), "没有 'nonsense' 这一项"),
    (("branch",), "缺少参数：操作"),
    (("branch", "create"), "缺少参数：名称"),
    (("branch", "list", "--nonsense"), "不认识的参数：--nonsense"),
    (("branch", "create", "某支部", "--parent"), "--parent 后面应有一个值"),
    (("branch", "create", "某支部", "--parent", "0"), "编号应为正整数"),
    (("console", "link", str(2**63)), "编号应为正整数"),
    (("console", "link", "甲"), "编号应为正整数"),
    ((*PLAN, "--branch", str(2**63), "--from", "2026-03-01"), "编号应为正整数"),
    ((*PLAN, "--branch", "1", "--from", "abc"), "日期应为 2023-02-23 的样子，不是 abc"),
    ((*PLAN, "--branch", "1", "--from", "2026-03-01", "--weekdays", "1-99999999999"), "应如 1-5 或 1,3,5"),
    ((*PLAN, "--branch", "1", "--from", "2026-03-01", "--questions", "three"), "--questions 应为整数，不是 'three'"),
    (("member", "role", "1"), "以下参数应选一个：--add --remove"),
    (("member", "role", "1", "--add", "editor", "--remove", "editor"), "--remove 不能与 --add 同时使用"),
    (("member", "role", "1", "--add", "king"), "没有 'king' 这一项，可选："),
    (("serve", "--port", "99999999"), "端口应在 1 到 65535 之间"),
    (("serve", "--port", "0"), "端口应在 1 到 65535 之间"),
    (("demo", "--port", "八千"), "端口应在 1 到 65535 之间"),
    (("serve", "--workers", "many"), "--workers 应为整数，不是 'many'"),
]
ENGLISH = re.compile(r"usage|options:|positional|argument|required|invalid|show this")


def said(text: str) -> str:
    """The one sentence of a refused command."""
    assert "Traceback" not in text, text
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize(("words", "sentence"), BAD_LINES)
def test_a_wrong_command_line_is_refused_in_chinese(words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(words)
    printed = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in said(printed)
    assert printed.startswith("用法：daka") and not ENGLISH.search(printed)


@pytest.mark.parametrize("words", [(), *[(group,) for group in GROUPS], ("plan", "create"), ("questions", "import")])
def test_every_help_is_in_chinese(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert printed.startswith("用法：daka") and "选项" in printed and not ENGLISH.search(printed)


def test_a_message_that_is_not_known_still_begins_in_chinese():
    assert chinese.sentence("something new") == "命令有误：something new"


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path):
    for act, path, why in (
        (arguments.content, tmp_path / "none.xlsx", "没有这个文件或目录"),
        (arguments.content, tmp_path, "这是一个目录"),
        (lambda path: arguments.write(path, b""), tmp_path / "none" / "x.xlsx", "没有这个文件或目录"),
    ):
        with pytest.raises(Invalid) as refused:
            act(path)
        assert refused.value.detail.endswith(f"{path}：{why}")


def test_the_parser_waits_for_no_database_library():
    script = "import sys\nfrom backend.cli.main import parser\nparser('serve')\nsys.exit('tortoise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def fails(*words: str, env: dict[str, str], cwd: Path) -> str:
    done = daka(*words, env=env, cwd=cwd)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.long
def test_an_unreachable_database_is_one_sentence(tmp_path: Path):
    away = environment(DATABASE_URL=f"postgres://daka:x@127.0.0.1:{free_port()}/daka", SECRET_KEY="1" * 64)
    for words in (("branch", "list"), ("migrate",)):
        assert "DAKA_DATABASE_URL 指向的数据库无法连接" in fails(*words, env=away, cwd=tmp_path)
    (tmp_path / "not").write_text("这不是数据库。" * 100)
    for path, sentence in ((tmp_path / "not", "数据库无法连接"), (tmp_path / "not" / "below" / "x", "无法读写")):
        broken = environment(DATABASE_URL=f"sqlite://{path}", SECRET_KEY="1" * 64)
        assert sentence in fails("branch", "list", env=broken, cwd=tmp_path)


@pytest.mark.long
def test_files_and_branches_on_a_database_of_its_own(tmp_path: Path):
    env = environment(DATABASE_URL=f"sqlite://{tmp_path / 'daka.sqlite3'}", SECRET_KEY="1" * 64, LOG_LEVEL="WARNING")

    def run(*words: str) -> str:
        done = daka(*words, env=env, cwd=tmp_path)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    assert "数据库结构不是最新，请先运行 daka migrate" in fails("branch", "create", "某支部", env=env, cwd=tmp_path)
    run("migrate")
    assert "none/x.xlsx：没有这个文件或目录" in fails("roster", "template", "none/x.xlsx", env=env, cwd=tmp_path)
    assert "nowhere/pack 不是内容包目录" in fails("curriculum", "load", "nowhere/pack", env=env, cwd=tmp_path)
    run("curriculum", "load", str(PACK))
    sheet = ("单选题", "题干", "甲", "乙", *[""] * 6, "B", "见序言。", "序言：用于测试", "1")
    (tmp_path / "q.xlsx").write_bytes(write_book([Sheet("题库", [Column(title) for title in COLUMNS], [sheet])]))
    assert "还没有支部" in fails("questions", "import", "q.xlsx", env=env, cwd=tmp_path)
    run("branch", "create", "第一支部")
    assert "已导入 1 道题" in run("questions", "import", "q.xlsx")
    second = run("branch", "create", "第二支部").strip()
    assert "--branch" in fails("questions", "import", "q.xlsx", env=env, cwd=tmp_path)
    assert "未写入" in run("questions", "import", "q.xlsx", "--branch", second, "--dry-run")
