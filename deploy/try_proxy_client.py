"""Knocking at the proxy on 127.0.0.1, with the certificate that it should have at that moment: for try_proxy.py."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import warnings
from pathlib import Path

HOST = "daka.example.cn"


class Answer:
    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status, self.body = reply.status, reply.read()
        self.headers = [(name.lower(), value) for name, value in reply.getheaders()]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def code(self) -> str:
        return json.loads(self.body).get("code", "") if self.all("content-type") == ["application/problem+json"] else ""


def ask(
    method: str, path: str, *, tls: bool = True, host: str = HOST, headers: dict[str, str] | None = None, body: bytes | None = None
) -> Answer:
    connection = open_connection(tls)
    try:
        connection.request(method, path, body=body, headers={"Host": host, **(headers or {})})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def open_connection(tls: bool = True) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection("127.0.0.1", 80, timeout=30)
    connection = http.client.HTTPSConnection(HOST, 443, timeout=30)
    connection.sock = context().wrap_socket(socket.create_connection(("127.0.0.1", 443), timeout=30), server_hostname=HOST)
    return connection


authorities: list[Path] = []


def context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authorities[-1]))


def speaks(version: ssl.TLSVersion) -> bool:
    offer = context()
    offer.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        offer.minimum_version = offer.maximum_version = version
    try:
        with socket.create_connection(("127.0.0.1", 443), timeout=5) as plain, offer.wrap_socket(plain, server_hostname=HOST):
            return True
    except (ssl.SSLError, ConnectionError):
        return False


def posted(size: int, *, version: str, declared: bool) -> tuple[int, str]:
    """Status and code of the answer to a body of that size; curl reads an answer that comes before it has sent everything."""
    length = [] if declared else ["-H", "Transfer-Encoding: chunked"]
    words = ["curl", "-s", version, "--cacert", authorities[-1], "-w", "\n%{http_code}", "-H", "Content-Type: application/json", *length]
    done = subprocess.run(
        [*words, "--data-binary", "@-", f"https://{HOST}/api/v1/feedback"], input=b"x" * size, capture_output=True, timeout=60
    )
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status or 0), json.loads(body).get("code", "") if body.startswith(b"{") else ""


def http_status(host: str, port: int, path: str, headers: dict[str, str] | None = None) -> int:
    """Without the proxy."""
    direct = http.client.HTTPConnection(host, port, timeout=10)
    direct.request("GET", path, headers=headers or {})
    return direct.getresponse().status
