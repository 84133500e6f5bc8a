"""Where the status page is served, and who may reach it."""

from pathlib import Path

import pytest

from monitor.config import load
from monitor.config.types import Listen
from tests.config.support import JOBS, loaded, problems, written

SECRET = "hunter2-and-much-more"
REQUIRED = "web.token: is required, because other machines can reach"
ADDRESS = "expected ADDRESS:PORT, such as 127.0.0.1:8787 or [::]:8787"
OF_THIS_MACHINE = (
    "expected an IP address, such as 127.0.0.1:8787 or 0.0.0.0:8787; host names belong in `hosts`"
)
EMPTY = "is empty; set a value, or remove the key"
SHORT = "must have at least 16 characters; `openssl rand -hex 24` generates one"
NAME = "expected a host name without scheme and port, such as monitor.example"


def test_without_the_section_nothing_is_served(tmp_path: Path) -> None:
    """Nor with one that says nothing."""
    assert loaded(tmp_path, JOBS).web is None
    assert loaded(tmp_path, f"{JOBS}web:\n").web is None


def test_by_itself_it_is_for_this_machine_only(tmp_path: Path) -> None:
    """An address that nobody else reaches, and no token."""
    web = loaded(tmp_path, f"{JOBS}web: {{}}\n").web
    assert web is not None
    assert (str(web.listen), web.listen.is_loopback, web.token, web.hosts) == (
        "127.0.0.1:8787",
        True,
        None,
        (),
    )


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        ("127.0.0.1:1", "127.0.0.1"),
        ("127.0.0.2:65535", "127.0.0.2"),
        ("127.255.255.254:80", "127.255.255.254"),
        ("localhost:80", "localhost"),
        ("[::1]:80", "::1"),
        ("[0:0:0:0:0:0:0:1]:80", "::1"),
    ],
)
def test_a_loopback_address_needs_no_token(tmp_path: Path, listen: str, host: str) -> None:
    """Only this machine reaches it."""
    web = loaded(tmp_path, f"{JOBS}web: {{listen: '{listen}'}}\n").web
    assert web is not None
    assert (web.listen.host, web.token) == (host, None)


@pytest.mark.parametrize(
    ("listen", "shown"),
    [
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("[::]:80", "[::]:80"),
        ("[0:0::0]:80", "[::]:80"),
        ("192.168.1.5:80", "192.168.1.5:80"),
        ("[2001:DB8::5]:80", "[2001:db8::5]:80"),
        ("[fe80::1]:80", "[fe80::1]:80"),
        ("[::ffff:10.0.0.1]:80", "[::ffff:a00:1]:80"),
        ("128.0.0.1:80", "128.0.0.1:80"),
    ],
)
def test_any_other_address_needs_one(tmp_path: Path, listen: str, shown: str) -> None:
    """Others reach it; with a token that is what is wanted."""
    [problem] = problems(tmp_path, f"{JOBS}web: {{listen: '{listen}'}}\n")
    assert problem == f"config.yaml:9:6: {REQUIRED} {shown}; set it, or listen on 127.0.0.1"
    web = loaded(tmp_path, f"{JOBS}web: {{listen: '{listen}', token: {SECRET}}}\n").web
    assert web is not None
    assert (str(web.listen), web.listen.is_loopback) == (shown, False)


def _row(web: str, *lines: str, id: str) -> object:
    return pytest.param(web, list(lines), id=id)


