"""The fuzz campaign can run, and its targets can fail."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from campaigns.fuzz.__main__ import TARGETS
from campaigns.fuzz.exact import is_exactly, written_out
from campaigns.fuzz.targets import ROOT, Target, targets


def test_the_command_knows_every_target() -> None:
    """The names have to be known before the modules are imported that atheris instruments."""
    assert tuple(targets()) == TARGETS


@pytest.mark.parametrize("target", targets().values(), ids=targets().keys())
def test_the_seeds_of_every_target_pass(target: Target) -> None:
    """Each target has several, none too long."""
    assert len(target.seeds) > 1
    for seed in target.seeds:
        assert len(seed) <= target.longest
        target.run(seed)


def test_a_finding_can_be_run_again(tmp_path: Path) -> None:
    """The command runs the target on a file, without the fuzzer."""
    (tmp_path / "found").write_bytes(b"\x01" + b"1.50")
    done = subprocess.run(
        [sys.executable, "-m", "campaigns.fuzz", "values", "--input", str(tmp_path / "found")],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("text", "value", "exact"),
    [
        pytest.param("1.50", Decimal("1.50"), True, id="as-written"),
        pytest.param("+01.50", Decimal("1.50"), True, id="without-redundant-characters"),
        pytest.param("1.5e3", Decimal("1.5E+3"), True, id="with-its-exponent"),
        pytest.param("-0", Decimal("-0"), True, id="with-its-sign"),
        pytest.param("1.50", Decimal("1.5"), False, id="a-digit-lost"),
        pytest.param("0.1", Decimal.from_float(0.1), False, id="through-a-float"),
        pytest.param("-0", Decimal(0), False, id="the-sign-lost"),
        pytest.param("1e3", Decimal(1000), False, id="the-exponent-lost"),
        pytest.param("nan", Decimal("NaN"), False, id="no-number"),
    ],
)
def test_an_amount_is_exact_or_not(text: str, value: Decimal, *, exact: bool) -> None:
    """Sign, digits and decimal places have to be equal."""
    assert is_exactly(value, text) is exact


def test_a_finite_amount_can_be_written_out() -> None:
    """Without an exponent it is the same amount."""
    assert written_out(Decimal("1E+2"))
    assert written_out(Decimal("1.500"))
    assert not written_out(Decimal("NaN"))
