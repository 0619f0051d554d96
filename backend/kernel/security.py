"""Keys, tokens and field encryption. Subkeys come from SECRET_KEY by HKDF-SHA-256; ciphers are AES-256-GCM."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.kernel import settings

# No 0/O, 1/I/L: the code is read out on the phone and typed by hand. 31 letters, 12 of them: 59 bits, and guessing is counted.
INVITE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def new_token() -> str:
    """An opaque token of 256 random bits, URL-safe, 43 characters."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token or code: its SHA-256 in hex. Fit for random values only."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def _bytes(text: str) -> bytes:
    """UTF-8; a header's odd bytes come as lone surrogates, and must lead to a hash that nothing has, not to an error."""
    return text.encode("utf-8", "surrogatepass")


def new_invite_code() -> str:
    """A one-time invitation code: three groups of four letters and digits, joined by hyphens."""
    letters = "".join(secrets.choice(INVITE_ALPHABET) for _ in range(12))
    return "-".join(letters[i : i + 4] for i in (0, 4, 8))


def plain_code(code: str) -> str:
    """An invitation code as typed (any case, spaces, hyphens) in the one form that is hashed."""
    return "".join(c for c in code.upper() if c.isalnum())


@lru_cache(maxsize=64)
def _subkey(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"daka/{purpose}".encode()).derive(secret.encode())


def encrypt(text: str, *, purpose: str) -> str:
    """`text` sealed with the newest key, base64; `purpose` is bound to it."""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(_subkey(settings.current().secret_keys[0], purpose)).encrypt(nonce, text.encode(), purpose.encode())
    return base64.b64encode(nonce + sealed).decode()


def decrypt(sealed: str, *, purpose: str) -> str:
    """Opens what `encrypt` sealed, with any of the keys. Raises ValueError when none opens it."""
    return opened(sealed, purpose=purpose)[0]


def opened(sealed: str, *, purpose: str) -> tuple[str, int]:
    """The text, and which of the keys opened it (0 = the newest). Raises ValueError when none does."""
    raw = base64.b64decode(sealed)
    for number, secret in enumerate(settings.current().secret_keys):
        try:
            return AESGCM(_subkey(secret, purpose)).decrypt(raw[:12], raw[12:], purpose.encode()).decode(), number
        except InvalidTag:
            continue
    raise ValueError("no key opens this value")


def keyed_hash(text: str, *, purpose: str) -> str:
    """A look-up value for personal data (a phone number): HMAC-SHA-256 in hex, under the newest key."""
    return keyed_hashes(text, purpose=purpose)[0]


def keyed_hashes(text: str, *, purpose: str) -> list[str]:
    """The look-up values under every key, newest first: what a search compares with while keys rotate."""
    return [hmac.new(_subkey(key, f"{purpose}/hash"), _bytes(text), hashlib.sha256).hexdigest() for key in settings.current().secret_keys]


def fingerprints() -> list[str]:
    """What the secret keys can be told apart by, newest first; no key can be found from it."""
    return [_subkey(key, "fingerprint").hex()[:16] for key in settings.current().secret_keys]
