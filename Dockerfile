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
RUN groupadd --gid 10001 balance-monitor \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/balance-monitor \
        --shell /usr/sbin/nologin balance-monitor \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/balance-monitor
COPY --from=build /opt/balance-monitor/venv /opt/balance-monitor/venv
# Unbuffered: a log line that waits in a buffer is lost with the process. No bytecode: the root file system is
# read-only, and pip compiled all of it at build time. CREDENTIALS_DIRECTORY: where ${file:NAME} looks.
ENV PATH=/opt/balance-monitor/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BALANCE_MONITOR_CONFIG=/etc/balance-monitor/config.yaml \
    CREDENTIALS_DIRECTORY=/run/secrets
# By number: an orchestrator can see that it is not root without reading /etc/passwd.
USER 10001:10001
WORKDIR /var/lib/balance-monitor
VOLUME ["/var/lib/balance-monitor"]
STOPSIGNAL SIGTERM
# Unhealthy means "a restart may help": the daemon stopped polling on time, the store can't be read, the configuration
# is invalid (the last two print no JSON). A low balance or an endpoint's outage is not that: status says so with its
# exit code (1, 2, 3), which this ignores on purpose, and the alerts tell people. The pipe needs the shell's form:
# hadolint ignore=DL3025
HEALTHCHECK --interval=60s --timeout=10s --start-period=2m --retries=3 \
    CMD balance-monitor status --json | python -c "import json, sys; sys.exit(any(job['overdue'] for job in json.load(sys.stdin)['jobs']))"
ENTRYPOINT ["balance-monitor"]
CMD ["run"]
