"""The example that operators copy."""

import re
from datetime import UTC, datetime
from pathlib import Path

from monitor.config import load, warnings
from monitor.config.sections import (
    LEVELS,
    RULES,
    ChannelSection,
    FlappingSection,
    HeartbeatSection,
    InhibitSection,
    MaintenanceSection,
    MessageSection,
    QuietHoursSection,
    RouteSection,
    StoreSection,
    SummarySection,
    job_section,
    keys,
)
from monitor.providers import PROVIDERS
from monitor.providers.base import Section
from tests.config.support import ENVIRON, EXAMPLE, problems, written


def _with_its_secret(folder: Path) -> Path:
    (folder / "wdcf-secret").write_text("wdcf-secret-of-a-file\n")
    return written(folder, EXAMPLE.read_text())


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    """With the variables and the file that it names, and nothing to be said against it."""
    assert warnings(load(_with_its_secret(tmp_path), ENVIRON), datetime.now(UTC)) == []


def test_the_example_says_what_it_needs(tmp_path: Path) -> None:
    """Copied and not filled in, it names each thing to set."""
    missing = [line.split(": ", 2)[2] for line in problems(tmp_path, EXAMPLE.read_text())]
    assert missing == [
        "the environment variable NAMI_API_KEY is not set",
        "the environment variable NAMI_API_SECRET is not set",
        "the file wdcf-secret can't be read: No such file or directory",
        "the environment variable OPS_URL is not set",
        "the environment variable PHONE_URL is not set",
    ]


def test_the_example_shows_every_key() -> None:
    """At work, or commented out as an alternative."""
    sections: list[type[Section]] = [StoreSection, ChannelSection, QuietHoursSection, FlappingSection]
    sections += [RouteSection, InhibitSection, MaintenanceSection, MessageSection, HeartbeatSection]
    sections += [SummarySection, *RULES.values(), *LEVELS.values()]
    sections += [job_section(name) for name in PROVIDERS]
    sections += [provider.settings for provider in PROVIDERS.values()]
    known = {key for section in sections for key in keys(section)}
    shown = set(re.findall(r"([a-z_]+):(?=\s)|\b(rise|change|above)\b", EXAMPLE.read_text()))
    assert known <= {first or second for first, second in shown}


def test_the_defaults_that_the_example_shows_are_the_defaults(tmp_path: Path) -> None:
    """Without the lines that say nothing new, it is the same configuration."""
    text = EXAMPLE.read_text()
    default = (
        r"keep|base_url|timeout|retries|rate_limit|verify_tls|field|clock|polls|timezone|send_resolved|url"
        r"|keep_firing_for|repeat_every|cooldown|flapping|fallback_after|days|group_by|group_wait|continue"
    )
    shorter = re.sub(rf"^ +({default}): .*\n|^failing: on$", "", text, flags=re.M)
    assert shorter.count("\n") < text.count("\n") - 25
    given = load(_with_its_secret(tmp_path), ENVIRON)
    left_out = load(written(tmp_path, shorter), ENVIRON)
    for name in ("store", "providers", "channels", "routes", "maintenance", "rules"):
        assert getattr(left_out, name) == getattr(given, name), name
