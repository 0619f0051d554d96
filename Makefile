# 打卡：make run 启动演示，make test 运行测试。不需要 root，不需要其他服务。
SHELL := /bin/bash
PORT ?= 8000
PYTHON ?= python3
export UV_SYSTEM_CERTS := 1
export UV_PROJECT_ENVIRONMENT := .venv
UV := .venv/bin/uv
STAMP := .venv/.locked
LOCK := $(shell sha256sum uv.lock pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)

.PHONY: install run test test-sqlite test-postgres bench bench-all bench-page lint format clean

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
	tests/test_curriculum_pack.py tests/test_architecture.py tests/test_phone.py
test: $(TESTED)
	@mkdir -p var
	@set -o pipefail; \
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest -p no:cacheprovider $(NO_DATABASE:%=--ignore=%) >var/test-postgres.log 2>&1 & other=$$!; \
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest; one=$$?; \
	wait $$other; two=$$?; \
	echo "—— PostgreSQL ——"; cat var/test-postgres.log; \
	exit $$(( one || two ))

test-sqlite: $(TESTED)
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest

test-postgres: $(TESTED)
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest

# 压测不在 make test 之内：make bench SCENARIO=storm BENCH="--rounds 5"；各场景见 bench/README.md。
SCENARIO ?= storm
SCENARIOS := storm hot monday today secretary login growth crash hangups footprint
BENCHED := .venv/.benched.$(LOCK)
$(BENCHED): $(TESTED)
	@$(UV) sync --quiet --locked --inexact --group dev --group bench --group peers
	@rm -f .venv/.benched.* && touch $@

bench: $(BENCHED)
	@test -n "$(filter $(SCENARIO),$(SCENARIOS))" || { echo "没有这个场景：$(SCENARIO)。可选：$(SCENARIOS)"; exit 1; }
	@.venv/bin/python -m bench.$(SCENARIO) $(BENCH)

bench-all: $(BENCHED)
	@for scenario in $(SCENARIOS); do .venv/bin/python -m bench.$$scenario $(BENCH) || exit 1; done

bench-page: $(BENCHED)
	@.venv/bin/python -m bench.page

lint: $(TESTED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: $(TESTED)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv var
