"""The backup file itself: whatever byte is missing or changed, it is refused; and a tar program can take it apart."""

from __future__ import annotations

import os
import random
import stat
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from backend import backups_archive as archive
from backend.backups_archive import Manifest, Torn
from backend.kernel import clock
from backend.kernel.errors import Conflict

CONTENT = random.Random(3).randbytes(1300)


def written(folder: Path, content: bytes = CONTENT) -> Path:
    """A backup with made-up data."""
    data = folder / "daka.sqlite3"
    data.write_bytes(content)
    archive.write(folder / "whole", manifest(data), data)
    data.unlink()
    return folder / "whole"


def manifest(data: Path) -> Manifest:
    return Manifest(
        version="0.1.0", taken_at=clock.shanghai(clock.now()), dialect="sqlite", migrations=["0001_initial"], counts={"branch": 2},
        keys=["0123456789abcdef"], payload=archive.describe(data),
    )  # fmt: skip


def refused(path: Path) -> bool:
    try:
        with archive.opened(path):
            return False
    except Torn:
        return True


def test_a_backup_cut_at_any_byte_is_refused(tmp_path: Path):
    whole = written(tmp_path)
    for length in reversed(range(whole.stat().st_size)):
        os.truncate(whole, length)
        assert refused(whole), length


def test_a_backup_with_one_bit_turned_in_any_byte_is_refused(tmp_path: Path):
    whole, dice = written(tmp_path), random.Random(7)
    with whole.open("r+b", buffering=0) as file:
        for at, byte in enumerate(whole.read_bytes()):
            os.pwrite(file.fileno(), bytes([byte ^ 1 << dice.randrange(8)]), at)
            assert refused(whole), at
            os.pwrite(file.fileno(), bytes([byte]), at)
    assert not refused(whole)


def test_what_is_longer_or_something_else_is_refused(tmp_path: Path):
    whole = written(tmp_path).read_bytes()
    for content in (whole + b"\0", whole + whole, whole[512:], b"SQLite format 3\0" * 100, b"{}", "这不是备份。".encode() * 500):
        (tmp_path / "torn").write_bytes(content)
        assert refused(tmp_path / "torn"), content[:20]
    with pytest.raises(FileNotFoundError), archive.opened(tmp_path / "none"):
        pass


def test_two_backups_do_not_make_one(tmp_path: Path):
    """The manifest of one with the data of the other: each is sound, the pair is not."""
    (tmp_path / "other").mkdir()
    one, other = written(tmp_path).read_bytes(), written(tmp_path / "other", bytes(1300)).read_bytes()
    at = one.index(CONTENT)
    (tmp_path / "torn").write_bytes(one[:at] + other[other.index(bytes(1300)) :])
    assert refused(tmp_path / "torn")


def test_a_manifest_that_speaks_of_other_data_is_refused_though_it_is_sealed(tmp_path: Path):
    data = tmp_path / "daka.sqlite3"
    for speaks_of, holds in ((CONTENT, CONTENT[::-1]), (CONTENT, CONTENT[:-1])):
        data.write_bytes(speaks_of)
        payload = archive.describe(data)
        data.write_bytes(holds)
        archive.write(tmp_path / "sealed", msgspec.structs.replace(manifest(data), payload=payload), data)
        assert refused(tmp_path / "sealed")
        (tmp_path / "sealed").unlink()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 3 * 1024 * 1024 + 5])
def test_data_of_any_size_comes_out_as_it_went_in(tmp_path: Path, size: int):
    content = random.Random(size).randbytes(size)
    whole = written(tmp_path, content)
    assert stat.S_IMODE(whole.stat().st_mode) == 0o600
    with archive.opened(whole) as backup:
        assert backup.manifest.counts == {"branch": 2}
        assert backup.manifest.taken_at.utcoffset() == timedelta(hours=8)
        backup.extract(tmp_path / "out")
        source = backup.data()
        assert b"".join(iter(lambda: source.read(1000), b"")) == content
    assert (tmp_path / "out").read_bytes() == content
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def test_an_ordinary_tar_program_takes_it_apart(tmp_path: Path):
    whole = written(tmp_path)
    (tmp_path / "apart").mkdir()
    subprocess.run(["tar", "-xf", whole, "-C", tmp_path / "apart"], check=True)
    assert {path.name for path in (tmp_path / "apart").iterdir()} == {"manifest.json", "daka.sqlite3", "SHA256"}
    assert (tmp_path / "apart" / "daka.sqlite3").read_bytes() == CONTENT


class Later(msgspec.Struct):
    """What a later version may write: another format, with other words in it."""

    payload: archive.Payload
    taken_at: datetime
    product: str = "daka"
    format: int = archive.FORMAT + 1
    parts: int = 3


def test_a_newer_format_is_refused_by_name_whatever_else_it_says(tmp_path: Path):
    data = tmp_path / "daka.sqlite3"
    data.write_bytes(CONTENT)
    archive.write(tmp_path / "whole", Later(archive.describe(data), clock.now()), data)
    with pytest.raises(Conflict) as newer, archive.opened(tmp_path / "whole"):
        pass
    assert newer.value.code == "backup_newer" and "先升级" in newer.value.detail
