"""The configuration: one YAML file, read exactly, checked as a whole, and immutable from then on."""

from monitor.config.json_schema import json_schema
from monitor.config.load import load, load_at_rest, restore
from monitor.config.model import (
    Channel,
    Config,
    HeartbeatSettings,
    Job,
    StoreSettings,
    SummarySettings,
    WebSettings,
)
from monitor.config.places import find
from monitor.config.warnings import warnings
from monitor.domain.schedule import Cron, Every, Schedule

__all__ = [
    "Channel",
    "Config",
    "Cron",
    "Every",
    "HeartbeatSettings",
    "Job",
    "Schedule",
    "StoreSettings",
    "SummarySettings",
    "WebSettings",
    "find",
    "json_schema",
    "load",
    "load_at_rest",
    "restore",
    "warnings",
]
