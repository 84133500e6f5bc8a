"""Measure how long `balance-monitor test` takes for many short rule tests.

    python -m benchmarks.rule_tests [--tests 1000]

Prints one line: the number of tests, the time, and the events by kind.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from monitor import config as configuration
from monitor.ruletests.report import run_files

CONFIG = """\
providers: {nami: {type: nami, api_key: key, api_secret: secret}}
channels: {ops: {urls: ["json://127.0.0.1:1/"]}}
jobs: [{name: spot, provider: nami, every: 1m, wallet: spot, currencies: {22: USDT}}]
rules:
  - {name: low, type: threshold, below: 1000}
  - {name: drop, type: delta, drop: 50%, within: 1h}
  - {name: old, type: stale, after: 2h}
"""
SERIES = ("1500 900x4 1300", "1500x5", "1500 !timeoutx3 1500", "1500 _x9 1500")
"""Readings of a low balance, of a good one, of an outage, and with a gap."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=1000, help="number of rule tests")
    count = parser.parse_args().tests
    cases = (
        f"  - {{name: test {number}, series: {{spot/spot/USDT: {SERIES[number % len(SERIES)]}}}, expect: []}}\n"
        for number in range(count)
    )
    with tempfile.TemporaryDirectory() as folder:
        config, tests = Path(folder) / "config.yaml", Path(folder) / "rules.test.yaml"
        config.write_text(CONFIG)
        tests.write_text(f"tests:\n{''.join(cases)}")
        loaded = configuration.load(config, {})
        began, used = time.perf_counter(), time.process_time()
        [tested] = run_files([tests], lambda _: loaded)
    events = Counter(seen.event.kind.value for verdict in tested.verdicts for seen in verdict.seen)
    took = f"{time.perf_counter() - began:.1f} s ({time.process_time() - used:.1f} s CPU)"
    print(f"{count} tests in {took}; events: {dict(events)}")  # noqa: T201 -- its output


if __name__ == "__main__":
    main()
