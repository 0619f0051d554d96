"""A file between its preview and its confirmation: it travels with the page, so that nothing of it is kept on the server.

What was carried is read and judged again on confirmation, like any upload.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass

from sanic import Request

from backend.kernel.errors import Invalid

MOST = 8 * 1024 * 1024  # bytes; a request of base64 stays below api.app's limit
FIELD, NAME = "carried", "carried_name"
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """`carried`: the content as a hidden field of the next form holds it."""

    filename: str
    content: bytes

    @property
    def carried(self) -> str:
        return base64.b64encode(zlib.compress(self.content, 6)).decode()


def chosen(request: Request, *, field: str = "file") -> Upload:
    """The file of a multipart form. Raises Invalid `file_missing` or `file_too_large`."""
    file = request.files.get(field) if request.files else None
    if file is None or not file.body:
        raise Invalid("请选择文件。", code="file_missing", errors=[{"field": field, "message": "请选择文件"}])
    if len(file.body) > MOST:
        message = f"文件不能超过 {MOST // 1024 // 1024} MB"
        raise Invalid(f"{message}。", code="file_too_large", errors=[{"field": field, "message": message}])
    return Upload((file.name or "")[:LONGEST_NAME], file.body)


def carried(request: Request) -> Upload:
    """The file that a preview carried on. Raises Invalid `file_missing` for anything else, a bomb too."""
    packed = (request.form.get(FIELD) if request.form else None) or ""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.b64decode(packed, validate=True), MOST + 1)
    except (binascii.Error, zlib.error, ValueError):
        content = b""
    if not content or len(content) > MOST:
        raise Invalid("请重新选择文件。", code="file_missing", errors=[{"field": "file", "message": "请重新选择文件"}])
    return Upload(((request.form.get(NAME) or "") if request.form else "")[:LONGEST_NAME], content)
