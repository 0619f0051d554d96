"""Mobile numbers of mainland China."""

import re
import unicodedata

MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)


def plain(text: str) -> str | None:
    """The 11 digits of a number as typed (full width, +86, spaces, hyphens); None when it is no mobile number."""
    digits = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", text))
    digits = re.sub(r"^(?:\+|00)?86(?=1\d{10}$)", "", digits)
    return digits if MOBILE.fullmatch(digits) else None
