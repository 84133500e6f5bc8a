"""The scenario: the accounts, what happens to them repeatedly, and the configuration.

Time is counted in beats: a beat is the interval at which each account is polled. An account is calm for a while,
then has an episode, and is calm again. It advances with each response, so that no restart skips anything. A reading
that is lost at a stop changes nothing, because each level lasts for more readings than its rule demands.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

EPISODE = 25
"""Beats."""
CALM = 15
"""Beats between two episodes at least. Each account has a different number, so that they drift apart."""
COOLDOWN = 8
"""Beats after an episode until everything that it caused is over."""

GONE, DOWN, FROZEN, LACKING = "gone", "down", "frozen", "lacking"
"""Responses of another kind: 404, 503, an amount with an old `updatedAt`, one currency missing."""

GUESTS = ("guest-1", "guest-2", "guest-3")
"""Accounts that one reload adds, and the next one removes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of account: `answer(p)` is its response at beat p of an episode, an amount or one of the kinds above.

    Of 40 accounts `share` are of this kind. Each episode causes `times` incidents of `rule`."""

    share: int
    answer: Callable[[int], str]
    rule: str = ""
    times: int = 1


KINDS: Mapping[str, Kind] = {
    "calm": Kind(share=19, answer=lambda p: "5000"),
    "low": Kind(share=6, answer=lambda p: "500" if p < 9 else "1100" if p < 17 else "1300", rule="low"),
    "dry": Kind(share=2, answer=lambda p: "50", rule="dry"),
    "drain": Kind(share=4, answer=lambda p: "3000", rule="drain"),
    "jump": Kind(share=2, answer=lambda p: "6000", rule="jump", times=2),
    "gone": Kind(share=2, answer=lambda p: GONE if p < 10 else "5000", rule="failing"),
    "mute": Kind(share=2, answer=lambda p: DOWN if p < 22 else "5000", rule="stale"),
    "frozen": Kind(share=1, answer=lambda p: FROZEN, rule="frozen"),
    "feed": Kind(share=2, answer=lambda p: DOWN if p < 12 else "5000", rule="failing"),
}
"""Accounts of the kind `feed` have a provider of their own, and fail together."""

SPOT = Kind(share=0, answer=lambda p: LACKING if p < 10 else "5000", rule="failing")
"""The one wallet of the exchange, in two currencies."""


class Course:
    """The course of one account, or of some that have their episodes together."""

    def __init__(self, kind: Kind, subject: str, number: int, size: int = 1) -> None:
        self.kind = kind
        self.subject = subject
        self.episodes = 0
        self.answers = 0
        self.ending = False
        self._size = size
        self._calm = CALM + number % 11
        self._beat = number % CALM
        self._rested = 0

    @property
    def resting(self) -> bool:
        """Return whether the end was requested, and nothing from before it can cause an event any more."""
        return self.ending and self._beat < self._calm and self._rested >= COOLDOWN * self._size

    @property
    def incidents(self) -> int:
        """Return the number of incidents that had to be notified, once the course rests."""
        return self.episodes * self.kind.times if self.kind.rule else 0

    def next_answer(self) -> str:
        """Return the next response, and advance."""
        beat = self._beat
        self.answers += 1
        if self.ending and beat < self._calm:
            self._rested += 1
        elif self.answers % self._size == 0:
            self._advance()
        return "5000" if beat < self._calm else self.kind.answer(beat - self._calm)

    def _advance(self) -> None:
        self._beat += 1
        if self._beat == self._calm + EPISODE:
            self._beat = 0
            self.episodes += 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """The course of every account, by name. Several accounts may share one."""

    courses: Mapping[str, Course]

    @property
    def distinct(self) -> list[Course]:
        """Return every course once."""
        return list({id(course): course for course in self.courses.values()}.values())

    @property
    def resting(self) -> bool:
        """Return whether every course rests."""
        return all(course.resting for course in self.distinct)

    @property
    def polls(self) -> int:
        """Return the number of polls that were answered."""
        return sum(course.answers for course in self.distinct)

    def expected(self) -> dict[tuple[str, str], int]:
        """Return how many incidents of each rule and subject had to be notified."""
        return {
            (course.kind.rule, course.subject): course.incidents
            for course in self.distinct
            if course.incidents
        }

    def end(self) -> None:
        """Request the end: no further episode begins."""
        for course in self.distinct:
            course.ending = True


def build(accounts: int) -> Scenario:
    """Return a scenario of so many clients, in the shares of `KINDS`, and the wallet."""
    names = list(_names(accounts))
    feeds = sum(name.startswith("feed-") for name in names)
    together = Course(KINDS["feed"], "feeds", 3, size=max(feeds, 1))
    courses = {name: _course(name, number, together) for number, name in enumerate(names)}
    return Scenario({**courses, "spot": Course(SPOT, "spot/spot/VNDC", 1)})


def _names(accounts: int) -> Iterator[str]:
    kinds = [name for name, kind in KINDS.items() for _ in range(kind.share)]
    for number in range(accounts):
        yield f"{kinds[number * 7 % len(kinds)]}-{number:03d}"  # 7 is coprime to 40, so the kinds are mixed


def _course(name: str, number: int, feeds: Course) -> Course:
    kind = KINDS[name.partition("-")[0]]
    if kind is feeds.kind:
        return feeds
    subject = f"clients/{name}" if kind.rule == "failing" else f"clients/{name}/USD"
    return Course(kind, subject, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of all servers, on loopback."""

    exchange: int
    wallets: int
    feeds: int
    receiver: int


