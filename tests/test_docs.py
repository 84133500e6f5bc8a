"""The documents fit the repository: links lead somewhere, named files exist, quoted messages are the program's own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
NAMED = re.compile(r"`((?:monitor|tests|campaigns|benchmarks|docs|contrib|systemd|\.ci)/[\w./-]+)")

NOT_IN_SOURCES = {
    *("Permission denied", "disk I/O error", "Watchdog timeout"),  # of the system, SQLite and systemd
    *("contains no client", "no firing incident '…'"),  # with a word that the program inserts
}


def text_of(page: Path) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the page's headings; the second of two equal ones ends in `-1`."""
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#{1,6} (.+)$", text_of(page)):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        copies = sum(re.fullmatch(rf"{re.escape(plain)}(-\d+)?", one) is not None for one in found)
        found.add(f"{plain}-{copies}" if copies else plain)
    return found


def broken(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere."""
    for path, anchor in LINK.findall(text_of(page)):
        target = (page.parent / path) if path else page
        if not target.exists():
            yield path
        elif anchor and anchor not in anchors(target):
            yield f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To an existing file or directory, and to a heading of it."""
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """A file that moves takes its name in the documents along."""
    named = set(NAMED.findall(page.read_text(encoding="utf-8")))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_page_can_be_reached() -> None:
    """From the README, by links."""
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        linked = {
            (page.parent / path).resolve() for path, _ in LINK.findall(text_of(page)) if path.endswith(".md")
        }
        waiting += linked - reached - set(waiting)
    assert set(PAGES) <= reached


def test_every_symptom_is_quoted_as_the_program_writes_it() -> None:
    """Who searches the page for a line of the log finds it. What differs from case to case is `…` or a number."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "monitor").rglob("*.py")]
    program = re.sub(r'"\s+f?"', "", "".join(sources))  # texts that continue on the next line
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    symptoms = [row.split(" | ")[0] for row in re.findall(r"(?m)^\| (.* \| .* \| .*) \|$", page)]
    quoted = {quote for symptom in symptoms for quote in re.findall(r"`([^`]*[a-z] [a-z][^`]*)`", symptom)}
    parts = {part for quote in quoted - NOT_IN_SOURCES for part in re.split(r"\W*…\W*| \(.*", quote)}
    assert len(parts) > 30
    assert sorted(part for part in parts if part not in program) == []
