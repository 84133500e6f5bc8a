"""Messages in words of one's own: what templates see, what they may do, and that one that fails costs no message."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta

import pytest

from monitor.domain.alerts import EventKind
from monitor.domain.messages import Item
from monitor.domain.rules import Presentation, TemplateFormat, Words
from monitor.notify.templates import VARIABLES, check, render
from tests.domain.support import START, a_report

FIRED = Item(last=a_report(names=[["job", "nami-spot"], ["account", "spot"]]))
RESOLVED = Item(
    last=a_report(EventKind.RESOLVED, 2, reason="available 1300, expected at least 1000"), fired=a_report()
)


def body(template: str, item: Item = FIRED, links: Mapping[str, str] | None = None) -> str:
    return render([item], channel=Words(body=template), links=links or {}).plain


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param(
            "{{ headline }} {{ subject }}", "CRITICAL nami-spot/spot/USDT", id="headline-and-subject"
        ),
        pytest.param("{{ job }}, {{ account }}", "nami-spot, spot", id="the-subjects-names"),
        pytest.param(
            "{{ labels.team }}{{ labels.other }}", "treasury", id="a-label-that-is-not-there-is-empty"
        ),
        pytest.param("{{ value }} from {{ before }}", "900.10 from 1100.00", id="amounts-digit-for-digit"),
        pytest.param("{{ change }} ({{ change_percent }})", "-199.90 (-18.17 %)", id="the-change"),
        pytest.param("{{ trend | join(' ') }}", "1100.00 900.10", id="the-trend-is-a-list"),
        pytest.param(
            "{{ since }}, {{ duration }}", "2026-02-01 14:30:00 UTC, 1m", id="times-as-people-read-them"
        ),
        pytest.param("{{ incident }}/{{ number }}", "ABCDEFGHJK/1", id="incident-and-number"),
        pytest.param("{% if severity == 'critical' %}!{% endif %}", "!", id="conditions"),
    ],
)
def test_what_templates_see(template: str, expected: str) -> None:
    assert body(template) == expected


@pytest.mark.parametrize("name", VARIABLES)
def test_every_documented_variable_exists(name: str) -> None:
    """The table in the documentation is the table in the program."""
    assert check(f"{{{{ {name} }}}}")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        pytest.param(
            "{{ subjekt }}",
            "unknown variable `subjekt`; did you mean `subject`?",
            id="a-misspelt-variable",
        ),
        pytest.param("{{ x }}", "unknown variable `x`; known: headline, kind,", id="an-unknown-variable"),
        pytest.param("{{ links.wiki }}", "unknown link `wiki`; known: runbook", id="an-unknown-link"),
        pytest.param(
            "{{ links.runbok }}",
            "unknown link `runbok`; did you mean `runbook`?",
            id="a-misspelt-link",
        ),
        pytest.param("{{ subject", "the template fails: ", id="a-bracket-left-open"),
        pytest.param("{% if %}", "the template fails: ", id="bad-syntax"),
        pytest.param("{{ subject | shout }}", "No filter named 'shout'", id="an-unknown-filter"),
        pytest.param("{{ ''.__class__.__mro__ }}", "unsafe", id="a-way-out-of-the-sandbox"),
        pytest.param("{{ 1 / 0 }}", "division by zero", id="arithmetic"),
        pytest.param("{% include 'x' %}", "the template fails: ", id="another-file"),
        pytest.param("line one\n{{ nothing }}", "unknown variable `nothing`", id="on-a-later-line"),
    ],
)
def test_what_check_refuses(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match="the template fails") as caught:
        check(template, ["runbook"])
    assert reason in str(caught.value)


def test_a_summary_has_a_built_in_text() -> None:
    """A template that tells of an alert would lose its lines."""
    summary = Item(last=a_report(EventKind.SUMMARY, details=[["Polls", "10 made"]]))
    message = render([summary], channel=Words(body="mine"))
    assert "Polls: 10 made" in message.plain


def test_without_a_template_jinja2_is_not_loaded() -> None:
    """It costs memory and time that most configurations have no use for."""
    loaded = "monitor.alerting.outbox, monitor.config, monitor.notify.templates"
    code = f"import sys, {loaded}; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_rules_words_come_before_the_channels() -> None:
    """Whoever writes for one rule means that rule."""
    own = Presentation(message=Words(title="rule"))
    assert render([FIRED], rule=own, channel=Words(title="channel")).title == "rule"


def test_what_is_not_given_is_built_in() -> None:
    """A title alone leaves the body as it is."""
    message = render([FIRED], channel=Words(title="{{ rule }}"))
    assert (message.title, "Incident: ABCDEFGHJK" in message.plain) == ("usdt-low", True)


def test_several_incidents_have_a_built_in_text() -> None:
    """A template tells of one."""
    other = Item(last=a_report(incident="KKKKKKKKKK"))
    message = render([FIRED, other], channel=Words(title="mine"))
    assert message.title.startswith("2 CRITICAL: usdt-low")


def test_a_template_that_fails_costs_no_message() -> None:
    """What passed `check` may still meet facts it does not fit."""
    item = Item(last=a_report(value="", before=""))
    message = render([item], channel=Words(body="{{ 1 / (value | length) }}"))
    assert "Expected: at least 1000" in message.plain
    assert "Template: failed, so this is the built-in message: ZeroDivisionError" in message.plain


def test_html_is_escaped_in_html_and_nowhere_else() -> None:
    """An account named like a tag is a name."""
    item = Item(last=a_report(subject="clients/<b>/VND"))
    message = render([item], channel=Words(body="<i>{{ subject }}</i>", format="html"))
    assert message.html == "<i>clients/&lt;b&gt;/VND</i>"
    assert message.plain == "clients/<b>/VND"


@pytest.mark.parametrize(
    ("written_in", "markdown", "html"),
    [
        pytest.param("text", "`*a* & b`", "*a* &amp; b", id="text"),
        pytest.param("markdown", "*a* & b", "*a* &amp; b", id="markdown"),
    ],
)
def test_each_service_gets_what_it_shows(written_in: TemplateFormat, markdown: str, html: str) -> None:
    message = render([FIRED], channel=Words(body="*a* & b", format=written_in))
    assert (message.plain, message.markdown, message.html) == ("*a* & b", markdown, html)


def test_links_are_lines_of_the_built_in_message() -> None:
    """A rule's own link replaces the one of the same name."""
    links = {
        "runbook": "https://wiki.example/{{ rule }}",
        "status": "https://s.example/{{ subject | urlencode }}",
    }
    own = Presentation(links={"runbook": "https://wiki.example/mine"})
    text = render([FIRED], rule=own, links=links).plain
    assert "Runbook: https://wiki.example/mine" in text
    assert "Status: https://s.example/nami-spot/spot/USDT" in text


def test_a_template_can_use_the_links() -> None:
    """By the name they have in the configuration."""
    assert body("{{ links.runbook }}", links={"runbook": "https://wiki.example/{{ rule }}"}) == (
        "https://wiki.example/usdt-low"
    )


def test_a_title_stays_on_one_line() -> None:
    """Whatever the template makes."""
    message = render([FIRED], channel=Words(title="a\n\nb" * 500))
    assert "\n" not in message.title
    assert len(message.title) <= 250


def test_firing_and_end_in_one() -> None:
    """A template can tell them apart from a plain end."""
    assert body("{{ kind }}: {{ fired }} -> {{ reason }} ({{ number }})", RESOLVED) == (
        "resolved: available 900.10 < 1000 -> available 1300, expected at least 1000 (1-2)"
    )


def test_times_are_utc() -> None:
    """As everywhere."""
    later = a_report(at=(START + timedelta(hours=2, minutes=5)).isoformat())
    assert body("{{ at }} after {{ duration }}", Item(last=later)) == "2026-02-01 16:35:00 UTC after 2h 5m"