def configuration(scenario: Scenario, every: int, ports: Ports, *, guests: bool) -> Json:
    """Return the configuration: each account is polled every so many seconds by the process's clock."""
    waits = {"retries": 0, "timeout": f"{30 * every}s"}
    wdcf = {"type": "wdcf", "client_secret": "soak-client-secret", **waits}
    nami = {
        "type": "nami",
        "api_key": "soak-key",
        "api_secret": "soak-secret",
        "rate_limit": "600/1m",
        **waits,
    }
    return {
        "store": {"url": "sqlite:///balances.db", "keep": f"{180 * every}s"},
        "providers": {
            "exchange": {**nami, "base_url": f"http://127.0.0.1:{ports.exchange}"},
            "wallets": {**wdcf, "base_url": f"http://127.0.0.1:{ports.wallets}"},
            "feeds": {**wdcf, "base_url": f"http://127.0.0.1:{ports.feeds}"},
        },
        "channels": {"ops": {"urls": [f"json://127.0.0.1:{ports.receiver}/ops?cto=600&rto=600"]}},
        "routes": [{"group_by": ["rule", "subject"], "group_wait": "0s"}],
        "jobs": list(_jobs(scenario, every, guests=guests)),
        "failing": "off",
        "rules": list(_rules(every, low="1000.5" if guests else "1000")),
    }


def _jobs(scenario: Scenario, every: int, *, guests: bool) -> Iterator[Json]:
    feeds = [name for name in scenario.courses if name.startswith("feed-")]
    clients = [name for name in scenario.courses if name != "spot" and name not in feeds]
    interval = {"every": f"{every}s"}
    wallet = {"wallet": "spot", "currencies": {22: "USDT", 1: "VNDC"}}
    yield {**interval, "name": "spot", "provider": "exchange", **wallet}
    yield {**interval, "name": "clients", "provider": "wallets", "clients": clients}
    yield {**interval, "name": "feeds", "provider": "feeds", "clients": feeds}
    if guests:
        yield {**interval, "name": "guests", "provider": "wallets", "clients": list(GUESTS)}


def _rules(every: int, low: str) -> Iterator[Json]:
    yield _rule("low", "threshold", "low-*", below=low, clear=1200, **{"for": f"{2 * every}s"})
    yield _rule("dry", "threshold", "dry-*", below=100, severity="critical", repeat_every=f"{8 * every}s")
    yield _rule("drain", "delta", "drain-*", drop="20%", within=f"{5 * every}s")
    yield _rule("jump", "delta", "jump-*", change="10%", severity="info")
    yield _rule("stale", "stale", "mute-*", after=f"{12 * every}s")
    yield _rule("frozen", "stale", "frozen-*", after=f"{12 * every}s", clock="provider")
    # includes the calm accounts: if every account of a rule fails, the subject is the provider
    yield _rule("failing", "failing", ["calm-*", "gone-*", "feed-*", "spot"], polls=3)
    yield _rule("never", "threshold", "*", above=10**12)


def _rule(name: str, kind: str, accounts: str | list[str], **more: object) -> Json:
    return {"name": name, "type": kind, "match": {"account": accounts}, "repeat_every": "never", **more}
