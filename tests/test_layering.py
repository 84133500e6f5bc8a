"""Who may import whom: the contracts are in pyproject.toml, under `tool.importlinter`."""

from pathlib import Path

from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def test_every_import_goes_the_right_way() -> None:
    """Every contract is kept; a new module has to be given its place first. What is broken is printed."""
    configure()
    assert lint_imports(config_filename=str(PROJECT), cache_dir=None)
