#!/usr/bin/env bash
# Holds what is deployed to the programs that will read it: compose.yaml to the compose specification, the Caddyfile to Caddy (and both
# to each other, running), the units to systemd. As root; says what is missing. Nothing is started on this machine's own network.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for program in npx caddy systemd-analyze openssl curl unshare; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ ${#missing[@]} -gt 0 ]; then echo "缺少：${missing[*]}（apt-get install caddy systemd openssl curl util-linux nodejs npm）" >&2; exit 1; fi

echo "—— compose.yaml：compose 规范"
# The order of keys is ours; both ports of the proxy are meant for everybody.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/dclint.yaml" <<'END'
rules: {service-keys-order: 0, services-alphabetical-order: 0, top-level-properties-order: 0, no-unbound-port-interfaces: 0, no-quotes-in-volumes: 0, require-quotes-in-ports: 0}
END
npx --yes dclint@3.1.0 --config "$scratch/dclint.yaml" --max-warnings 0 compose.yaml && echo "符合"

echo "—— systemd 单元"
# The units say where the product is installed: verified with that place moved to where it exists.
installed=$(sed -n 's/^WorkingDirectory=//p' deploy/*.service | sort -u)
mkdir -p "$scratch/product/.venv/bin" "$scratch/units"
install -m 0755 /dev/stdin "$scratch/product/.venv/bin/daka" <<<'#!/bin/sh'
for unit in deploy/*.service; do
  sed "s|$installed|$scratch/product|g" "$unit" >"$scratch/units/$(basename "$unit")"
done
touch "$scratch/product/README.md"
systemd-analyze verify --man=no "$scratch"/units/*.service && echo "有效"
for unit in deploy/*.service; do systemd-analyze security --offline=true --no-pager --threshold=15 "$unit" | tail -1; done

echo "—— Caddyfile"
DAKA_PUBLIC_URL=https://daka.example.cn caddy validate --config deploy/Caddyfile --adapter caddyfile 2>/dev/null
.venv/bin/python deploy/try_proxy.py
