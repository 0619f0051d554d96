# 打卡：make run 启动演示，make test 运行测试。不需要 root，不需要其他服务。
SHELL := /bin/bash
PORT ?= 8000
PYTHON ?= python3
export UV_SYSTEM_CERTS := 1
export UV_PROJECT_ENVIRONMENT := .venv
# Compiled once here, not at every start where Python may not write bytecode (PYTHONDONTWRITEBYTECODE).
export UV_COMPILE_BYTECODE := 1
UV := .venv/bin/uv
STAMP := .venv/.locked
LOCK := $(shell sha256sum uv.lock pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)

.PHONY: install run test test-long test-sqlite test-postgres bench lint format clean conformance scenarios prove-content check-deploy image supply-chain trust trust-11-fuzz trust-operations check-alerts bench-all bench-page h5 test-client screenshots-client test-browser screenshots

install: $(STAMP).$(LOCK)

# 服务立即启动；会员的网页（/m/）没有或已过时的，同时在后台生成，过程记在 var/h5.log。
run: $(STAMP).$(LOCK)
	@mkdir -p var
	@.venv/bin/python miniprogram/build_h5.py --beside >var/h5.log 2>&1 & exec .venv/bin/python -m api demo --port $(PORT)

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
NO_DATABASE := tests/rules $(wildcard tests/test_documents*.py tests/test_wechat_*.py tests/test_sandbox*.py tests/test_curriculum_pack*.py) \
	$(patsubst %,tests/test_%.py,architecture trust phone batches deployment backups_archive doctor_alone logs)
define both
	@mkdir -p var
	@set -o pipefail; \
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest -p no:cacheprovider -m "$(1)" $(NO_DATABASE:%=--ignore=%) >var/test-postgres.log 2>&1 & other=$$!; \
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest -m "$(1)"; one=$$?; \
	wait $$other; two=$$?; \
	echo "—— PostgreSQL ——"; cat var/test-postgres.log; \
	exit $$(( one || two ))
endef

test: $(TESTED)
	$(call both,not long)

# 反复启动整个服务或整条命令的检查：多进程、停止、备份、迁移、体检、压测数据。CI 在 make test 之后运行。
test-long: $(TESTED)
	$(call both,long)

# 信任检查：每项一条命令，末尾一行 AC-nn PASS|FAIL，证据在 var/reports/；中断后再次运行即接着做。TRUST="--seed 7 --most 5"；见 docs/trust.md。
CHECKS := 01 02 03 04 05 16 17 backups
CHECK_01 := crashes
CHECK_02 := duplicates
CHECK_03 := postgres_away
CHECK_04 := redis_away
CHECK_05 := wechat_away
CHECK_16 := midnight
CHECK_17 := histories_many
CHECK_backups := backups
CHECKS += 08 09
CHECK_08 := matrix
CHECK_09 := idor
CHECKS += 10 11 13 15
CHECK_10 := properties
CHECK_11 := hostile
CHECK_13 := tokens
CHECK_15 := pushes
CHECKS += 06 07 12 14 18
CHECK_06 := token_races
CHECK_07 := logins
CHECK_12 := injection
CHECK_14 := guesses
CHECK_18 := private
trust: $(TESTED)
	@failed=; for check in $(CHECKS); do $(MAKE) --no-print-directory trust-$$check || failed="$$failed $$check"; done; \
	test -z "$$failed" || { echo "没有通过：$$failed"; exit 1; }

$(CHECKS:%=trust-%): trust-%: $(TESTED)
	@PYTHONPATH=.:tests .venv/bin/python -m trust.$(CHECK_$*) $(TRUST)

TRUSTED := .venv/.trusted.$(LOCK)
# AC-11 的后一半：atheris 在解析外来内容的代码上找半小时，一个进程；找到的语料留在 var/reports/fuzz，下一次从那里接着。
trust-11-fuzz: $(TRUSTED)
	@PYTHONPATH=.:tests .venv/bin/python -m trust.fuzz $(TRUST)

# schemathesis 与 atheris 只有信任检查用；供应链的工具只有 supply-chain 用。
trust-10: $(TRUSTED)
$(TRUSTED): $(TESTED)
	@$(UV) sync --quiet --locked --inexact --group trust --group supply
	@rm -f .venv/.trusted.* && touch $@

# 物料清单（CycloneDX）、已知漏洞（pip-audit、npm audit）、仓库里的密钥。漏洞库无法访问时如实说明，返回 3。
supply-chain: $(TRUSTED)
	@.venv/bin/python deploy/supply_chain.py

