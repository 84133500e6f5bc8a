"""References to the environment and to files."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.config.references import UNSET, Interpolated, Sources, interpolate
from monitor.config.yaml_tree import Node, parse, plain

ENVIRON = {
    "NAME": "value",
    "OTHER": "${NAME}",
    "EMPTY": "",
    "LINES": "a\nb",
    "URLS": "a://b\nc://d",
    "_x1": "y",
}


def _tree(text: str) -> Node:
    root = parse(text).root
    assert root is not None
    return root


def _interpolated(text: str, folder: Path, environ: Mapping[str, str] = ENVIRON) -> Interpolated:
    return interpolate(_tree(text), Sources.of(environ, folder), lambda path: False)


def _values(text: str, folder: Path, environ: Mapping[str, str] = ENVIRON) -> object:
    done = _interpolated(text, folder, environ)
    assert not done.missing
    return plain(done.root)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("${NAME}", "value", id="alone"),
        pytest.param("a-${NAME}-b-${_x1}", "a-value-b-y", id="within-text"),
        pytest.param("$${NAME}", "${NAME}", id="escaped"),
        pytest.param("$$${NAME}", "$${NAME}", id="escaped-behind-a-dollar"),
        pytest.param("$NAME $5 $", "$NAME $5 $", id="a-dollar-alone-is-itself"),
        pytest.param("${OTHER}", "${NAME}", id="a-value-is-not-looked-into"),
    ],
)
def test_references_in_values_are_replaced(written: str, read: str, tmp_path: Path) -> None:
    """`${NAME}` is the variable's value, `$${` a literal `${`."""
    assert _values(f'key: "{written}"', tmp_path) == {"key": read}


def test_keys_are_left_as_they_are(tmp_path: Path) -> None:
    """A reference is a value's affair."""
    assert _values('"${NAME}": x', tmp_path) == {"${NAME}": "x"}


@pytest.mark.parametrize(
    ("content", "read"),
    [
        pytest.param(b"s3cret", "s3cret", id="as-it-is"),
        pytest.param(b"s3cret\n", "s3cret", id="one-newline-stripped"),
        pytest.param(b"s3cret\r\n", "s3cret", id="one-dos-newline-stripped"),
        pytest.param(b" s3cret ", " s3cret ", id="blanks-belong-to-it"),
        pytest.param(b"\xef\xbb\xbfs3cret", "s3cret", id="byte-order-mark"),
    ],
)
def test_a_file_gives_its_content(content: bytes, read: str, tmp_path: Path) -> None:
    """The newline that an editor adds is no part of a secret; everything else is."""
    (tmp_path / "secret").write_bytes(content)
    assert _values("key: ${file:secret}", tmp_path) == {"key": read}


def test_files_are_relative_to_the_credentials_directory_where_there_is_one(tmp_path: Path) -> None:
    """systemd's credentials and Docker's secrets come first."""
    (tmp_path / "secret").write_text("of the configuration's directory")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "secret").write_text("of systemd")
    assert _values("key: ${file:secret}", tmp_path, {"CREDENTIALS_DIRECTORY": str(credentials)}) == {
        "key": "of systemd"
    }


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    """A secret may lie anywhere."""
    (tmp_path / "secret").write_text("s3cret")
    assert _values(f"key: ${{file:{tmp_path}/secret}}", Path("/nowhere")) == {"key": "s3cret"}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        pytest.param("${GONE}", "the environment variable GONE is not set", id="variable-not-set"),
        pytest.param("${EMPTY}", "the environment variable EMPTY is empty", id="variable-empty"),
        pytest.param(
            "${LINES}",
            "the environment variable LINES contains a line break or another control character",
            id="variable-of-two-lines",
        ),
        pytest.param(
            "${URLS}",
            "the environment variable URLS contains a line break or another control character; list several URLs one "
            "by one, each with its own reference",
            id="variable-of-two-urls",
        ),
        pytest.param(
            "${a-b}", "expected ${NAME} or ${file:PATH}; write `$${` for a literal `${`", id="no-name"
        ),
        pytest.param(
            "${}", "expected ${NAME} or ${file:PATH}; write `$${` for a literal `${`", id="no-name-at-all"
        ),
        pytest.param(
            "${NAME",
            "the reference lacks its closing `}`; write `$${` for a literal `${`",
            id="not-closed",
        ),
        pytest.param(
            "${file:gone}", "the file {0}/gone can't be read: No such file or directory", id="no-file"
        ),
        pytest.param("${file:empty}", "the file {0}/empty is empty", id="empty-file"),
        pytest.param(
            "${file:lines}",
            "the file {0}/lines contains a line break or another control character",
            id="lines",
        ),
        pytest.param("${file:latin}", "the file {0}/latin is not UTF-8 text", id="not-utf-8"),
        pytest.param("${file:large}", "the file {0}/large is larger than 64 KiB", id="too-large"),
        pytest.param("${file:.}", "the file {0} can't be read: Is a directory", id="a-directory"),
        pytest.param("${file:}", "the file {0} can't be read: Is a directory", id="no-file-named"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem(written: str, reason: str, tmp_path: Path) -> None:
    """It names the variable or the file, and the place that asks."""
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "lines").write_bytes(b"a\nb\n")
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "large").write_bytes(b"x" * 65537)
    done = _interpolated(f'a: ["{written}"]', tmp_path)
    assert done.missing == {("a", 0): reason.replace("{0}", str(tmp_path))}


def test_where_a_value_is_optional_something_stands_in_for_it(tmp_path: Path) -> None:
    """A command that needs no credentials is not stopped by their absence."""
    done = interpolate(
        _tree("{a: 'x-${GONE}', b: '${GONE}'}"), Sources.of({}, tmp_path), lambda path: path == ("a",)
    )
    assert plain(done.root) == {"a": UNSET, "b": UNSET}
    assert list(done.missing) == [("b",)]
