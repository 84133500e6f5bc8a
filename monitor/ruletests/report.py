"""The run of files of rule tests, and its report."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from monitor.config import Config
from monitor.errors import ConfigError
from monitor.ruletests import file
from monitor.ruletests.runner import Verdict, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A file, the configuration that it was run against, and the verdicts on its tests."""

    path: Path
    config: Path
    verdicts: tuple[Verdict, ...]

    def lines(self, *, verbose: bool) -> Iterator[tuple[str, str]]:
        """Yield each line to show, with its style: the failed tests, or with `verbose` all tests."""
        for verdict in self.verdicts:
            if verbose or not verdict.passed:
                word, style = ("pass", "green") if verdict.passed else ("FAIL", "bold red")
                yield f"{word} {self.path}:{verdict.test.place.line}: {verdict.test.name}", style
                for line in verdict.lines:
                    yield f"  {line}", _STYLES.get(line[0], "")


_STYLES = {"-": "red", "+": "green"}


def run_files(paths: Sequence[Path], load: Callable[[Path | None], Config]) -> list[Tested]:
    """Run the tests of these files. `load` is called with the configuration that a file names, or None.

    Raises ConfigError with every problem in all of them; then no test was run."""
    read, refused = [], []
    for path in paths:
        try:
            config = load(file.config_of(path))
            read.append((path, config, file.load(path, config)))
        except ConfigError as exc:
            refused.append(exc)
    if refused:
        raise _together(refused)
    return [
        Tested(path=path, config=config.path, verdicts=tuple(run(test, config) for test in tests))
        for path, config, tests in read
    ]


def _together(errors: Sequence[ConfigError]) -> ConfigError:
    problems = (
        replace(problem, source=problem.source or error.source)
        for error in errors
        for problem in error.problems
    )
    return ConfigError(errors[0].source, tuple(dict.fromkeys(problems)))


def summary(tested: Sequence[Tested]) -> str:
    """Return how many tests passed and failed, in a line."""
    verdicts = [verdict for one in tested for verdict in one.verdicts]
    failed = sum(not verdict.passed for verdict in verdicts)
    passed = f"{len(verdicts) - failed} passed"
    return f"{failed} failed, {passed}" if failed else passed
