"""Lists of clients, in the file and in one of their own."""

from pathlib import Path

import pytest

from monitor.config import warnings
from tests.config.support import PROVIDERS, loaded, problems
from tests.config.test_warnings import NOW

JOB = f"{PROVIDERS}jobs:\n  - {{name: j, provider: wdcf, every: 1m, clients_file: clients.txt}}\n"


def _clients(folder: Path, content: bytes) -> list[str]:
    (folder / "clients.txt").write_bytes(content)
    return [account.name for account in loaded(folder, JOB).jobs[0].accounts]


@pytest.mark.parametrize(
    ("content", "clients"),
    [
        pytest.param(b"A\nB\n", ["A", "B"], id="an-id-a-line"),
        pytest.param(b"A\nB", ["A", "B"], id="no-newline-at-the-end"),
        pytest.param(b"A\r\nB\r\n", ["A", "B"], id="dos-newlines"),
        pytest.param(b"\xef\xbb\xbfA\n", ["A"], id="byte-order-mark"),
        pytest.param(b"\n# all of them\n  # indented\nA\n\n", ["A"], id="blank-lines-and-comments"),
        pytest.param(b" A \n\tB\t\n", ["A", "B"], id="white-space-around"),
        pytest.param(b"A B\nC#D\n", ["A B", "C#D"], id="white-space-and-hashes-within"),
        pytest.param("ü".encode() * 255, ["ü" * 255], id="longest"),
        pytest.param(b"007\n7\n", ["007", "7"], id="digits-are-text"),
    ],
)
def test_a_file_holds_an_id_a_line(content: bytes, clients: list[str], tmp_path: Path) -> None:
    """Blank lines and comments are left out, and white space around an id."""
    assert _clients(tmp_path, content) == clients


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param(
            b"A\nB\n A\n", ["3:1: jobs[0].clients_file: is here twice, first in line 1"], id="twice"
        ),
        pytest.param(
            b"A\n" + b"x" * 256,
            ["2:1: jobs[0].clients_file: a client's id has at most 255 characters, this has 256"],
            id="too-long",
        ),
        pytest.param(
            b"A\x00B\nC\x1bD\n",
            [
                "1:1: jobs[0].clients_file: a client's id can't hold control characters",
                "2:1: jobs[0].clients_file: a client's id can't hold control characters",
            ],
            id="control-characters",
        ),
        pytest.param(b"# nobody\n", ["1:1: jobs[0].clients_file: contains no client"], id="nobody"),
        pytest.param(b"A\nx\xe9\n", ["2:2: jobs[0].clients_file: is not UTF-8 text"], id="latin-1"),
    ],
)
def test_what_is_wrong_with_a_file_is_reported_by_its_own_lines(
    content: bytes, lines: list[str], tmp_path: Path
) -> None:
    """The place is in the file of clients, not in the one that names it."""
    (tmp_path / "clients.txt").write_bytes(content)
    assert problems(tmp_path, JOB) == [f"clients.txt:{line}" for line in lines]


def test_a_file_that_is_not_there_is_reported_where_it_is_named(tmp_path: Path) -> None:
    """The mistake may be in the name."""
    assert problems(tmp_path, JOB) == [
        "config.yaml:5:56: jobs[0].clients_file: 'clients.txt' can't be read: No such file or directory"
    ]


def test_a_file_and_a_list_exclude_each_other(tmp_path: Path) -> None:
    """Which of both would count is not for us to guess."""
    (tmp_path / "clients.txt").write_text("A\n")
    assert problems(tmp_path, JOB.replace("clients_file", "clients: [B], clients_file")) == [
        "config.yaml:5:56: jobs[0].clients_file: can't be combined with `clients`; keep one of them"
    ]


