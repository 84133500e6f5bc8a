"""What channels say of each other, and of their quiet hours."""

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.domain.windows import QuietHours
from tests.config.support import ONE_JOB, PROVIDERS, loaded, problems

URLS = 'urls: ["json://h"]'
TIMES = "expected a time of day, from 00:00 to 23:59"
DAYS = "expected mon, tue, wed, thu, fri, sat or sun"


def _row(text: str, *lines: str, id: str) -> object:
    return pytest.param(text, list(lines), id=id)


def _problems(folder: Path, channels: str) -> list[str]:
    """What is wrong with channels, the first of which stands in line 6, column 3; without the file's name."""
    lines = problems(folder, f"{PROVIDERS}{ONE_JOB}channels:\n{channels}")
    return [line.removeprefix("config.yaml:") for line in lines]


def _channels(*channels: str) -> str:
    return "".join(
        f"  {name}: {{{URLS}{more}}}\n" for name, _, more in (one.partition(" ") for one in channels)
    )


@pytest.mark.parametrize(
    ("said", "read"),
    [("", None), (", chart: yes", True), (", chart: false", False)],
    ids=["nothing", "yes", "no"],
)
def test_whether_it_wants_charts(said: str, read: bool | None, tmp_path: Path) -> None:
    """Saying nothing is not the same as saying no."""
    config = loaded(tmp_path, f"{PROVIDERS}{ONE_JOB}channels:\n{_channels(f'ops {said}')}")
    assert config.channels["ops"].chart is read


def test_wanting_charts_is_yes_or_no(tmp_path: Path) -> None:
    """Nothing in between."""
    assert _problems(tmp_path, _channels("ops , chart: maybe")) == [
        "6:36: channels.ops.chart: expected true or false, got 'maybe'"
    ]


@pytest.mark.parametrize(
    ("channels", "lines"),
    [
        _row(
            _channels("ops , fallback: fone", "phone"),
            "6:39: channels.ops.fallback: unknown channel 'fone'; did you mean `phone`?",
            id="fallback-misspelt",
        ),
        _row(
            _channels("ops , fallback: ops"),
            "6:39: channels.ops.fallback: is circular: ops → ops",
            id="fallback-of-itself",
        ),
        _row(
            _channels("a , fallback: b", "b , fallback: c", "c , fallback: a", "d , fallback: a"),
            "6:37: channels.a.fallback: is circular: a → b → c → a",
            id="a-circle-is-told-once",
        ),
        _row(
            _channels("ops , fallback_after: 1m"),
            "6:8: channels.ops.fallback: is required with `fallback_after`",
            id="after-without-a-fallback",
        ),
        _row(
            _channels("ops , fallback: phone, fallback_after: 13h", "phone"),
            "6:62: channels.ops.fallback_after: must be at most 12h, got '13h'",
            id="after-what-is-given-up",
        ),
    ],
)
def test_a_fallback(channels: str, lines: list[str], tmp_path: Path) -> None:
    """It is another channel, and the last of them has none."""
    assert _problems(tmp_path, channels) == lines


