"""create_app(): the one place where everything is wired, by hand."""

from __future__ import annotations

import asyncio
import gc

from sanic import Blueprint, Request, Sanic
from sanic.exceptions import MethodNotAllowed, NotFound, SanicException
from sanic.response import HTTPResponse, redirect

from api import (
    audit,
    auth,
    branches,
    calendar,
    checkins,
    consents,
    corrections,
    coverage,
    errors,
    feedback,
    health,
    leaves,
    member_page,
    members,
    notices,
    openapi,
    plans,
    privacy,
    progress,
    push,
    questions,
    quizzes,
    readings,
    reflections,
    reminders,
    requests,
    reviews,
    subscriptions,
    tasks,
    texts,
)
from api.http import PREFIX
from backend import checkins as checkin_rules
from backend import worker
from backend.kernel import database, endings, live, logs, metrics, redis, vitals
from backend.kernel import settings as kernel_settings
from backend.kernel.settings import Settings
from backend.wechat.client import WeChat
from console import app as console

FEATURES: tuple[Blueprint, ...] = (
    auth.blueprint,
    consents.blueprint,
    privacy.blueprint,
    feedback.blueprint,
    corrections.blueprint,
    subscriptions.blueprint,
    reflections.blueprint,
    reminders.blueprint,
    branches.blueprint,
    members.blueprint,
    leaves.blueprint,
    audit.blueprint,
    texts.blueprint,
    questions.blueprint,
    calendar.blueprint,
    plans.blueprint,
    tasks.blueprint,
    readings.blueprint,
    quizzes.blueprint,
    reviews.blueprint,
    checkins.blueprint,
    notices.blueprint,
    progress.blueprint,
    coverage.blueprint,
)


def create_app(settings: Settings, *, name: str = "daka", with_jobs: bool = True) -> Sanic:
    """The whole service for `settings`: both doors, the jobs unless `daka worker` does them, and in the demo the sandbox."""
    kernel_settings.use(settings)
    logs.configure(settings.log_level, worker=metrics.worker)
    app = Sanic(name, configure_logging=False)
    app.config.update(
        AUTO_EXTEND=False,
        MOTD=False,
        ACCESS_LOG=False,
        REQUEST_MAX_SIZE=12 * 1024 * 1024,
        REQUEST_TIMEOUT=30,
        RESPONSE_TIMEOUT=30,
        GRACEFUL_SHUTDOWN_TIMEOUT=15.0,
    )
    app.ctx.settings = settings
    errors.install(app)
    requests.install(app)
    app.blueprint(health.blueprint)
    app.blueprint(openapi.blueprint)
    app.blueprint(push.blueprint)
    app.blueprint(console.blueprint)
    app.blueprint(member_page.blueprint)
    app.blueprint(Blueprint.group(*FEATURES, url_prefix=PREFIX))

    @app.get("/", name="front")
    async def front(request: Request) -> HTTPResponse:
        """The bare address leads to a page: the phone in the demo, else the console."""
        return redirect("/sandbox/" if settings.demo else "/console/")

    @app.exception(NotFound, MethodNotAllowed)
    async def nowhere(request: Request, error: SanicException) -> HTTPResponse:
        """An address that is nothing, or nothing for this method, gives below /console a page, elsewhere the JSON of this door."""
        below_console = request.path.startswith(f"{console.PREFIX}/")
        return await (console.answer(request, errors.HttpProblem(request, error)) if below_console else errors.answer(request, error))

    @app.before_server_start
    async def open_doors(app: Sanic) -> None:
        asyncio.get_running_loop().set_exception_handler(logs.loop_complaint)
        await database.connect(settings)
        app.ctx.redis = redis.connect(settings.redis_url)
        app.ctx.wechat = WeChat(settings, app.ctx.redis)
        await app.ctx.wechat.start()
        live.hub.start(app.ctx.redis, shared=bool(settings.redis_url))
        # What was imported stays for good: the collector need not look through it again and again (80 ms in the midst of a request).
        gc.collect()
        gc.freeze()

    @app.after_server_start
    async def begin_jobs(app: Sanic) -> None:
        app.ctx.stop_jobs = asyncio.Event()
        app.ctx.jobs = asyncio.create_task(worker.Background(settings, app.ctx.wechat, works=with_jobs).run(app.ctx.stop_jobs))
        app.ctx.vitals = asyncio.create_task(vitals.watch(app.ctx.redis))

    @app.before_server_stop
    async def end_streams(app: Sanic) -> None:
        await live.hub.close()

    @app.after_server_stop
    async def close_doors(app: Sanic) -> None:
        app.ctx.stop_jobs.set()
        await endings.end(app.ctx.vitals)
        await asyncio.wait((app.ctx.jobs,))
        await checkin_rules.drain()
        await app.ctx.wechat.close()
        await app.ctx.redis.aclose()
        await database.close()

    if settings.demo:
        # Only here: the sandbox and the shipped content are of no use to a real service.
        from api import demo

        demo.install(app, settings)
    return app
