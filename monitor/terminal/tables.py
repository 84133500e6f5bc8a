"""Tables that fit a terminal: where it is narrow, columns are left out or rows take several lines.

Amounts and ids are shown whole or not at all: a part of an amount looks like another amount, a part of an id is
useless.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from rich.cells import cell_len, set_cell_size
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Shrink = Literal["", "name", "words"]
"""How a cell is cut: never; in its middle, because names differ at both ends; at its end, as a sentence."""

_BETWEEN = 2  # blanks between columns
_INDENT = 2  # of the further lines of a row, where there is room
_NAME, _WORDS = 16, 20  # columns; instead of cutting text shorter, a dispensable column is left out
_FOLDED = 10  # columns of a folded text; narrower, it could not be read
_AMOUNT = 40  # columns; a longer word in a sentence may be folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. Those with a `drop_priority` are left out where there is no room, the highest first."""

    name: str
    drop_priority: int = 0
    shrink: Shrink = ""
    is_amount: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row: a cell for each column."""

    cells: tuple[str, ...]
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The content of a table, before it is fitted into a width."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def first(self, count: int) -> "Grid":
        """Return the table with only its first `count` rows."""
        return Grid(columns=self.columns, rows=self.rows[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The shown columns of a table and their widths; if `stacked`, they go below each other for lack of room.

    `flat`: text that is too long is cut, so that a row stays a line if possible; otherwise it is folded."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]
    room: int
    stacked: bool
    flat: bool


def lay_out(grid: Grid, room: int, *, flat: bool) -> Layout:
    """Return the layout of a table in a screen `room` columns wide."""
    full = [max(map(cell_len, _cells(grid, number))) for number in range(len(grid.columns))]
    least = [_least(grid, number, width, flat=flat) for number, width in enumerate(full)]
    shown = list(range(len(grid.columns)))
    while _total([least[number] for number in shown]) > room:
        dispensable = [number for number in shown if grid.columns[number].drop_priority]
        if not dispensable:
            return Layout(shown=tuple(shown), widths=(), room=room, stacked=True, flat=flat)
        shown.remove(max(dispensable, key=lambda number: grid.columns[number].drop_priority))
    widths = _narrowed([full[number] for number in shown], [least[number] for number in shown], room)
    return Layout(shown=tuple(shown), widths=tuple(widths), room=room, stacked=False, flat=flat)


def _narrowed(widths: list[int], least: Sequence[int], room: int) -> list[int]:
    """Shrink columns until they fit, the widest first."""
    widths = [max(min(width, room), low) for width, low in zip(widths, least, strict=True)]
    while _total(widths) > room:
        shrinking = [number for number, width in enumerate(widths) if width > least[number]]
        widths[max(shrinking, key=widths.__getitem__)] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _BETWEEN * (len(widths) - 1)


def _cells(grid: Grid, number: int) -> Iterator[str]:
    yield grid.columns[number].name
    for row in grid.rows:
        yield row.cells[number]


def _least(grid: Grid, number: int, width: int, *, flat: bool) -> int:
    """Return the smallest width of a column whose full width is `width`."""
    shrink = grid.columns[number].shrink
    match shrink:
        case "":
            return width
        case "name":
            return min(width, _NAME if flat else _FOLDED)
        case "words":
            longest = max(cell_len(word) for cell in _cells(grid, number) for word in (cell.split() or [""]))
            return min(width, _WORDS if flat else max(_FOLDED, min(longest, _AMOUNT)))
        case _:
            assert_never(shrink)


def height(grid: Grid, layout: Layout) -> int:
    """Return the number of lines of the tallest row in a flat layout."""
    if not layout.stacked:
        return 1
    tallest = 1
    for row in grid.rows:
        lines = [
            1 if column.shrink else -(-cell_len(text) // layout.room)
            for column, text in _stacked_cells(grid, layout, row)
        ]
        tallest = max(tallest, sum(lines))
    return tallest


def _stacked_cells(grid: Grid, layout: Layout, row: Row) -> Iterator[tuple[Column, str]]:
    """Yield the cells of a row that go below each other, without empty ones and without alignment blanks."""
    for number in layout.shown:
        if text := row.cells[number].strip():
            yield grid.columns[number], text


# What is shown


def show_grid(console: Console, grid: Grid) -> None:
    """Print a table fitted to the terminal. Piped, a row stays one line."""
    for part in shown(grid, lay_out(grid, console.width, flat=not console.is_terminal)):
        console.print(part)


def shown(grid: Grid, layout: Layout) -> Iterator[RenderableType]:
    """Yield the parts of a table to print, one below the other."""
    if not layout.stacked:
        yield _side_by_side(grid, layout)
        return
    names = ", ".join(name for number in layout.shown if (name := grid.columns[number].name))
    yield Text(shortened(names, layout.room), style="dim", no_wrap=True)
    for row in grid.rows:
        yield from _below_each_other(grid, layout, row)


def _side_by_side(grid: Grid, layout: Layout) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0), header_style="dim")
    for number, width in zip(layout.shown, layout.widths, strict=True):
        column = grid.columns[number]
        table.add_column(
            column.name,
            width=width,
            no_wrap=layout.flat or not column.shrink,
            overflow="fold",
            justify="right" if column.is_amount else "left",
        )
    for row in grid.rows:
        cells = zip(layout.shown, layout.widths, strict=True)
        table.add_row(
            *(_cell(grid.columns[number], row.cells[number], width, layout) for number, width in cells),
            style=row.style,
        )
    return table


def _below_each_other(grid: Grid, layout: Layout, row: Row) -> Iterator[RenderableType]:
    for number, (column, cell) in enumerate(_stacked_cells(grid, layout, row)):
        text = _cell(column, cell, layout.room, layout)
        text.stylize(row.style)
        indent = min(_INDENT, max(layout.room - text.cell_len, 0)) if number else 0
        yield Padding(text, (0, 0, 0, indent), expand=False)


def _cell(column: Column, text: str, width: int, layout: Layout) -> Text:
    """Return a cell's text, cut to one line if the layout is flat and the column may shrink."""
    if layout.flat:
        match column.shrink:
            case "name":
                text = without_middle(text, width)
            case "words":
                text = shortened(text, width)
            case "":
                pass
            case _:
                assert_never(column.shrink)
    return Text(text, overflow="fold")


def without_middle(name: str, width: int) -> str:
    """Return a name cut in its middle to `width` columns."""
    if cell_len(name) <= width:
        return name
    tail = (width - 1) // 2
    return _head(name, width - 1 - tail) + "…" + _head(name[::-1], tail)[::-1]


def shortened(text: str, width: int) -> str:
    """Return a sentence cut to one line of `width` columns.

    A word with a digit may be an amount, and is kept whole or left out."""
    text = " ".join(text.split())
    if cell_len(text) <= width:
        return text
    kept = _head(text, width - 1)
    before, _, begun = kept.rpartition(" ")
    word = begun + text[len(kept) :].partition(" ")[0]
    if begun and not any(char.isdigit() for char in word):
        return kept + "…"
    return f"{before} …" if before else "…"


def _head(text: str, width: int) -> str:
    """Return as much of a text as fits into `width` columns."""
    cut = set_cell_size(text, max(width, 0))
    return cut if text.startswith(cut) else cut[:-1]  # rich puts a blank for half of a wide character


def table_of(console: Console, *columns: str) -> Table:
    """Return an empty table without borders. Piped, its rows are not folded, so that programs can read them."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=not console.is_terminal)
    return table
