"""The project's English: retired words stay out of the program and its pages, and docstrings begin with a verb.

The words are in `retired_words.toml`, with what to write instead.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LIST = tomllib.loads((ROOT / "tests" / "retired_words.toml").read_text())
EXCEPTIONS = re.compile("|".join(one["allows"] for one in LIST["exception"]))
KINDS = {".py", ".md", ".html", ".js", ".xml", ".yaml"}
NO_VERBS = re.compile(
    r"\W*(what|whether|where|who|whom|whose|which|why|how|when|while|if|it|its|this|that|these|those|the|an?|all|each"
    r"|every|some|any|no|none|one|two|only|as|in|on|of|by|with|without|for|from|to|until|since|at)\b",
    re.IGNORECASE,
)
"""Words that docstrings of the earlier dialect began with."""


@cache
def texts() -> dict[str, list[str]]:
    """Return the lines of the program and of what its users read, by file, without what is excepted."""
    pages = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "config.example.yaml")]
    inside = (
        path
        for folder in ("monitor", "docs", "campaigns", "benchmarks")
        for path in (ROOT / folder).rglob("*")
    )
    files = [*pages, *(path for path in sorted(inside) if path.suffix in KINDS)]
    return {
        str(path.relative_to(ROOT)): [EXCEPTIONS.sub("", line) for line in path.read_text().splitlines()]
        for path in files
    }


@pytest.mark.parametrize("word", LIST["word"], ids=[word["pattern"] for word in LIST["word"]])
def test_a_retired_word_is_not_used(word: dict[str, Any]) -> None:
    """Neither in prose nor as part of a name."""
    retired = re.compile(rf"(?<![a-z])(?:{word['pattern']})(?![a-z])", re.IGNORECASE)
    found = [
        f"{file}:{number}: {line.strip()}"
        for file, lines in texts().items()
        for number, line in enumerate(lines, 1)
        if retired.search(line)
    ]
    assert not found, f"write instead: {word['instead']}"


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the place and the first line of each docstring of a function."""
    for path in sorted((ROOT / "monitor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text.splitlines()[0]


def test_a_docstring_begins_with_a_verb() -> None:
    """Return …, Yield …, Record …; not "What …" or "Whether …"."""
    assert [f"{place}: {line}" for place, line in docstrings() if NO_VERBS.match(line)] == []


def test_every_exception_is_needed() -> None:
    """One that allows nothing is removed from the list."""
    everything = "\n".join(path.read_text() for path in sorted((ROOT / "monitor").rglob("*.py")))
    unneeded = [one["allows"] for one in LIST["exception"] if not re.search(one["allows"], everything)]
    assert unneeded == []
