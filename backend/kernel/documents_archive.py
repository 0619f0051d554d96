"""What an uploaded office file may hold: these files are zip archives, and their size is bounded before a reader unpacks them."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from backend.kernel.errors import Invalid

MOST_UNPACKED_BYTES = 100 * 1024 * 1024
MOST_PARTS = 2_000
MOST_ROWS = 20_000
MOST_COLUMNS = 100
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})", re.ASCII)


def unreadable(sentence: str) -> Invalid:
    return Invalid(sentence, code="unreadable_file", errors=[{"field": "file", "message": sentence}])


def refuse_bomb(content: bytes, *, what: str) -> dict[str, bytes]:
    """The archive's parts by name, in lower case. Raises Invalid `unreadable_file`: broken, encrypted, or more than 100 MB unpacked.

    Every part is really unpacked: the sizes in an archive's directory are only its own word.
    """
    parts: dict[str, bytes] = {}
    left = MOST_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_PARTS or sum(entry.file_size for entry in entries) > left:
                raise unreadable("文件展开后过大，请拆分后再上传。")
            for entry in entries:
                # Reading ends at the size that the directory names; a part that goes on fails its checksum.
                unpacked = archive.read(entry)
                left -= len(unpacked)
                if left < 0:
                    raise unreadable("文件展开后过大，请拆分后再上传。")
                parts[entry.filename.lower().replace("\\", "/")] = unpacked
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, RuntimeError):
        raise unreadable(f"文件不是有效的 {what} 文件，或已损坏、已加密。") from None
    return parts


def refuse_wide_sheets(parts: dict[str, bytes]) -> None:
    """Raises Invalid `unreadable_file` for other books than xlsx, and when a filled cell lies beyond 20,001 rows or 100 columns.

    The reader allots a whole rectangle up to the farthest cell: one value in XFD1048576 would end the process.
    """
    if "xl/workbook.xml" not in parts or parts.keys() & {"xl/workbook.bin", "content.xml"}:
        raise unreadable("文件不是有效的 xlsx 文件，或已损坏。")
    from lxml import etree

    for content in parts.values():
        # A sheet may lie under any name; what holds no such word holds no cell.
        if b"sheetData" in content:
            try:
                _refuse_wide_sheet(content)
            except etree.XMLSyntaxError:
                raise unreadable("文件不是有效的 xlsx 文件，或已损坏。") from None


def _refuse_wide_sheet(content: bytes) -> None:
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise unreadable("文件不是有效的 xlsx 文件，或已损坏。")
    from lxml import etree

    row, column, inside = 0, 0, False
    # The encoding is fixed: the reader takes every part for UTF-8, whatever its first line says.
    for event, element in etree.iterparse(
        io.BytesIO(content), events=("start", "end"), encoding="utf-8", resolve_entities=False, no_network=True
    ):
        name = element.tag.rpartition("}")[2].rpartition(":")[2] if isinstance(element.tag, str) else ""
        if event == "end":
            inside = inside and name != "sheetData"
            if name in ("row", "c", "si"):
                element.clear()
        elif name == "sheetData":
            row, inside = 0, True
        elif not inside:
            continue
        elif name == "row":
            row, column = _number(element.get("r"), otherwise=row + 1), 0
        elif name == "c":
            column += 1
            if reference := element.get("r"):
                row, column = _position(reference)
        elif name in ("v", "is", "f") and (row > MOST_ROWS + 1 or column > MOST_COLUMNS):
            raise unreadable(f"每张表不能超过 {MOST_ROWS} 行、{MOST_COLUMNS} 列。")


def _number(text: str | None, *, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not re.fullmatch(r"[0-9]{1,7}", text, re.ASCII):
        raise unreadable("文件不是有效的 xlsx 文件，或已损坏。")
    return int(text)


def _position(reference: str) -> tuple[int, int]:
    found = _REFERENCE.fullmatch(reference)
    if not found:
        raise unreadable("文件不是有效的 xlsx 文件，或已损坏。")
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - 64
    return int(found[2]), column
