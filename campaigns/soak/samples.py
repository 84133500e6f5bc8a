"""The figures, taken every few seconds, and their trends."""

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

WARM = 30.0
"""Seconds that count as the start of a process: pools fill, files are checked, the state is restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample. `seconds` and `polls` count from the start of the run, `age` and `cpu`, both in seconds, from that of
    the process. Sizes are in bytes.

    `yardstick` is the CPU time of a fixed piece of work, in milliseconds. Other load on the machine makes it as much
    more expensive as it makes a poll."""

    seconds: float
    polls: int
    life: int
    age: float
    cpu: float
    rss: int
    pss: int
    fds: int
    threads: int
    file: int
    wal: int
    rows: int
    pending: int
    load: float
    yardstick: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A figure over a part of the run: its mean, its largest value, and the rise of a line fitted through it."""

    mean: float
    most: float
    rise: float

    @property
    def share(self) -> float:
        """Return the rise as a share of the mean."""
        return self.rise / self.mean if self.mean else 0.0


class Log:
    """The samples of a run, written to a file as they are taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples: list[Sample] = []
        with path.open("w", newline="") as file:
            csv.writer(file).writerow([one.name for one in fields(Sample)])

    def add(self, sample: Sample) -> None:
        """Add a sample."""
        self.samples.append(sample)
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(asdict(sample).values())


def read(path: Path) -> list[Sample]:
    """Return the samples in a file that `Log` wrote."""
    with path.open(newline="") as file:
        return [_sample(row) for row in csv.DictReader(file)]


def _sample(row: Mapping[str, str]) -> Sample:
    values: dict[str, Any] = {
        one.name: int(row[one.name]) if one.type is int else float(row[one.name]) for one in fields(Sample)
    }
    return Sample(**values)


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return the samples of warm processes, in the first half of the polls and in the second."""
    middle = samples[-1].polls / 2
    warm = [sample for sample in samples if sample.age >= WARM]
    return [one for one in warm if one.polls < middle], [one for one in warm if one.polls >= middle]


def trend(samples: Sequence[Sample], value: Callable[[Sample], float]) -> Trend:
    """Return the trend of a figure over the polls."""
    return fitted([(sample.polls, value(sample)) for sample in samples])


def cost(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Return the CPU milliseconds of a poll between two samples, by the number of polls made."""
    return [((before.polls + after.polls) / 2, _cost(before, after)) for before, after in _spans(samples)]


def measured_cost(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Return the cost of a poll in yardsticks, by the number of polls made."""
    return [
        ((before.polls + after.polls) / 2, _cost(before, after) / ((before.yardstick + after.yardstick) / 2))
        for before, after in _spans(samples)
    ]


def _spans(samples: Sequence[Sample]) -> list[tuple[Sample, Sample]]:
    pairs = pairwise(samples)
    return [(one, next_) for one, next_ in pairs if one.life == next_.life and next_.polls > one.polls]


def _cost(before: Sample, after: Sample) -> float:
    return 1000 * (after.cpu - before.cpu) / (after.polls - before.polls)


def yardstick() -> float:
    """Return the CPU milliseconds of a fixed piece of work of the same kind as a poll: small objects, texts, dicts."""
    began = time.thread_time()
    for number in range(4_000):
        json.loads(json.dumps({"balance": f"{number}.5000", "currency": "USD"}))
    return 1000 * (time.thread_time() - began)


def fitted(points: Sequence[tuple[float, float]]) -> Trend:
    """Return the trend of a line through points, fitted by least squares."""
    if len(points) < 2:
        return Trend(mean=0.0, most=0.0, rise=0.0)
    xs, ys = zip(*points, strict=True)
    x, y = fmean(xs), fmean(ys)
    spread = sum((one - x) ** 2 for one in xs)
    slope = sum((a - x) * (b - y) for a, b in points) / spread if spread else 0.0
    return Trend(mean=y, most=max(ys), rise=slope * (max(xs) - min(xs)))
