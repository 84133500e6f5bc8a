"""What is wrong with a value, in words for the person who wrote it."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from monitor.config.yaml_tree import Mapping, Node, Scalar, Sequence, is_private
from monitor.domain.units import ACCEPTED

_LONGEST_SHOWN = 60
_LONGEST_COMPARED = 200
_QUOTE = re.compile(r"""(?<!\w)('(\\.|[^'\\])*'|"(\\.|[^"\\])*")(?!\w)""")
_FORMS = {
    "clients": "[CLIENT_001]",
    "currencies": "{22: USDT}",
    "links": "{runbook: 'https://wiki.example/{{ rule }}'}",
    "message": "{title: '{{ headline }}: {{ reason }}'}",
    "flapping": "{changes: 6, within: 1h}, or off",
    "quiet_hours": '{from: "22:00", to: "07:00"}',
}
_MOST_LISTED = 6
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
    return f"no such {what}: {shown(name)}{nearest(name, names) or _listed(names)}"


def unknown_key(name: str, known: Iterable[str], owner: str | None = None) -> str:
    """That there is no such key here, and where it belongs, or the nearest one there is, or all of them."""
    names = list(known)
    if owner is not None:
        return f"unknown key; it belongs to {owner}"
    return f"unknown key{nearest(name, names) or _listed(names, most=len(names))}"


def wrong_value(error: ErrorDetails, node: Node, *, hidden: bool) -> str:
    """Why pydantic refused a value. A hidden one is not repeated, nor is one that a reference brought in."""
    reason = _reason(error, node)
    if hidden:
        return without_quotes(reason)
    if not isinstance(node, Scalar) or node.text is None or node.references:
        return reason
    if ", got " in reason or repr(node.text[:40])[:-1] in reason:
        return reason
    return f"{reason}, got {shown(node.text)}"


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
            return expected(_formed("a mapping", error) or "a mapping (key: value)", node)
        case "list_type" | "tuple_type":
            return expected(_formed("a list", error) or "a list", node)
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


def _formed(what: str, error: ErrorDetails) -> str | None:
    """What belongs at a key, with an example of it, where there is one."""
    form = _FORMS.get(str(error["loc"][-1])) if error["loc"] else None
    return None if form is None else f"{what} such as {form}"


def _choice(choices: list[str], node: Node) -> str:
    *others, last = choices
    what = f"{', '.join(others)} or {last}" if others else last
    if not isinstance(node, Scalar) or not node.text:
        return expected(what, node)
    return f"expected {what}, not {shown(node.text)}{nearest(node.text, choices)}"


def _scalar(what: str, node: Node) -> str:
    return f"expected {what}" if isinstance(node, Scalar) else expected(what, node)


def _listed(names: list[str], most: int = _MOST_LISTED) -> str:
    few = 0 < len(names) <= most
    return f"; known: {', '.join(names)}" if few else ""


def shown(text: str) -> str:
    """A value as a message repeats it: quoted, not too long, and not at all if it may hold credentials."""
    if is_private(text):
        return "a URL that is not shown"
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
