"""The backup file: an ordinary tar with a manifest, the data, and a seal over every byte before it. A changed byte anywhere is noticed.

`tar xf FILE` takes it apart without this product: the data is an SQLite database or a dump for pg_restore.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from backend.kernel.errors import Conflict

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "SHA256"
BLOCK, CHUNK = 512, 1 << 20
LARGEST_MANIFEST = 1 << 20


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The data as a file: its name in the archive, its bytes, their SHA-256 in hex."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself. `keys`: fingerprints of the secret keys, newest first; never a key."""

    product: str = "daka"
    format: int = FORMAT
    version: str
    taken_at: datetime
    dialect: str
    # Major versions of the server and of pg_dump, and the schema that was dumped; PostgreSQL alone.
    server: int = 0
    dumped_by: int = 0
    schema: str = ""
    migrations: list[str]
    counts: dict[str, int]
    keys: list[str]
    payload: Payload


class Torn(Conflict):
    """Not a whole backup: cut short, changed, or no backup at all."""

    code, detail = "backup_torn", "不是完整的 daka 备份：文件被截断、改动过，或者根本不是备份。没有恢复任何数据。"


def describe(file: Path) -> Payload:
    """The payload that a file would be."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Payload(name=file.name, size=file.stat().st_size, sha256=digest)


def write(path: Path, manifest: Manifest, data: Path) -> None:
    """Writes the backup as a new file that only its owner may read, down to the disk."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    at = int(manifest.taken_at.timestamp())
    digest = hashlib.sha256()
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file, data.open("rb") as source:
        payload = manifest.payload
        before = (_header(MANIFEST, len(text), at), text, _padding(len(text)), _header(payload.name, payload.size, at))
        for block in chain(before, iter(lambda: source.read(CHUNK), b""), [_padding(payload.size)]):
            digest.update(block)
            file.write(block)
        file.write(_tail(digest.hexdigest()))
        file.flush()
        os.fsync(file.fileno())


class Backup:
    """A backup that was read through and found whole."""

    def __init__(self, file: BinaryIO, manifest: Manifest, starts_at: int) -> None:
        self._file, self.manifest, self._starts_at = file, manifest, starts_at

    def data(self) -> BinaryIO:
        """The data from its beginning; reading ends where it ends."""
        self._file.seek(self._starts_at)
        return _Part(self._file, self.manifest.payload.size)

    def extract(self, to: Path) -> None:
        """Writes the data as a new file that only its owner may read."""
        source = self.data()
        with open(to, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            for block in iter(lambda: source.read(CHUNK), b""):
                file.write(block)


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """The backup in this file, after every byte was read and compared. Raises Torn, OSError, and Conflict for a newer format."""
    with path.open("rb") as file:
        size, text = _member(file, MANIFEST, LARGEST_MANIFEST)
        given = _decoded(text)
        payload = given.get("payload")
        if not isinstance(payload, dict) or not isinstance(payload.get("name"), str):
            raise Torn()
        starts_at = 2 * BLOCK + size + len(_padding(size))
        _compare(file, payload)
        if given.get("format") != FORMAT:
            sentence = f"这份备份的格式（{given.get('format')}）比本版本认识的（{FORMAT}）新：请先升级 daka，再恢复。"
            raise Conflict(sentence, code="backup_newer")
        try:
            manifest = msgspec.json.decode(text, type=Manifest)
        except msgspec.ValidationError:
            raise Torn() from None
        yield Backup(file, manifest, starts_at)


def _decoded(text: bytes) -> dict:
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Torn() from None
    if not isinstance(given, dict) or given.get("product") != "daka":
        raise Torn()
    return given


def _compare(file: BinaryIO, payload: dict) -> None:
    """Reads the whole file: the data has its SHA-256, and the seal is that of everything before it, with nothing behind."""
    before = file.tell()
    size, _ = _member(file, payload["name"], None)
    front = file.tell()
    file.seek(0)
    digest = hashlib.sha256(file.read(front))
    own = hashlib.sha256()
    source = _Part(file, size)
    for block in iter(lambda: source.read(CHUNK), b""):
        own.update(block)
        digest.update(block)
    digest.update(file.read(len(_padding(size))))
    whole = own.hexdigest() == payload.get("sha256") and size == payload.get("size")
    expected = _tail(digest.hexdigest())
    if not whole or file.read(len(expected) + 1) != expected:
        raise Torn()
    file.seek(before)


def _member(file: BinaryIO, name: str, most: int | None) -> tuple[int, bytes]:
    """The size of the next member, which must have this name; with `most` also its content, and the file stands behind it."""
    try:
        header = tarfile.TarInfo.frombuf(file.read(BLOCK), "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        raise Torn() from None
    if header.name != name or header.size < 0 or (most is not None and header.size > most):
        raise Torn()
    content = file.read(header.size + len(_padding(header.size)))[: header.size] if most is not None else b""
    return header.size, content


def _header(name: str, size: int, at: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, at
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % BLOCK)


def _tail(digest: str) -> bytes:
    """The seal and the archive's end. It depends on nothing else, so that it can be compared byte by byte."""
    seal = f"{digest}\n".encode()
    return _header(SEAL, len(seal), 0) + seal + _padding(len(seal)) + b"\0" * (2 * BLOCK)


class _Part:
    """So many bytes of a file, from where it stands."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, most: int) -> bytes:
        block = self._file.read(min(most, self._left))
        self._left -= len(block)
        return block