@pytest.mark.parametrize(
    ("hours", "lines"),
    [
        _row(
            "{from: 24:00, to: '7'}",
            f"6:49: channels.ops.quiet_hours.from: {TIMES}, got '24:00'",
            f"6:60: channels.ops.quiet_hours.to: {TIMES}, got '7'",
            id="no-times",
        ),
        _row("{from: 22:00}", "6:42: channels.ops.quiet_hours.to: is required", id="no-end"),
        _row(
            "{from: 22:00, untl: 7:00, too: 8:00}",
            "6:56: channels.ops.quiet_hours.untl: unknown key; known: from, to, timezone, days",
            "6:68: channels.ops.quiet_hours.too: unknown key; did you mean `to`?",
            id="the-keys-are-those-of-quiet-hours",
        ),
        _row(
            "{from: 22:00, to: 7:00, timezone: Europe/Berlim}",
            "6:76: channels.ops.quiet_hours.timezone: unknown time zone 'Europe/Berlim'; did you mean `Europe/Berlin`?",
            id="zone",
        ),
        _row(
            "{from: 22:00, to: 7:00, days: [mon, tues]}",
            f"6:78: channels.ops.quiet_hours.days[1]: {DAYS}, got 'tues'; did you mean `tue`?",
            id="day",
        ),
        _row(
            "{from: 22:00, to: 7:00, days: []}",
            "6:72: channels.ops.quiet_hours.days: is empty",
            id="no-day",
        ),
        _row(
            "22-7",
            '6:42: channels.ops.quiet_hours: expected a mapping such as {from: "22:00", to: "07:00"}, got text',
            id="a-text",
        ),
    ],
)
def test_quiet_hours_that_cannot_be_meant(hours: str, lines: list[str], tmp_path: Path) -> None:
    """Two times of day, a time zone, weekdays."""
    assert _problems(tmp_path, _channels(f"ops , quiet_hours: {hours}")) == lines


def test_a_channel_is_as_the_file_says(tmp_path: Path) -> None:
    """Everything that can be said of a channel reaches it; left out, there are no quiet hours and no fallback."""
    text = _channels(
        "ops , fallback: phone, fallback_after: 90s, quiet_hours: "
        "{from: 22:30, to: '06:00', timezone: Asia/Ho_Chi_Minh, days: [mon, sun]}",
        "phone",
    )
    channels = loaded(tmp_path, f"{PROVIDERS}{ONE_JOB}channels:\n{text}").channels
    ops, phone = channels["ops"], channels["phone"]
    assert (ops.fallback, ops.fallback_after) == ("phone", timedelta(seconds=90))
    assert ops.quiet_hours == QuietHours(
        begins=time(22, 30), ends=time(6), timezone=ZoneInfo("Asia/Ho_Chi_Minh"), weekdays=frozenset({0, 6})
    )
    assert (phone.fallback, phone.fallback_after, phone.quiet_hours) == (None, timedelta(minutes=5), None)


SEVERAL = "contains several URLs; list them one by one, each with its own reference"


@pytest.mark.parametrize(
    "given",
    [
        "discord://id/token,tgram://123:abc/1",
        "discord://id/token, tgram://123:abc/1",
        "discord://id/token tgram://123:abc/1",
        "json://h/?format=text tgram://123:abc/1",
        "json://h/?format=text,tgram://123:abc/1",
    ],
    ids=["comma", "comma-and-space", "space", "space-after-a-query", "comma-after-a-query"],
)
@pytest.mark.parametrize("form", ["urls: '${OPS_URL}'", "urls: ['${OPS_URL}']"], ids=["alone", "in-a-list"])
def test_several_urls_in_one_value_are_refused(given: str, form: str, tmp_path: Path) -> None:
    """Else the second one's token goes to the first one's service. Nothing of them is shown."""
    text = f"{PROVIDERS}{ONE_JOB}channels:\n  ops: {{{form}}}\n"
    [line] = problems(tmp_path, text, {"OPS_URL": given})
    assert line.startswith("config.yaml:6:")
    assert line.endswith(f": {SEVERAL}")


@pytest.mark.parametrize(
    "given",
    [
        "mailto://u:p@example.com?to=a@example.com,b@example.com",
        "ntfy://h/alice,bob",
        "json://h/?-link=a,https://example.com/b",
        "ntfy://h/a?click=https://example.com/",
    ],
    ids=["mail-addresses", "topics", "a-parameter-with-a-comma", "a-parameter-that-is-an-address"],
)
def test_commas_within_a_url_are_its_own(given: str, tmp_path: Path) -> None:
    """Targets and parameters have them."""
    config = loaded(
        tmp_path, f"{PROVIDERS}{ONE_JOB}channels:\n  ops: {{urls: '${{OPS_URL}}'}}\n", {"OPS_URL": given}
    )
    assert [url.get_secret_value() for url in config.channels["ops"].urls] == [given]
