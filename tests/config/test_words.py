"""Links, messages in words of one's own, the heartbeat and the summary: what is read, and what is refused where."""

import re
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.config import Cron, load
from monitor.domain.rules import Presentation, Words
from monitor.errors import ConfigError
from tests.config.support import ENVIRON, EXAMPLE, JOBS, loaded, problems, written

RULE = "{name: low, type: threshold, below: 1"
LINKS = 'links: {runbook: "https://wiki.example/{{ rule }}"}\n'


def _row(text: str, *lines: str, id: str) -> object:
    return pytest.param(text, list(lines), id=id)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        _row(
            "links: x\n", "9:8: links: expected a mapping from names to URLs, got text", id="links-no-mapping"
        ),
        _row(
            "links:\n  run-book: https://x\n",
            "10:3: links.run-book: expected a letter, then up to 49 letters, digits and underscores, "
            "for use as {{ links.NAME }}",
            id="a-links-name",
        ),
        _row(
            "links:\n  runbook: wiki/page\n",
            "10:12: links.runbook: expected a URL, such as https://wiki.example/{{ rule }}",
            id="a-link-that-leads-nowhere",
        ),
        _row(
            "links:\n  runbook: https://wiki/{{ ruel }}\n",
            "10:12: links.runbook: the template fails: unknown variable `ruel`; did you mean `rule`?",
            id="a-misspelt-variable-in-a-link",
        ),
        _row(
            f"{LINKS}rules:\n  - {RULE}, message: {{body: '{{{{ links.runbok }}}}'}}}}\n",
            "11:60: rules[0].message.body: the template fails: unknown link `runbok`; did you mean `runbook`?",
            id="a-misspelt-link-in-a-message",
        ),
        _row(
            f"rules:\n  - {RULE}, message: {{title: '{{% if %}}'}}}}\n",
            "10:61: rules[0].message.title: the template fails: Expected an expression, got 'end of statement block'",
            id="a-template-that-does-not-parse",
        ),
        _row(
            f"rules:\n  - {RULE}, message: {{format: html}}}}\n",
            "10:53: rules[0].message.body: is required with `format`",
            id="a-format-of-nothing",
        ),
        _row(
            f"rules:\n  - {RULE}, message: {{}}}}\n",
            "10:53: rules[0].message.title: is required, unless `body` is given",
            id="a-message-without-words",
        ),
        _row(
            f"rules:\n  - {RULE}, message: low}}\n",
            "10:53: rules[0].message: expected a mapping such as {title: '{{ headline }}: {{ reason }}'}, got text",
            id="a-message-that-is-text",
        ),
        _row(
            f"rules:\n  - {RULE}, message: {{boddy: x}}}}\n",
            "10:54: rules[0].message.boddy: unknown key; did you mean `body`?",
            id="a-misspelt-key-of-a-message",
        ),
        _row(
            f"rules:\n  - {RULE}, links: {{runbook: nowhere}}}}\n",
            "10:61: rules[0].links.runbook: expected a URL, such as https://wiki.example/{{ rule }}, got 'nowhere'",
            id="a-rules-own-link",
        ),
        _row(
            "heartbeat: {url: hc.example/x, every: 0s}\n",
            "9:18: heartbeat.url: expected a URL, https://… or http://…",
            "9:39: heartbeat.every: must be greater than zero, got '0s'",
            id="a-heartbeat",
        ),
        _row("heartbeat: {}\n", "9:12: heartbeat.url: is required", id="a-heartbeat-without-a-url"),
        _row(
            "summary: {cron: daily, notify: [opps], timezone: Europe/Berln}\n",
            "9:17: summary.cron: expected five fields (minute, hour, day of month, month, weekday), got 1",
            "9:33: summary.notify[0]: unknown channel 'opps'; did you mean `ops`?",
            "9:50: summary.timezone: unknown time zone 'Europe/Berln'; did you mean `Europe/Berlin`?",
            id="a-summary",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, lines: list[str]) -> None:
    found = [line.removeprefix("config.yaml:") for line in problems(tmp_path, JOBS + text)]
    assert found == lines


def test_a_channels_message_may_use_the_links_of_any_rule(tmp_path: Path) -> None:
    """It tells of every rule; but a link that nobody has is a mistake."""
    message = "message: {body: '{{ links.own }}{{ links.other }}'}"
    text = (
        JOBS.replace('hook"]}', f'hook"], {message}}}') + f'rules: [{RULE}, links: {{own: "https://x"}}}}]\n'
    )
    [line] = problems(tmp_path, text)
    assert "channels.ops.message.body: the template fails: unknown link `other`; known: own" in line