def test_a_list_in_the_file_obeys_the_same_rules(tmp_path: Path) -> None:
    """Each wrong id is told where it stands."""
    ids = r"""[A, B, A, "C\tD", '', """ + "x" * 256 + "]"
    assert problems(tmp_path, JOB.replace("clients_file: clients.txt", f"clients: {ids}")) == [
        "config.yaml:5:58: jobs[0].clients[2]: is here twice, first in line 5",
        "config.yaml:5:61: jobs[0].clients[3]: a client's id can't hold control characters",
        "config.yaml:5:69: jobs[0].clients[4]: is empty",
        "config.yaml:5:73: jobs[0].clients[5]: a client's id has at most 255 characters, this has 256",
    ]


MATCH = "{account: GONE}"
WAITING = [
    pytest.param(
        f"rules: [{{name: r, type: threshold, match: {MATCH}, below: 5}}]",
        "rule r: match.account 'GONE' matches nothing that is configured, so the rule has no effect",
        id="rule",
    ),
    pytest.param(
        "rules: [{name: r, type: stale, match: {account: 'GONE*', job: j}, after: 5m}]",
        "rule r: match.account 'GONE*' matches nothing that is configured, so the rule has no effect",
        id="stale-rule-with-a-glob",
    ),
    pytest.param(
        "rules: [{name: r, type: threshold, match: {account: SPOT, job: j}, below: 5}]",
        "rule r: match matches no configured account, so the rule has no effect",
        id="account-of-another-job",
    ),
    pytest.param(
        f"routes: [{{match: {MATCH}}}]",
        "routes[0].match.account 'GONE' matches nothing that is configured",
        id="route",
    ),
    pytest.param(
        f"inhibit: [{{source: {MATCH}, target: {{job: j}}}}]",
        "inhibit[0].source.account 'GONE' matches nothing that is configured",
        id="inhibition",
    ),
    pytest.param(
        f"maintenance: [{{name: m, match: {MATCH}, cron: '0 3 * * *', lasts: 1h}}]",
        "maintenance m: match.account 'GONE' matches nothing that is configured",
        id="maintenance",
    ),
]
OTHER_JOB = "jobs: [{name: o, provider: wdcf, every: 1m, clients: [SPOT]}, "
NOBODY_IS_TOLD = "no channels are configured: alerts are shown by `status`, but no notifications are sent"


@pytest.mark.parametrize(("section", "warning"), WAITING)
def test_what_waits_for_a_client_of_a_file_is_no_mistake(section: str, warning: str, tmp_path: Path) -> None:
    """The file changes by itself: a reload must not be refused, nor a start, since a client left."""
    (tmp_path / "clients.txt").write_text("A\n")
    text = f"{PROVIDERS}{OTHER_JOB}{{name: j, provider: wdcf, every: 1m, clients_file: clients.txt}}]\n{section}\n"
    assert warnings(loaded(tmp_path, text), NOW) == [NOBODY_IS_TOLD, warning]


def test_what_waits_for_a_client_that_a_variable_names_is_no_mistake(tmp_path: Path) -> None:
    """It is another one today."""
    rule, warning = WAITING[0].values
    text = f"{PROVIDERS}jobs: [{{name: j, provider: wdcf, every: 1m, clients: ['${{CLIENT}}']}}]\n{rule}\n"
    assert warnings(loaded(tmp_path, text, {"CLIENT": "A"}), NOW) == [NOBODY_IS_TOLD, warning]


@pytest.mark.parametrize("job", ["o", "nobody"])
def test_what_no_file_could_bring_is_a_mistake(job: str, tmp_path: Path) -> None:
    """The clients of the other job stand in the configuration itself."""
    (tmp_path / "clients.txt").write_text("A\n")
    text = f"{PROVIDERS}{OTHER_JOB}{{name: j, provider: wdcf, every: 1m, clients_file: clients.txt}}]\n"
    match = f"rules: [{{name: r, type: threshold, match: {{account: GONE, job: {job}}}, below: 5}}]\n"
    assert len(problems(tmp_path, text + match)) == 1
