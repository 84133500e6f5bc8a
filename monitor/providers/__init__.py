"""The services this program can ask. A new one is a module of its own and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from monitor.providers.base import Api, Settings, Wallets
from monitor.providers.nami import NamiApi, NamiSettings, NamiWallets
from monitor.providers.wdcf import WdcfApi, WdcfSettings, WdcfWallets

S = TypeVar("S", bound=Settings)
W = TypeVar("W", bound=Wallets)


@dataclass(frozen=True, slots=True)
class ProviderType(Generic[S, W]):
    """A service: its keys under `providers`, its keys in a job, and its documentation as code."""

    settings: type[S]
    wallets: type[W]
    api: Callable[[S, W], Api]


PROVIDERS: Mapping[str, ProviderType[Any, Any]] = {
    "nami": ProviderType(NamiSettings, NamiWallets, NamiApi),
    "wdcf": ProviderType(WdcfSettings, WdcfWallets, WdcfApi),
}
"""What `type` may say, and what it then means."""
