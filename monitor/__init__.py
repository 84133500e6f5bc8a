"""balance-monitor: polls wallet balances, keeps every reading exactly, and notifies people when something is wrong."""

__version__ = "0.1.0"
