"""A stand-in for WeChat's servers: one process, in memory, for the demo and the tests. See README.md in this folder."""

from __future__ import annotations

import secrets

from sanic import Blueprint, Sanic

from backend.kernel import settings
from backend.wechat.sandbox import control, endpoints
from backend.wechat.sandbox.state import SandboxState
from backend.wechat.sandbox.wire import HANG_S

__all__ = ["SandboxState", "build_app", "sandbox"]


def sandbox(state: SandboxState) -> Blueprint:
    """The sandbox under /sandbox, to be mounted in an app. Raises RuntimeError in production, where everybody could sign in as anybody."""
    if settings.in_production():
        raise RuntimeError("生产环境不得启用微信沙箱")
    blueprint = Blueprint("sandbox", url_prefix="/sandbox")
    endpoints.register(blueprint, state)
    control.register(blueprint, state)

    @blueprint.before_server_stop
    async def stop(app: Sanic) -> None:
        state.stop()

    return blueprint


def build_app(state: SandboxState) -> Sanic:
    """The sandbox as an app of its own. No access log: WeChat's protocol puts the secret into the URL."""
    app = Sanic(f"sandbox-{secrets.token_hex(8)}", configure_logging=False)
    app.config.ACCESS_LOG = False
    # Sanic rewrites its own protocol class at start, which it can do once per process only; tests start many.
    app.config.TOUCHUP = False
    app.config.RESPONSE_TIMEOUT = HANG_S + 60
    app.blueprint(sandbox(state))
    return app
