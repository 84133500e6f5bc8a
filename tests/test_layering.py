"""Who may import whom: the contracts are in pyproject.toml, under `tool.importlinter`."""

from pathlib import Path

from importlinter.api import use_cases

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def test_every_import_goes_the_right_way() -> None:
    """Every contract is kept; a new module has to be given its place first. What is broken is printed."""
    assert use_cases.lint_imports(config_filename=str(PROJECT), cache_dir=None)
