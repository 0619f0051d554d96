# 打卡：一个镜像，用于网站、后台进程与全部命令。 docker build -t daka .
# 软件源较慢时：--build-arg PYPI=https://镜像地址/simple  --build-arg NPM=https://镜像地址  --build-arg DEBIAN=http://镜像地址/debian  --build-arg PYTHON_IMAGE=镜像地址/python:3.11-slim-bookworm
# 要固定到某一次发布：--build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# The member's page for a browser, built with the Node that the lock names. None of this stays but the page.
FROM ${PYTHON_IMAGE} AS client
ARG PYPI=https://pypi.org/simple
ARG NPM=https://registry.npmjs.org
ARG UV=0.13.9
ENV UV_SYSTEM_CERTS=1 UV_NO_CACHE=1 NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt npm_config_registry=$NPM
WORKDIR /source
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore --index-url "$PYPI" "uv==$UV"
COPY pyproject.toml uv.lock ./
RUN uv export --quiet --locked --only-group client --no-emit-project --output-file requirements.txt \
 && uv pip install --quiet --system --default-index "$PYPI" --require-hashes --requirements requirements.txt
COPY miniprogram miniprogram
RUN python3 miniprogram/build_h5.py

FROM ${PYTHON_IMAGE} AS build
ARG PYPI=https://pypi.org/simple
ARG DEBIAN=
ARG UV=0.13.9
# An own certificate authority, where there is one, is mounted over /etc/ssl/certs while building and does not stay in the image.
ENV UV_SYSTEM_CERTS=1 UV_NO_CACHE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/app
WORKDIR /source
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore --index-url "$PYPI" "uv==$UV"
COPY pyproject.toml uv.lock ./
# Not `uv sync`: it takes the lock's own addresses and knows no mirror. The lock's versions and hashes hold here all the same.
RUN uv export --quiet --locked --no-dev --no-emit-project --output-file requirements.txt \
 && uv venv --quiet --python "$(command -v python3)" "$VIRTUAL_ENV" \
 && uv pip install --quiet --default-index "$PYPI" --require-hashes --compile-bytecode --requirements requirements.txt
COPY . .
COPY --from=client /source/api/static/m api/static/m
RUN uv pip install --quiet --default-index "$PYPI" --no-deps --compile-bytecode .
# PostgreSQL's own programs for backup and restore, without the Perl that their package brings along. They work with servers up to their version.
RUN if [ -n "$DEBIAN" ]; then sed -i "s|http://deb.debian.org/debian$|$DEBIAN|" /etc/apt/sources.list.d/debian.sources; fi \
 && apt-get update -q && apt-get download -q postgresql-client-15 && dpkg-deb --extract postgresql-client-15_*.deb /postgresql

FROM ${PYTHON_IMAGE}
ARG DEBIAN=
RUN if [ -n "$DEBIAN" ]; then sed -i "s|http://deb.debian.org/debian$|$DEBIAN|" /etc/apt/sources.list.d/debian.sources; fi \
 && apt-get update -q && apt-get install -y -q --no-install-recommends tini libpq5 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 10001 daka \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/daka --shell /usr/sbin/nologin daka \
 && install -d -o daka -g daka -m 0750 /var/lib/daka \
 # The base image has removed the bytecode of Python's own library; a read-only container would compile it at every start.
 && python3 -m compileall -q -x 'test|lib2to3|idlelib|tkinter|turtle|ensurepip|-packages' "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /postgresql/usr/lib/postgresql/15/bin/pg_dump /postgresql/usr/lib/postgresql/15/bin/pg_restore /postgresql/usr/lib/postgresql/15/bin/psql /usr/local/bin/
COPY --from=build /app /app
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DAKA_DATA_DIR=/var/lib/daka
USER 10001:10001
# Where there is no /tmp to write into, temporary files go here too: nothing else needs to be writable.
WORKDIR /var/lib/daka
VOLUME /var/lib/daka
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
# tini is process 1: it passes signals on, to a command like `migrate` too, and buries what is left of dead processes.
ENTRYPOINT ["tini", "--", "daka"]
CMD ["serve", "--host", "0.0.0.0"]
