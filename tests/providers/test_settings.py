"""The providers' keys in the configuration: what they accept, and what they say where they don't."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from monitor.providers import PROVIDERS
from monitor.providers.base import RateLimit
from monitor.providers.nami import NamiSettings, NamiWallets
from monitor.providers.wdcf import WdcfSettings, WdcfWallets

from .support import API_KEY, API_SECRET, nami_settings, wdcf_settings


def test_registry_names_its_providers() -> None:
    """What `type` says in the configuration is what the registry calls it."""
    types = {name: provider.settings.model_fields["type"].annotation for name, provider in PROVIDERS.items()}
    assert {name: repr(kind) for name, kind in types.items()} == {
        "nami": "typing.Literal['nami']",
        "wdcf": "typing.Literal['wdcf']",
    }


def test_nami_defaults() -> None:
    """Nami's address and its documented limit need not be written."""
    settings = NamiSettings.model_validate({"type": "nami", "api_key": "k", "api_secret": "s"})
    assert settings.base_url == "https://nami.exchange"
    assert settings.rate_limit == RateLimit(60, timedelta(minutes=1))


def test_wdcf_defaults() -> None:
    """WDCF documents no limit."""
    settings = WdcfSettings.model_validate({"type": "wdcf", "client_secret": "s"})
    assert settings.base_url == "https://wdcf.xerve.online"
    assert settings.rate_limit is None


def test_properties_of_the_services() -> None:
    """Nami tells the locked part, WDCF the time of the last update, neither the other."""
    assert (NamiSettings.reports_locked, NamiSettings.reports_updated_at) == (True, False)
    assert (WdcfSettings.reports_locked, WdcfSettings.reports_updated_at) == (False, True)


@pytest.mark.parametrize("kind", [NamiSettings, NamiWallets, WdcfSettings, WdcfWallets])
def test_every_key_is_described(kind: type[NamiSettings]) -> None:
    """Every key explains itself in the JSON Schema."""
    assert all(field.description for field in kind.model_fields.values())


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://Nami.Exchange", "https://nami.exchange:443"),
        ("https://nami.exchange:443/v2/", "https://nami.exchange:443"),
        ("http://nami.exchange.", "http://nami.exchange:80"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
    ],
)
def test_origin(base_url: str, origin: str) -> None:
    """However it is written, a host is its scheme, name and port."""
    assert nami_settings(base_url).origin == origin


@pytest.mark.parametrize(
    "base_url",
    [
        "nami.exchange",
        "ftp://nami.exchange",
        "https://",
        "https://nami..exchange",
        "https://user@nami.exchange",
        "https://nami.exchange:99999",
        "https://nami.exchange?x=1",
        "https://nami.exchange/ü",
        "https://nami.exchange//api",
        "https://nami.exchange/a/../b",
        "https://nami.exchange/.",
        "https://nami.exchange/50%",
        f"https://{'a' * 64}.exchange",
        "https://[::1",
    ],
)
def test_impossible_base_url(base_url: str) -> None:
    """An address that could not be asked, or not signed as sent, is refused when the file is read."""
    with pytest.raises(ValidationError, match="expected http"):
        nami_settings(base_url)


@pytest.mark.parametrize(
    ("written", "limit"),
    [("60/1m", RateLimit(60, timedelta(minutes=1))), ("1/2s", RateLimit(1, timedelta(seconds=2)))],
)
def test_rate_limit(written: str, limit: RateLimit) -> None:
    """A limit is a number of calls per span of time, and reads back as it was written."""
    assert nami_settings(rate_limit=written).rate_limit == limit
    assert str(limit) == written


@pytest.mark.parametrize("written", ["60", "0/1m", "60/0s", "60/m", "60/min", "-1/1m", "60/1m/2"])
def test_impossible_rate_limit(written: str) -> None:
    """A limit that allows nothing, or says nothing, is refused, with an example."""
    with pytest.raises(ValidationError, match="60/1m"):
        nami_settings(rate_limit=written)


@pytest.mark.parametrize("key", ["two words", "line\n", "ünicode", ""])
def test_key_that_fits_no_header(key: str) -> None:
    """A key that would break the request's header is refused, without being shown."""
    with pytest.raises(ValidationError) as failed:
        nami_settings(api_key=key)
    assert not key or key not in str(failed.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "127.0.0.1:3128", "http://"])
def test_impossible_proxy(proxy: str) -> None:
    """Only HTTP proxies are spoken to."""
    with pytest.raises(ValidationError, match="expected http"):
        wdcf_settings(proxy=proxy)


def test_secrets_are_known() -> None:
    """Everything that may not be shown is listed, the password within a proxy's URL too, in both its forms."""
    settings = nami_settings(proxy="http://me:p%40ss@127.0.0.1:3128")
    assert set(settings.secrets()) == {
        API_KEY,
        API_SECRET,
        "http://me:p%40ss@127.0.0.1:3128",
        "p%40ss",
        "p@ss",
    }


@pytest.mark.parametrize(
    ("written", "name"), [("spot", "spot"), ("futures", "futures"), ("0", "spot"), ("2", "futures")]
)
def test_wallet(written: str, name: str) -> None:
    """A wallet goes by its name or its id."""
    assert NamiWallets.model_validate({"wallet": written}).accounts() == ((name, ()),)


def test_nami_account_names_its_currencies() -> None:
    """The account expects the configured currencies under the names to show."""
    wallets = NamiWallets.model_validate({"wallet": "spot", "currencies": {"1": "VNDC", "22": "USDT"}})
    assert wallets.accounts() == (("spot", ("VNDC", "USDT")),)


@pytest.mark.parametrize(
    ("currencies", "reason"),
    [
        pytest.param({}, "at least 1 item", id="none"),
        pytest.param({"USDT": "USDT"}, "numeric id", id="name-for-id"),
        pytest.param({"-1": "USDT"}, "numeric id", id="negative"),
        pytest.param({"022": "USDT"}, "numeric id", id="leading-zero-matches-nothing"),
        pytest.param({"22": "a/b"}, "without slashes", id="slash"),
        pytest.param({"22": ""}, "without slashes", id="nameless"),
        pytest.param({"1": "USDT", "22": "USDT"}, "more than one id", id="same-name-twice"),
    ],
)
def test_impossible_currencies(currencies: dict[str, str], reason: str) -> None:
    """Currencies that could match nothing, or not be told apart, are refused."""
    with pytest.raises(ValidationError, match=reason):
        NamiWallets.model_validate({"wallet": "spot", "currencies": currencies})


def test_wdcf_accounts() -> None:
    """One account a client, in US dollars."""
    assert WdcfWallets(clients=["a", "b"]).accounts() == (("a", ("USD",)), ("b", ("USD",)))


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        pytest.param({}, "either `clients` or `clients_file` is required", id="nobody"),
        pytest.param({"clients": []}, "at least 1 item", id="empty-list"),
        pytest.param({"clients": ["a", "b", "a"]}, "a is listed more than once", id="twice"),
        pytest.param({"clients": ["x" * 256]}, "1 to 255 printable", id="too-long"),
        pytest.param({"clients": ["a\nb"]}, "1 to 255 printable", id="line-end"),
    ],
)
def test_impossible_clients(keys: dict[str, object], reason: str) -> None:
    """A job without clients, or with one that can't be asked for, is refused."""
    with pytest.raises(ValidationError, match=reason):
        WdcfWallets.model_validate(keys)