# 停止与意外：在启动的每个时刻停止、主进程被杀、请求卡住。两个数据库各约半分钟。
trust-operations: $(TESTED)
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest tests/trust/operations_ends.py
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest tests/trust/operations_ends.py

# 告警规则：promtool 来自 Debian 的 prometheus 软件包。
check-alerts:
	@command -v promtool >/dev/null || { echo "没有 promtool：请安装 prometheus（apt install prometheus）"; exit 1; }
	promtool check rules deploy/alerts.yaml
	promtool test rules deploy/alerts.test.yaml

# 控制台的浏览器检查：真实的演示服务，Debian 的 chromium；每个页面在两种尺寸、浅色与深色下各看一遍，并走完几条主要的路。
BROWSED := .venv/.browsed.$(LOCK)
$(BROWSED): $(TESTED)
	@$(UV) sync --quiet --locked --inexact --group dev --group browser
	@rm -f .venv/.browsed.* && touch $@

.PHONY: chromium
chromium:
	@command -v chromium chromium-browser >/dev/null || { echo "没有 chromium：请安装 chromium 与 fonts-noto-cjk（apt install chromium fonts-noto-cjk）"; exit 1; }
	@fc-list :lang=zh 2>/dev/null | grep -q . || { echo "没有中文字体：请安装 fonts-noto-cjk（apt install fonts-noto-cjk）"; exit 1; }

test-browser: chromium $(BROWSED)
	.venv/bin/python -m pytest -p no:cacheprovider $(or $(WALK),$(wildcard tests/browser/walk_*.py))

# 重拍 docs/screenshots 中控制台的全部页面。
screenshots: chromium $(BROWSED)
	.venv/bin/python tests/browser/screenshots.py

test-sqlite: $(TESTED)
	DAKA_TEST_DB=sqlite .venv/bin/python -m pytest

test-postgres: $(TESTED)
	DAKA_TEST_DB=postgres .venv/bin/python -m pytest

# 压测不在 make test 之内：make bench SCENARIO=storm BENCH="--rounds 5"；各场景见 bench/README.md。
SCENARIO ?= storm
SCENARIOS := first storm hot monday today secretary pages login growth crash hangups footprint
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

# 微信故障演练：真实的超时与等待，约五分钟。DOWN_S：每种中断持续的秒数；ONLY=hang 只演练一种。
DOWN_S ?= 30
scenarios: $(TESTED)
	PYTHONPATH=. .venv/bin/python tests/scenarios.py --down-s $(DOWN_S) $(if $(ONLY),--only $(ONLY))

# 微信沙箱与微信已知表现的对照，十二点，最后一点用一万个请求。
conformance: $(TESTED)
	DAKA_SOAK_REQUESTS=10000 .venv/bin/python -m pytest -rP -p no:cacheprovider tests/test_sandbox_conformance.py tests/test_sandbox_errcodes.py

# 会员的网页：miniprogram/ 的浏览器版，放到服务取用的地方（api/static/m）。
h5: $(STAMP).$(LOCK)
	@.venv/bin/python miniprogram/build_h5.py

# 会员端的全部检查：类型、逻辑、页面、微信包、真实浏览器。需要 Chromium；Node 可由 PyPI 代替。
test-client: chromium $(BROWSED)
	@.venv/bin/python miniprogram/test_client.py

# 重拍 docs/screenshots 中会员端的全部页面：三种字号与深色。
screenshots-client: chromium $(BROWSED) h5
	.venv/bin/python tests/browser/member_pictures.py

lint: $(TESTED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: $(TESTED)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# 用官方文本核对内容包的每一道题：make prove-content TEXT=报告全文.txt [OF=report|constitution]
OF ?= report
prove-content: $(STAMP).$(LOCK)
	@test -n "$(TEXT)" || { echo "请给出官方文本：make prove-content TEXT=报告全文.txt"; exit 2; }
	@.venv/bin/python curriculum/tools/against_text.py "$(TEXT)" --text "$(OF)" --lint

# compose.yaml、Caddyfile 与 systemd 单元，真的跑一遍（root；需要 caddy、systemd 与 npx）。镜像：没有容器引擎也能造、能试（root；需要 buildah、debootstrap）。
check-deploy: $(TESTED)
	deploy/check.sh

image:
	deploy/build-without-engine.sh daka
	deploy/try-image.sh daka

clean:
	rm -rf .venv var
