"""Writing to a terminal or a pipe whose encoding lacks some characters: it gets others for them; nothing crashes."""

import codecs
import io
import sys
import unicodedata
from typing import TextIO

_INSTEAD = str.maketrans("…▲▼✓✗●×·→←–—−‘’“”\u00a0", "~^v+xo*.><---''\"\" ")  # noqa: RUF001 -- what is replaced
_HORIZONTAL, _VERTICAL = "─━╌╍┄┅┈┉═╴╶╸╺╼╾", "│┃╎╏┆┇┊┋║╵╷╹╻╽╿"


def write_readably() -> None:
    """Have stdout and stderr take every character from now on, whatever their encoding is."""
    codecs.register_error("readable", _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="readable")


def takes_everything(stream: TextIO) -> bool:
    """Tell whether a stream's encoding has every character: else JSON has to escape what it may lack."""
    return codecs.lookup(getattr(stream, "encoding", None) or "ascii").name.startswith("utf")


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_instead, error.object[error.start : error.end])), error.end


def _instead(character: str) -> str:
    """One ASCII character for each that only draws or punctuates, so that columns stay in line; the escape of any
    other, as of a letter in a name: which name it is has to be plain."""
    if (plain := character.translate(_INSTEAD)) != character:
        return plain
    name = unicodedata.name(character, "")
    if name.startswith("BRAILLE PATTERN"):
        return " " if name.endswith("BLANK") else "*"
    if name.startswith("BOX DRAWINGS"):
        return "-" if character in _HORIZONTAL else "|" if character in _VERTICAL else "+"
    if "BLOCK" in name:
        return "#"
    return character.encode("ascii", "backslashreplace").decode()
