"""What is wrong with a value, in words for the person who wrote it."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from monitor.config.document import Mapping, Node, Scalar, Sequence
from monitor.domain.units import ACCEPTED

_LONGEST_SHOWN = 60
_LONGEST_COMPARED = 200
_QUOTE = re.compile(r"""(?<!\w)('(\\.|[^'\\])*'|"(\\.|[^"\\])*")(?!\w)""")
_CHOICES = re.compile(r"'([^']*)'")


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` for the nearest of the known names; empty where none is near."""
    found = nearest_name(name, known)
    return "" if found is None else f"; did you mean `{found}`?"


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The nearest of the known names, whatever the case; None where none is near."""
    by_folded = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name[:_LONGEST_COMPARED].lower(), by_folded, n=1)
    return by_folded[found[0]] if found else None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """That there is no such thing, and the nearest one there is, or all of them where they are few."""
    names = list(known)
    return f"no such {what}: {_short(name)}{nearest(name, names) or _listed(names)}"


def wrong_value(error: ErrorDetails, node: Node, *, hidden: bool) -> str:
    """Why pydantic refused a value. A hidden one is not repeated, nor is one that a reference brought in."""
    reason = _reason(error, node)
    if hidden:
        return without_quotes(reason)
    if not isinstance(node, Scalar) or node.text is None or node.references:
        return reason
    return reason if repr(node.text[:40])[:-1] in reason else f"{reason}, got {_short(node.text)}"


def without_quotes(reason: str) -> str:
    """A reason without the pieces of the value that it quotes."""
    return _QUOTE.sub("the value", reason)


def expected(what: str, node: Node | None) -> str:
    """That something else belongs here."""
    return f"expected {what}, got {_kind(node)}"


def _reason(error: ErrorDetails, node: Node) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error" | "enum":
            return _choice(_CHOICES.findall(context["expected"]), node)
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return _scalar("a whole number", node)
        case "bool_parsing" | "bool_type":
            return _scalar("true or false", node)
        case "decimal_type":
            return expected("an amount", node)
        case "time_delta_type":
            return expected(f"a span of time: {ACCEPTED}", node)
        case "string_type":
            return expected("text", node)
        case "dict_type" | "model_type":
            return expected("a mapping (key: value)", node)
        case "list_type" | "tuple_type":
            return expected("a list", node)
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "string_too_short" | "too_short":
            return "is empty"
        case "string_pattern_mismatch":
            return f"does not have the form {context['pattern']}"
        case _:
            return f"is not accepted: {error['msg']}"


def _choice(choices: list[str], node: Node) -> str:
    *others, last = choices
    what = f"{', '.join(others)} or {last}" if others else last
    if not isinstance(node, Scalar) or not node.text:
        return expected(what, node)
    return f"expected {what}, not {_short(node.text)}{nearest(node.text, choices)}"


def _scalar(what: str, node: Node) -> str:
    return f"expected {what}" if isinstance(node, Scalar) else expected(what, node)


def _listed(names: list[str]) -> str:
    few = 0 < len(names) <= 6
    return f"; known: {', '.join(names)}" if few else ""


def _short(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


def _kind(node: Node | None) -> str:
    match node:
        case Scalar():
            return "nothing" if node.text is None else "text"
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"
        case None:
            return "nothing"
