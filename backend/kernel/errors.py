"""Errors that know their HTTP status, a stable English `code` and a Chinese sentence to show (RFC 9457)."""

from __future__ import annotations

from typing import Any


class DakaError(Exception):
    """Base of every expected failure. `extra` is merged into the problem document, `headers` into the reply."""

    status = 400
    code = "bad_request"
    title = "请求有误"
    detail = "请求有误，请检查后再试。"

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.detail = detail or type(self).detail
        self.code = code or type(self).code
        self.extra = extra or {}
        self.headers = headers or {}
        super().__init__(f"{self.code}: {self.detail}")


class BadRequest(DakaError):
    pass


class Unauthorised(DakaError):
    status, code, title, detail = 401, "unauthorised", "需要登录", "登录已失效，请重新登录。"


class Forbidden(DakaError):
    status, code, title, detail = 403, "forbidden", "没有权限", "您没有进行此操作的权限。"


class NotFound(DakaError):
    status, code, title, detail = 404, "not_found", "没有找到", "没有找到所请求的内容。"


class Conflict(DakaError):
    status, code, title, detail = 409, "conflict", "状态冲突", "当前状态下不能进行此操作。"


class Invalid(DakaError):
    """Malformed or senseless input; `errors` names each field: [{"field", "message"}]."""

    status, code, title, detail = 422, "invalid", "内容有误", "提交的内容有误，请按提示修改。"

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, code=code, extra={"errors": errors or [], **(extra or {})})


class TooMany(DakaError):
    """A limit was reached; `retry_after` is in seconds."""

    status, code, title, detail = 429, "too_many_attempts", "尝试过多", "尝试次数过多，请稍后再试。"

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after: int) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after)})


class Unavailable(DakaError):
    """Something the service relies on does not answer; `retry_after` is in seconds."""

    status, code, title, detail = 503, "unavailable", "暂时不可用", "服务暂时不可用，请稍后再试。"

    def __init__(self, detail: str | None = None, *, code: str | None = None, retry_after: int = 5) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after)})
