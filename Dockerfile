# Builds the image described in docs/deployment.md: no root, read-only root file system, no build tools, no pip in the venv.
#
# The tag follows Debian's and Python's fixes. To get the same bytes every time, append the digest here, or pass
# --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
# Everything fetched is named by its hash, the build backend included. Wheels only: an sdist would run its own
# setup code and fetch build tools that no lock names.
COPY requirements-build.lock requirements.lock requirements-charts.lock ./
# --build-arg LOCK=requirements-charts.lock: with what draws pictures into messages, some 170 MB more.
ARG LOCK=requirements.lock
RUN python -m venv /build \
    && /build/bin/pip install --require-hashes --no-deps --only-binary=:all: -r requirements-build.lock \
    && python -m venv --without-pip /opt/balance-monitor/venv \
    && /build/bin/pip --python /opt/balance-monitor/venv/bin/python \
        install --require-hashes --no-deps --only-binary=:all: -r "${LOCK}"
# Apart from the dependencies, so that a change of the code leaves their layer in the cache. --no-index: from here on
# nothing is fetched.
COPY pyproject.toml README.md LICENSE ./
COPY monitor monitor
RUN /build/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /dist . \
    && /build/bin/pip --python /opt/balance-monitor/venv/bin/python install --no-index --no-deps /dist/*.whl

FROM ${PYTHON_IMAGE}
# A fixed uid, so that a bind mount can be given to it; above the range that distributions hand out.
# tini: process 1 reaps what a killed health check or `docker exec` leaves behind. Its version is Debian's, as the base
# image's packages are:
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 balance-monitor \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/balance-monitor \
        --shell /usr/sbin/nologin balance-monitor \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/balance-monitor
COPY --from=build /opt/balance-monitor/venv /opt/balance-monitor/venv
# Unbuffered: a log line that waits in a buffer is lost with the process. No bytecode: the root file system is
# read-only, and pip compiled all of it at build time. CREDENTIALS_DIRECTORY: where ${file:NAME} looks.
# BALANCE_MONITOR_ALIVE: the daemon's sign of life, for the health check.
ENV PATH=/opt/balance-monitor/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BALANCE_MONITOR_CONFIG=/etc/balance-monitor/config.yaml \
    CREDENTIALS_DIRECTORY=/run/secrets \
    BALANCE_MONITOR_ALIVE=/var/lib/balance-monitor/alive
# By number: an orchestrator can see that it is not root without reading /etc/passwd.
USER 10001:10001
WORKDIR /var/lib/balance-monitor
VOLUME ["/var/lib/balance-monitor"]
STOPSIGNAL SIGTERM
# Unhealthy means "a restart may help": the daemon gives no sign of life. It does so every 10 s while its event loop
# turns, its store's writer answers and polls are started on time. A low balance, an endpoint's outage, polls that wait
# for their turn after a stop, or a mistyped configuration that the daemon refused are not that. The shell's form, for
# the variable and the pipe:
# hadolint ignore=DL3025
HEALTHCHECK --interval=60s --timeout=10s --start-period=2m --retries=3 \
    CMD find "$BALANCE_MONITOR_ALIVE" -mmin -2 | grep -q .
# -s: also where the container has an init of its own before it (`init: true`).
ENTRYPOINT ["tini", "-s", "--", "balance-monitor"]
CMD ["run"]
