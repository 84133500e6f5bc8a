"""The providers that this program can poll. A new one needs a module of its own and an entry in `PROVIDERS`."""

from typing import Any

from monitor.providers import nami, wdcf
from monitor.providers.base import Provider

PROVIDERS: dict[str, Provider[Any, Any]] = {module.PROVIDER.name: module.PROVIDER for module in (nami, wdcf)}
"""Every provider by its `type` in the configuration."""
