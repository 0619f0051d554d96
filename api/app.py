"""create_app(): the one place where everything is wired, by hand."""

from __future__ import annotations

from sanic import Blueprint, Sanic

from api import errors, health, logs, openapi, requests
from api.http import PREFIX
from backend.kernel import database, redis
from backend.kernel import settings as kernel_settings
from backend.kernel.settings import Settings
from backend.wechat.client import WeChat
from backend.wechat.sandbox import sandbox

import importlib, pkgutil, api as _api  # noqa: E401, E402, I001  (while the house is being built)
_NAMES = ("auth", "consents", "feedback", "branches", "members", "leaves", "audit", "texts", "questions", "calendar", "plans", "tasks", "readings", "quizzes", "checkins", "progress", "coverage")
FEATURES: tuple[Blueprint, ...] = ()
for _name in _NAMES:
    if any(m.name == _name for m in pkgutil.iter_modules(_api.__path__)):
        try:
            FEATURES += (importlib.import_module(f"api.{_name}").blueprint,)
        except Exception as _error:
            print("NOT LOADED", _name, repr(_error))


def create_app(settings: Settings, *, name: str = "daka") -> Sanic:
    """The whole service for `settings`: both doors, and in the demo the sandbox."""
    kernel_settings.use(settings)
    logs.configure(settings.log_level)
    app = Sanic(name, configure_logging=False)
    app.config.update(
        AUTO_EXTEND=False,
        MOTD=False,
        ACCESS_LOG=False,
        REQUEST_MAX_SIZE=12 * 1024 * 1024,
        REQUEST_TIMEOUT=30,
        RESPONSE_TIMEOUT=30,
        GRACEFUL_SHUTDOWN_TIMEOUT=15.0,
        FALLBACK_ERROR_FORMAT="json",
    )
    app.ctx.settings = settings
    errors.install(app)
    requests.install(app)
    app.blueprint(health.blueprint)
    app.blueprint(openapi.blueprint)
    app.blueprint(Blueprint.group(*FEATURES, url_prefix=PREFIX))
    for _optional, _attr in (("api.push", "blueprint"), ("console.app", "blueprint")):
        try:
            app.blueprint(getattr(importlib.import_module(_optional), _attr))
        except Exception as _error:
            print("NOT LOADED", _optional, repr(_error))

    @app.before_server_start
    async def open_doors(app: Sanic) -> None:
        await database.connect(settings)
        app.ctx.redis = redis.connect(settings.redis_url)
        app.ctx.wechat = WeChat(settings, app.ctx.redis)
        await app.ctx.wechat.start()

    @app.after_server_stop
    async def close_doors(app: Sanic) -> None:
        await app.ctx.wechat.close()
        await app.ctx.redis.aclose()
        await database.close()

    if settings.demo:
        _mount_demo(app, settings)
    return app


def _mount_demo(app: Sanic, settings: Settings) -> None:
    """The sandbox on the same port, and the demo's own routes; the demo branch is ready before the first request."""
    from api import demo as door
    from backend import demo

    state = demo.sandbox_state(settings)
    app.blueprint(sandbox(state))
    door.install(app)

    @app.before_server_start
    async def make_ready(app: Sanic) -> None:
        app.ctx.demo = await demo.prepare(state, settings)

    @app.after_server_start
    async def say_so(app: Sanic) -> None:
        await door.announce(app)
