"""What stands in compose.yaml, Dockerfile and deploy/: held to the settings and to each other. deploy/check.sh runs them for real."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from process import ROOT

from backend.kernel import settings

TEXT = (ROOT / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("web", "worker", "migrate", "daka")
LASTING = sorted(name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped")
# What an operator fills in; no more than this.
FILLED = {
    "DAKA_SECRET_KEY": "0" * 64,
    "DAKA_WECHAT_APPID": "wx0000000000000000",
    "DAKA_WECHAT_SECRET": "1" * 32,
    "DAKA_PUBLIC_URL": "https://daka.example.cn",
    "POSTGRES_PASSWORD": "2" * 48,
    "REDIS_PASSWORD": "3" * 48,
}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


def filled(text: str) -> str:
    """`text` as compose fills it in: a variable, its default, or a refusal where there is neither."""

    def value(found: re.Match[str]) -> str:
        name, how, rest = found.groups()
        if name in FILLED:
            return FILLED[name]
        assert how == "-", f"{name} has neither a value nor a default: {rest}"
        return rest

    return VARIABLE.sub(value, text)


def environment(service: str) -> dict[str, str]:
    return {name: filled(str(text)) for name, text in SERVICES[service]["environment"].items()}


def test_every_setting_reaches_our_containers_and_no_other_name_does():
    for name in OURS:
        assert set(SERVICES[name]["environment"]) == {settings.PREFIX + setting for setting in settings.NAMES}, name
    known = {settings.PREFIX + setting for setting in settings.NAMES}
    for path in (
        ROOT / "compose.yaml",
        ROOT / "Dockerfile",
        *(p for p in (ROOT / "deploy").iterdir() if p.suffix in ("", ".service", ".sh")),
    ):
        assert set(re.findall(r"\bDAKA_[A-Z_]+", path.read_text("utf-8"))) <= known, path.name


def test_the_service_takes_what_compose_passes_it():
    chosen = settings.load(environment("web"), dotenv=None)
    assert chosen.production and not chosen.on_sqlite and chosen.redis_url.startswith("redis://")
    [front] = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert chosen.trusted_proxies == (ipaddress.ip_network(filled(front["subnet"])),)


@pytest.mark.parametrize("name", sorted(FILLED))
def test_compose_refuses_to_start_without_what_must_be_filled_in(name: str):
    assert f"${{{name}:?" in TEXT


def test_every_name_that_compose_asks_for_is_explained_in_the_example():
    example = (ROOT / ".env.example").read_text("utf-8")
    explained = set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE))
    assert {found[0] for found in VARIABLE.findall(TEXT)} <= explained


def test_no_secret_stands_in_the_file():
    for name, service in SERVICES.items():
        for variable, text in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|TOKEN|KEY|AUTH|_URL$", variable) and text:
                assert VARIABLE.search(str(text)), (name, variable)


def test_only_the_proxy_is_reached_from_outside_and_the_stores_reach_nothing():
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["proxy"]
    internal = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    assert {name for name, service in SERVICES.items() if set(service["networks"]) <= internal} == {"postgres", "redis", "migrate"}
    assert {name for name, service in SERVICES.items() if "front" in service["networks"]} == {"proxy", "web"}


def test_every_container_is_confined_and_every_lasting_one_watched():
    assert LASTING == ["postgres", "proxy", "redis", "web", "worker"]
    for name, service in SERVICES.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"] and service["logging"]["options"]["max-size"], name
    # The image's own health check is the one of web.
    assert {name for name in LASTING if not SERVICES[name].get("healthcheck")} == {"web"}
    assert re.search(r"^HEALTHCHECK .*/healthz", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)


def test_the_database_is_brought_up_to_date_before_anything_of_ours_starts():
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["command"] == ["migrate"]


def test_web_leaves_the_jobs_to_the_worker_on_both_ways_to_run():
    assert "--no-jobs" in SERVICES["web"]["command"] and SERVICES["worker"]["command"] == ["worker"]
    units = {name: (ROOT / "deploy" / name).read_text("utf-8") for name in ("daka.service", "daka-worker.service")}
    assert re.search(r"^ExecStart=.*/daka serve .*--no-jobs$", units["daka.service"], re.MULTILINE)
    assert re.search(r"^ExecStart=.*/daka worker$", units["daka-worker.service"], re.MULTILINE)


def test_the_dump_programs_in_the_image_are_of_the_server_s_version():
    version = re.search(r"postgresql-client-(\d+)", (ROOT / "Dockerfile").read_text("utf-8")).group(1)
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{version}-")


def test_the_image_runs_as_an_ordinary_user_and_holds_only_what_is_named():
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    lines = (ROOT / ".dockerignore").read_text("utf-8").split()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines and {"api", "backend", "console", "curriculum", "models"} < let_in
    assert not {".", ".env", "var", ".git", "tests"} & let_in


def test_the_package_carries_the_content_and_every_page_s_files():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = ("curriculum/pack.yaml", "console/templates/layout.html", "api/static/docs/index.html", "models/migrations/0001_initial.py")
    for path in map(Path, needed):
        assert path.parts[0] in wheel["packages"] and (ROOT / path).exists(), path
