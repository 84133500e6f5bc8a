"""What is allowed and probably not meant."""

from pathlib import Path

import pytest

from monitor.config import warnings
from tests.config.support import JOBS, ONE_JOB, PROVIDERS, loaded

WDCF = "  w: {type: wdcf, client_secret: s, "


def _warnings(folder: Path, text: str) -> list[str]:
    return warnings(loaded(folder, text))


def test_a_good_configuration_needs_no_advice(tmp_path: Path) -> None:
    """No news is good news."""
    assert _warnings(tmp_path, JOBS) == []


def test_without_channels_nobody_is_told(tmp_path: Path) -> None:
    """Allowed, for a look at `status`, and worth a word."""
    assert _warnings(tmp_path, PROVIDERS + ONE_JOB) == [
        "no channels are configured: alerts are shown by `status`, and nobody is told"
    ]


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "[2001:db8::1]:8080", "localhost.example.org"])
def test_signatures_do_not_travel_in_the_clear_unnoticed(host: str, tmp_path: Path) -> None:
    """http:// is for loopback."""
    text = JOBS.replace("channels:", f"{WDCF}base_url: 'http://{host}'}}\nchannels:")
    assert _warnings(tmp_path, text) == [
        "providers.w.base_url is http: the credentials' signatures travel in the clear"
    ]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:80", "nami.localhost"])
def test_loopback_may_be_plain_http(host: str, tmp_path: Path) -> None:
    """The sandbox, a proxy of one's own."""
    assert (
        _warnings(tmp_path, JOBS.replace("channels:", f"{WDCF}base_url: 'http://{host}'}}\nchannels:")) == []
    )


def test_a_certificate_that_is_not_looked_at_is_mentioned(tmp_path: Path) -> None:
    """Whoever turned it off for a test should not forget it."""
    assert _warnings(tmp_path, JOBS.replace("channels:", f"{WDCF}verify_tls: no}}\nchannels:")) == [
        "providers.w.verify_tls is off: whoever answers is believed, balances and all"
    ]


@pytest.mark.parametrize(
    ("schedule", "needed"),
    [
        pytest.param("every: 1s", "121", id="interval"),
        pytest.param("cron: '* * * * *'", None, id="cron-within-the-limit"),
    ],
)
def test_more_calls_than_a_host_allows_are_told_with_figures(
    schedule: str, needed: str | None, tmp_path: Path
) -> None:
    """All jobs of all providers on one host count, against the strictest limit of them."""
    text = f"""\
providers:
  a: {{type: nami, api_key: k, api_secret: s}}
  b: {{type: nami, api_key: k, api_secret: s, base_url: "https://NAMI.exchange:443/path", rate_limit: 600/1m}}
channels: {{ops: {{urls: ["json://h"]}}}}
jobs:
  - {{name: x, provider: a, {schedule}, wallet: spot}}
  - {{name: y, provider: b, {schedule}, wallet: futures}}
  - {{name: z, provider: a, every: 1m, wallet: futures}}
"""
    expected = (
        f"x, y, z: polling on time takes {needed} calls a minute at https://nami.exchange:443, and its rate_limit "
        "60/1m allows 60; polls will be late"
    )
    assert _warnings(tmp_path, text) == ([expected] if needed else [])


def test_exactly_as_many_calls_as_allowed_are_fine(tmp_path: Path) -> None:
    """60 calls a minute, one a second: no word about it."""
    assert _warnings(tmp_path, JOBS.replace("every: 1m", "every: 1s")) == []


def test_a_cron_jobs_calls_are_those_of_an_hour_in_which_it_runs(tmp_path: Path) -> None:
    """Two accounts every other minute are one call a minute."""
    text = JOBS.replace("client_secret: secret-of-wdcf", "client_secret: s, rate_limit: 1/2m")
    assert _warnings(tmp_path, text.replace("every: 5m", "cron: '*/2 3 * * *'")) == [
        "clients: polling on time takes 1 calls a minute at https://wdcf.xerve.online:443, and its rate_limit 1/2m "
        "allows 0.5; polls will be late"
    ]


def test_a_glob_that_fits_nothing_is_mentioned(tmp_path: Path) -> None:
    """A misspelt client among others would go unwatched."""
    text = f"{JOBS}rules: [{{name: r, type: threshold, below: 1, match: {{account: [A, C], currency: USD}}}}]"
    assert _warnings(tmp_path, text) == ["rule r: match.account 'C' fits nothing that is configured"]


def test_a_reference_without_braces_is_mentioned(tmp_path: Path) -> None:
    """`$NAME` is a secret like any other, and hardly ever one. What is not a name alone is not repeated."""
    text = JOBS.replace("key-of-nami", "$NAMI_API_KEY").replace(
        "json://example.org/hook", "json://me:$PASS@h/hook"
    )
    assert _warnings(tmp_path, text) == [
        "providers.nami.api_key is taken as it is written; did you mean `${NAMI_API_KEY}`?",
        "channels.ops.urls[0] holds a `$` that is taken as it is written; a reference has braces: `${NAME}`",
    ]


@pytest.mark.parametrize("key", ["$aB3xY", "pa$WORD", "$", "${NAMI_API_KEY}"])
def test_other_dollars_are_a_secrets_own(key: str, tmp_path: Path) -> None:
    """No word about them, and nothing of them shown."""
    config = loaded(tmp_path, JOBS.replace("key-of-nami", f"'{key}'"), {"NAMI_API_KEY": "k"})
    assert warnings(config) == []
