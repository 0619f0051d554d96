"""Access tokens of the sandbox: the legacy kind, of which every fetch makes a new one, and the stable kind. Neither touches the other."""

from __future__ import annotations

from backend.wechat.sandbox.records import App, Refused, Token, TokenBook
from backend.wechat.sandbox.state import TOKEN_LIFE_S, SandboxState

OVERLAP_S = 300
FORCED_PER_DAY = 20
FORCED_APART_S = 30


def fetch_legacy(state: SandboxState, app: App) -> Token:
    """A new token; the one before it lives on for `overlap_s` of the options at most."""
    return _replace(state, app.legacy, overlap_s=state.options.overlap_s)


def fetch_stable(state: SandboxState, app: App, *, force: bool) -> Token:
    """The same token until its last 300 s, then a new one beside it; forced: a new one at once, 20 times a day, 30 s apart."""
    book, now = app.stable, state.now()
    if force:
        book.forced_at = [at for at in book.forced_at if at // 86400 == now // 86400]
        if len(book.forced_at) < FORCED_PER_DAY and (not book.forced_at or now - book.forced_at[-1] >= FORCED_APART_S):
            book.forced_at.append(now)
            return _replace(state, book, overlap_s=0)
    if book.current and book.current.valid_until - now > OVERLAP_S:
        return book.current
    return _replace(state, book, overlap_s=OVERLAP_S)


def _replace(state: SandboxState, book: TokenBook, *, overlap_s: int) -> Token:
    now = state.now()
    if book.current:
        book.current.valid_until = min(book.current.valid_until, now + overlap_s)
    book.previous = book.current
    # WeChat asks for room for 512 characters; the option makes tokens as long as that.
    value = "FAKE_" + state.letters(max(16, state.options.token_length - 5))
    book.current = Token(value, now + TOKEN_LIFE_S)
    return book.current


def invalidate(app: App) -> None:
    """Every token of the app is dead from now on, as when somebody else forces a refresh: calls answer 40001."""
    app.legacy, app.stable = TokenBook(), TokenBook(forced_at=app.stable.forced_at)


def owner_of(state: SandboxState, value: str) -> str:
    """The appid whose token this is or was; empty when nobody's that is still known."""
    for app in state.apps.values():
        kept = (app.stable.current, app.stable.previous, app.legacy.current, app.legacy.previous)
        if any(token and token.value == value for token in kept):
            return app.appid
    return ""


def app_of(state: SandboxState, value: str) -> App:
    """The app whose token this is. Raises Refused 41001 (missing), 40014 (malformed), 42001 (expired), 40001 (unknown, replaced)."""
    if not value:
        raise Refused(41001, "access_token missing")
    if not value.startswith("FAKE_"):
        raise Refused(40014, "invalid access_token")
    for app in state.apps.values():
        for book in (app.stable, app.legacy):
            for token in (book.current, book.previous):
                if token and token.value == value and token.valid_until > state.now():
                    return app
            if book.current and book.current.value == value:
                raise Refused(42001, "access_token expired")
    raise Refused(40001, "invalid credential, access_token is invalid or not latest")
