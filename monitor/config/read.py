"""One section of the file against its type: every problem found, and as much of it as can be used."""

from collections.abc import Collection
from typing import TypeVar, get_args

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.problems import Findings, expected, unknown, wrong_value
from monitor.config.sections import inner, keys, owner
from monitor.config.yaml_tree import Mapping, Node, Path, Plain, Scalar, Sequence, plain
from monitor.providers.base import Section

S = TypeVar("S", bound=Section)

_KEY = "[key]"


def read(section: type[S], path: Path, findings: Findings, *, foreign: Collection[str] = ()) -> S | None:
    """The section at a path, without the keys that something is wrong with; None where no sense can be made of it.

    `foreign` are keys that are no mistake, though they are not the section's own."""
    node = findings.node(path)
    if not isinstance(node, Mapping):
        if node is not None:
            findings.value(path, expected("a mapping (key: value)", node))
        return None
    _report_nulls(node, path, findings)
    passed_over = set(foreign).difference(keys(section))
    data = {key: plain(entry.value) for key, entry in node.entries.items() if key not in passed_over}
    try:
        return section.model_validate(data)
    except ValidationError as error:
        known = dict.fromkeys((*keys(section), *sorted(foreign)))
        return _what_is_left(section, data, error, path, findings, known)


def read_type(path: Path, what: str, known: Collection[str], findings: Findings) -> str | None:
    """What a section at a path says its `type` is; None where that is none of the known ones.

    A word that is none is reported here, its absence by whoever reads the section."""
    kind = findings.text((*path, "type"))
    if kind is None or kind in known:
        return kind
    findings.value((*path, "type"), unknown(f"type of {what}", kind, known))
    return None


def _what_is_left(
    section: type[S],
    data: dict[str, Plain],
    error: ValidationError,
    path: Path,
    findings: Findings,
    known: Collection[str],
) -> S | None:
    details = error.errors(include_url=False)
    for detail in sorted(details, key=lambda detail: detail["type"] == "missing"):
        _report(detail, section, path, findings, known)
    wrong = {detail["loc"][0] for detail in details if detail["loc"]}
    try:
        return section.model_validate({key: value for key, value in data.items() if key not in wrong})
    except ValidationError:
        return None


def _report_nulls(node: Node, path: Path, findings: Findings) -> None:
    match node:
        case Scalar():
            if node.text is None:
                findings.value(path, "is empty; give it a value, or leave the key out")
        case Sequence():
            for index, item in enumerate(node.items):
                _report_nulls(item, (*path, index), findings)
        case Mapping():
            for key, entry in node.entries.items():
                _report_nulls(entry.value, (*path, key), findings)


def _report(
    detail: ErrorDetails, section: type[Section], base: Path, findings: Findings, known: Collection[str]
) -> None:
    path, kind = (*base, *detail["loc"]), detail["type"]
    if kind == "missing":
        findings.missing(path)
    elif kind == "extra_forbidden":
        where = inner(section, detail["loc"])
        findings.unknown_key(path, known if where is section else keys(where), owner(where, str(path[-1])))
    elif path[-1] == _KEY:
        name = str(path[-2])
        findings.key(
            path[:-1], wrong_value(detail, Scalar(text=name, at=findings.key_at(path[:-1])), hidden=False)
        )
    else:
        key = str(detail["loc"][0]) if detail["loc"] else ""
        hidden = key in secret_keys(section) or key.endswith("url")
        _report_value(detail, path, findings, hidden=hidden)


def _report_value(detail: ErrorDetails, path: Path, findings: Findings, *, hidden: bool) -> None:
    if isinstance(path[-1], int):
        path = findings.item(path[:-1], path[-1])
    node = findings.node(path)
    if node is None:
        raise LookupError(f"{path} is not in the file")
    if not findings.below(path):  # else what is wrong with it has been told in more detail
        findings.value(path, wrong_value(detail, node, hidden=hidden))


def secret_keys(section: type[Section]) -> frozenset[str]:
    """The keys of a section whose values may not be shown."""
    return frozenset(name for name, field in section.model_fields.items() if _holds_secret(field.annotation))


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_holds_secret(part) for part in get_args(annotation))
