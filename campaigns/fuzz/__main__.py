"""`python -m campaigns.fuzz TARGET --seconds 600`: a coverage-guided run that ends at the first finding.

It needs atheris, which is not a dependency of the project (see README.md beside this file). `--input FILE` runs the
target once on a finding, without atheris.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

TARGETS = ("config", "clients", "interpolate", "values", "nami", "wdcf", "http-response")
INSTRUMENTED = ("monitor", "json", "email", "h11", "yaml")
"""The modules whose coverage guides the fuzzer: our code, and the Python libraries that read the bytes for it."""


def main() -> int:
    """Run the target of the command line; return the exit code."""
    arguments = _arguments()
    if arguments.input is not None:
        _target(arguments.target).run(arguments.input.read_bytes())
        return 0
    atheris = _atheris()
    if atheris is None:
        sys.stderr.write("atheris is not installed: pip install atheris (see campaigns/fuzz/README.md)\n")
        return 2
    with atheris.instrument_imports(include=[*INSTRUMENTED], enable_loader_override=False):
        target = _target(arguments.target)
    folder = arguments.folder / arguments.target
    sys.stderr.write(f"corpus and findings are kept in {folder}\n")
    atheris.Setup([sys.argv[0], *_options(arguments, target, folder)], target.run)
    atheris.Fuzz()  # ends the process
    return 0


def _options(arguments: argparse.Namespace, target: Any, folder: Path) -> list[str]:
    """Write the seeds and words to files; return the options of libFuzzer."""
    corpus, findings, words = folder / "corpus", folder / "findings", folder / "words"
    for one in (corpus, findings):
        one.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    options: dict[str, object] = {
        "max_total_time": arguments.seconds,
        "seed": arguments.seed,
        "max_len": target.longest,
        "timeout": arguments.timeout,
        "rss_limit_mb": arguments.megabytes,
        "artifact_prefix": f"{findings}/",
        "print_final_stats": 1,
    }
    if target.words:
        options["dict"] = words
    return [*(f"-{name}={value}" for name, value in options.items()), str(corpus)]


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _target(name: str) -> Any:
    # imported only now, because modules that are imported before atheris instruments them do not guide it
    return importlib.import_module("campaigns.fuzz.targets").targets()[name]


def _atheris() -> ModuleType | None:
    try:
        return importlib.import_module("atheris")
    except ImportError:
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m campaigns.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600, help="duration of the run")
    parser.add_argument("--seed", type=int, default=7, help="seed of the random changes")
    parser.add_argument("--timeout", type=int, default=5, help="seconds that one input may take")
    parser.add_argument("--megabytes", type=int, default=1024, help="memory that the process may take")
    parser.add_argument("--input", type=Path, help="run the target once, on this file")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "balance-monitor-fuzz",
        help="directory of the corpus and the findings, used by the next run too",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
