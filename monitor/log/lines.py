"""Log lines, one a record: `message key=value …` for people and journald, or a JSON object."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

from monitor.log.encoding import encodes_everything
from monitor.log.redaction import masked, spellings

log = logging.getLogger(__name__)

Format = Literal["text", "json"]

_JOURNALD_PRIORITY = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class Redaction:
    """The known secrets, which are replaced in every formatted line."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def set(self, secrets: Iterable[str]) -> None:
        """Replace the known secrets. Very short ones are left out: replacing them would make every line unreadable."""
        self._secrets = tuple(spellings(secret for secret in secrets if len(secret) > 3))

    def __call__(self, text: str) -> str:
        """Return a text without the known secrets."""
        return masked(text, self._secrets)


class TextFormatter(logging.Formatter):
    """A format such as `2026-02-01T14:30:00Z WARNING poll failed job=clients account=CLIENT_001 outcome=timeout`.

    Under systemd the journal adds time and level: the line begins with its priority, as `<4>`, instead."""

    def __init__(self, redact: Redaction, *, journald: bool) -> None:
        super().__init__()
        self._redact = redact
        self._journald = journald

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, whatever the record holds."""
        fields = "".join(f" {name}={self._quoted(value)}" for name, value in _fields(record).items())
        # A line break would let a value forge a record of its own.
        message = self._redact(record.getMessage()).replace("\r", "\\r").replace("\n", "\\n")
        text = message + fields
        if record.exc_info:
            text += " " + self._quoted(self.formatException(record.exc_info))
        if self._journald:
            return f"<{_JOURNALD_PRIORITY.get(record.levelno, 6)}>{text}"
        return f"{_time(record)} {record.levelname:<7} {text}"

    def _quoted(self, value: object) -> str:
        # Redacted first: within quotes a secret may be spelt in another way.
        text = self._redact(str(value))
        is_plain = text and text.isprintable() and not any(character in text for character in ' "=')
        return text if is_plain else json.dumps(text, ensure_ascii=False)


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time, level, message, and the record's fields."""

    def __init__(self, redact: Redaction, *, ensure_ascii: bool) -> None:
        super().__init__()
        self._redact = redact
        self._ensure_ascii = ensure_ascii

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": self._redact(record.getMessage()),
            **{name: self._plain(value) for name, value in _fields(record).items()},
        }
        if record.exc_info:
            line["exception"] = self._redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=self._ensure_ascii)

    def _plain(self, value: object) -> object:
        # Redacted before JSON quotes it: within quotes a secret may be spelt in another way.
        return value if isinstance(value, int | float | None) else self._redact(str(value))


def set_up(format_: Format, level: int, stream: TextIO = sys.stderr) -> Redaction:
    """Write every record to `stream`. Return the redaction, which takes the secrets that must not appear in it.

    Unhandled exceptions become records as well: Python itself would print their text unredacted."""
    redact = Redaction()
    journald = _goes_to_journald(stream)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        JsonFormatter(redact, ensure_ascii=not encodes_everything(stream))
        if format_ == "json"
        else TextFormatter(redact, journald=journald)
    )
    # `force` removes the handlers of an earlier call and of libraries, which would write unredacted.
    logging.basicConfig(level=level, handlers=[handler], force=True)
    sys.excepthook = _crashed
    threading.excepthook = lambda failed: _uncaught(
        f"in thread {failed.thread and failed.thread.name}", failed
    )
    sys.unraisablehook = lambda failed: _uncaught("where nothing can be raised", failed)
    return redact


def _crashed(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    log.critical("crashed", exc_info=(kind, exc, trace))


def _uncaught(where: str, failed: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
    fields = {"where": where, "error": failed.exc_type.__name__}
    log.error("unhandled exception", exc_info=failed.exc_value, extra={"fields": fields})


def _goes_to_journald(stream: TextIO) -> bool:
    """Return True if systemd reads this very stream: it names the stream's device and inode (systemd.exec(5))."""
    try:
        stat = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
