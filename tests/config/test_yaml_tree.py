"""YAML as a tree of text with positions."""

import pytest

from monitor.config.yaml_tree import MAX_DEPTH, Mapping, Position, Scalar, parse, plain


def _read(text: str) -> object:
    document = parse(text)
    assert not document.problems
    assert document.root is not None
    return plain(document.root)


@pytest.mark.parametrize(
    "text",
    [
        "007",
        "0.10",
        "1_000",
        "0x1F",
        "off",
        "yes",
        "2026-02-01",
        "1e3",
        ".inf",
        "12:30:45",
        "=",
        "1000000.00",
    ],
)
def test_a_scalar_keeps_its_characters(text: str) -> None:
    """What YAML would make a number, a date or a boolean of stays the text that it is."""
    assert _read(f"key: {text}") == {"key": text}


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_only_nulls_become_none(text: str) -> None:
    """A null, or nothing at all, is None."""
    assert _read(f"key: {text}") == {"key": None}


@pytest.mark.parametrize("text", ['""', "''", '"~"', "'null'"])
def test_quotes_make_text_of_a_null(text: str) -> None:
    """Quoted, nothing is the empty text and null a word."""
    assert _read(f"key: {text}") == {"key": text[1:-1]}


def test_keys_are_text_too() -> None:
    """A currency's id is a key like any other."""
    assert _read("{1: VNDC, 022: USDT}") == {"1": "VNDC", "022": "USDT"}


def test_every_node_knows_its_line_and_column() -> None:
    """Positions count from 1, in characters, for keys and for values."""
    root = parse("# first\na:\n  é: [x, yy]\n  b:\n").root
    assert isinstance(root, Mapping)
    inner = root.entries["a"].value
    assert isinstance(inner, Mapping)
    letters = inner.entries["é"]
    assert (letters.key_at, letters.value.at) == (Position(3, 3), Position(3, 6))
    assert inner.entries["b"].value == Scalar(text=None, at=Position(4, 3))


def test_an_alias_stands_for_what_it_names() -> None:
    """Anchors and aliases work, as they do everywhere in YAML."""
    assert _read("a: &x {k: v}\nb: *x") == {"a": {"k": "v"}, "b": {"k": "v"}}


def test_a_merge_key_adds_what_is_not_there() -> None:
    """`<<` gives defaults: the mapping's own keys win, then the first source that has one."""
    text = "a: &a {k: 1, l: 1}\nb: &b {k: 2, m: 2}\nc: {<<: [*a, *b], l: 3}"
    assert _read(text) == {
        "a": {"k": "1", "l": "1"},
        "b": {"k": "2", "m": "2"},
        "c": {"k": "1", "m": "2", "l": "3"},
    }


