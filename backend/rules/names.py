"""Names as people type them: stored tidy, compared without regard to width, case and spaces."""

import re
import unicodedata


def tidy(text: str) -> str:
    """`text` without control and invisible characters, its spaces single and none at the ends. May be empty."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    visible = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return re.sub(r" +", " ", visible).strip()


def key(text: str) -> str:
    """What two spellings of one name have in common: 张　三 and 张三, ＡＢ and ab."""
    return "".join(unicodedata.normalize("NFKC", tidy(text)).casefold().split())
