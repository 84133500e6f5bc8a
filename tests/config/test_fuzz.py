"""Whatever the file holds: a configuration, or a ConfigError."""

import codecs
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.fuzz import configuration
from monitor.config import load, warnings
from monitor.config.yaml_tree import parse
from monitor.errors import ConfigError
from tests.config.support import ENVIRON, EXAMPLE

LINES = [
    line for line in EXAMPLE.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")
]
Tree: TypeAlias = "str | int | float | bool | list[Tree] | dict[str, Tree] | None"
LEAVES: st.SearchStrategy[Tree] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["nami", "threshold", "5m", "1000.50", "20%", "${OPS_URL}", "* * * * *", "nami-spot"])
)
KEYS = st.sampled_from(
    [
        *(
            "store",
            "providers",
            "channels",
            "jobs",
            "rules",
            "failing",
            "name",
            "type",
            "match",
            "url",
            "urls",
        ),
        *(
            "every",
            "cron",
            "wallet",
            "currencies",
            "clients",
            "below",
            "drop",
            "within",
            "for",
            "notify",
            "api_key",
        ),
    ]
)
PIECES = st.sampled_from(
    [
        *("", "~", "[]", "{}", "-1", "0", "1e9999", "007", "5m", "*", "&a [*a]", "<<", "[key]"),
        *("${X}", "${", "$${", "${file:/}", "!!python/name:os", "'", '"', "\t", "\n", "---"),
        *("a: b", "[a, [b]]", "{a: {b: c}}", "é", "\u2028", "x" * 300),
    ]
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the files are written, with the secret that the example names."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "wdcf-secret").write_text("s3cret")
        yield Path(name)


def _refusal(folder: Path, content: bytes) -> ConfigError | None:
    """What is wrong with a file of this content."""
    path = folder / "config.yaml"
    path.write_bytes(content)
    try:
        warnings(load(path, ENVIRON), datetime.now(UTC))
    except ConfigError as error:
        return error
    return None


def _check(folder: Path, lines: list[str]) -> None:
    refusal = _refusal(folder, "\n".join(lines).encode())
    assert refusal is None or refusal.problems
    assert not [secret for secret in ENVIRON.values() if secret in str(refusal)]


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=200))
@example(text="a: " + "[" * 10_000)
@example(text="? " * 10_000)
@example(text="&a " * 100)
def test_any_text_is_read_or_refused(text: str) -> None:
    """The reader of YAML raises nothing."""
    document = parse(text)
    assert all(problem.line is not None for problem in document.problems)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(folder: Path, content: bytes) -> None:
    """No configuration comes out of noise, and no other error."""
    assert _refusal(folder, content) is not None


@settings(max_examples=200, deadline=None)
@given(before=st.text(max_size=20), broken=st.binary(min_size=1, max_size=4), marked=st.booleans())
@example(before="é", broken=b"\xbd", marked=True)
def test_what_is_no_text_is_refused_where_it_stands(
    folder: Path, before: str, broken: bytes, marked: bool
) -> None:
    """Also behind a byte order mark, which is no part of the text: the line is that of the first wrong byte."""
    content = before.encode() + b"\xff" + broken
    refusal = _refusal(folder, (codecs.BOM_UTF8 if marked else b"") + content)
    assert refusal is not None
    (problem,) = refusal.problems
    assert problem.reason == "is not UTF-8 text"
    assert problem.line == before.count("\n") + 1
    assert problem.column == len(before.rpartition("\n")[2]) + 1


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_an_example_with_mistakes_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    """Lines left out, repeated, cut, moved and overwritten: a configuration, or what is wrong with it."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        start = data.draw(st.integers(0, len(lines[index])))
        end = data.draw(st.integers(start, len(lines[index])))
        lines[index] = lines[index][:start] + data.draw(PIECES) + lines[index][end:]
        if data.draw(st.booleans()):
            lines.insert(data.draw(st.integers(0, len(lines))), lines[index])
    _check(folder, lines)


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_an_example_with_wrong_values_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    """Anything in any value's place."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        key, colon, _ = lines[index].partition(":")
        lines[index] = f"{key}{colon} {data.draw(PIECES)}"
    _check(folder, lines)


def trees(values: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Lists and mappings; half of the keys are those that something is called by."""
    return st.lists(values, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), values, max_size=5)


@settings(max_examples=150, deadline=None)
@given(tree=st.recursive(LEAVES, trees, max_leaves=20), wrapped=st.booleans())
def test_any_tree_is_read_or_refused(tree: Tree, wrapped: bool) -> None:
    """Any shape in any place, also amid what is right: a configuration, or what is wrong with it."""
    document = (
        tree if not wrapped else {**yaml.safe_load("\n".join(LINES)), "rules": [tree], "channels": tree}
    )
    configuration.config(yaml.safe_dump(document, allow_unicode=True).encode(errors="replace"))


@settings(max_examples=200, deadline=None)
@given(
    digits=st.text("0123456789", min_size=1, max_size=60),
    decimals=st.text("0123456789", max_size=60),
)
def test_an_amount_survives_digit_for_digit(folder: Path, digits: str, decimals: str) -> None:
    """What the file says is what readings are compared with."""
    amount = f"{digits}.{decimals}" if decimals else digits
    path = folder / "config.yaml"
    path.write_text(
        "providers: {n: {type: nami, api_key: k, api_secret: s}}\n"
        "jobs: [{name: j, provider: n, every: 1m, wallet: spot}]\n"
        f"rules: [{{name: r, type: threshold, below: {amount}}}]\n"
    )
    below = getattr(load(path, {}).rules[0], "below", None)
    exponent = len(decimals)
    assert below is not None
    assert below.as_tuple().exponent == -exponent
    assert format(below, "f").lstrip("0").lstrip(".") == amount.lstrip("0").lstrip(".")
