"""Prometheus figures of the whole service; every name and label is fixed, so that nothing personal can get in. docs/metrics.md tells
what each means and what to do when it moves.

One process keeps them in memory. Several share a directory of memory-mapped files (docs/decisions/0016): each worker counts in files of
its own, which its successor takes over, and whichever worker is asked adds them all up.
"""

from __future__ import annotations

import functools
import os
import pkgutil
import time
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    multiprocess,
    values,
)

from backend.kernel import clock
from models import migrations

# Both are set by the supervisor of several workers alone; a directory that somebody else set is not ours.
WORKER_VARIABLE, DIRECTORY_VARIABLE = "SERVICE_WORKER", "PROMETHEUS_MULTIPROC_DIR"
worker = os.environ.get(WORKER_VARIABLE, "")
values.ValueClass = values.MultiProcessValue(lambda: worker) if worker else values.MutexValue
disable_created_metrics()

registry = CollectorRegistry()


def counter(name: str, told: str, *labels: str) -> Counter:
    return Counter(name, told, labels, registry=registry)


def histogram(name: str, told: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, told, labels, registry=registry, buckets=buckets)


def gauge(name: str, told: str, *labels: str, over_workers: str) -> Gauge:
    """`over_workers`: how the workers' figures become one: sum, max or min of the living ("live…") or of all."""
    return Gauge(name, told, labels, registry=registry, multiprocess_mode=over_workers)


# --- requests ---------------------------------------------------------------------------------------------------------

requests = counter("daka_requests_total", "请求数；499 为对方未等到答复就断开", "method", "route", "status")
seconds = histogram("daka_request_seconds", "请求用时（秒）", "route", buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5))
in_flight = gauge("daka_requests_in_flight", "正在处理的请求数", over_workers="livesum")
loop_lag = histogram(
    "daka_event_loop_lag_seconds", "事件循环比预定时间晚醒来多少（秒）", buckets=(0.002, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
)
background_errors = counter("daka_background_errors_total", "请求之外、无人等待其结果的出错次数")

# --- study and sign-in ------------------------------------------------------------------------------------------------

check_ins = counter("daka_check_ins_total", "打卡请求，按结果", "outcome")
batch_size = histogram("daka_check_in_batch_size", "一批写入的打卡数", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500))
waiting_check_ins = gauge("daka_check_ins_waiting", "排队等待写入的打卡数", over_workers="livesum")
sign_ins = counter("daka_sign_ins_total", "登录、绑定、进入控制台，按方式与结果", "way", "result")
refusals = counter("daka_refusals_total", "被拒绝的访问：session 令牌无效，access 没有权限", "kind")
guesses_refused = counter("daka_guesses_refused_total", "因猜错过多而不再受理的尝试，按计数对象", "target")

grants = counter("daka_grants_total", "手机报告的订阅许可，按结果", "result")
asked = counter("daka_member_requests_total", "成员提出的更正申请与投诉建议，以及对它们的答复", "kind", "event")
reminders = counter("daka_reminders_total", "提醒，按结果", "outcome")

# --- what the service relies on ---------------------------------------------------------------------------------------

