"""The mutants of the kill campaign fit the program. Whether the checker refuses them is a matter of a campaign."""

import ast

import pytest

from campaigns.harness.program import ROOT
from campaigns.kills.mutants import MUTANTS, Edit, Mutant, broken


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def test_a_mutant_breaks_the_program_as_it_is(mutant: Mutant) -> None:
    """Each of its lines is in the program exactly once, and the result is still Python."""
    for file, text in broken(mutant, ROOT).items():
        assert text != (ROOT / "monitor" / file).read_text()
        ast.parse(text, filename=file)


def test_lines_that_the_program_no_longer_has_are_an_error() -> None:
    """A mutant that changes nothing would count as one that the checker accepted."""
    gone = Mutant(name="gone", edits=(Edit(file="alerting/recording.py", old="no such line", new=""),))
    with pytest.raises(
        ValueError, match=r"gone: alerting/recording\.py does not contain these lines once: 'no such line'"
    ):
        broken(gone, ROOT)