def test_a_link_that_is_wrong_is_reported_once(tmp_path: Path) -> None:
    """A message that uses it is not wrong for that."""
    message = "message: {body: '{{ links.runbook }}{{ links.own }}'}"
    rule = f"rules: [{RULE}, links: {{own: nowhere}}, {message}}}]\n"
    found = problems(tmp_path, f"{JOBS}links: {{runbook: nowhere}}\n{rule}")
    assert [line.split(": ")[1] for line in found] == ["links.runbook", "rules[0].links.own"]


def test_the_error_of_a_template_without_quotes_names_them(tmp_path: Path) -> None:
    """YAML takes {{ for a mapping with a mapping as its key."""
    [line] = problems(
        tmp_path, f"{JOBS}rules:\n  - name: low\n    message:\n      title: {{{{ headline }}}}\n"
    )
    assert line.endswith("12:15: a key must be plain text; a value that begins with {{ needs quotes")


def test_what_is_configured(tmp_path: Path) -> None:
    """Everything at once, and defaults where nothing is said."""
    text = (
        JOBS.replace('hook"]}', 'hook"], message: {title: "{{ rule }}"}}')
        + LINKS
        + f"rules:\n  - {RULE}, message: {{body: '<b>{{{{ links.more }}}}</b>', format: html}},\n"
        + '     links: {more: "https://x/{{ subject }}"}}\n'
        + "heartbeat: {url: 'https://hc.example/uuid-of-it'}\nsummary: {}\n"
    )
    config = loaded(tmp_path, text)
    assert config.links == {"runbook": "https://wiki.example/{{ rule }}"}
    assert [rule.presentation for rule in config.rules] == [
        Presentation(
            message=Words(body="<b>{{ links.more }}</b>", format="html"),
            links={"more": "https://x/{{ subject }}"},
        ),
        Presentation(),
    ]
    assert config.channels["ops"].message == Words(title="{{ rule }}")
    assert config.heartbeat is not None
    assert config.heartbeat.every == timedelta(minutes=1)
    assert config.heartbeat.url.get_secret_value() == "https://hc.example/uuid-of-it"
    assert config.summary is not None
    assert config.summary.schedule == Cron(expression="0 8 * * *", timezone=ZoneInfo("UTC"))
    assert config.summary.notify is None


def test_the_heartbeats_url_is_a_secret(tmp_path: Path) -> None:
    """Without its scheme, or every other https:// would be redacted as the beginning of a secret."""
    environ = {"BEAT": "https://hc.example/uuid-of-it"}
    config = loaded(tmp_path, JOBS + "heartbeat: {url: '${BEAT}/more'}\n", environ)
    assert {"hc.example/uuid-of-it", "hc.example/uuid-of-it/more"} <= config.secrets
    assert "uuid-of-it" not in repr(config)


def test_the_heartbeats_url_is_not_repeated(tmp_path: Path) -> None:
    """Not even where it is no URL."""
    [line] = problems(tmp_path, JOBS + "heartbeat: {url: S3CRET-uuid}\n")
    assert "S3CRET" not in line


def test_a_heartbeat_that_is_not_set_stands_in_where_no_secret_is_needed(tmp_path: Path) -> None:
    """`status` works without it, and nothing made up counts as a secret; `run` does not."""
    path = written(tmp_path, JOBS + "heartbeat: {url: '${BEAT}'}\n")
    config = load(path, {}, need_secrets=False)
    assert config.heartbeat is not None
    assert not [secret for secret in config.secrets if "unset" in secret]
    with pytest.raises(ConfigError, match="the environment variable BEAT is not set"):
        load(path, {})


def test_what_the_example_has_commented_out_is_right(tmp_path: Path) -> None:
    """Whoever takes the `#` away has a configuration."""
    (tmp_path / "wdcf-secret").write_text("wdcf-secret-of-a-file\n")
    text = EXAMPLE.read_text()
    for key in ("message", "links", "heartbeat", "summary"):
        text = re.sub(
            rf"^( *)# ({key}:.*(?:\n\1#   .*)*)", lambda found: found[1] + _bare(found[2]), text, flags=re.M
        )
    config = load(written(tmp_path, text), {**ENVIRON, "HEARTBEAT_URL": "https://hc.example/uuid-of-it"})
    assert sorted(config.links) == ["runbook", "status"]
    shown = [rule.name for rule in config.rules if rule.presentation.message and rule.presentation.links]
    assert shown == ["usdt-low"]
    assert None not in (config.heartbeat, config.summary, config.channels["ops"].message)


def _bare(commented: str) -> str:
    return re.sub(r"^( *)# ", r"\1", commented, flags=re.M)
