"""Rule tests: a file of stories against the daemon's own evaluator, and what is said where one differs."""

from pathlib import Path

import pytest

from monitor import config as configuration
from monitor.app.ruletest import Verdict, run
from monitor.config import ruletests
from monitor.errors import ConfigError

CONFIG = """
providers:
  nami-main: {type: nami, api_key: key, api_secret: secret}
  wdcf-main: {type: wdcf, client_secret: secret}
channels:
  ops: {urls: ["json://127.0.0.1:1/ops"]}
  phone: {urls: ["json://127.0.0.1:1/phone"]}
jobs:
  - {name: spot, provider: nami-main, every: 1m, wallet: spot, currencies: {1: VNDC, 22: USDT}}
  - {name: clients, provider: wdcf-main, every: 5m, clients: [A, B]}
routes:
  - {match: {severity: critical}, notify: [ops, phone], escalate_after: 5m, escalate_to: [phone]}
  - {notify: [ops]}
rules:
  - {name: low, type: threshold, match: {currency: USDT}, below: 1000, clear: 1200, for: 2m, severity: critical,
     repeat_every: 10m}
  - {name: drained, type: delta, match: {job: clients}, drop: 20%, within: 15m}
  - {name: old, type: stale, match: {job: spot}, after: 10m}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> configuration.Config:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    return configuration.load(file, {})


def verdicts_of(tmp_path: Path, loaded: configuration.Config, text: str) -> list[Verdict]:
    file = tmp_path / "rules.test.yaml"
    file.write_text(text)
    return [run(test, loaded) for test in ruletests.load(file, loaded)]


def story(series: str, expect: str, more: str = "") -> str:
    return f"tests:\n  - name: a story\n    series: {{{series}}}\n    expect: [{expect}]\n{more}"


def event(at: str, kind: str, rule: str = "low", series: str = "spot/spot/USDT", **more: str) -> str:
    others = "".join(f", {key}: {value}" for key, value in more.items())
    return f"{{at: {at}, rule: {rule}, series: {series}, event: {kind}{others}}}"


LOW = "spot/spot/USDT: 1500 900x4 1300"


@pytest.mark.parametrize(
    ("series", "expect", "more"),
    [
        pytest.param(
            LOW, event("3m", "fired") + ", " + event("6m", "resolved"), "", id="fires-after-for-and-resolves"
        ),
        pytest.param("spot/spot/USDT: 1500 900 1500", "", "", id="a-dip-shorter-than-for-is-nothing"),
        pytest.param(
            "spot/spot/USDT: 900x2 1100x2 1200",
            event("2m", "fired") + ", " + event("6m", "resolved"),
            "",
            id="goes-on-until-clear",
        ),
        pytest.param(
            "spot/spot/USDT: 900x2 _x11",
            ", ".join(
                [
                    event("2m", "fired"),
                    event("7m", "escalated", to="[phone]"),
                    event("12m", "fired", "old", severity="warning", to="[ops]"),
                ]
            ),
            "",
            id="nobody-acknowledges-and-nothing-is-read-any-more",
        ),
        pytest.param(
            "spot/spot/USDT: 900x12",
            event("2m", "fired"),
            "    do: [{at: 3m, ack: {rule: low}}]\n",
            id="an-acknowledgement-stops-reminders-and-escalation",
        ),
        pytest.param(
            "spot/spot/USDT: 1500 900x6 1300",
            event("6m", "fired") + ", " + event("8m", "resolved"),
            "    do: [{at: 1m, silence: {currency: USDT}, for: 5m}]\n",
            id="a-silence-holds-the-firing-back",
        ),
        pytest.param(
            "clients/A/USD: 100 90 80 100",
            event("2m", "fired", "drained", "clients/A/USD", reason="20.00 %")
            + ", "
            + event("3m", "resolved", "drained", "clients/A/USD"),
            "",
            id="a-drop-within-a-window",
        ),
        pytest.param(
            "clients/A/USD: 100 !timeoutx3 100",
            event("3m", "fired", "failing", "wdcf-main", reason="timeout")
            + ", "
            + event("4m", "resolved", "failing", "wdcf-main"),
            "",
            id="failures-are-no-readings",
        ),
        pytest.param(
            "spot/spot/USDT: 1500x3, spot/spot/VNDC: 5 ~x3 ",
            event("3m", "fired", "failing", "spot/spot/VNDC"),
            "",
            id="a-currency-that-is-lacking",
        ),
    ],
)
def test_a_story_that_holds(
    tmp_path: Path, loaded: configuration.Config, series: str, expect: str, more: str
) -> None:
    (verdict,) = verdicts_of(tmp_path, loaded, story(series, expect, more))
    assert verdict.passed, "\n".join(verdict.lines)


@pytest.mark.parametrize(
    ("expect", "lines"),
    [
        pytest.param(
            event("4m", "fired") + ", " + event("6m", "resolved"),
            ["- 4m  fired  low  spot/spot/USDT", "+ 3m  fired  low", "  6m  resolved"],
            id="another-time",
        ),
        pytest.param("", ["+ 3m  fired", "+ 6m  resolved"], id="nothing-was-expected"),
        pytest.param(
            ", ".join([event("3m", "fired"), event("4m", "reminder"), event("6m", "resolved")]),
            ["  3m  fired", "- 4m  reminder", "  6m  resolved"],
            id="one-that-never-came",
        ),
        pytest.param(
            event("3m", "fired", severity="warning") + ", " + event("6m", "resolved"),
            [
                "- 3m  fired  low  spot/spot/USDT  warning",
                "+ 3m  fired  low  spot/spot/USDT  critical",
                "  6m",
            ],
            id="another-severity",
        ),
        pytest.param(
            event("3m", "fired", to="[ops]") + ", " + event("6m", "resolved"),
            ["- 3m  fired  low  spot/spot/USDT  to ops", "+ 3m", "  6m"],
            id="another-channel",
        ),
    ],
)
def test_what_is_said_of_one_that_does_not(
    tmp_path: Path, loaded: configuration.Config, expect: str, lines: list[str]
) -> None:
    """What was expected with a minus, what came with a plus, what is alike with neither."""
    (verdict,) = verdicts_of(tmp_path, loaded, story(LOW, expect))
    assert not verdict.passed
    assert len(verdict.lines) == len(lines)
    assert all(got.startswith(start) for got, start in zip(verdict.lines, lines, strict=True)), verdict.lines


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", ": is empty; `tests` is required", id="nothing"),
        pytest.param("test: []\n", ":1:1: test: unknown key; did you mean `tests`?", id="a-misspelt-key"),
        pytest.param(
            story("spot/spt/USDT: 1", ""), "no such account: 'spot/spt'; did you mean", id="no-such-account"
        ),
        pytest.param(story("spot/spot/USD: 1", ""), "no such currency: 'USD'", id="no-such-currency"),
        pytest.param(story("spot/spot/USDT: 1oo", ""), "'1oo': expected a reading", id="no-reading"),
        pytest.param(story(LOW, event("3m", "fires")), "expected fired, reminder", id="no-such-event"),
        pytest.param(story(LOW, event("3m", "fired", rule="lo")), "no such rule: 'lo'", id="no-such-rule"),
        pytest.param(
            story(LOW, event("3m", "fired", to="[op]")), "no such channel: 'op'", id="no-such-channel"
        ),
        pytest.param(
            story("spot/spot/USDT: 1 1, spot/spot/VNDC: 1 _", ""),
            "a poll reads all of spot/spot or nothing, and at step 1",
            id="half-a-poll",
        ),
        pytest.param(
            story(LOW, "", "    do: [{at: 1m}]\n"), "is required, or `silence`", id="nothing-is-done"
        ),
        pytest.param(
            story(LOW, "", "    do: [{at: 1m, silence: {rule: low}}]\n"),
            "is required with `silence`",
            id="no-end",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, loaded: configuration.Config, text: str, problem: str) -> None:
    """At its place in the file, with what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        verdicts_of(tmp_path, loaded, text)
    assert problem in "\n".join(caught.value.lines())
