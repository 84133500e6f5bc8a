"""The providers this program can poll. A new one is a module of its own and its name in `PROVIDERS`."""

from typing import Any

from monitor.providers import nami, wdcf
from monitor.providers.base import Provider

PROVIDERS: dict[str, Provider[Any, Any]] = {module.PROVIDER.name: module.PROVIDER for module in (nami, wdcf)}
"""Every provider by its `type` in the configuration."""
