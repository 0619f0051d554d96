# 打卡：make run 启动演示，make test 运行测试。不需要 root，不需要其他服务。
SHELL := /bin/bash
PORT ?= 8000
PYTHON ?= python3
export UV_SYSTEM_CERTS := 1
export UV_PROJECT_ENVIRONMENT := .venv
UV := .venv/bin/uv
STAMP := .venv/.locked
LOCK := $(shell sha256sum uv.lock pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)

.PHONY: install run test test-sqlite test-postgres trust-operations check-alerts lint format clean

install: $(STAMP).$(LOCK)

run: $(STAMP).$(LOCK)
	@exec .venv/bin/python -m api demo --port $(PORT)

# 虚拟环境按锁文件的散列盖章：锁文件不变，就不再访问软件源。
$(STAMP).$(LOCK): uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("需要 Python 3.11 或更高版本，当前是 " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || { echo "无法建立虚拟环境：请安装 python3-venv"; exit 1; }
	@test -x $(UV) || { echo "正在安装 uv…"; .venv/bin/python -m pip install --quiet --disable-pip-version-check uv; }
	@echo "正在安装锁定的依赖…"
	@$(UV) sync --quiet --locked --inexact
	@rm -f $(STAMP).* && touch $@

TESTED := .venv/.tested.$(LOCK)
$(TESTED): $(STAMP).$(LOCK)
	@$(UV) sync --quiet --locked --inexact --group dev
	@rm -f .venv/.tested.* && touch $@

# 不碰数据库的测试只跑一遍；其余的在两个数据库上各跑一遍，同时进行。结尾的汇总来自 pytest 本身。
NO_DATABASE := tests/rules $(wildcard tests/test_documents*.py tests/test_wechat_*.py) tests/test_sandbox.py \
	tests/test_curriculum_pack.py tests/test_architecture.py tests/test_phone.py tests/test_doctor_alone.py tests/test_logs.py
test: $(TESTED)
	@mkdir -p var
	@set -o pipefail; \
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest -p no:cacheprovider $(NO_DATABASE:%=--ignore=%) >var/test-postgres.log 2>&1 & other=$$!; \
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest; one=$$?; \
	wait $$other; two=$$?; \
	echo "—— PostgreSQL ——"; cat var/test-postgres.log; \
	exit $$(( one || two ))

# 停止与意外：在启动的每个时刻停止、主进程被杀、请求卡住。两个数据库各约半分钟。
trust-operations: $(TESTED)
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest tests/trust/operations_ends.py
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest tests/trust/operations_ends.py

# 告警规则：promtool 来自 Debian 的 prometheus 软件包。
check-alerts:
	@command -v promtool >/dev/null || { echo "没有 promtool：请安装 prometheus（apt install prometheus）"; exit 1; }
	promtool check rules deploy/alerts.yaml
	promtool test rules deploy/alerts.test.yaml

test-sqlite: $(TESTED)
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest

test-postgres: $(TESTED)
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest

lint: $(TESTED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: $(TESTED)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv var
