#!/usr/bin/env bash
# Starts an image made by build-without-engine.sh as an operator would, without an engine: read-only root file system, uid 10001, no
# capability, no new privileges, process 1 of its own process namespace; beside it a real PostgreSQL (made by postgres-first-start.sh)
# and a real Redis with a password, on loopback. As root, with buildah, postgresql and redis-server. Ends what it started.
#   deploy/try-image.sh [NAME]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=${1:-daka}
store=${CONTAINERS:-/var/lib/daka-containers}
export BUILDAH_ISOLATION=chroot
buildah=(buildah --root "$store" --runroot "$store/run")
postgres=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
pg_port=${PG_PORT:-55432} redis_port=${REDIS_PORT:-56379} port=${PORT:-58000}

work=$(mktemp -d)
data=$work/data
container=$("${buildah[@]}" from --pull-never "$name")
root=$("${buildah[@]}" mount "$container")
started=()
finish() {
  set +e
  for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null; done
  [ -d "$work/cluster" ] && runuser -u postgres -- "$postgres/pg_ctl" -D "$work/cluster" -m immediate stop >/dev/null
  [ -f "$work/redis.pid" ] && kill "$(cat "$work/redis.pid")"
  "${buildah[@]}" rm "$container" >/dev/null
  rm -rf "$work"
}
trap finish EXIT
say() { printf '%-34s %s\n' "$1" "$2"; }
show() { local label=$1 said; shift; said=$("$@"); say "$label" "${said//$'\n'/ }"; }
now() { date +%s%N; }
ms_since() { echo "$((($(now) - $1) / 1000000)) ms"; }

chmod 0711 "$work"
install -d -o postgres -g postgres "$work/cluster"
install -o postgres -m 0600 /dev/stdin "$work/first" <<<first
runuser -u postgres -- "$postgres/initdb" -D "$work/cluster" -U postgres -A scram-sha-256 --auth-local=trust --encoding=UTF8 --locale=C.UTF-8 \
  --pwfile="$work/first" >/dev/null
runuser -u postgres -- "$postgres/pg_ctl" -D "$work/cluster" -w -s -o "-h 127.0.0.1 -p $pg_port -k $work/cluster" -l "$work/cluster/log" start
secret=$(openssl rand -hex 24)
PGHOST=$work/cluster PGPORT=$pg_port ROLE_PASSWORD=$secret sh "$here/postgres-first-start.sh"
redis-server --daemonize yes --pidfile "$work/redis.pid" --bind 127.0.0.1 --port "$redis_port" --save "" --requirepass "$secret" --dir "$work" >/dev/null

# As compose.yaml passes them, with loopback in place of its networks.
cat >"$work/settings" <<END
DAKA_ENV=production
DAKA_DATABASE_URL=postgres://daka:$secret@127.0.0.1:$pg_port/daka
DAKA_REDIS_URL=redis://:$secret@127.0.0.1:$redis_port/0
DAKA_DATA_DIR=/var/lib/daka
DAKA_SECRET_KEY=$(openssl rand -hex 32)
DAKA_WECHAT_APPID=wx0000000000000000
DAKA_WECHAT_SECRET=$(openssl rand -hex 16)
DAKA_PUBLIC_URL=https://daka.example.cn
DAKA_TRUSTED_PROXIES=127.0.0.1/32
END
install -d -o 10001 -g 10001 -m 0750 "$data"

