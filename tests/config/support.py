"""What the tests of the configuration share."""

from collections.abc import Mapping
from pathlib import Path

from monitor.config import Config, load
from monitor.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"

ENVIRON = {
    "NAMI_API_KEY": "nami-key-of-the-environment",
    "NAMI_API_SECRET": "nami-secret-of-the-environment",
    "OPS_URL": "json://ops:hook-password@hooks.example.org/alerts",
    "PHONE_URL": "json://phone:call-password@hooks.example.org/calls",
}

PROVIDERS = """\
providers:
  nami: {type: nami, api_key: key-of-nami, api_secret: secret-of-nami}
  wdcf: {type: wdcf, client_secret: secret-of-wdcf}
"""
"""Three lines."""

ONE_JOB = "jobs: [{name: j, provider: nami, every: 1m, wallet: spot}]\n"
"""One line."""

JOBS = f"""\
{PROVIDERS}\
channels:
  ops: {{urls: ["json://example.org/hook"]}}
jobs:
  - {{name: spot, provider: nami, every: 1m, wallet: spot, currencies: {{1: VNDC, 22: USDT}}, labels: {{team: front}}}}
  - {{name: clients, provider: wdcf, every: 5m, clients: [A, B]}}
"""
"""Eight lines: what comes behind it begins in the ninth."""


def written(folder: Path, text: str | bytes) -> Path:
    """Write a configuration file into `folder`; return its path."""
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """Return the configuration in `text`."""
    return load(written(folder, text), environ or {})


def problems(folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of the error of `text`, without the directory; none if there is no error."""
    try:
        load(written(folder, text), environ or {})
    except ConfigError as error:
        return [line.replace(f"{folder}/", "") for line in error.lines()]
    return []
