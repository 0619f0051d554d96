"""Runs deploy/Caddyfile, unchanged, in front of `daka serve` and of a small server that shows what reaches it, and looks at both sides.

As root, with Debian's package caddy: everything happens on the loopback of a network namespace of its own, so that ports 80 and 443 are
free. Prints a line for each finding; ends with 1 when one is wrong. `.venv/bin/python deploy/try_proxy.py`
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from try_proxy_client import HOST, ask, authorities, http_status, open_connection, posted, speaks

ROOT = Path(__file__).parent.parent
METRICS_TOKEN = secrets.token_hex(16)
OURS = ("x-content-type-options", "referrer-policy", "x-frame-options", "content-security-policy", "strict-transport-security")
wrong: list[str] = []


def check(what: str, true: bool, seen: object = "") -> None:
    print(f"{'✓' if true else '✗'} {what}{f'：{seen}' if seen != '' else ''}", flush=True)
    if not true:
        wrong.append(what)


class Shown(BaseHTTPRequestHandler):
    """Answers with the headers that reached it; /events is a stream of three events, half a second apart."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for number in range(3):
                self.wfile.write(f"data: {number}\n\n".encode())
                time.sleep(0.5)
            self.close_connection = True
            return
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def process(*words: str | Path, env: dict[str, str], cwd: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        running = subprocess.Popen(words, env=env, cwd=cwd, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(5)


def wait_for(true: Callable[[], bool], log: Path) -> None:
    for _ in range(600):
        try:
            if true():
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    sys.exit(f"not ready: {log.read_text('utf-8', errors='replace')[-3000:]}")


def own_certificate(folder: Path) -> None:
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", folder / "site.key", "-out", folder / "site.crt"], check=True, capture_output=True)
    authorities.append(folder / "site.crt")


def caddy(env: dict[str, str], folder: Path, config: Path = ROOT / "deploy" / "Caddyfile"):
    words = (shutil.which("caddy"), "run", "--config", config, "--adapter", "caddyfile")
    kept = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    return process(*words, env={**kept, "DAKA_PUBLIC_URL": f"https://{HOST}", **env}, cwd=folder, log=folder / "caddy.log")


def transport() -> None:
    versions = {
        version.name: speaks(version)
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    }
    check("TLS 1.2 与 1.3，别的没有", versions == {"TLSv1": False, "TLSv1_1": False, "TLSv1_2": True, "TLSv1_3": True}, versions)
    page = ask("GET", "/console/?next=1", tls=False)
    check("http 的页面转到 https", (page.status, page.all("location")) == (308, [f"https://{HOST}/console/?next=1"]), page.status)
    elsewhere = ask("GET", "/console/", tls=False, host="evil.example")
    check("转向不听 Host 的", elsewhere.all("location") == [f"https://{HOST}/console/"], elsewhere.all("location"))
    for method, path in (
        ("GET", "/api/v1/me"),
        ("POST", "/api/v1/auth/wechat"),
        ("POST", "/wechat/push"),
        ("GET", "/openapi.json"),
        ("POST", "/console/enter"),
    ):
        reply = ask(method, path, tls=False, body=b"{}" if method == "POST" else None)
        check(
            f"http 的 {method} {path} 被拒绝，不转向",
            (reply.status, reply.code, reply.all("location")) == (403, "https_required", []),
            reply.status,
        )


def service() -> None:
    live = ask("GET", "/healthz")
    check("https 到达服务", (live.status, live.body) == (200, b'{"status":"ok"}'), live.status)
    page = ask("GET", "/console/", headers={"Accept-Encoding": "gzip"})
    check("安全响应头各有一个", all(len(page.all(name)) == 1 for name in OURS), {name: len(page.all(name)) for name in OURS})
    check("不说自己是什么服务器", page.all("server") == [] and page.all("via") == [])
    check(
        "页面不压缩，接口文档压缩",
        page.all("content-encoding") == []
        and ask("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"}).all("content-encoding") == ["gzip"],
    )
    check("接口的错误原样到达", (me := ask("GET", "/api/v1/me")).code == "unauthorised" and me.status == 401, me.status)
    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    inside, outside = http_status("127.0.0.1", 8000, "/metrics", token), ask("GET", "/metrics", headers=token).status
    check("/metrics 不对外，有令牌也不", (inside, outside) == (200, 404), (inside, outside))
    for what, size, declared in (
        ("比 12 MiB 多一字节", 12 * 1024 * 1024 + 1, True),
        ("60 MB", 60_000_000, True),
        ("60 MB，不先说有多长", 60_000_000, False),
    ):
        for version in ("--http1.1", "--http2"):
            status, code = posted(size, version=version, declared=declared)
            # Over HTTP/1.1 the connection may be cut before the answer to a body without end can be read.
            cut = not declared and version == "--http1.1" and status in (0, 100)
            check(f"{what}的请求被拒绝（{version[2:]}）", cut or status == 413 and code in ("too_large", ""), (status, code))
    for size in (9_000_000, 12 * 1024 * 1024):
        status, code = posted(size, version="--http2", declared=True)
        check(f"{size} 字节的请求到达服务", (status, code) == (401, "unauthorised"), (status, code))
    check("很长的请求头", (long := ask("GET", "/healthz", headers={"X-Long": "x" * 60_000}).status) == 431, long)
    began = time.monotonic()
    slow = open_connection()
    slow.sock.sendall(b"GET / HTTP/1.1\r\nHost: ")
    slow.sock.settimeout(15)
    try:
        ended = slow.sock.recv(100) == b""
    except TimeoutError:
        ended = False
    check("慢慢发请求头的连接约十秒被断开", ended and time.monotonic() - began > 8, f"{time.monotonic() - began:.1f} s")


def shown() -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
    }
    reached = json.loads(ask("GET", "/", headers=forged).body)
    forwarded = {name: value for name, value in reached if "forwarded" in name or name == "x-real-ip"}
    expected = {"x-forwarded-for": "127.0.0.1", "x-forwarded-host": HOST, "x-forwarded-proto": "https"}
    check("来者写的转发头都被换掉", forwarded == expected and len(reached) == len({name for name, _ in reached}), forwarded)
    connection = open_connection()
    began = time.monotonic()
    connection.request("GET", "/events", headers={"Host": HOST, "Accept-Encoding": "gzip", "Accept": "text/event-stream"})
    reply = connection.getresponse()
    first, at = reply.read1(100), time.monotonic() - began
    rest = reply.read()
    check(
        "事件流不攒着",
        first == b"data: 0\n\n" and at < 0.4 and rest.endswith(b"data: 2\n\n") and not reply.getheader("Content-Encoding"),
        f"{at:.2f} s",
    )


