"""The configuration file, and its changes during a run: channels, routes, quiet hours, a rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from campaigns.kills import crew, scenario
from campaigns.kills.scenario import Json, Scenario

_ONE_BY_ONE = {"group_by": ["rule", "subject"], "group_wait": "0s"}
"""Send at once, each alert as a group of its own."""
_WALLETS = {
    "spot": {"wallet": "spot", "currencies": {22: "USDT", 1: "VNDC"}},
    "futures": {"wallet": "futures", "currencies": {22: "USDT"}},
}
_PROVIDERS = {
    "spot": "exchange",
    "futures": "second",
    "clients": "wallets",
    "feed": "feeds",
    "crew": "wallets",
}


@dataclass(slots=True, kw_only=True)
class Setup:
    """A configuration that polls the accounts of some scenarios each second. `service` and `receiver`: host:port.

    The fields from `team` on change during a run. Except for `side` (where the route of `MOVED` leads), no change may
    change who is notified. `closing`: the rule of `CLOSING` is present."""

    scenarios: Sequence[Scenario]
    service: str
    receiver: str
    team: str = "team"
    order: list[int] = field(default_factory=lambda: list(range(4)))
    token: int = 1
    side: str = "east"
    closing: bool = True
    quiet: tuple[str, str] | None = None

    def document(self) -> Json:
        """Return the content of the file."""
        exchange = {"type": "nami", "api_key": "campaign-key", "api_secret": "campaign-secret"}
        wallets = {"type": "wdcf", "client_secret": "campaign-client-secret"}
        common = {"retries": 0, "timeout": "8s"}
        providers = {
            "exchange": {
                **exchange,
                **common,
                "rate_limit": "6000/1m",
                "base_url": f"http://{self.service}/spot",
            },
            "second": {
                **exchange,
                **common,
                "rate_limit": "6000/1m",
                "base_url": f"http://{self.service}/futures",
            },
            "wallets": {**wallets, **common, "base_url": f"http://{self.service}/wallets"},
            "feeds": {**wallets, **common, "base_url": f"http://{self.service}/feeds"},
        }
        jobs = list(dict.fromkeys(one.job for one in self.scenarios))
        used = {_PROVIDERS[job] for job in jobs}
        more: Json = {}
        if not self._is_timeless:
            more["summary"] = {"cron": "* * * * *", "notify": ["digest"]}
        return {
            "store": {"url": "sqlite:///balances.db"},
            "providers": {name: one for name, one in providers.items() if name in used},
            "channels": self._channels(),
            "routes": self._routes(),
            "jobs": [self._job(job) for job in jobs],
            "failing": "off",
            "rules": list(filter(self._is_about_somebody, [*scenario.rules(), *crew.rules()])),
            **more,
        }

    @property
    def _is_timeless(self) -> bool:
        return all(one.timeless for one in self.scenarios)

    def _job(self, name: str) -> Json:
        accounts = [one.script.account for one in self.scenarios if one.job == name]
        own = _WALLETS.get(name, {"clients": accounts})
        return {"name": name, "provider": _PROVIDERS[name], "every": "1s", **own}

    def _channels(self) -> Json:
        def json(*paths: str) -> list[str]:
            return [f"json://{self.receiver}{path}" for path in paths]

        team = [*json("/flaky", "/slow", f"/token/{self.token}"), f"ntfy://{self.receiver}/alice/bob"]
        night: Json = {"urls": json("/night")}
        if self.quiet is not None:
            begins, ends = self.quiet
            night["quiet_hours"] = {"from": begins, "to": ends, "timezone": "UTC"}
        return {
            "ops": {"urls": json(*scenario.OPS)},
            self.team: {"urls": [team[index] for index in self.order]},
            "east": {"urls": json("/east")},
            "west": {"urls": json("/west")},
            "duty": {"urls": json("/duty")},
            "boss": {"urls": json("/boss")},
            "frail": {"urls": json("/frail"), "fallback": "spare", "fallback_after": f"{crew.FALL_BACK}s"},
            "spare": {"urls": json("/spare")},
            "night": night,
            "digest": {"urls": json("/digest")},
        }

    def _routes(self) -> list[Json]:
        escalation = {"escalate_after": f"{crew.ESCALATE}s", "escalate_to": ["boss"]}
        leads: list[tuple[str, str, Json]] = [
            ("group-low", self.team, {"group_by": ["rule"], "group_wait": "1s"}),
            ("turn-low", self.team, {}),
            ("moved-low", self.side, {}),
            ("unheard-low", "duty", escalation),
            ("frail-low", "frail", {}),
            ("night-low", "night", {}),
        ]
        rules = {rule["name"] for rule in filter(self._is_about_somebody, crew.rules())}
        return [
            *(
                {"match": {"rule": rule}, "notify": [to], **_ONE_BY_ONE, **more}
                for rule, to, more in leads
                if rule in rules
            ),
            *(
                {"match": {"job": job}, "notify": ["duty"], **_ONE_BY_ONE}
                for job in dict.fromkeys(one.job for one in self.scenarios)
                if job == crew.JOB
            ),
            {"notify": ["ops"], **_ONE_BY_ONE},
        ]

    def _is_about_somebody(self, rule: Json) -> bool:
        if rule["name"] == "closing-low" and not self.closing:
            return False
        jobs, accounts = {one.job for one in self.scenarios}, {one.script.account for one in self.scenarios}
        match: dict[str, Any] = rule["match"]
        wanted_jobs, wanted = _listed(match.get("job", ())), _listed(match.get("account", ()))
        rule["match"] = match | ({"job": [job for job in wanted_jobs if job in jobs]} if wanted_jobs else {})
        return bool(jobs & set(wanted_jobs) or accounts & set(wanted))


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