pool_connections = gauge("daka_database_connections", "数据库连接：in_use 使用中，idle 空闲（SQLite 无）", "state", over_workers="livesum")
pool_most = gauge("daka_database_connections_max", "数据库连接上限，各进程之和（SQLite 为 1）", over_workers="livesum")
waiting = gauge("daka_database_waiting", "正在等待数据库连接（SQLite：等待写入）的事务数", over_workers="livesum")
wait_seconds = histogram(
    "daka_database_wait_seconds",
    "事务等到数据库连接（SQLite：轮到写入）的用时（秒）",
    buckets=(0.002, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
retries = counter("daka_database_retries_total", "事务重试次数，按原因", "reason")
database_errors = counter("daka_database_errors_total", "数据库出错次数，按种类", "kind")
redis_up = gauge("daka_redis_up", "Redis 是否应答（未设置 Redis 时恒为 1）", over_workers="livemin")
redis_up.set(1)  # until one finds otherwise
swept_at = gauge("daka_housekeeping_last_success_timestamp_seconds", "最近一次清理成功的时刻（Unix 秒）", over_workers="max")

# --- the processes ----------------------------------------------------------------------------------------------------

build = gauge("daka_build_info", "程序版本与它要求的数据库结构，值恒为 1", "version", "migration", over_workers="max")
workers = gauge("daka_workers", "正在服务的进程数", over_workers="livesum")
workers_wanted = gauge("daka_workers_wanted", "应有的进程数（daka serve --workers）", over_workers="max")
memory = gauge("daka_process_memory_bytes", "进程占用的内存（字节）", "worker", over_workers="livemax")
open_files = gauge("daka_process_open_files", "进程打开的文件与连接数", "worker", over_workers="livemax")
open_files_most = gauge("daka_process_open_files_max", "进程可打开的文件与连接上限", "worker", over_workers="livemax")
started_at = gauge("daka_process_start_timestamp_seconds", "进程启动的时刻（Unix 秒）", "worker", over_workers="livemax")
cpu_seconds = counter("daka_process_cpu_seconds_total", "进程用去的处理器时间（秒）", "worker")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Errors of a check-in that are counted by name; any other is "refused".
CHECK_IN_CODES = frozenset(("incomplete", "not_open", "closed", "idempotency_mismatch", "not_found", "invalid", "unknown_passage"))


def observe(method: str, route: str, status: int, taken: float) -> None:
    """Counts one request that took `taken` seconds."""
    _counted(method if method in METHODS else "other", route, status).inc()
    _timed(route).observe(taken)


# The labelled children are kept: finding one takes longer than counting.
@functools.cache
def _counted(method: str, route: str, status: int) -> Counter:
    return requests.labels(method, route, str(status))


@functools.cache
def _timed(route: str) -> Histogram:
    return seconds.labels(route)


def check_in_batch(size: int, left: int) -> None:
    """One batch of check-ins is being written while `left` wait."""
    batch_size.observe(size)
    waiting_check_ins.set(left)


class Wait:
    """Measures how long a transaction waits for its connection: from entering this block to `over`, or to leaving it."""

    def __enter__(self) -> Wait:
        self._since: float | None = time.perf_counter()
        waiting.inc()
        return self

    def over(self) -> None:
        if self._since is not None:
            waiting.dec()
            wait_seconds.observe(time.perf_counter() - self._since)
            self._since = None

    def __exit__(self, *_: object) -> None:
        self.over()


def swept() -> None:
    """Housekeeping has just done a whole round."""
    swept_at.set(clock.now().timestamp())


# --- this process -----------------------------------------------------------------------------------------------------


def begin(*, wanted: int = 1) -> None:
    """Called once the process serves: it counts among the workers, of which there should be `wanted`."""
    try:
        ours = version("daka")
    except PackageNotFoundError:
        ours = "unknown"
    build.labels(ours, max(module.name for module in pkgutil.iter_modules(migrations.__path__))).set(1)
    workers.set(1)
    workers_wanted.set(wanted)
    look_at_process()


_process = ProcessCollector(registry=None)
_cpu_told = 0.0


def look_at_process() -> None:
    """Brings this process's own figures up to date; where there is no /proc only the processor's time is known."""
    global _cpu_told
    name = worker or "0"
    found = {sample.name: sample.value for family in _process.collect() for sample in family.samples}
    for source, gauge in (
        ("process_resident_memory_bytes", memory),
        ("process_open_fds", open_files),
        ("process_max_fds", open_files_most),
        ("process_start_time_seconds", started_at),
    ):
        if source in found:
            gauge.labels(name).set(found[source])
    used = time.process_time()
    cpu_seconds.labels(name).inc(used - _cpu_told)
    _cpu_told = used


# --- all of them ------------------------------------------------------------------------------------------------------


def text() -> bytes:
    """The figures of the whole service, for Prometheus."""
    if not worker:
        return generate_latest(registry)
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared, os.environ[DIRECTORY_VARIABLE])
    return generate_latest(shared)


def bury(dead: str, directory: str) -> None:
    """Takes the gauges of a worker that has ended out of the sums; what it counted stays."""
    multiprocess.mark_process_dead(dead, directory)
