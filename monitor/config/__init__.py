"""The configuration: one YAML file, read exactly, checked as a whole, and immutable."""

from monitor.config.files import find
from monitor.config.json_schema import json_schema
from monitor.config.load import load, load_at_rest, restore
from monitor.config.model import (
    Channel,
    Config,
    Job,
    StoreSettings,
)
from monitor.config.warnings import warnings
from monitor.domain.schedule import Cron, Every, Schedule

__all__ = [
    "Channel",
    "Config",
    "Cron",
    "Every",
    "Job",
    "Schedule",
    "StoreSettings",
    "find",
    "json_schema",
    "load",
    "load_at_rest",
    "restore",
    "warnings",
]