def automatic(folder: Path) -> None:
    """The other way to a certificate, with an authority of our own on 127.0.0.2 in the place of the public one."""
    (folder / "acme").mkdir()
    authority = folder / "acme" / "Caddyfile"
    authority.write_text(
        "{\n admin off\n http_port 9080\n https_port 9443\n}\n127.0.0.2:9443 {\n bind 127.0.0.2\n tls internal\n acme_server\n}\n"
    )
    with caddy({}, folder / "acme", authority):
        root = folder / "acme" / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        wait_for(root.exists, folder / "acme" / "caddy.log")
        wait_for(lambda: bool(socket.create_connection(("127.0.0.2", 9443), timeout=1)), folder / "acme" / "caddy.log")
        config = folder / "Caddyfile.automatic"
        ours = (ROOT / "deploy" / "Caddyfile").read_text("utf-8")
        config.write_text(
            ours.replace("\tadmin off\n", f"\tadmin off\n\tacme_ca https://127.0.0.2:9443/acme/local/directory\n\tacme_ca_root {root}\n")
        )
        authorities.append(root)
        with caddy({}, folder, config):
            wait_for(lambda: ask("GET", "/").status == 200, folder / "caddy.log")
            check("自动申请证书", ask("GET", "/").status == 200, "证书由本机的 ACME 服务签发")
    authorities.pop()


def main() -> int:
    if "daka_namespace" not in os.environ:
        if os.geteuid() or not shutil.which("caddy"):
            sys.exit("需要 root 与 caddy（apt-get install caddy）")
        inner = 'ip link set lo up 2>/dev/null; mount --make-rprivate / && mount --bind "$hosts" /etc/hosts && exec "$@"'
        with tempfile.NamedTemporaryFile("w") as hosts:
            hosts.write(f"127.0.0.1 localhost {HOST}\n")
            hosts.flush()
            env = {**os.environ, "daka_namespace": "1", "hosts": hosts.name}
            return subprocess.run(
                ["unshare", "--net", "--mount", "bash", "-c", inner, "bash", sys.executable, __file__], env=env
            ).returncode
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        own_certificate(folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DAKA_")}
        settings = {
            "ENV": "production",
            "SECRET_KEY": secrets.token_hex(32),
            "DATA_DIR": str(folder / "var"),
            "TRUSTED_PROXIES": "127.0.0.1/32",
            "WECHAT_APPID": "wx0000000000000000",
            "WECHAT_SECRET": secrets.token_hex(16),
            "PUBLIC_URL": f"https://{HOST}",
            "METRICS_TOKEN": METRICS_TOKEN,
        }
        env = {**kept, "PYTHONPATH": str(ROOT), **{f"DAKA_{name}": text for name, text in settings.items()}}
        subprocess.run([sys.executable, "-m", "backend", "migrate"], env=env, cwd=folder, check=True, capture_output=True)
        with process(sys.executable, "-m", "backend", "serve", env=env, cwd=folder, log=folder / "daka.log"):
            wait_for(lambda: http_status("127.0.0.1", 8000, "/readyz") == 200, folder / "daka.log")
            with caddy({"TLS": "own", "CERTIFICATES": str(folder)}, folder):
                wait_for(lambda: ask("GET", "/healthz").status == 200, folder / "caddy.log")
                transport()
                service()
        upstream = ThreadingHTTPServer(("127.0.0.1", 8000), Shown)
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        with caddy({"TLS": "own", "CERTIFICATES": str(folder)}, folder):
            wait_for(lambda: ask("GET", "/").status == 200, folder / "caddy.log")
            shown()
        automatic(folder)
        upstream.shutdown()
        upstream.server_close()
        with caddy({"TLS": "own", "CERTIFICATES": str(folder)}, folder):
            wait_for(lambda: ask("GET", "/healthz").status > 0, folder / "caddy.log")
            down = ask("GET", "/api/v1/me")
            check(
                "服务不在时：503 与 Retry-After",
                (down.status, down.code, down.all("retry-after")) == (503, "unavailable", ["5"]),
                down.status,
            )
    print(f"{len(wrong)} 处不对" if wrong else "全部正确")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
