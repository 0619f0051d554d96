"""The service as it runs: real HTTP on 127.0.0.1, a real database, the WeChat sandbox. DAKA_TEST_DB chooses sqlite or postgres."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import servers
from desk import Desk
from door import Door, serve
from installations import Installation, apart, installation
from people import Cast, build_cast

from api.app import create_app
from backend import curriculum, housekeeping, reminders_work
from backend.kernel import schema
from backend.kernel.settings import Settings

PACK = Path(__file__).parent.parent / "curriculum"
DIALECT = os.environ.get("DAKA_TEST_DB", "sqlite")
# What concerns one database alone is run with that one; daka move is from the one to the other.
collect_ignore = (
    ["test_backups_postgres.py", "test_database_away.py", "test_months.py", "test_moves.py", "test_statements.py"]
    if DIALECT == "sqlite"
    else ["test_backups_sqlite.py"]
)
APPID, SECRET = "wx0000000000daka01", "0123456789abcdef0123456789abcdef"
REMINDER = "reminder_template_of_the_tests"
PUSH_TOKEN, PUSH_AES_KEY = "AAAAA", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if DIALECT == "sqlite":
        path: Path = tmp_path_factory.mktemp("database") / "daka.sqlite3"
        yield f"sqlite://{path}?synchronous=OFF"
        return
    servers.offer_clients()
    url, stop = servers.start_postgres()
    yield url
    stop()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    url, stop = servers.start_redis()
    yield url
    stop()


@pytest.fixture(scope="session")
async def sandbox() -> AsyncIterator[tuple[Any, str]]:
    """The stand-in for WeChat on a port of its own: its state, and what WECHAT_API_BASE is set to."""
    try:
        from backend.wechat.sandbox import SandboxState, build_app
    except ImportError:
        yield None, "http://127.0.0.1:9/sandbox"
        return

    state = SandboxState(appid=APPID, secret=SECRET, push_url="", push_token=PUSH_TOKEN, push_aes_key=PUSH_AES_KEY)
    async with serve(build_app(state)) as base:
        yield state, f"{base}/sandbox"


@pytest.fixture(scope="session")
async def wechat_server() -> AsyncIterator[tuple[Any, str]]:
    """Another sandbox, for tests that have all of it to themselves and begin with its first moment: see wechat_world.py."""
    from sandbox_server import APPID, SECRET, in_use, serve_sandbox, settings_for

    from backend.wechat.sandbox import SandboxState

    state = SandboxState(APPID, SECRET)
    with in_use(settings_for()):
        async with serve_sandbox(state) as base_url:
            yield state, base_url


@pytest.fixture(scope="session")
async def settings(database_url: str, redis_url: str, sandbox: tuple[Any, str], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data_dir=tmp_path_factory.mktemp("var"),
        database_url=database_url,
        redis_url=redis_url,
        secret_keys=("0" * 64,),
        wechat_appid=APPID,
        wechat_secret=SECRET,
        wechat_api_base=sandbox[1],
        wechat_push_token=PUSH_TOKEN,
        wechat_push_aes_key=PUSH_AES_KEY,
        wechat_reminder_template=REMINDER,
        log_level="WARNING",
    )


@pytest.fixture(scope="session")
async def door(settings: Settings) -> AsyncIterator[Door]:
    """The running service, and a client that knocks at it."""
    # It is woken when there is work; its rounds would fall into what a test counts, or into the database that it has open instead.
    reminders_work.EVERY_S = 3600.0
    await schema.migrate(settings)
    async with serve(create_app(settings, name="daka_tests")) as base, aiohttp.ClientSession() as session:
        yield Door(base, session)


@pytest.fixture(scope="session")
async def pack(door: Door) -> None:
    """The shipped content pack, loaded once: loading it again changes nothing."""
    await curriculum.load(PACK)


@pytest.fixture(scope="session")
async def blank(settings: Settings, door: Door, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """An installation that is migrated and nothing else: others become like it in no time."""
    async with installation(settings, tmp_path_factory.mktemp("blank")) as own:
        # The service's own first round is over before ours is: it would go on in the other database.
        await housekeeping.sweep()
        async with apart(settings):
            await schema.migrate(own.settings)
        yield own


@pytest.fixture
async def cast(door: Door) -> Cast:
    """A branch of its own for each test, with named people: see people.py."""
    return await build_cast()


@pytest.fixture
def desk(door: Door) -> Desk:
    """A browser in which nobody is signed in to the console yet: see desk.py."""
    return Desk(door)