# The container: the image's root read-only, its volume, an empty /tmp unless TMP is "none", its own processes.
inside() {  # in a subshell, always: the job's process is `unshare`, its child is process 1 inside
  exec unshare --mount --pid --fork --kill-child -- bash -euc '
    root=$1 data=$2 settings=$3; shift 3
    mount --make-rprivate /
    mount --bind "$root" "$root" && mount -o remount,ro,bind "$root"
    mount --bind "$data" "$root/var/lib/daka"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/dev" && mkdir "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm"
    for device in null zero random urandom; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
    [ "${TMP_MOUNT:-}" = none ] || mount -t tmpfs tmpfs "$root/tmp"
    mapfile -t settings <"$settings"
    cd /
    exec env -i PATH=/app/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 "${settings[@]}" \
      /usr/sbin/chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
      sh -c "cd /var/lib/daka && exec \"\$@\"" sh "$@"
  ' inside "$root" "$data" "$work/settings" "$@"
}
daka() { inside tini -- daka "$@"; }
first_of() { pgrep -P "$1" | head -1; }
stop() {  # of process 1 inside; says how long it took and how it ended
  local began; began=$(now)
  kill -TERM "$(first_of "$2")"
  local code=0; wait "$2" || code=$?
  say "$1, stopped by SIGTERM" "$(ms_since "$began"), exit $code"
}
await() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.05; done; echo "waited in vain: $*" >&2; cat "$work"/*.log >&2; exit 1; }

say "image" "$("${buildah[@]}" images --format '{{.Size}}' "$name")"
show "who" inside id
show "may write into" inside sh -c 'for d in / /app /etc /usr /root /tmp /var/lib/daka; do [ -w $d ] && echo $d; done'
show "pg_dump" inside pg_dump --version
show "migrate" daka migrate
show "curriculum load" daka curriculum load
show "branch create" daka branch create 机械工程学会党支部
show "check" daka check

began=$(now)
daka serve --host 127.0.0.1 --port "$port" --workers 2 --no-jobs >"$work/web.log" 2>&1 & web=$!
started+=("$web")
await curl -sf "http://127.0.0.1:$port/readyz"
say "serve --workers 2, ready after" "$(ms_since "$began")"
for path in /healthz /readyz; do say "GET $path" "$(curl -s "http://127.0.0.1:$port$path")"; done
for path in /m/ /docs /openapi.json /docs/vendor/swagger-ui-bundle.js /console/static/console.css /console/; do
  say "GET $path" "$(curl -s -o /dev/null -w '%{http_code}, %{size_download} bytes' "http://127.0.0.1:$port$path")"
done
health=$("${buildah[@]}" inspect --format '{{range .Docker.Config.Healthcheck.Test}}{{.}}{{"\n"}}{{end}}' "$container" | tail -n +2)
mapfile -t health < <(sed "s/8000/$port/" <<<"$health")
began=$(now); code=0; nsenter --target "$(first_of "$web")" --pid --mount chroot "$root" "${health[@]/#python/\/app\/bin\/python}" || code=$?
say "health check of web" "exit $code, $(ms_since "$began")"

daka worker >"$work/worker.log" 2>&1 & worker=$!
started+=("$worker")
await grep -q job_done "$work/worker.log"
began=$(now); code=0; said=$(daka worker --check) || code=$?
say "health check of worker" "exit $code, $(ms_since "$began"): $said"
memory() {  # proportional, of all processes inside
  for pid in $(ps -o pid= --ppid "$(first_of "$1")" --pid "$(first_of "$1")"; pgrep -P "$(pgrep -d, -P "$(first_of "$1")")"); do
    awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup"
  done | awk '{s += $1} END {printf "%d MiB in %d processes", s / 1024, NR}'
}
show "memory of web" memory "$web"
show "memory of worker" memory "$worker"
if (daka --help) | grep -q backup; then show "backup while both run" daka backup /var/lib/daka/backup; fi
say "written" "$(cd "$data" && find . -mindepth 1 -printf '%p (%u, %s bytes) ')"
sleep 0.5
stop "web" "$web"
stop "worker" "$worker"
if [ -f "$data/backup" ]; then
  psql -q -h "$work/cluster" -p "$pg_port" -U postgres -c "DROP DATABASE daka" -c "CREATE DATABASE daka OWNER daka"
  show "restore into an empty database" daka restore /var/lib/daka/backup
  show "check" daka check
fi
say "left in the volume" "$(cd "$data" && find . -mindepth 1 -printf '%p ')"
say "log lines that are no JSON" "$(cat "$work"/web.log "$work"/worker.log | grep -vc '^{' || true)"

export TMP_MOUNT=none
daka serve --host 127.0.0.1 --port "$port" --workers 2 >"$work/web.log" 2>&1 & web=$!
started+=("$web")
await curl -sf "http://127.0.0.1:$port/readyz"
sleep 0.5
say "without /tmp, written" "$(cd "$data" && find . -mindepth 1 -printf '%p ')"
stop "web" "$web"
daka migrate >/dev/null & once=$!
sleep 0.05
wait "$once" && say "migrate again" "exit 0"
