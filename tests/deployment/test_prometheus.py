"""What is offered to Prometheus and Grafana: rules that hold, panels that find their metrics, and a table of those."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from monitor.cli.main import app
from monitor.web.metrics import exposition
from tests.web.test_metrics import full

ROOT = Path(__file__).parents[2]
PROMETHEUS, GRAFANA = ROOT / "contrib" / "prometheus", ROOT / "contrib" / "grafana"
RULES = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "balance-monitor.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
DOCUMENT = (ROOT / "docs" / "metrics.md").read_text()

OF_THE_SCRAPE = {"instance", "job", "le"}
"""Labels that Prometheus and histograms bring along."""


@cache
def samples() -> dict[str, set[str]]:
    """Every name that the page holds when there is something of everything, with its labels."""
    body, _ = exposition(*full(), "")
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels, OF_THE_SCRAPE)
    return found


def promtool(*arguments: str, folder: Path) -> None:
    """Runs Prometheus' own tool, which has to be content."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run([found, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def expressions() -> Iterator[tuple[str, str]]:
    """Every query of the rules and the dashboard, with where it stands."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"{panel['title']}, {target['refId']}", target["expr"]
    for note in DASHBOARD["annotations"]["list"]:
        if "expr" in note:
            yield note["name"], note["expr"]


EXPRESSIONS = dict(expressions())
NAME = r"\b(?:balance_monitor|process)_[a-z_]+|\bup\b(?=\{)"


# Prometheus


def test_the_rules_pass_promtools_check() -> None:
    """Syntax, templates and duplicates."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml", folder=PROMETHEUS)


def test_the_rules_fire_when_they_should_and_not_otherwise() -> None:
    """Their own tests, as they are handed out."""
    promtool("test", "rules", "rules.test.yml", folder=PROMETHEUS)


def test_every_rule_is_tested() -> None:
    """Once silent and once firing."""
    tests = yaml.safe_load((PROMETHEUS / "rules.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    told = {case["alertname"] for case in cases if case.get("exp_alerts")}
    for test in tests:
        for case in test.get("promql_expr_test", []):
            told |= {match for one in case["exp_samples"] for match in re.findall(r'"(\w+)"', one["labels"])}
    assert {rule["alert"] for rule in RULES} == silent == told


def test_the_example_passes_promtools_check(tmp_path: Path) -> None:
    """With the token's file in its place."""
    shutil.copytree(PROMETHEUS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "balance-monitor.token").write_text("token")
    promtool("check", "config", "prometheus.yml", folder=tmp_path)


def test_the_rules_go_by_the_examples_name() -> None:
    """`up` knows the daemon by nothing else."""
    [scrape] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    named = {name for _, text in expressions() for name in re.findall(r'[{ ,]job="([^"]+)"', text)}
    assert named == {scrape["job_name"]}


def test_every_rule_says_what_happened_and_how_bad_it_is() -> None:
    """In a line, and with what to do."""
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_commands_that_rules_name_are_there() -> None:
    """What somebody types at night."""
    told = " ".join(rule["annotations"]["description"] for rule in RULES)
    named = set(re.findall(r"`balance-monitor (\w+)", told))
    assert {"alerts", "check", "notify", "status"} == named
    assert named <= get_command(app).commands.keys()  # type: ignore[attr-defined]  # it is a group


# The dashboard


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_what_is_asked_for_is_exported(where: str) -> None:
    """Every metric by its name, and every label of it that is selected or summed by."""
    names = set(re.findall(NAME, EXPRESSIONS[where]))
    assert names
    assert names <= samples().keys()
    known = set.union(*(samples()[name] for name in names))
    selected = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", EXPRESSIONS[where]))
    for group in re.findall(r"\b(?:by|on|without) \(([^)]*)\)", EXPRESSIONS[where]):
        selected |= {label.strip() for label in group.split(",")}
    assert selected <= known


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_what_legends_show_is_there(panel: dict[str, Any]) -> None:
    """A label that the query's result does not have would show as nothing."""
    for target in panel["targets"]:
        names = re.findall(NAME, target["expr"])
        kept = [group.split(", ") for group in re.findall(r"\bby \(([^)]*)\)", target["expr"])]
        labels = set.intersection(*map(set, kept)) if kept else samples()[names[0]]
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_promql_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """As recording rules, with something in place of Grafana's variables."""
    rules = []
    for number, text in enumerate(EXPRESSIONS.values()):
        plain = text.replace("$__rate_interval", "5m")
        rules.append({"record": f"query:{number}", "expr": re.sub(r"\$\w+", "any", plain)})
    document = {"groups": [{"name": "dashboard", "rules": rules}]}
    (tmp_path / "dashboard.yml").write_text(yaml.safe_dump(document))
    promtool("check", "rules", "dashboard.yml", folder=tmp_path)


def test_every_variable_is_defined() -> None:
    """But for Grafana's own."""
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z_]+)", json.dumps(DASHBOARD))) - {"__rate_interval", "__all"}
    assert used == defined


def test_variables_ask_for_what_is_exported() -> None:
    """Metric and label of `label_values(metric{...}, label)`."""
    queries = [one["query"]["query"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    assert queries
    for query in queries:
        asked = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query)
        assert asked is not None
        assert asked[2] in samples()[asked[1]]


def test_every_query_goes_to_the_chosen_data_source() -> None:
    """Whatever it is called where the dashboard comes to."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in PANELS:
        assert panel["datasource"] == chosen
        assert {json.dumps(target["datasource"]) for target in panel["targets"]} == {json.dumps(chosen)}
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    """On Grafana's grid of 24 columns."""
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
    assert all(at["w"] > 0 and at["h"] > 0 and at["x"] >= 0 and at["x"] + at["w"] <= 24 for at in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


def test_every_panel_says_what_it_shows() -> None:
    """A title, and a sentence."""
    assert all(panel["title"] and panel["description"].endswith(".") for panel in PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_the_provisioning_is_whole() -> None:
    """A data source, and a folder of dashboards."""
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/balance-monitor.yml").read_text())[
        "providers"
    ]
    assert (source["type"], provider["type"]) == ("prometheus", "file")
    assert provider["options"]["path"].endswith("/balance-monitor")


# The document


def rows() -> list[str]:
    """The table as the page has it: a metric a row, in the page's order."""
    body, _ = exposition(*full(), "")
    lines = []
    for family in text_string_to_metric_families(body.decode()):
        if family.name.startswith("balance_monitor"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
            shown = ", ".join(f"`{label}`" for label in labels)
            lines.append(f"| `{name}` | {family.type} | {shown} | {family.documentation} |")
    return lines


def test_the_document_lists_every_metric_as_it_is() -> None:
    """Name, type, labels and meaning, and nothing else."""
    assert [line for line in DOCUMENT.splitlines() if line.startswith("| `balance_monitor")] == rows()


def test_the_document_lists_every_rule() -> None:
    """By its name."""
    listed = re.findall(r"^\| `(BalanceMonitor\w+)`", DOCUMENT, re.MULTILINE)
    assert listed == [rule["alert"] for rule in RULES]
