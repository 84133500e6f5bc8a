"""What is recorded beside the tests, and compared: text in which whatever changes by itself has a fixed name."""

import json
import os
import re
from collections.abc import Callable
from difflib import unified_diff
from importlib.metadata import version
from pathlib import Path

import pytest

RECORDED = Path(__file__).parent / "recorded"

Approve = Callable[..., None]
"""approve(name, text): compare with the recorded file of this name, or write that with `--record`."""

_RANDOM = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_URN = re.compile(r"urn:uuid:[0-9a-f-]{36}")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OF_THE_PROCESS = re.compile(
    r"^(# (HELP|TYPE) )?(process_|python_|balance_monitor_(build_info|store_size_bytes)).*\n", re.MULTILINE
)


def normalised(text: str, folder: Path | None = None) -> str:
    """Text without what differs from machine to machine and from release to release."""
    text = _ANSI.sub("", text)
    for path, name in ((folder, "FOLDER"), (Path.home(), "HOME")):
        if path is not None and str(path) != "/":
            text = text.replace(str(path), name)
    text = _RANDOM.sub("RANDOM-ID", text)
    text = _OF_THE_PROCESS.sub("", text)
    text = re.sub(rf"\b{re.escape(version('balance-monitor'))}\b(?!\.\d)", "VERSION", text)
    text = text.replace(os.uname().nodename, "HOST")
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def indented(text: str) -> str:
    """JSON, a key a line, sorted: a difference is then one of facts."""
    return json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False)


def shaped(text: str, media_type: str) -> str:
    """What the web answers, in lines. The order of a metric's samples means nothing, and changes; an id in the feed
    names the store by its path."""
    if "json" in media_type:
        return indented(text)
    if "atom" in media_type:
        ids = list(dict.fromkeys(_URN.findall(text)))
        return _URN.sub(lambda found: f"URN-{ids.index(found[0])}", text).replace("><", ">\n<")
    if "version=0.0.4" in media_type:
        families = re.split(r"(?=^# HELP )", text, flags=re.MULTILINE)
        return "".join("\n".join(sorted(one.splitlines())) + "\n" for one in families if one)
    return text


def compare(name: str, text: str, *, record: bool) -> None:
    """Compare a text with the recorded one, or record it."""
    path = RECORDED / name
    if record:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    if not path.exists():
        pytest.fail(f"{path} is not recorded: pytest tests/contract --record, and read what it says")
    recorded = path.read_text(encoding="utf-8")
    if text != recorded:
        lines = unified_diff(
            recorded.splitlines(), text.splitlines(), f"recorded/{name}", "now", n=2, lineterm=""
        )
        pytest.fail("\n".join(lines), pytrace=False)
