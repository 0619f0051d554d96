"""Every setting, typed, in one frozen object; read from DAKA_* variables or a `.env` file, refused loudly at start."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from dotenv import dotenv_values

PREFIX = "DAKA_"
WECHAT_API = "https://api.weixin.qq.com"


class SettingsError(Exception):
    """A setting is missing or makes no sense; the message names it, in Chinese."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person configures. `demo` is set by `daka demo` alone and cannot come from the environment."""

    data_dir: Path = Path("var")
    database_url: str = ""
    redis_url: str = ""
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    wechat_appid: str = ""
    wechat_secret: str = field(default="", repr=False)
    wechat_api_base: str = WECHAT_API
    wechat_push_token: str = field(default="", repr=False)
    wechat_push_aes_key: str = field(default="", repr=False)
    # The subscription template for reminders, and what its fields hold: name -> title, date or note. Empty: nothing can be sent.
    wechat_reminder_template: str = ""
    wechat_reminder_fields: tuple[tuple[str, str], ...] = (("thing1", "title"), ("date2", "date"), ("thing3", "note"))
    public_url: str = "http://127.0.0.1:8000"
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    metrics_token: str = field(default="", repr=False)
    log_level: str = "INFO"
    env: str = "development"
    # Secretary and editor enter the console with a second factor; without, it is their choice.
    second_factor_required: bool = False
    demo: bool = False

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite://")


NAMES = (
    "DATABASE_URL",
    "REDIS_URL",
    "DATA_DIR",
    "SECRET_KEY",
    "WECHAT_APPID",
    "WECHAT_SECRET",
    "WECHAT_API_BASE",
    "WECHAT_PUSH_TOKEN",
    "WECHAT_PUSH_AES_KEY",
    "WECHAT_REMINDER_TEMPLATE",
    "WECHAT_REMINDER_FIELDS",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
    "METRICS_TOKEN",
    "LOG_LEVEL",
    "ENV",
    "SECOND_FACTOR",
)


def load(environment: Mapping[str, str] | None = None, *, dotenv: Path | None = Path(".env")) -> Settings:
    """Reads the settings; the environment wins over `.env`. Raises SettingsError naming the first bad one."""
    values = given(environment, dotenv=dotenv)
    unknown = sorted(name for name in values if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in NAMES)
    if unknown:
        raise SettingsError(f"不认识的设置：{'、'.join(unknown)}")
    text = {name: (values.get(PREFIX + name) or "").strip() for name in NAMES}
    data_dir = Path(text["DATA_DIR"] or "var")
    env = text["ENV"] or "development"
    if env not in ("development", "production"):
        raise SettingsError("DAKA_ENV 只能是 development 或 production")
    return Settings(
        data_dir=data_dir,
        database_url=_database_url(text["DATABASE_URL"], data_dir),
        redis_url=_url("REDIS_URL", text["REDIS_URL"], ("redis", "rediss", "unix")),
        secret_keys=_secret_keys(text["SECRET_KEY"], data_dir, env),
        wechat_appid=_wechat_pair(text, env)[0],
        wechat_secret=_wechat_pair(text, env)[1],
        wechat_api_base=_wechat_api_base(text["WECHAT_API_BASE"], env),
        wechat_push_token=text["WECHAT_PUSH_TOKEN"],
        wechat_push_aes_key=_aes_key(text["WECHAT_PUSH_AES_KEY"]),
        wechat_reminder_template=_template(text["WECHAT_REMINDER_TEMPLATE"]),
        wechat_reminder_fields=_template_fields(text["WECHAT_REMINDER_FIELDS"]),
        public_url=_public_url(text["PUBLIC_URL"], env),
        trusted_proxies=_networks(text["TRUSTED_PROXIES"]),
        metrics_token=text["METRICS_TOKEN"],
        log_level=_log_level(text["LOG_LEVEL"]),
        env=env,
        second_factor_required=_second_factor(text["SECOND_FACTOR"]) == "required",
    )


def given(environment: Mapping[str, str] | None = None, *, dotenv: Path | None = Path(".env")) -> dict[str, str]:
    """The environment over `.env`, as written. Raises SettingsError for a `.env` that cannot be read."""
    try:
        written = dotenv_values(dotenv) if dotenv and dotenv.exists() else {}
    except OSError:
        raise SettingsError(f"不能读取 {dotenv}：检查它的权限") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{dotenv} 不是 UTF-8 编码：请另存为 UTF-8") from None
    values = {**written, **(os.environ if environment is None else environment)}
    return {name: text for name, text in values.items() if text is not None}


def _url(name: str, text: str, schemes: tuple[str, ...]) -> str:
    try:
        scheme, _ = urlsplit(text).scheme, urlsplit(text).port
    except ValueError:
        raise SettingsError(f"{PREFIX}{name} 不是有效的地址") from None
    if text and scheme not in schemes:
        raise SettingsError(f"{PREFIX}{name} 应以 {'、'.join(s + '://' for s in schemes)} 开头")
    return text.rstrip("/") if text else ""


