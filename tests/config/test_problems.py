"""What is wrong with a file: every kind of mistake, its place, and all of them at once."""

from pathlib import Path

import pytest

from tests.config.support import JOBS, ONE_JOB, PROVIDERS, problems

NAMES = "expected a name of 1 to 100 letters (a-z, A-Z), digits, dots, dashes and underscores"
DURATIONS = "expected a whole number and a unit: 30s, 5m, 4h or 90d"


def _row(text: str, *lines: str, id: str) -> object:
    return pytest.param(text, list(lines), id=id)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        _row("- a\n", "1:1: expected a mapping with `providers` and `jobs`, got a list", id="a-list"),
        _row("hello\n", "1:1: expected a mapping with `providers` and `jobs`, got text", id="a-text"),
        _row("store: {}\n", "1:1: providers: is required", "1:1: jobs: is required", id="both-missing"),
        _row(
            "providers:\njobs: ~\n",
            "1:1: providers: is empty; at least one is required",
            "2:1: jobs: is empty; at least one is required",
            id="both-null",
        ),
        _row(
            "providers: {}\njobs: []\n",
            "1:12: providers: is empty; at least one is required",
            "2:7: jobs: is empty; at least one is required",
            id="both-empty",
        ),
        _row(
            "providers: [a]\njobs: {a: b}\n",
            "1:12: providers: expected a mapping from names to settings, got a list",
            "2:7: jobs: expected a list (- name: …), got a mapping",
            id="shapes-mixed-up",
        ),
        _row(f"{JOBS}chanels: {{}}\n", "9:1: chanels: unknown key; did you mean `channels`?", id="misspelt"),
        _row(
            f"{JOBS}whatever: 1\n",
            "9:1: whatever: unknown key; known: store, providers, channels, routes, inhibit, maintenance, "
            "jobs, rules, failing, links, heartbeat, summary, web",
            id="unknown-and-near-nothing",
        ),
        _row(
            f"{JOBS}failing: perhaps\n", "9:10: failing: expected on or off, got 'perhaps'", id="failing-word"
        ),
        _row(f"{JOBS}failing: [off]\n", "9:10: failing: expected on or off, got a list", id="failing-list"),
        _row(f"{JOBS}failing:\n", "9:1: failing: expected on or off, got nothing", id="failing-null"),
        _row(
            f"{JOBS}rules: {{a: 1}}\n", "9:8: rules: expected a list (- name: …), got a mapping", id="rules"
        ),
        _row(f"{JOBS}store: 1d\n", "9:8: store: expected a mapping (key: value), got text", id="store-text"),
        _row(
            f"{JOBS}store: {{keep: 0s, kepe: 1d}}\n",
            "9:15: store.keep: must be greater than zero, got '0s'",
            "9:19: store.kepe: unknown key; did you mean `keep`?",
            id="store-keys",
        ),
    ],
)
def test_the_file_as_a_whole(text: str, lines: list[str], tmp_path: Path) -> None:
    """The keys of the file, and what stands at them."""
    assert problems(tmp_path, text) == [f"config.yaml:{line}" for line in lines]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a/",
        "sqlite:///b?mode=ro",
        "postgres://h/b",
        "b.db",
        ":memory:",
    ],
)
def test_only_files_are_stores(url: str, tmp_path: Path) -> None:
    """Anything but a SQLite file is refused, saying what is accepted and not what was there."""
    accepted = "expected sqlite:///FILE (relative to this file) or sqlite:////FILE (absolute)"
    assert problems(tmp_path, f"{JOBS}store:\n  url: '{url}'\n") == [
        f"config.yaml:10:8: store.url: {accepted}"
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        _row(
            "type: namii\n    api_key: k\n",
            "6:11: providers.p.type: unknown provider type 'namii'; did you mean `nami`?",
            id="type-misspelt",
        ),
        _row("api_key: k\n", "6:5: providers.p.type: is required", id="no-type"),
        _row("type: [nami]\n", "6:11: providers.p.type: expected text, got a list", id="type-a-list"),
        _row(
            "tpye: nami\n    timeout: 1x\n    retrys: 1\n",
            "6:5: providers.p.tpye: unknown key; did you mean `type`?",
            f"7:14: providers.p.timeout: {DURATIONS}, got '1x'",
            "8:5: providers.p.retrys: unknown key; did you mean `retries`?",
            id="what-all-types-have-is-checked-all-the-same",
        ),
        _row("", "5:3: providers.p: expected a mapping (key: value), got nothing", id="nothing"),
        _row(
            "type: wdcf\n    client_secret: x\n    api_key: k\n",
            "8:5: providers.p.api_key: unknown key here; it belongs to providers of type nami",
            id="key-of-another-service",
        ),
        _row(
            "type: wdcf\n    client_secret: x\n    rate_limit: 60/min\n",
            "8:17: providers.p.rate_limit: expected a number of calls per span of time, such as 60/1m, got '60/min'",
            id="rate-limit-of-another-notation",
        ),
        _row(
            "type: wdcf\n",
            "6:5: providers.p.client_secret: is required",
            id="no-credentials",
        ),
        _row(
            "type: wdcf\n    client_secret:\n",
            "7:5: providers.p.client_secret: is empty; set a value, or remove the key",
            id="null-credential",
        ),
        _row(
            "type: wdcf\n    client_secret: ''\n",
            "7:20: providers.p.client_secret: is empty",
            id="empty-credential",
        ),
        _row(
            "type: wdcf\n    client_secert: x\n",
            "7:5: providers.p.client_secert: unknown key; did you mean `client_secret`?",
            id="misspelt-credential-is-not-missing-too",
        ),
        _row(
            "type: wdcf\n    client_secret: x\n    retries: 11\n    verify_tls: maybe\n    timeout: 10\n",
            "8:14: providers.p.retries: must be at most 10, got '11'",
            "9:17: providers.p.verify_tls: expected true or false, got 'maybe'",
            f"10:14: providers.p.timeout: {DURATIONS}, got '10'",
            id="values",
        ),
        _row(
            "type: wdcf\n    client_secret: x\n    retries: [1]\n    verify_tls: {a: b}\n    rate_limit: many\n",
            "8:14: providers.p.retries: expected a whole number, got a list",
            "9:17: providers.p.verify_tls: expected true or false, got a mapping",
            "10:17: providers.p.rate_limit: expected a number of calls per span of time, such as 60/1m, got 'many'",
            id="shapes",
        ),
    ],
)
def test_a_provider(text: str, lines: list[str], tmp_path: Path) -> None:
    """What is wrong with a provider makes its jobs no worse."""
    jobs = "jobs: [{name: j, provider: p, every: 1m, clients: [A]}, {name: k, provider: nami, every: 1m, wallet: spot}]"
    lines = [f"config.yaml:{line}" for line in lines]
    assert problems(tmp_path, f"{jobs}\n{PROVIDERS}  p:\n    {text}") == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        _row("ops: {}", "6:8: channels.ops.urls: is required", id="no-urls"),
        _row("ops: {urls: []}", "6:15: channels.ops.urls: is empty", id="urls-empty"),
        _row(
            "ops: {url: 'json://h'}",
            "6:9: channels.ops.url: unknown key; did you mean `urls`?",
            id="misspelt",
        ),
        _row(
            "ops: {urls: [ops@example.org, 'json://h']}",
            "6:16: channels.ops.urls[0]: expected an apprise URL, such as slack://… or mailto://…",
            id="no-url-and-it-is-not-shown",
        ),
        _row("o/p: {urls: ['json://h']}", f"6:3: channels['o/p']: {NAMES}", id="name"),
        _row(
            "ops: ['json://h']", "6:8: channels.ops: expected a mapping (key: value), got a list", id="a-list"
        ),
    ],
)
def test_a_channel(text: str, lines: list[str], tmp_path: Path) -> None:
    """A channel is a mapping with URLs, and these are secrets."""
    lines = [f"config.yaml:{line}" for line in lines]
    assert problems(tmp_path, f"{PROVIDERS}{ONE_JOB}channels:\n  {text}\n") == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        _row(
            "",
            "5:5: jobs[0].wallet: is required",
            "5:5: jobs[0].name: is required",
            "5:5: jobs[0].every: is required, unless `cron` is given",
            id="keys-missing",
        ),
        _row(
            "name: j\n    wallet: spot\n    evry: 1m\n",
            "8:5: jobs[0].evry: unknown key; did you mean `every`?",
            id="misspelt-is-not-missing-too",
        ),
        _row(
            "name: a b\n    wallet: spto\n    every: 5 minutes\n",
            f"6:11: jobs[0].name: {NAMES}, got 'a b'",
            "7:13: jobs[0].wallet: expected spot or futures, got 'spto'; did you mean `spot`?",
            f"8:12: jobs[0].every: {DURATIONS}, got '5 minutes'",
            id="values",
        ),
        _row(
            "name: j\n    wallet: spot\n    every: 1m\n    clients: [A]\n",
            "9:5: jobs[0].clients: unknown key here; it belongs to jobs of wdcf providers",
            id="key-of-another-service",
        ),
        _row(
            "name: j\n    wallet: spot\n    every: 1m\n    cron: '* * * * *'\n",
            "9:5: jobs[0].cron: can't be combined with `every`; keep one of them",
            id="every-and-cron",
        ),
        _row(
            "name: j\n    wallet: spot\n    every: 1m\n    timezone: UTC\n",
            "9:5: jobs[0].timezone: is only allowed with `cron`",
            id="time-zone-without-cron",
        ),
        _row(
            "name: j\n    wallet: spot\n    cron: '* * * * *'\n    timezone: Asia/Ho_Chi_Min\n",
            "9:15: jobs[0].timezone: unknown time zone 'Asia/Ho_Chi_Min'; did you mean `Asia/Ho_Chi_Minh`?",
            id="time-zone",
        ),
        _row(
            "name: j\n    wallet: spot\n    cron: '* 24 * * *'\n",
            "8:11: jobs[0].cron: hour '24': expected 0-23, got '* 24 * * *'",
            id="cron-field",
        ),
        _row(
            "name: j\n    wallet: spot\n    every: [1m]\n",
            f"8:12: jobs[0].every: expected a span of time: {DURATIONS.removeprefix('expected ')}, got a list",
            id="every-a-list",
        ),
        _row(
            "name: j\n    wallet: spot\n    every: 1m\n    labels: {job: x, a/b: y, c: [z], d: }\n",
            "9:14: jobs[0].labels.job: 'job' is reserved: in the `match` of a rule it means the job itself; "
            "choose another name",
            f"9:22: jobs[0].labels['a/b']: {NAMES}, got 'a/b'",
            "9:33: jobs[0].labels.c: expected text, got a list",
            "9:38: jobs[0].labels.d: is empty; set a value, or remove the key",
            id="labels",
        ),
        _row(
            "name: j\n    wallet: spot\n    every: 1m\n    currencies: {1: A, 2: A, 3: B/C, x: D, 4: [E]}\n",
            "9:27: jobs[0].currencies.2: 'A' is already the name of currency 1",
            "9:33: jobs[0].currencies.3: a currency's name can't hold `/` or white space",
            "9:38: jobs[0].currencies.x: expected a currency's numeric id, such as 22, got 'x'",
            "9:47: jobs[0].currencies.4: expected text, got a list",
            id="currencies",
        ),
    ],
)
def test_a_job(text: str, lines: list[str], tmp_path: Path) -> None:
    """A job has the keys of every job, and those of its provider's type."""
    lines = [f"config.yaml:{line}" for line in lines]
    assert problems(tmp_path, f"{PROVIDERS}jobs:\n  - provider: nami\n    {text}") == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        _row(
            "{name: j, provider: nmai, every: 1m, wallet: spot}",
            "5:25: jobs[0].provider: unknown provider 'nmai'; did you mean `nami`?",
            id="provider-misspelt",
        ),
        _row(
            "{name: j, provider: other, every: 1m, wallet: spot}",
            "5:25: jobs[0].provider: unknown provider 'other'; known: nami, wdcf",
            id="provider-near-none",
        ),
        _row("{name: j, every: 1m, wallet: spot}", "5:5: jobs[0].provider: is required", id="no-provider"),
        _row("text", "5:5: jobs[0]: expected a mapping (key: value), got text", id="a-text"),
        _row("~", "5:5: jobs[0]: expected a mapping (key: value), got nothing", id="null"),
        _row(
            "{name: j, provider: wdcf, every: 1m}",
            "5:5: jobs[0]: either `clients` or `clients_file` is required",
            id="no-clients",
        ),
        _row(
            "{name: j, provider: wdcf, every: 1m, clients: [A], wallet: spot}",
            "5:56: jobs[0].wallet: unknown key here; it belongs to jobs of nami providers",
            id="key-of-another-service",
        ),
        _row(
            "{name: j, provider: wdcf, every: 1m, clients: CLIENT_001}",
            "5:51: jobs[0].clients: expected a list such as [CLIENT_001], got text",
            id="clients-no-list",
        ),
        _row(
            "{name: j, provider: nami, every: 1m, wallet: spot, currencies: [22]}",
            "5:68: jobs[0].currencies: expected a mapping such as {22: USDT}, got a list",
            id="currencies-no-mapping",
        ),
        _row(
            "{name: j, provider: nami, cron: '* * * *', wallet: spot}",
            "5:37: jobs[0].cron: expected five fields (minute, hour, day of month, month, weekday), got 4",
            id="cron-fields",
        ),
        _row(
            "{name: j, provider: wdcf, every: 1m, clients: []}",
            "5:51: jobs[0].clients: is empty",
            id="clients-empty",
        ),
        _row(
            "{name: j, provider: nami, every: 1m, wallet: spot}\n"
            "  - {name: j, provider: nami, every: 1m, wallet: spot}",
            "6:12: jobs[1].name: 'j' is already the name of jobs[0]",
            id="name-taken",
        ),
    ],
)
def test_jobs_and_what_they_refer_to(text: str, lines: list[str], tmp_path: Path) -> None:
    """A job needs a provider that exists, a name of its own, and something to poll."""
    lines = [f"config.yaml:{line}" for line in lines]
    assert problems(tmp_path, f"{PROVIDERS}jobs:\n  - {text}\n") == lines


