"""Rule tests: a file of stories against the daemon's own evaluator, and what is said where one differs."""

import tempfile
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor import config as configuration
from monitor.errors import ConfigError
from monitor.ruletests import file as rule_tests
from monitor.ruletests import runner
from monitor.ruletests.runner import Verdict, run

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
    return [run(test, loaded) for test in rule_tests.load(file, loaded)]


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


EXACT = """
providers: {nami: {type: nami, api_key: key, api_secret: secret}}
channels: {ops: {urls: ["json://127.0.0.1:1/ops"]}, phone: {urls: ["json://127.0.0.1:1/phone"]}}
jobs:
  - {name: spot, provider: nami, every: 1h, wallet: spot, currencies: {22: USDT}}
  - {name: futures, provider: nami, wallet: futures, cron: "* * * * mon-fri"}
routes: [{match: {rule: low}, notify: [ops], escalate_after: 17m, escalate_to: [phone]}, {notify: [ops]}]
maintenance: [{name: night, match: {rule: low}, cron: "7 3 * * *", lasts: 13m}]
rules:
  - {name: low, type: threshold, match: {job: spot}, below: 1000, severity: critical, repeat_every: 100m}
  - {name: old, type: stale, match: {job: spot}, levels: {warning: {after: 62m}, critical: {after: 100m}}, for: 30s,
     send_resolved: off}
  - {name: resting, type: stale, match: {job: futures}, after: 3m}
failing: off
"""


