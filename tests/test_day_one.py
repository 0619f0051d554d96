"""The first day in production, without a demo command: an empty database, the commands, and the first check-in over HTTP."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from door import Door
from official import PACK
from people import whole_day
from process import daka, environment, free_port, fresh_database, running

from backend.kernel import clock
from backend.kernel.documents import Column, Sheet, write_book
from backend.kernel.settings import Settings
from backend.rules.forms_roster import COLUMNS

ROSTER = [
    ("陈立群", "13800000001", "", "正式党员", "领导干部", "书记", "1998-07-01", ""),
    ("安敏", "13800000002", "焊接专业委员会", "正式党员", "", "", "2001.7", ""),
    ("白杰", "", "焊接专业委员会", "", "", "", "", ""),
]


def number_in(text: str) -> str:
    return re.search(r"\d+", text).group()


@pytest.mark.long
async def test_from_an_empty_database_to_the_first_check_in(settings: Settings, sandbox, tmp_path: Path):
    async with fresh_database(settings.database_url, tmp_path) as url:
        env = environment(
            DATABASE_URL=url, SECRET_KEY="1" * 64, WECHAT_APPID=settings.wechat_appid, WECHAT_SECRET=settings.wechat_secret,
            WECHAT_API_BASE=settings.wechat_api_base, LOG_LEVEL="WARNING",
        )  # fmt: skip

        def run(*words: str) -> str:
            done = daka(*words, env=env, cwd=tmp_path)
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            return done.stdout

        members = _set_up(run, tmp_path)
        async with running("serve", env=env, cwd=tmp_path) as (base, _), aiohttp.ClientSession() as session:
            door = Door(base, session)
            taken = daka("serve", "--port", base.rpartition(":")[2], env=env, cwd=tmp_path)
            assert taken.returncode == 1 and "换一个端口" in taken.stderr and "Traceback" not in taken.stderr
            secretary = await _bind(door, sandbox[0], "陈立群", run("member", "invite", members["陈立群"]))
            member = await _bind(door, sandbox[0], "安敏", run("member", "invite", members["安敏"]))
            assert (await door.get("/me", secretary)).json["roles"] == ["secretary"]
            before = (await door.get("/stats/today", secretary)).json["cell"]
            task = (await door.get("/tasks/today", member)).json["task"]
            assert task and task["passages"][0]["text"] is None and task["passages"][0]["source_url"].startswith("https://")
            questions = [{"question": q["id"], **ANSWERS[q["kind"]]} for q in task["questions"]]
            reply = await door.post(f"/tasks/{task['id']}/check-in", member, {**whole_day({**task, "questions": []}), "answers": questions})
            assert reply.status == 201, reply.body
            after = (await door.get("/stats/today", secretary)).json["cell"]
            assert (before["assigned"], before["done"], after["assigned"], after["done"]) == (3, 0, 3, 1)
        run("check")
        demo = daka("demo", "--port", str(free_port()), env=env, cwd=tmp_path)
        assert demo.returncode == 1 and "正式的支部" in demo.stderr


ANSWERS = {"single": {"choice": ["A"]}, "multiple": {"choice": ["A", "B"]}, "true_false": {"choice": ["true"]}, "blank": {"text": "不知道"}}


def _set_up(run, folder: Path) -> dict[str, str]:
    """Everything that the commands do before the service starts: member ids by name."""
    run("migrate")
    run("curriculum", "load", str(PACK))
    branch = number_in(run("branch", "create", "机械工程学会党支部"))
    (folder / "roster.xlsx").write_bytes(write_book([Sheet("名册", [Column(title) for title in COLUMNS], ROSTER)]))
    assert "3" in run("roster", "import", str(folder / "roster.xlsx"), "--branch", branch)
    listed = run("member", "list", "--branch", branch)
    members = {name: re.search(rf"^\D*(\d+)\D[^\n]*{name}", listed, re.MULTILINE).group(1) for name, *_ in ROSTER}
    run("member", "role", members["陈立群"], "--add", "secretary")
    today = clock.today()
    run(
        "plan", "create", "--branch", branch, "--title", "每日学习", "--from", str(today), "--to", str(today + timedelta(days=30)),
        "--weekdays", "1-7", "--ignore-holidays", "--syllabus", "ninety-days",
    )  # fmt: skip
    return members


async def _bind(door: Door, state, name: str, printed: str) -> str:
    """A new phone signs in, binds with the printed code and consents: the token."""
    code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", printed).group()
    js_code = state.wx_login(state.add_user().openid)
    token = (await door.post("/auth/wechat", json={"code": js_code})).json["token"]
    bound = await door.post("/auth/bind", token, {"name": name, "invite_code": code})
    assert bound.status == 200, bound.body
    token = bound.json["token"]
    version = (await door.get("/me/consents", token)).json["current"]
    assert (await door.post("/me/consents", token, {"version": version})).status == 201
    return token
