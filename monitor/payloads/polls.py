"""Polls that test the configuration: what `check --live --json` prints."""

from typing_extensions import TypedDict

from monitor.domain import model, money
from monitor.payloads.values import Amount, Instant, instant


class Balance(TypedDict):
    """The balance of one currency in the response."""

    currency: str
    total: Amount
    locked: Amount | None
    available: Amount
    updated_at: Instant | None


class Poll(TypedDict):
    """A poll of one account: its balances or its failure. `missing` are configured currencies without a balance."""

    job: str
    account: str
    outcome: str
    detail: str
    balances: list[Balance]
    missing: list[str]


def poll(account: model.Account, result: model.PollResult) -> Poll:
    """Return the result of a poll."""
    return {
        "job": account.job,
        "account": account.name,
        "outcome": result.outcome,
        "detail": result.detail,
        "balances": [
            {
                "currency": one.currency,
                "total": money.plain(one.total),
                "locked": None if one.locked is None else money.plain(one.locked),
                "available": money.plain(one.available),
                "updated_at": instant(one.updated_at),
            }
            for one in result.balances
        ],
        "missing": result.lacking(account),
    }
