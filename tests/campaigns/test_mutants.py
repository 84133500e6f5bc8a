"""The mutants of the kill campaign fit the program. Whether the checker refuses them is a matter of a campaign."""

import ast
import builtins

import pytest

from campaigns.harness.program import ROOT
from campaigns.kills.mutants import MUTANTS, Edit, Mutant, broken


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def test_a_mutant_breaks_the_program_as_it_is(mutant: Mutant) -> None:
    """Each of its lines is in the program exactly once, and the result is Python without unknown names."""
    for file, text in broken(mutant, ROOT).items():
        assert text != (ROOT / "monitor" / file).read_text()
        assert _unknown_names(text) == set()


def _unknown_names(text: str) -> set[str]:
    """Return the names that a module reads and never binds: the checker would refuse a mutant for the NameError."""
    nodes = [*ast.walk(ast.parse(text))]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {(node.asname or node.name).partition(".")[0] for node in nodes if isinstance(node, ast.alias)}
    bound |= {
        str(node.name)
        for node in nodes
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs
        )
    }
    return {node.id for node in names} - bound - set(dir(builtins)) - {"__file__"}


def test_lines_that_the_program_no_longer_has_are_an_error() -> None:
    """A mutant that changes nothing would count as one that the checker accepted."""
    gone = Mutant(name="gone", edits=(Edit(file="alerting/recording.py", old="no such line", new=""),))
    with pytest.raises(
        ValueError, match=r"gone: alerting/recording\.py does not contain these lines once: 'no such line'"
    ):
        broken(gone, ROOT)