@pytest.mark.parametrize(
    ("test", "expect"),
    [
        pytest.param(
            "every: 1h\n    series: {spot/spot/USDT: 1500 _x1 1500}",
            [
                event("3750s", "fired", "old", severity="warning"),
                event("6030s", "worsened", "old", severity="critical"),
            ],
            id="stale-for-each-level-and-its-end-goes-to-nobody",
        ),
        pytest.param(
            "every: 1h\n    series: {spot/spot/USDT: 900x1}",
            [event("0s", "fired"), event("17m", "escalated"), event("117m", "reminder")],
            id="an-escalation-and-a-reminder",
        ),
        pytest.param(
            "every: 1h\n    series: {spot/spot/USDT: 900x1}\n    do: [{at: 1019s, ack: {rule: low}}]",
            [event("0s", "fired")],
            id="an-acknowledgement-a-second-before-the-escalation",
        ),
        pytest.param(
            "every: 1h\n    series: {spot/spot/USDT: 900x1}\n    do: [{at: 1021s, ack: {rule: low}}]",
            [event("0s", "fired"), event("17m", "escalated")],
            id="an-acknowledgement-a-second-after-it",
        ),
        pytest.param(
            "every: 1h\n    series: {spot/spot/USDT: 900}\n    do: [{at: 0s, silence: {rule: l*}, for: 1867s}]",
            [event("0s", "fired"), event("1867s", "escalated")],
            id="the-end-of-a-silence",
        ),
        pytest.param(
            "start: 2026-01-01T03:10:00Z\n    every: 10h\n    series: {spot/spot/USDT: 900}\n"
            "    do: [{at: 11m, ack: {rule: low}}]",
            [
                event("10m", "fired"),
                event("3750s", "fired", "old"),
                event("6030s", "worsened", "old"),
                event("20430s", "reminder", "old"),
                event("34830s", "reminder", "old"),
            ],
            id="the-end-of-a-maintenance-window",
        ),
        pytest.param(
            "start: 2026-01-02T23:58:00Z\n    series: {futures/futures/USDT: 1x1 _x2900}",
            [event("2884m", "fired", "resting", "futures/futures/USDT")],
            id="a-weekend-without-runs",
        ),
    ],
)
def test_events_have_their_exact_instants(tmp_path: Path, test: str, expect: list[str]) -> None:
    """However far apart its steps are."""
    (tmp_path / "config.yaml").write_text(EXACT)
    text = f"tests:\n  - name: a story\n    expect: [{', '.join(expect)}]\n    {test}\n"
    (verdict,) = verdicts_of(tmp_path, configuration.load(tmp_path / "config.yaml", {}), text)
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
            story("spot/spt/USDT: 1", ""), "unknown account 'spot/spt'; did you mean", id="no-such-account"
        ),
        pytest.param(story("spot/spot/USD: 1", ""), "unknown currency 'USD'", id="no-such-currency"),
        pytest.param(story("spot/spot/USDT: 1oo", ""), "'1oo': expected a reading", id="no-reading"),
        pytest.param(story(LOW, event("3m", "fires")), "expected fired, reminder", id="no-such-event"),
        pytest.param(story(LOW, event("3m", "fired", rule="lo")), "unknown rule 'lo'", id="no-such-rule"),
        pytest.param(
            story(LOW, event("3m", "fired", to="[op]")), "unknown channel 'op'", id="no-such-channel"
        ),
        pytest.param(
            story("spot/spot/USDT: 1 1, spot/spot/VNDC: 1 _", ""),
            "at step 1 only some series of spot/spot have a gap or a failure",
            id="half-a-poll",
        ),
        pytest.param(
            story(LOW, "", "    do: [{at: 1m}]\n"),
            "exactly one of `ack` and `silence` is required",
            id="nothing-is-done",
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


# What only time brings

BUSY = """
providers:
  nami: {type: nami, api_key: key, api_secret: secret}
  wdcf: {type: wdcf, client_secret: secret}
channels: {ops: {urls: ["json://127.0.0.1:1/ops"]}, phone: {urls: ["json://127.0.0.1:1/phone"]}}
jobs:
  - {name: spot, provider: nami, every: 1m, wallet: spot, currencies: {22: USDT}}
  - {name: clients, provider: wdcf, every: 1m, clients: [A, B]}
routes:
  - {match: {severity: critical}, notify: [ops, phone], escalate_after: 90s, escalate_to: [phone]}
  - {notify: [ops], escalate_after: 5m, escalate_to: [phone]}
inhibit: [{source: {rule: low, severity: critical}, target: {rule: [low, drop]}, equal: [provider]}]
maintenance: [{name: often, match: {job: clients}, cron: "*/7 * * * *", lasts: 150s}]
rules:
  - {name: low, type: threshold, for: 90s, keep_firing_for: 90s, repeat_every: 150s, cooldown: 3m,
     levels: {warning: {below: 1000}, critical: {below: 500, clear: 900}}}
  - {name: drop, type: delta, drop: 20%, repeat_every: 210s, flapping: {changes: 2, within: 4m}}
  - {name: old, type: stale, levels: {warning: {after: 150s}, critical: {after: 4m}}, for: 30s, repeat_every: 2m}
  - {name: failing, type: failing, polls: 2, repeat_every: 90s, send_resolved: off}
"""
SERIES = ["spot/spot/USDT", "clients/A/USD", "clients/B/USD"]
readings = st.lists(
    st.sampled_from(["1500", "900", "400", "_", "!timeout", "!not_found"]).flatmap(
        lambda one: st.integers(0, 3).map(lambda more: f"{one}x{more}" if more else one)
    ),
    min_size=3,
    max_size=5,
).map(" ".join)
actions = st.lists(
    st.builds(
        "{{at: {}s, {}}}".format,
        st.integers(0, 24).map(lambda at: 30 * at),
        st.sampled_from(
            ["ack: {rule: low}", "silence: {job: clients}, for: 210s", "silence: {rule: old}, for: 4m"]
        ),
    ),
    max_size=3,
).map(", ".join)


@example(  # it gets worse at a poll, and then goes by a route whose `escalate_after` is over
    series={"spot/spot/USDT": "900 900 400x2", "clients/A/USD": "1500x2", "clients/B/USD": "1500x2"}, do=""
)
@given(series=st.fixed_dictionaries(dict.fromkeys(SERIES, readings)), do=actions)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_look_in_between_would_see_more(series: dict[str, str], do: str) -> None:
    """Every span is a multiple of half a minute: looks at each of them see all there is to see."""

    def every_half_minute(story: runner._Run, *_: object) -> list[object]:
        steps = range(2 * story.test.steps)
        return [story.test.start + step * timedelta(seconds=30) for step in steps]

    text = f"tests:\n  - name: a story\n    series: {series}\n    do: [{do}]\n    expect: []\n"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text(BUSY)
        config = configuration.load(Path(folder) / "config.yaml", {})
        (verdict,) = verdicts_of(Path(folder), config, text)
        with patch.object(runner._Run, "_all_times", every_half_minute):
            (everywhere,) = verdicts_of(Path(folder), config, text)
    assert verdict.lines == everywhere.lines