def test_everything_is_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Mistakes of YAML, of references, of values and of meaning come in one go, each once."""
    text = """\
store: {keep: 1x}
providers:
  nami: {type: nami, api_key: "${GONE}", api_secret: s}
  nami: {type: nami, api_key: k, api_secret: s}
jobs:
  - {name: spot, provider: nami, every: 1m, wallet: spto}
  - {name: spot, provider: nmai, every: 1m, wallet: spot}
rules:
  - {name: r, type: threshold, below: 1, clear: 0, match: {job: sptt}}
chanels: {}
"""
    assert problems(tmp_path, text) == [
        f"config.yaml:1:15: store.keep: {DURATIONS}, got '1x'",
        "config.yaml:3:31: providers.nami.api_key: the environment variable GONE is not set",
        "config.yaml:4:3: providers.nami: duplicate key, first set in line 3; remove one of them",
        "config.yaml:6:53: jobs[0].wallet: expected spot or futures, got 'spto'; did you mean `spot`?",
        "config.yaml:7:12: jobs[1].name: 'spot' is already the name of jobs[0]",
        "config.yaml:7:28: jobs[1].provider: unknown provider 'nmai'; did you mean `nami`?",
        "config.yaml:9:49: rules[0].clear: must be at least 1, the value of `below`",
        "config.yaml:9:65: rules[0].match.job: unknown job 'sptt'; did you mean `spot`?",
        "config.yaml:10:1: chanels: unknown key; did you mean `channels`?",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "providers: {p: {type: nmi}}\njobs: [{name: j, provider: p, every: 1m, wallet: spot}]", id="type"
        ),
        pytest.param(
            "providers: x\njobs: [{name: j, provider: p, every: 1m, wallet: spot}]", id="providers-no-mapping"
        ),
        pytest.param(
            f"{PROVIDERS}jobs: x\nrules: [{{name: r, type: failing, match: {{job: j}}}}]", id="jobs-no-list"
        ),
        pytest.param(
            f"{PROVIDERS}jobs: [{{name: j, provider: nami, every: x, wallet: spot}}]\n"
            "rules: [{name: r, type: threshold, below: 1, match: {job: j, currency: USDT}}]",
            id="a-job-the-rule-is-about",
        ),
        pytest.param(
            f"{PROVIDERS}{ONE_JOB}channels: x\nrules: [{{name: r, type: failing, notify: ops}}]",
            id="channels",
        ),
        pytest.param(
            f"{JOBS}store: {{keep: x}}\nrules: [{{name: r, type: delta, drop: 1, within: 900d}}]", id="keep"
        ),
    ],
)
def test_one_mistake_does_not_bring_others_with_it(text: str, tmp_path: Path) -> None:
    """What refers to something that is wrong is not wrong itself."""
    assert len(problems(tmp_path, text)) == 1
