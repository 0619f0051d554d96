"""Access tokens of the sandbox: the legacy kind, of which every fetch makes a new one, and the stable kind. Neither touches the other."""

from __future__ import annotations

from backend.wechat.sandbox.state import OVERLAP_S, TOKEN_LIFE_S, App, Refused, SandboxState, Token, TokenBook

FORCED_PER_DAY = 20
FORCED_APART_S = 30


def fetch_legacy(state: SandboxState, app: App) -> Token:
    """A new token; the one before it lives on for OVERLAP_S at most."""
    return _replace(state, app.legacy, overlap_s=OVERLAP_S)


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
    # Longer than WeChat's own, so that nobody stores it in too narrow a column: it asks for room for 512 characters.
    book.current = Token("FAKE_" + state.letters(180), now + TOKEN_LIFE_S)
    return book.current


def invalidate(app: App) -> None:
    """Every token of the app is dead from now on, as when somebody else forces a refresh: calls answer 40001."""
    app.legacy, app.stable = TokenBook(), TokenBook(forced_at=app.stable.forced_at)


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
