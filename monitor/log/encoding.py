"""Output to a terminal or a pipe whose encoding lacks some characters: they are replaced, so that nothing crashes."""

import codecs
import io
import sys
import unicodedata
from typing import TextIO

_INSTEAD = str.maketrans("…▲▼✓✗●×·→←–—−‘’“”\u00a0", "~^v+xo*.><---''\"\" ")  # noqa: RUF001 -- these are to be replaced
_HORIZONTAL, _VERTICAL = "─━╌╍┄┅┈┉═╴╶╸╺╼╾", "│┃╎╏┆┇┊┋║╵╷╹╻╽╿"


def write_readably() -> None:
    """Make stdout and stderr accept every character, whatever their encoding is."""
    codecs.register_error("readable", _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="readable")


def encodes_everything(stream: TextIO) -> bool:
    """Return True if a stream's encoding has every character; otherwise JSON has to escape those it may lack."""
    return codecs.lookup(getattr(stream, "encoding", None) or "ascii").name.startswith("utf")


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_replacement, error.object[error.start : error.end])), error.end


def _replacement(character: str) -> str:
    """Return one ASCII character for one that only draws or punctuates, so that columns stay aligned.

    Any other, such as a letter in a name, is escaped: two names must not become the same."""
    if (plain := character.translate(_INSTEAD)) != character:
        return plain
    # The characters of charts: each needs a similar one of the same width.
    name = unicodedata.name(character, "")
    if name.startswith("BRAILLE PATTERN"):
        return " " if name.endswith("BLANK") else "*"
    if name.startswith("BOX DRAWINGS"):
        return "-" if character in _HORIZONTAL else "|" if character in _VERTICAL else "+"
    if "BLOCK" in name:
        return "#"
    return character.encode("ascii", "backslashreplace").decode()