def _database_url(text: str, data_dir: Path) -> str:
    if not text:
        return f"sqlite://{data_dir / 'daka.sqlite3'}"
    if text.startswith("postgresql://"):
        text = "postgres" + text.removeprefix("postgresql")
    url = _url("DATABASE_URL", text, ("sqlite", "postgres"))
    # The drivers of the service and of its commands read these differently; libpq's variables are the same for all, pg_dump too.
    if dict(parse_qsl(urlsplit(url).query)).keys() & {"ssl", "sslmode", "sslrootcert"}:
        raise SettingsError(
            "DAKA_DATABASE_URL 里不写 ssl、sslmode：数据库连接的加密用环境变量 PGSSLMODE=verify-full 与 PGSSLROOTCERT=证书文件"
        )
    return url


def _secret_keys(text: str, data_dir: Path, env: str) -> tuple[str, ...]:
    """`SECRET_KEY` is a comma list, newest first; without it, the key file that `daka demo` wrote."""
    key_file = data_dir / "secret_key"
    if not text and env == "production":
        raise SettingsError("生产环境必须设置 DAKA_SECRET_KEY")
    if not text and key_file.exists():
        try:
            text = key_file.read_text("ascii")
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"不能读取 {key_file}：检查它的权限与内容，或设置 DAKA_SECRET_KEY") from None
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys:
        raise SettingsError("缺少 DAKA_SECRET_KEY（至少 32 个字符；可用 openssl rand -hex 32 生成）")
    if any(len(key) < 32 for key in keys):
        raise SettingsError("DAKA_SECRET_KEY 的每个密钥至少 32 个字符")
    return keys


def _wechat_pair(text: dict[str, str], env: str) -> tuple[str, str]:
    pair = text["WECHAT_APPID"], text["WECHAT_SECRET"]
    for name, value in zip(("WECHAT_APPID", "WECHAT_SECRET"), pair, strict=True):
        if not value and (any(pair) or env == "production"):
            raise SettingsError(f"缺少 {PREFIX}{name}")
    return pair


def _wechat_api_base(text: str, env: str) -> str:
    base = _url("WECHAT_API_BASE", text, ("https", "http")) or WECHAT_API
    if env == "production" and base != WECHAT_API:
        raise SettingsError(f"生产环境的 DAKA_WECHAT_API_BASE 只能是 {WECHAT_API}")
    return base


def _aes_key(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9+/]{43}", text):
        raise SettingsError("DAKA_WECHAT_PUSH_AES_KEY 应为 43 个字母、数字（EncodingAESKey）")
    return text


def _template(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise SettingsError("DAKA_WECHAT_REMINDER_TEMPLATE 应为微信后台给出的模板编号")
    return text


def _template_fields(text: str) -> tuple[tuple[str, str], ...]:
    """`thing1=title,date2=date,thing3=note`: the template's fields, each with what it holds."""
    pairs = [part.strip().partition("=") for part in (text or "thing1=title,date2=date,thing3=note").split(",")]
    fields = tuple((name, holds) for name, _, holds in pairs)
    sound = all(re.fullmatch(r"(thing|date|time)[0-9]{1,2}", name) and holds in ("title", "date", "note") for name, holds in fields)
    if not sound or len(dict(fields)) != len(fields):
        raise SettingsError("DAKA_WECHAT_REMINDER_FIELDS 应形如 thing1=title,date2=date,thing3=note（title 标题、date 日期、note 提示）")
    return fields


def _public_url(text: str, env: str) -> str:
    url = _url("PUBLIC_URL", text, ("https", "http")) or "http://127.0.0.1:8000"
    if env == "production" and not url.startswith("https://"):
        raise SettingsError("生产环境的 DAKA_PUBLIC_URL 必须以 https:// 开头")
    return url


def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(f"DAKA_TRUSTED_PROXIES 应为以逗号分隔的 CIDR：{error}") from None


def _log_level(text: str) -> str:
    level = (text or "INFO").upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SettingsError("DAKA_LOG_LEVEL 只能是 DEBUG、INFO、WARNING 或 ERROR")
    return level


def _second_factor(text: str) -> str:
    if (text or "optional") not in ("optional", "required"):
        raise SettingsError("DAKA_SECOND_FACTOR 只能是 optional 或 required")
    return text


_current: Settings | None = None


def use(settings: Settings) -> Settings:
    """Makes `settings` this process's settings; called once at start."""
    global _current
    _current = settings
    return settings


def current() -> Settings:
    """The settings of this process. Raises SettingsError before `use`."""
    if _current is None:
        raise SettingsError("设置尚未载入")
    return _current


def in_production() -> bool:
    """Whether this process is, or before `use` is about to be, in production: in doubt what stands in DAKA_ENV or `.env` counts."""
    dotenv = Path(".env")
    asked_for = os.environ.get(f"{PREFIX}ENV") or (dotenv_values(dotenv).get(f"{PREFIX}ENV") if dotenv.exists() else None)
    return _current.production if _current is not None else (asked_for or "").strip() == "production"
