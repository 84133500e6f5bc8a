"""A configuration without a file."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from monitor.config import Channel, Config, Every, Job, Schedule, StoreSettings
from monitor.config.model import Secrets
from monitor.domain.delivery import Target
from monitor.domain.model import Account, Balance
from monitor.domain.rules import Rule
from monitor.providers.base import Api, Request
from monitor.providers.response import Response

MINUTELY = Every(interval=timedelta(minutes=1))


class NoApi(Api):
    """The service of a job that is never polled."""

    max_skew = timedelta(seconds=5)

    def request(self, account: Account, now: Any) -> Request:
        """Never asked."""
        raise NotImplementedError

    def parse(self, account: Account, answer: Response) -> tuple[Balance, ...]:
        """Never asked."""
        raise NotImplementedError


def configured(
    *rules: Rule,
    accounts: Iterable[Account] = (),
    targets: Iterable[Target] = (),
    channels: Iterable[Channel] = (),
    schedules: Mapping[str, Schedule] = MappingProxyType({}),
    **parts: Any,
) -> Config:
    """Return a complete configuration of these rules, accounts and channels.

    Jobs follow from `accounts`, each polled every minute unless `schedules` has another schedule for it; channels
    follow from `targets` where `channels` has none of their name. `parts` are further fields of `Config`."""
    of_job: dict[str, list[Account]] = {}
    for account in accounts:
        of_job.setdefault(account.job, []).append(account)
    jobs = tuple(
        Job(
            name=name,
            provider=its[0].provider,
            schedule=schedules.get(name, MINUTELY),
            api=NoApi(),
            accounts=tuple(its),
        )
        for name, its in of_job.items()
    )
    of_channel: dict[str, list[Target]] = {}
    for target in targets:
        of_channel.setdefault(target.channel, []).append(target)
    known = {name: Channel(name=name, urls=(), targets=tuple(its)) for name, its in of_channel.items()} | {
        channel.name: channel for channel in channels
    }
    defaults: dict[str, Any] = {
        "path": Path("config.yaml"),
        "store": StoreSettings(path=Path("balances.db"), keep=timedelta(days=90)),
        "providers": {},
        "channels": known,
        "jobs": jobs,
        "rules": rules,
        "routes": (),
        "inhibitions": (),
        "maintenance": (),
        "links": {},
        "heartbeat": None,
        "summary": None,
        "web": None,
        "secrets": Secrets(),
    }
    return Config(**(defaults | parts))
