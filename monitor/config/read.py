"""Reading one section of the file by its type: all its problems, and as much of it as is valid."""

from collections.abc import Collection
from typing import TypeVar, assert_never, get_args

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.problems import Findings, expected, unknown, wrong_value
from monitor.config.sections import inner, keys, owner
from monitor.config.yaml_tree import Mapping, Node, Path, Plain, Scalar, Sequence, plain
from monitor.providers.base import AtLeastOne, ExactlyOne, Needs, OneForm, Section

S = TypeVar("S", bound=Section)

_KEY = "[key]"


def read(section: type[S], path: Path, findings: Findings, *, foreign: Collection[str] = ()) -> S | None:
    """Return the section at a path without its invalid keys; None if a required key is invalid or missing.

    `foreign` are keys that are allowed here, though they are not in the section."""
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


def check_keys(section: type[Section], path: Path, findings: Findings) -> None:
    """Report the keys at a path that break the constraints of their section."""
    given, lacking = findings.keys(path), set[str]()

    def lacks(key: str, reason: str) -> None:
        lacking.add(key)
        findings.missing((*path, key), reason)

    for one in section.all_constraints():
        match one:
            case Needs(key=key, other=other, is_surplus=is_surplus):
                if key in given and other not in given and is_surplus:
                    findings.key((*path, key), f"is only allowed with `{other}`")
                elif key in given and other not in given:
                    lacks(other, f"is required with `{key}`")
            case AtLeastOne(keys=keys, unless=unless):
                # a key that another constraint reported as missing is not reported twice
                if not {*keys, unless}.intersection((*given, *lacking)):
                    lacks(keys[0], _required_unless(keys[1:]))
            case ExactlyOne(keys=keys, unless=unless):
                there = [key for key in (given if one.by_place else keys) if key in keys and key in given]
                if not there and unless not in given:
                    lacks(keys[0], _required_unless(keys[1:]))
                for key in there[1:]:
                    findings.key((*path, key), f"can't be combined with `{there[0]}`{one.advice}")
            case OneForm(first=first_form, second=second_form):
                once, again = ([key for key in given if key in form] for form in (first_form, second_form))
                if once and again:
                    reason = f"can't be combined with `{once[0]}`; keep one of them"
                    findings.key((*path, again[0]), reason)
                elif once or again:
                    for key in first_form if once else second_form:
                        if key not in given:
                            lacks(key, f"is required with `{(once or again)[0]}`")
                else:
                    (begins, ends), (cron, lasts) = first_form, second_form
                    lacks(begins, f"is required with `{ends}`, unless `{cron}` and `{lasts}` are given")
            case _:
                assert_never(one)


def _required_unless(others: Collection[str]) -> str:
    given = " or ".join(f"`{key}`" for key in others)
    return f"is required, unless {given} is given" if others else "is required"


def read_type(path: Path, what: str, known: Collection[str], findings: Findings) -> str | None:
    """Return the `type` of the section at a path; None if it is missing or unknown.

    An unknown one is reported here, a missing one by `read`."""
    kind = findings.text((*path, "type"))
    if kind is None or kind in known:
        return kind
    findings.value((*path, "type"), unknown(f"{what} type", kind, known))
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
    # unknown keys first: a key that one of them resembles is then not reported as missing
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
                findings.value(path, "is empty; set a value, or remove the key")
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
    if not findings.below(path):  # else the problem has been reported in more detail
        findings.value(path, wrong_value(detail, node, hidden=hidden))


def secret_keys(section: type[Section]) -> frozenset[str]:
    """Return the keys of a section that hold secrets."""
    return frozenset(name for name, field in section.model_fields.items() if _holds_secret(field.annotation))


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_holds_secret(part) for part in get_args(annotation))
