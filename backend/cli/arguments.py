"""What is typed on a command line, as values, and the files it names: refused in Chinese, before a database is asked."""

from __future__ import annotations

import argparse
import errno
from datetime import date
from pathlib import Path

from backend.kernel.errors import Invalid

REASONS = {
    errno.ENOENT: "没有这个文件或目录",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EISDIR: "这是一个目录",
    errno.ENOTDIR: "路径中有一段不是目录",
    errno.EEXIST: "已有同名的文件",
    errno.EROFS: "磁盘只读",
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已满",
    errno.EFBIG: "超出允许的文件大小",
    errno.EIO: "磁盘读写出错",
    errno.ENAMETOOLONG: "名称太长",
}


def row_id(text: str) -> int:
    """The number of a branch, member or other row."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) < 2**63):
        raise argparse.ArgumentTypeError(f"编号应为正整数，不是 {text[:30]}")
    return int(text)


def day(text: str) -> date:
    """A date as 2023-02-23."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"日期应为 2023-02-23 的样子，不是 {text[:30]}") from None


def port(text: str) -> int:
    """A TCP port."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= 65535):
        raise argparse.ArgumentTypeError(f"端口应在 1 到 65535 之间，不是 {text[:30]}")
    return int(text)


def reason(error: OSError) -> str:
    """Why a file could not be read or written."""
    return REASONS.get(error.errno, error.strerror or type(error).__name__)


def content(path: Path) -> bytes:
    """The content of a file. Raises Invalid `unreadable_file` naming it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"无法读取文件 {path}：{reason(error)}", code="unreadable_file") from None


def write(path: Path, written: bytes) -> None:
    """Writes a new file. Raises Invalid `file_exists` for one that is there already (it may be filled in), or `unwritable_file`."""
    try:
        with path.open("xb") as file:
            file.write(written)
    except FileExistsError:
        raise Invalid(f"{path} 已存在，未覆盖；请换一个文件名。", code="file_exists") from None
    except OSError as error:
        raise Invalid(f"无法写入文件 {path}：{reason(error)}", code="unwritable_file") from None