@pytest.mark.parametrize(
    ("web", "lines"),
    [
        _row("[]", "9:6: web: expected a mapping (key: value), got a list", id="a-list"),
        _row("on", "9:6: web: expected a mapping (key: value), got text", id="a-word"),
        _row("{liste: 1}", "9:7: web.liste: unknown key; did you mean `listen`?", id="misspelt"),
        _row("{listen: ~}", f"9:7: web.listen: {EMPTY}", id="no-address"),
        _row("{listen: 8787}", f"9:15: web.listen: {ADDRESS}, got '8787'", id="a-port"),
        _row("{listen: '127.0.0.1'}", f"9:15: web.listen: {ADDRESS}, got '127.0.0.1'", id="no-port"),
        _row("{listen: '127.0.0.1:0'}", f"9:15: web.listen: {ADDRESS}, got '127.0.0.1:0'", id="port-0"),
        _row("{listen: '127.0.0.1:65536'}", f"9:15: web.listen: {ADDRESS}, got '127.0.0.1:65536'", id="port"),
        _row("{listen: '::1:80'}", f"9:15: web.listen: {ADDRESS}, got '::1:80'", id="ipv6-without-brackets"),
        _row("{listen: 'x y:80'}", f"9:15: web.listen: {ADDRESS}, got 'x y:80'", id="nonsense"),
        _row("{listen: '[::g]:80'}", f"9:15: web.listen: {ADDRESS}, got '[::g]:80'", id="no-ipv6"),
        _row("{listen: '[::1::]:80'}", f"9:15: web.listen: {OF_THIS_MACHINE}, got '[::1::]:80'", id="ipv6"),
        _row("{listen: '127.1:80'}", f"9:15: web.listen: {OF_THIS_MACHINE}, got '127.1:80'", id="half-an-ip"),
        _row(
            "{listen: 'monitor.example:80'}",
            f"9:15: web.listen: {OF_THIS_MACHINE}, got 'monitor.example:80'",
            id="a-name",
        ),
        _row("{listen: '0.0.0.0:80', token: ~}", f"9:29: web.token: {EMPTY}", id="an-empty-token-for-others"),
        _row("{token: ''}", f"9:14: web.token: {SHORT}", id="no-characters"),
        _row("{token: fifteen-letters}", f"9:14: web.token: {SHORT}", id="a-short-token"),
        _row("{token: [a]}", "9:14: web.token: expected text, got a list", id="a-list-of-tokens"),
        _row(
            "{token: pässwörter-and-more}",
            "9:14: web.token: must consist of printable ASCII characters without spaces, for an HTTP header",
            id="a-token-that-no-header-carries",
        ),
        _row(
            "{token: a token of four words}",
            "9:14: web.token: must consist of printable ASCII characters without spaces, for an HTTP header",
            id="a-sentence",
        ),
        _row("{hosts: ~}", f"9:7: web.hosts: {EMPTY}", id="no-hosts"),
        _row("{hosts: 'https://x'}", f"9:14: web.hosts: {NAME}, got a URL that is not shown", id="a-url"),
        _row(
            "{hosts: [ok.example, 'b:80', c.., '[::1]', ü]}",
            *(
                f"9:{column}: web.hosts[{index}]: {NAME}, got '{got}'"
                for column, index, got in ((27, 1, "b:80"), (35, 2, "c.."), (40, 3, "[::1]"), (49, 4, "ü"))
            ),
            id="names-that-are-none",
        ),
        _row(
            "{listen: 80, token: x, hosts: '*'}",
            f"9:15: web.listen: {ADDRESS}, got '80'",
            f"9:26: web.token: {SHORT}",
            f"9:36: web.hosts: {NAME}, got '*'",
            id="all-at-once",
        ),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(tmp_path: Path, web: str, lines: list[str]) -> None:
    """All of it, and what is expected."""
    assert problems(tmp_path, f"{JOBS}web: {web}\n") == [f"config.yaml:{line}" for line in lines]


def test_sixteen_characters_are_a_token(tmp_path: Path) -> None:
    """Of any kind that a header carries."""
    web = loaded(tmp_path, f"{JOBS}web: {{token: '!#$%&~.-_+/=aZ09'}}\n").web
    assert web is not None
    assert web.token is not None
    assert web.token.get_secret_value() == "!#$%&~.-_+/=aZ09"


def test_names_are_compared_as_dns_and_docker_have_them(tmp_path: Path) -> None:
    """One or several, without case and the dot of the root; Docker's may have underscores."""
    for hosts, expected in (
        ("Monitor.Example", ("monitor.example",)),
        ("[A, b-c.d]", ("a", "b-c.d")),
        ("[balance_monitor, _x_, Monitor.Example.]", ("balance_monitor", "_x_", "monitor.example")),
        ("[]", ()),
    ):
        web = loaded(tmp_path, f"{JOBS}web: {{hosts: {hosts}}}\n").web
        assert web is not None
        assert web.hosts == expected


def test_the_token_shows_nowhere_and_is_known_for_redaction(tmp_path: Path) -> None:
    """Written into the file, or brought there from the environment."""
    for text, environ in ((SECRET, {}), ("${WEB_TOKEN}", {"WEB_TOKEN": SECRET})):
        config = loaded(tmp_path, f"{JOBS}web: {{token: '{text}'}}\n", environ)
        assert SECRET in config.secrets
        assert SECRET not in repr(config) + repr(config.web)


@pytest.mark.parametrize("token", ["short-hunter2", f"{SECRET} with a space", f"{SECRET}-ü"])
def test_a_token_that_is_none_is_not_shown_in_the_error(tmp_path: Path, token: str) -> None:
    """What is wrong with it can be said without it."""
    [line] = problems(tmp_path, f"{JOBS}web: {{token: '${{T}}'}}\n", {"T": token})
    assert "hunter2" not in line


def test_a_token_of_the_environment_that_is_not_there_is_an_error_only_for_who_serves(tmp_path: Path) -> None:
    """`status` needs no secrets; `run` does."""
    path = written(tmp_path, f"{JOBS}web: {{listen: '0.0.0.0:80', token: '${{WEB_TOKEN}}'}}\n")
    assert load(path, {}, need_secrets=False).web is not None
    assert problems(tmp_path, path.read_text()) == [
        "config.yaml:9:36: web.token: the environment variable WEB_TOKEN is not set"
    ]


def test_an_address_is_shown_as_it_is_written() -> None:
    """With brackets where there have to be some."""
    assert [str(Listen("::", 80)), str(Listen("127.0.0.1", 80))] == ["[::]:80", "127.0.0.1:80"]
