"""No secret shows, whatever is wrong."""

from pathlib import Path

import pytest

from monitor.config import load
from monitor.errors import ConfigError
from tests.config.support import ENVIRON, EXAMPLE, PROVIDERS, loaded, problems, written

SECRET = "hunter2-and-more"


def test_a_configuration_shows_no_secret(tmp_path: Path) -> None:
    """Not in its repr, nor in that of anything in it."""
    (tmp_path / "wdcf-secret").write_text("wdcf-secret-of-a-file\n")
    config = load(written(tmp_path, EXAMPLE.read_text()), ENVIRON)
    shown = repr(config) + repr(list(config.providers.values())) + repr(config.jobs) + repr(config.channels)
    assert not [secret for secret in config.secrets if secret in shown]


def test_the_secrets_are_known_for_redaction(tmp_path: Path) -> None:
    """Credentials, URLs of channels, and each part of them that a reference brought in."""
    text = f"""\
{PROVIDERS.replace("secret-of-wdcf}", "secret-of-wdcf, proxy: 'http://me:pass@proxy:1'}")}\
channels: {{ops: {{urls: ["mailto://u:${{PASSWORD}}@h", "json://h"]}}}}
jobs: [{{name: "${{NAME}}", provider: nami, every: 1m, wallet: spot}}]
"""
    config = loaded(tmp_path, text, {"PASSWORD": SECRET, "NAME": "job-of-the-environment"})
    assert set(config.secrets) == {
        "key-of-nami",
        "secret-of-nami",
        "secret-of-wdcf",
        "http://me:pass@proxy:1",
        "pass",
        f"mailto://u:{SECRET}@h",
        "json://h",
        SECRET,
    }


PLACES = [
    pytest.param("store: {url: '${SECRET}'}", id="a-url"),
    pytest.param("store: {keep: '${SECRET}'}", id="a-duration"),
    pytest.param("store: '${SECRET}'", id="a-section"),
    pytest.param("failing: ${SECRET}", id="a-word"),
    pytest.param("channels: {c: {urls: ['${SECRET}']}}", id="a-channels-url"),
    pytest.param("rules: ['${SECRET}']", id="a-rule"),
    pytest.param("rules: [{name: '${SECRET} ', type: failing}]", id="a-name"),
    pytest.param("rules: [{name: r, type: '${SECRET}'}]", id="a-type"),
    pytest.param("rules: [{name: r, type: failing, polls: '${SECRET}'}]", id="a-number"),
    pytest.param("rules: [{name: r, type: failing, send_resolved: '${SECRET}'}]", id="a-boolean"),
    pytest.param("rules: [{name: r, type: failing, severity: '${SECRET}'}]", id="a-choice"),
    pytest.param("rules: [{name: r, type: failing, notify: ['${SECRET}']}]", id="a-channels-name"),
    pytest.param("rules: [{name: r, type: failing, match: {job: '${SECRET}'}}]", id="a-jobs-name"),
    pytest.param("rules: [{name: r, type: threshold, below: '${SECRET}'}]", id="an-amount"),
    pytest.param("rules: [{name: r, type: delta, drop: '${SECRET}'}]", id="a-change"),
    pytest.param(
        "rules: [{name: '${SECRET}', type: failing}, {name: '${SECRET}', type: failing}]", id="names"
    ),
    pytest.param("jobs: [{name: j, provider: '${SECRET}', every: 1m, wallet: spot}]", id="a-provider"),
    pytest.param("jobs: [{name: j, provider: nami, cron: '${SECRET}', wallet: spot}]", id="cron"),
    pytest.param(
        "jobs: [{name: j, provider: nami, cron: '${SECRET} * * * *', wallet: spot}]", id="cron-field"
    ),
    pytest.param(
        "jobs: [{name: j, provider: nami, cron: '* * * * *', timezone: '${SECRET}', wallet: spot}]", id="zone"
    ),
    pytest.param("jobs: [{name: j, provider: nami, every: 1m, wallet: '${SECRET}'}]", id="a-wallet"),
    pytest.param(
        "jobs: [{name: j, provider: nami, every: 1m, wallet: spot, currencies: {1: '${SECRET} '}}]",
        id="currency",
    ),
    pytest.param(
        "jobs: [{name: j, provider: wdcf, every: 1m, clients: ['${SECRET}', '${SECRET}']}]", id="clients"
    ),
    pytest.param(
        "jobs: [{name: j, provider: wdcf, every: 1m, clients_file: '${SECRET}'}]", id="clients-file"
    ),
]


