"""Links of the documents lead somewhere: to a file, to a heading, and to the files of the repository that they name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
NAMED = re.compile(r"`((?:monitor|tests|campaigns|benchmarks|docs|contrib|systemd|\.ci)/[\w./-]+)")


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
