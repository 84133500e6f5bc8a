"""Where attributes come from: an object is complete once it is made."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "monitor"


def _assigned(method: ast.AST) -> set[str]:
    """The attributes of `self` that a method assigns."""
    return {
        node.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _at_birth(node: ast.ClassDef) -> Iterator[str]:
    """Yield what an instance has at once: what `__init__` assigns, a dataclass's fields, the class's own values."""
    for part in node.body:
        match part:
            case ast.FunctionDef(name="__init__"):
                yield from _assigned(part)
            case ast.AnnAssign(target=ast.Name(id=name)) if part.value is not None or _is_dataclass(node):
                yield name
            case ast.Assign():
                yield from (target.id for target in part.targets if isinstance(target, ast.Name))


def _born_later(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            known = set(_at_birth(node))
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from (f"{node.name}.{name}" for name in sorted(_assigned(method) - known))


def test_no_attribute_is_born_outside_init() -> None:
    """Whoever reads `__init__` knows all that an object has; there is no order in which methods have to be called."""
    found = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in _born_later(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class A:\n    def __init__(self):\n        self.x = 1\n    def f(self):\n        self.x = 2", []),
        ("class A:\n    def f(self):\n        self.x = self.y = 2", ["A.x", "A.y"]),
        ("class A:\n    x: int\n    async def f(self):\n        self.x += 2", ["A.x"]),
        ("@dataclass\nclass A:\n    x: int\n    def f(self):\n        self.x += 2", []),
        (
            "class A:\n    x = 1\n    def f(self):\n        self.x, (self.z, *self.y) = 2, (3, 4)",
            ["A.y", "A.z"],
        ),
    ],
    ids=["in-init", "in-a-method", "only-declared", "a-field", "unpacked"],
)
def test_what_counts_as_born_later(source: str, found: list[str]) -> None:
    """The check itself finds what it is for."""
    assert list(_born_later(source)) == found