@pytest.mark.parametrize("secret", [SECRET, "a'b\"c\\'d", "x1"], ids=["long", "quotes", "short"])
@pytest.mark.parametrize("text", PLACES)
def test_what_a_reference_brought_in_is_not_repeated(text: str, secret: str, tmp_path: Path) -> None:
    """A secret in the wrong place is told by its place, not by its value."""
    jobs = "" if text.startswith("jobs") else "jobs: [{name: j, provider: nami, every: 1m, wallet: spot}]\n"
    lines = problems(tmp_path, f"{PROVIDERS}{jobs}{text}\n", {"SECRET": secret})
    assert lines
    assert not [line for line in lines if secret in line]


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(f"api_key: [{SECRET}], api_secret: {{{SECRET}: {SECRET}}}", id="shapes"),
        pytest.param(f"api_key: k, api_secret: s, proxy: {SECRET}", id="proxy"),
        pytest.param(f'api_key: "{SECRET}\\x00", api_secret: s', id="what-no-header-can-hold"),
        pytest.param(f"api_kee: {SECRET}, api_secret: s", id="misspelt"),
    ],
)
def test_what_stands_in_a_secrets_place_is_not_repeated(keys: str, tmp_path: Path) -> None:
    """Nor where the file itself holds it."""
    jobs = "jobs: [{name: j, provider: p, every: 1m, wallet: spot}]"
    lines = problems(tmp_path, f"providers:\n  p: {{type: nami, {keys}}}\n{jobs}\n")
    assert lines
    assert not [line for line in lines if SECRET in line]


URLS = [
    "https://ops:S3CRETPW@127.0.0.1:9",
    "postgresql://ops:S3CRETPW@h/x",
    "slack://S3CRETPW/x",
    "x://h?k=S3CRETPW",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "place",
    [
        *(case for case in PLACES if "channels-url" not in str(case.id)),
        pytest.param("channels: {c: {urls: {'${SECRET}': }}}", id="a-key"),
        pytest.param("channels: {'${SECRET}': {urls: x}}", id="a-channels-own-name"),
        pytest.param(
            "jobs: [{name: j, provider: nami, every: 1m, wallet: spot, labels: {'${SECRET}': x}}]",
            id="a-label",
        ),
    ],
)
def test_a_url_is_not_repeated(place: str, url: str, tmp_path: Path) -> None:
    """Wherever it stands by mistake, as the file itself spells it: it may hold credentials."""
    jobs = "" if place.startswith("jobs") else "jobs: [{name: j, provider: nami, every: 1m, wallet: spot}]\n"
    if "failing: ${" in place:
        place = "failing: '${SECRET}'"
    lines = problems(tmp_path, f"{PROVIDERS}{jobs}{place.replace('${SECRET}', url)}\n")
    assert lines
    assert not [line for line in lines if "S3CRETPW" in line or "ops:" in line]


@pytest.mark.parametrize("value", [*URLS, "ops:S3CRETPW@127.0.0.1", "https://h/?token=S3CRETPW"])
@pytest.mark.parametrize("key", ["base_url", "proxy"])
def test_what_stands_in_a_urls_place_is_not_repeated(key: str, value: str, tmp_path: Path) -> None:
    """Not even where it looks like no URL."""
    jobs = "jobs: [{name: j, provider: p, every: 1m, wallet: spot}]"
    text = f"providers:\n  p: {{type: nami, api_key: k, api_secret: s, {key}: '{value}'}}\n{jobs}\n"
    if key == "proxy" and value == URLS[0]:
        assert problems(tmp_path, text) == []
        return
    (line,) = problems(tmp_path, text)
    assert f"providers.p.{key}: expected http(s)://" in line
    assert "S3CRETPW" not in line
    assert "ops" not in line


def test_where_no_secret_is_needed_none_is_asked_for(tmp_path: Path) -> None:
    """A look at the store works in a shell without credentials, and nothing made up counts as a secret."""
    config = load(written(tmp_path, EXAMPLE.read_text()), {}, need_secrets=False)
    assert [job.name for job in config.jobs] == ["nami-spot", "nami-futures", "clients"]
    assert not config.secrets


def test_other_references_are_needed_all_the_same(tmp_path: Path) -> None:
    """Only credentials and the URLs of channels may be missing."""
    text = """\
providers: {n: {type: nami, api_key: "${GONE}", api_secret: "${file:gone}", proxy: "${GONE}", base_url: "${GONE}"}}
channels: {c: {urls: ["x-${GONE}"]}}
jobs: [{name: j, provider: n, every: "${GONE}", wallet: spot}]
"""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text), {}, need_secrets=False)
    assert [problem.path for problem in caught.value.problems] == ["providers.n.base_url", "jobs[0].every"]
