# Builds the image that docs/deployment.md describes: no root user, a read-only root file system, no build tools, and no
# pip in the venv.
#
# The tag gets the fixes of Debian and Python. For a reproducible base image, append the digest here, or pass
# --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
# Every download is pinned by its hash, including the build backend. Only wheels: an sdist would run its own setup code
# and download build tools that no lock file pins.
COPY requirements-build.lock requirements.lock requirements-charts.lock ./
# --build-arg LOCK=requirements-charts.lock adds the packages for charts in messages, about 170 MB.
ARG LOCK=requirements.lock
RUN python -m venv /build \
    && /build/bin/pip install --require-hashes --no-deps --only-binary=:all: -r requirements-build.lock \
    && python -m venv --without-pip /opt/balance-monitor/venv \
    && /build/bin/pip --python /opt/balance-monitor/venv/bin/python \
        install --require-hashes --no-deps --only-binary=:all: -r "${LOCK}"
# A layer of its own, so that a code change does not rebuild the dependencies. --no-index: from here on nothing is
# downloaded.
COPY pyproject.toml README.md LICENSE ./
COPY monitor monitor
RUN /build/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /dist . \
    && /build/bin/pip --python /opt/balance-monitor/venv/bin/python install --no-index --no-deps /dist/*.whl

FROM ${PYTHON_IMAGE}
# A fixed uid, so that the owner of a bind mount can be set to it. It is above the range that distributions assign.
# tini as process 1 reaps the processes that a killed health check or `docker exec` leaves behind. Its version is not
# pinned, like the packages of the base image:
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 balance-monitor \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/balance-monitor \
        --shell /usr/sbin/nologin balance-monitor \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/balance-monitor
COPY --from=build /opt/balance-monitor/venv /opt/balance-monitor/venv
# PYTHONUNBUFFERED: a log line in a buffer is lost if the process is killed.
# PYTHONDONTWRITEBYTECODE: the root file system is read-only, and pip compiled all bytecode at build time.
# CREDENTIALS_DIRECTORY: the directory in which ${file:NAME} is looked up.
# BALANCE_MONITOR_ALIVE: the daemon's sign of life, for the health check.
ENV PATH=/opt/balance-monitor/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BALANCE_MONITOR_CONFIG=/etc/balance-monitor/config.yaml \
    CREDENTIALS_DIRECTORY=/run/secrets \
    BALANCE_MONITOR_ALIVE=/var/lib/balance-monitor/alive
# A number, so that an orchestrator can see without /etc/passwd that the user is not root.
USER 10001:10001
WORKDIR /var/lib/balance-monitor
VOLUME ["/var/lib/balance-monitor"]
STOPSIGNAL SIGTERM
# "Unhealthy" means that a restart may help: the daemon gives no sign of life. It gives one every 10 s while its event
# loop runs, the store's writer answers, and polls start on time. These do not make the container unhealthy: a low
# balance, a provider's outage, polls that wait for the rate limit after a stop, and a rejected configuration file.
# Shell form, because the command needs the variable and the pipe:
# hadolint ignore=DL3025
HEALTHCHECK --interval=60s --timeout=10s --start-period=2m --retries=3 \
    CMD find "$BALANCE_MONITOR_ALIVE" -mmin -2 | grep -q .
# -s: also works if the container has another init as process 1 (`init: true`).
ENTRYPOINT ["tini", "-s", "--", "balance-monitor"]
CMD ["run"]
