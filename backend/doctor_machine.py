"""The machine's part of `daka doctor`: files and their permissions, disk, Redis, the address that members use."""

from __future__ import annotations

import ipaddress
import os
import shutil
import stat
from pathlib import Path
from urllib.parse import urlsplit

from backend.doctor import FAIL, OK, WARN, Finding
from backend.kernel import redis
from backend.kernel.redis import RedisError
from backend.kernel.settings import Settings

LEAST_FREE = 200 * 1024**2
LITTLE_FREE = 1024**3
OTHERS = stat.S_IRWXO | stat.S_IWGRP


def permissions(data_dir: Path, dotenv: Path) -> list[Finding]:
    """Whether the files with secrets are their owner's alone, and the data directory can be written."""
    findings = []
    for file in (dotenv, data_dir / "secret_key"):
        try:
            mode = file.stat().st_mode
        except FileNotFoundError:
            continue
        except OSError:
            findings.append(Finding("文件权限", FAIL, f"不能读取 {file}：改正其所在目录的权限"))
            continue
        if mode & OTHERS:
            told = f"{file} 中有密钥，但其他用户也能读写（{stat.S_IMODE(mode):o}）：请运行 chmod 600 {file}"
            findings.append(Finding("文件权限", FAIL, told))
        elif mode & stat.S_IRGRP:
            told = f"{file} 同组的用户也能读（{stat.S_IMODE(mode):o}）：确认组里只有运行服务的用户，否则请运行 chmod 600 {file}"
            findings.append(Finding("文件权限", WARN, told))
    folder = data_dir if data_dir.exists() else data_dir.absolute().parent
    if not folder.is_dir():
        findings.append(Finding("文件权限", FAIL, f"数据目录 {data_dir} 不是目录：改正 DAKA_DATA_DIR"))
    elif not os.access(folder, os.W_OK | os.X_OK):
        findings.append(Finding("文件权限", FAIL, f"不能写入数据目录 {data_dir}：请把它交给运行服务的用户（chown）"))
    return findings or [Finding("文件权限", OK, "含有密钥的文件只有所有者能读，数据目录可以写入")]


async def disk(chosen: Settings) -> list[Finding]:
    """Space for the database to grow, and for a copy of it while it is saved or upgraded."""
    return [space(place, database) for place, database in places(chosen).items()]


def places(chosen: Settings) -> dict[Path, int]:
    """The folders that are written to, with the size of the database that is there."""
    found = {nearest(chosen.data_dir): 0}
    if chosen.on_sqlite:
        file = Path(chosen.database_url.removeprefix("sqlite://").split("?")[0])
        found[nearest(file.parent)] = file.stat().st_size if file.exists() else 0
    return found


def nearest(folder: Path) -> Path:
    """`folder`, or the closest one above it that exists."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def space(place: Path, database: int) -> Finding:
    free = shutil.disk_usage(place).free
    least = max(LEAST_FREE, database)
    told = f"{place} 还有 {sized(free)}"
    if free < least:
        return Finding("磁盘", FAIL, f"{told}，少于所需的 {sized(least)}（备份与升级要放得下数据库的一份副本）：请清理或扩容")
    if free < max(LITTLE_FREE, 3 * database):
        return Finding("磁盘", WARN, f"{told}，不多了：请尽快清理或扩容")
    return Finding("磁盘", OK, told)


def sized(count: int) -> str:
    return f"{count / 1024**3:.1f} GB" if count >= 1024**3 else f"{count / 1024**2:.0f} MB"


async def redis_answers(chosen: Settings) -> Finding:
    if not chosen.redis_url:
        return Finding("Redis", OK, "未设置，使用内嵌替身；多台机器时请设置 DAKA_REDIS_URL")
    client = redis.connect(chosen.redis_url)
    try:
        version = (await client.info("server")).get("redis_version", "")
    except (RedisError, OSError) as error:
        return Finding(
            "Redis", FAIL, f"没有应答（{type(error).__name__}）：检查 Redis 是否在运行、DAKA_REDIS_URL 的地址与口令；服务照常，只是变慢"
        )
    finally:
        await client.aclose()
    return Finding("Redis", OK, f"应答正常，版本 {version}")


async def public_url(chosen: Settings) -> Finding:
    """Whether members and WeChat can reach the address that links are made of."""
    parts = urlsplit(chosen.public_url)
    host = parts.hostname or ""
    if not host:
        return Finding("对外地址", FAIL, "DAKA_PUBLIC_URL 中没有主机名：应为 https://域名 的样子")
    if parts.username or parts.query or parts.fragment or parts.path.strip("/"):
        return Finding("对外地址", FAIL, "DAKA_PUBLIC_URL 只应有协议、域名和端口，不要路径、参数或口令")
    if local(host):
        state = FAIL if chosen.production else OK
        told = f"{chosen.public_url} 只有本机或内网能打开"
        return Finding("对外地址", state, f"{told}：请把 DAKA_PUBLIC_URL 改为会员能打开的域名" if state == FAIL else f"{told}，供试用")
    if "." not in host or host.endswith((".example", ".test", ".local", "example.com", "example.org")):
        return Finding("对外地址", WARN, f"{chosen.public_url} 像是示例：请把 DAKA_PUBLIC_URL 改为自己的域名")
    if parts.scheme != "https":
        return Finding("对外地址", WARN, f"{chosen.public_url} 没有加密：小程序只接受 https，请配置证书")
    return Finding("对外地址", OK, chosen.public_url)


def local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_private or address.is_loopback or address.is_link_local or address.is_unspecified
