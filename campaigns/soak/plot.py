"""The accounts, what happens to them again and again, and the configuration that watches them.

Time is counted in beats: a beat is the interval at which each account is polled. An account is calm for a while,
then goes through an episode, and is calm again. It moves on with each answer, so that no restart skips anything,
and a reading lost at a stop changes nothing: each level lasts for more readings than its rule asks for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

EPISODE = 25
"""Beats."""
CALM = 15
"""Beats between two episodes at least; each account has a number of its own, so that they drift apart."""
SETTLED = 8
"""Beats after an episode until all that it caused is over."""

GONE, DOWN, FROZEN, LACKING = "gone", "down", "frozen", "lacking"
"""What an account may say instead of an amount: 404, 503, an amount whose own clock stands still, one currency less."""

GUESTS = ("guest-1", "guest-2", "guest-3")
"""Accounts that every other reload adds, and the next takes away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What happens in an episode: `says(p)` at its beat p, an amount or one of the words above.

    Of 40 accounts `share` are of this kind; `rule` tells `times` incidents an episode."""

    share: int
    says: Callable[[int], str]
    rule: str = ""
    times: int = 1


KINDS: Mapping[str, Kind] = {
    "calm": Kind(share=19, says=lambda p: "5000"),
    "low": Kind(share=6, says=lambda p: "500" if p < 9 else "1100" if p < 17 else "1300", rule="low"),
    "dry": Kind(share=2, says=lambda p: "50", rule="dry"),
    "drain": Kind(share=4, says=lambda p: "3000", rule="drain"),
    "jump": Kind(share=2, says=lambda p: "6000", rule="jump", times=2),
    "gone": Kind(share=2, says=lambda p: GONE if p < 10 else "5000", rule="failing"),
    "mute": Kind(share=2, says=lambda p: DOWN if p < 22 else "5000", rule="stale"),
    "frozen": Kind(share=1, says=lambda p: FROZEN, rule="frozen"),
    "feed": Kind(share=2, says=lambda p: DOWN if p < 12 else "5000", rule="failing"),
}
"""Accounts of the kind `feed` are a provider of their own, and all go down together."""

SPOT = Kind(share=0, says=lambda p: LACKING if p < 10 else "5000", rule="failing")
"""The one wallet of the exchange, in two currencies."""


class Course:
    """Where some accounts are that go through everything together. `asked` is called with each answer."""

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
        """Whether the end has come, and nothing more will follow from what was before it."""
        return self.ending and self._beat < self._calm and self._rested >= SETTLED * self._size

    @property
    def incidents(self) -> int:
        """How many incidents had to be told so far, once it rests."""
        return self.episodes * self.kind.times if self.kind.rule else 0

    def asked(self) -> str:
        """What an account says now."""
        beat = self._beat
        self.answers += 1
        if self.ending and beat < self._calm:
            self._rested += 1
        elif self.answers % self._size == 0:
            self._advance()
        return "5000" if beat < self._calm else self.kind.says(beat - self._calm)

    def _advance(self) -> None:
        self._beat += 1
        if self._beat == self._calm + EPISODE:
            self._beat = 0
            self.episodes += 1


@dataclass(frozen=True, slots=True)
class Plot:
    """Every account's course, by its name; those that share one go through everything together."""

    courses: Mapping[str, Course]

    @property
    def distinct(self) -> list[Course]:
        """Every course once."""
        return list({id(course): course for course in self.courses.values()}.values())

    @property
    def resting(self) -> bool:
        """Whether everything has come to its end."""
        return all(course.resting for course in self.distinct)

    @property
    def polls(self) -> int:
        """How many polls were answered."""
        return sum(course.answers for course in self.distinct)

    def expected(self) -> dict[tuple[str, str], int]:
        """How many incidents of each rule and subject had to be told."""
        return {
            (course.kind.rule, course.subject): course.incidents
            for course in self.distinct
            if course.incidents
        }

    def end(self) -> None:
        """No episode begins any more."""
        for course in self.distinct:
            course.ending = True


def plot(accounts: int) -> Plot:
    """So many clients in the shares of `KINDS`, and the wallet."""
    names = list(_names(accounts))
    feeds = sum(name.startswith("feed-") for name in names)
    together = Course(KINDS["feed"], "feeds", 3, size=max(feeds, 1))
    courses = {name: _course(name, number, together) for number, name in enumerate(names)}
    return Plot({**courses, "spot": Course(SPOT, "spot/spot/VNDC", 1)})


def _names(accounts: int) -> Iterator[str]:
    kinds = [name for name, kind in KINDS.items() for _ in range(kind.share)]
    for number in range(accounts):
        yield f"{kinds[number * 7 % len(kinds)]}-{number:03d}"  # 7: kinds take turns


def _course(name: str, number: int, feeds: Course) -> Course:
    kind = KINDS[name.partition("-")[0]]
    if kind is feeds.kind:
        return feeds
    subject = f"clients/{name}" if kind.rule == "failing" else f"clients/{name}/USD"
    return Course(kind, subject, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everything listens, on loopback."""

    exchange: int
    wallets: int
    feeds: int
    receiver: int


def configuration(plot_: Plot, every: int, ports: Ports, *, guests: bool) -> Json:
    """The configuration file: each account polled every so many seconds, by the process's clock."""
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
        "jobs": list(_jobs(plot_, every, guests=guests)),
        "failing": "off",
        "rules": list(_rules(every, low="1000.5" if guests else "1000")),
    }


def _jobs(plot_: Plot, every: int, *, guests: bool) -> Iterator[Json]:
    feeds = [name for name in plot_.courses if name.startswith("feed-")]
    clients = [name for name in plot_.courses if name != "spot" and name not in feeds]
    interval = {"every": f"{every}s"}
    wallet = {"wallet": "spot", "currencies": {22: "USDT", 1: "VNDC"}}
    yield {**interval, "name": "spot", "provider": "exchange", **wallet}
    yield {**interval, "name": "clients", "provider": "wallets", "clients": clients}
    yield {**interval, "name": "feeds", "provider": "feeds", "clients": feeds}
    if guests:
        yield {**interval, "name": "guests", "provider": "wallets", "clients": list(GUESTS)}


def _rules(every: int, low: str) -> Iterator[Json]:
    hold = {"for": f"{2 * every}s"}
    yield _rule("low", "threshold", "low-*", below=low, clear=1200, **hold)
    yield _rule("dry", "threshold", "dry-*", below=100, severity="critical", repeat_every=f"{8 * every}s")
    yield _rule("drain", "delta", "drain-*", drop="20%", within=f"{5 * every}s")
    yield _rule("jump", "delta", "jump-*", change="10%", severity="info")
    yield _rule("stale", "stale", "mute-*", after=f"{12 * every}s")
    yield _rule("frozen", "stale", "frozen-*", after=f"{12 * every}s", clock="provider")
    # the calm ones too: where every account is refused, that is the provider's failure
    yield _rule("failing", "failing", ["calm-*", "gone-*", "feed-*", "spot"], polls=3)
    yield _rule("never", "threshold", "*", above=10**12)


def _rule(name: str, kind: str, accounts: str | list[str], **more: object) -> Json:
    return {"name": name, "type": kind, "match": {"account": accounts}, "repeat_every": "never", **more}