def test_what_an_alias_brings_in_is_placed_where_it_is_written() -> None:
    """A mistake in an anchor's mapping is to be mended there, and nowhere else."""
    root = parse("a: &x {k: v}\nb:\n  <<: *x\n").root
    assert isinstance(root, Mapping)
    b = root.entries["b"].value
    assert isinstance(b, Mapping)
    assert b.entries["k"].key_at == Position(1, 8)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        pytest.param(
            "a: 1\nb: 2\na: 3\n",
            3,
            1,
            "duplicate key, first set in line 1; remove one of them",
            id="duplicate-key",
        ),
        pytest.param("a: 1\n---\nb: 2\n", 2, 1, "a second document starts here", id="second-document"),
        pytest.param("a: *x\n", 1, 4, "refers to an anchor that is not defined above", id="unknown-anchor"),
        pytest.param(
            "a: &x [1, *x]\n", 1, 11, "refers to a list or mapping that contains it", id="recursive-alias"
        ),
        pytest.param(BOMB, 6, 12, "values, with aliases expanded", id="alias-bomb"),
        pytest.param("a: b\nc:\n  <<: x\n", 3, 7, "`<<` takes a mapping", id="merge-of-text"),
        pytest.param("? [a]\n: b\n", 1, 3, "a key must be plain text", id="list-as-key"),
        pytest.param("a: !!python/object:os.system x", 1, 4, "YAML tags", id="python-tag"),
        pytest.param("a: !!int 5", 1, 4, "YAML tags", id="tag-of-a-number"),
        pytest.param("[" * (MAX_DEPTH + 2), 1, MAX_DEPTH + 2, "levels deep", id="too-deep"),
        pytest.param("a:\n\tb: 1\n", 2, 1, "a tab can't be used for indentation", id="tab"),
        pytest.param("a: b: c\n", 1, 5, "mapping values are not allowed", id="colon-too-many"),
        pytest.param("a: [b\n", 1, 4, "the [ that opens here is not closed by line 2", id="list-not-closed"),
        pytest.param('a: "b\n', 1, 4, 'the " that opens here is not closed by line 2', id="quote-not-closed"),
        pytest.param(
            "a: 1\nb: [{c: d,\n e: 1m\nf: []\n",
            2,
            5,
            "not closed by line 4, or lacks a comma",
            id="map-not-closed",
        ),
        pytest.param(
            "a: [${X}]\n", 1, 6, 'a reference needs quotes: "${NAME}"', id="reference-in-a-flow-list"
        ),
        pytest.param("é: \x07\n", 1, 4, r"the character '\x07' is not allowed", id="control-character"),
    ],
)
def test_what_is_wrong_with_it_as_yaml_has_a_place(text: str, line: int, column: int, reason: str) -> None:
    """Nothing is raised: each mistake is a problem with its line and column."""
    (problem,) = parse(text).problems
    assert (problem.line, problem.column) == (line, column)
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("cron: */5 * * * *\n", "*"),
        ("- {cron: */5 * * * *}\n", "*"),
        ("job: *\n", "*"),
        ("job: [a, *]\n", "*"),
        ("job: *spot\n", "*"),
        ("job: &\n", "&"),
        ("name: @x\n", "@"),
        ("name: `x`\n", "`"),
        ("name: %x\n", "%"),
    ],
)
def test_the_error_of_a_text_that_needs_quotes_names_them(text: str, character: str) -> None:
    """A cron expression and a glob are often written without; the value is not repeated: it may be a secret."""
    (problem,) = parse(text).problems
    assert problem.reason.endswith(f"; a value that begins with {character} needs quotes")
    assert "spot" not in problem.reason


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b: c\n", 1),
        ("a: 1\n b: 2\n", 2),
        ("a:\n  b: 1\n c: 2\n", 3),
        ("- a: 1\n b: 2\n", 2),
        ("a: 'it's'\n", 1),
        ("a: 1\nb\n", 3),
    ],
)
def test_other_mistakes_come_with_where_to_look(text: str, line: int) -> None:
    """What the parser says means little to who wrote the file."""
    (problem,) = parse(text).problems
    look = "check the indentation of this line and the one before; a value with `: ` needs quotes"
    assert problem.line == line
    assert problem.reason.endswith(f"; {look}")


def test_duplicate_keys_are_reported_all_at_once_with_their_paths() -> None:
    """They don't keep the rest from being read; the first of each counts."""
    document = parse("a: {k: 1, k: 2}\nb:\n  - {l: 1, l: 2}\n")
    assert [(problem.path, problem.line, problem.column) for problem in document.problems] == [
        ("a.k", 1, 11),
        ("b[0].l", 3, 12),
    ]
    assert document.root is not None
    assert plain(document.root) == {"a": {"k": "1"}, "b": [{"l": "1"}]}


@pytest.mark.parametrize("text", ["", "\n", "# nothing but a comment\n", "---\n", "~\n"])
def test_a_text_may_hold_nothing(text: str) -> None:
    """An empty document is no syntax error."""
    assert not parse(text).problems
