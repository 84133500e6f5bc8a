"""Who gets in and who does not, what strangers learn, and what browsers are told: asked in this process."""

from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor import __version__
from monitor.web.application import STATIC, application
from monitor.web.auth import SESSION, Access, Guard

from .support import World, asking, filled

TOKEN = "a-token-of-24-characters"
PROTECTED = Access(
    token=SecretStr(TOKEN),
    hosts=frozenset({"monitor.example", "balance_monitor"}),
    refused_after=timedelta(milliseconds=1),
)
HTML = {"accept": "text/html,application/xhtml+xml"}
"""What a browser asks with when somebody looks at a page."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Some of everything to see, and to keep from strangers."""
    return filled(World(path=tmp_path_factory.mktemp("guard") / "balances.db"))


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without the token, where one is needed."""
    async with asking(world.app(PROTECTED)) as client:
        yield client


@pytest.fixture
async def friend(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with the token."""
    async with asking(world.app(PROTECTED), {"authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
async def neighbour(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on the machine, where no token is needed."""
    async with asking(world.app()) as client:
        yield client


async def logged_in(client: httpx.AsyncClient, token: str = TOKEN, **form: str) -> httpx.Response:
    """What the login answers."""
    return await client.post("/login", data={"token": token, **form})


async def cookie_of(client: httpx.AsyncClient, **headers: str) -> str:
    """The header that a browser sends once it is logged in."""
    answer = await client.post("/login", data={"token": TOKEN}, headers=headers)
    return answer.headers["set-cookie"].partition(";")[0]


# Without a token, and with one


async def test_without_a_token_everybody_who_reaches_it_gets_in(neighbour: httpx.AsyncClient) -> None:
    """On a loopback address, that is everybody on the machine."""
    assert [(await neighbour.get(path)).status_code for path in ("/", "/metrics", "/readyz")] == [200] * 3


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(f"Bearer {TOKEN}", id="as-it-is"),
        pytest.param(f"bearer  {TOKEN} ", id="schemes-have-no-case-and-spaces-do-not-count"),
    ],
)
async def test_the_token_as_a_bearer_header_lets_in(stranger: httpx.AsyncClient, authorization: str) -> None:
    """Programs send it with each request."""
    assert (await stranger.get("/", headers={"authorization": authorization})).status_code == 200


async def test_the_token_as_a_password_lets_in(stranger: httpx.AsyncClient) -> None:
    """Feed readers know of nothing else; the name does not matter."""
    assert (await stranger.get("/alerts.atom", auth=("whoever", TOKEN))).status_code == 200


async def test_another_password_leads_browsers_to_the_login(stranger: httpx.AsyncClient) -> None:
    """It may be meant for the proxy before this."""
    answer = await stranger.get("/", auth=("somebody", "of-the-proxy"), headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=/")


WRONG: list[object] = [
    pytest.param(b"", id="empty"),
    pytest.param(b"Bearer", id="no-token"),
    pytest.param(b"Bearer ", id="an-empty-token"),
    pytest.param(b"Bearer " + TOKEN[:-1].encode(), id="the-last-character-missing"),
    pytest.param(b"Bearer " + TOKEN.encode() + b"x", id="one-too-many"),
    pytest.param(b"Bearer " + TOKEN.upper().encode(), id="another-case"),
    pytest.param(b"Bearer " + TOKEN.encode() + b"," + TOKEN.encode(), id="twice"),
    pytest.param("Bearer pässwörter-漢".encode(), id="utf-8"),
    pytest.param(b"Bearer \xff\xfe\x80", id="bytes-that-are-no-text"),
    pytest.param(b"Bearer None", id="none"),
    pytest.param(b"Digest " + TOKEN.encode(), id="another-scheme"),
    pytest.param(b"Basic " + TOKEN.encode(), id="no-base64"),
    pytest.param(b"Basic " + b64encode(f"{TOKEN}:x".encode()), id="as-the-name-in-place-of-the-password"),
    pytest.param(b"Basic " + b64encode(b"\xff:\xfe"), id="a-password-that-is-no-text"),
    pytest.param(TOKEN.encode(), id="no-scheme"),
]


@pytest.mark.parametrize("authorization", WRONG)
async def test_whatever_is_not_the_token_does_not(stranger: httpx.AsyncClient, authorization: bytes) -> None:
    """And it is told what would."""
    answer = await stranger.get("/metrics", headers=[(b"authorization", authorization)])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Bearer realm="balance-monitor"',
    )


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(
            lambda client: client.get("/", headers={"authorization": "Bearer wrong"}), id="a-wrong-bearer"
        ),
        pytest.param(lambda client: client.post("/login", data={"token": "wrong"}), id="a-wrong-login"),
    ],
)
async def test_who_guesses_waits(world: World, ask: Callable[[httpx.AsyncClient], object]) -> None:
    """A wrong token has its answer late, a right one at once."""
    access = replace(PROTECTED, refused_after=timedelta(seconds=0.2))
    async with asking(world.app(access)) as client:
        answer = await ask(client)  # type: ignore[misc]
        began = answer.elapsed
        assert began >= timedelta(seconds=0.2)
        assert (await logged_in(client)).elapsed < timedelta(seconds=0.2)


# The login


async def test_a_browser_is_led_to_the_login_and_back(stranger: httpx.AsyncClient) -> None:
    """Whoever follows a link to a page sees that page once he has logged in, as exactly as he asked for it."""
    wanted = "/?q=%26%20%3Cb%3E&job=a%2Fb"
    asked = await stranger.get(wanted, headers=HTML)
    assert asked.status_code == 303
    page = await stranger.get(asked.headers["location"])
    assert page.status_code == 200
    shown = page.text.replace("&amp;", "&")
    assert f'name="to" value="{wanted}"' in shown
    answer = await logged_in(stranger, to=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert (await stranger.get(wanted, headers=HTML)).status_code == 200


async def test_the_logins_cookie_is_kept_from_scripts_and_other_sites(stranger: httpx.AsyncClient) -> None:
    """It holds for a week, and does not hold the token."""
    morsel = SimpleCookie((await logged_in(stranger)).headers["set-cookie"])[PROTECTED.cookie]
    assert (morsel["httponly"], morsel["samesite"].lower(), morsel["path"]) == (True, "strict", "/")
    assert (morsel["secure"], morsel["domain"], int(morsel["max-age"])) == ("", "", SESSION.total_seconds())
    assert TOKEN not in morsel.value


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(PROTECTED, instance="/var/lib/other/balances.db"), id="another store"),
        pytest.param(replace(PROTECTED, token=SecretStr("another-token-of-theirs")), id="another token"),
    ],
)
async def test_instances_on_other_ports_keep_their_own_login(world: World, other: Access) -> None:
    """A browser sends the cookies of a host to all of its ports."""
    assert other.token is not None
    jar = httpx.Cookies()
    for token, app in [(TOKEN, world.app(PROTECTED)), (other.token.get_secret_value(), world.app(other))]:
        async with asking(app) as client:
            client.cookies = jar
            await logged_in(client, token)
            jar = client.cookies
    for app in (world.app(PROTECTED), world.app(other)):
        async with asking(app) as client:
            client.cookies = jar
            assert (await client.get("/", headers=HTML)).status_code == 200
    async with asking(world.app(other)) as client:
        client.cookies = jar
        await client.post("/logout")
        jar = client.cookies
    async with asking(world.app(PROTECTED)) as client:
        client.cookies = jar
        assert (await client.get("/", headers=HTML)).status_code == 200


@pytest.mark.parametrize("proto", ["https", "HTTPS", "https, http"])
async def test_behind_tls_the_cookie_is_only_for_tls(stranger: httpx.AsyncClient, proto: str) -> None:
    """A proxy says so, and proxies before it, too."""
    answer = await stranger.post("/login", data={"token": TOKEN}, headers={"x-forwarded-proto": proto})
    assert "; secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "token", ["", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "pässwörter-漢", "\ud7ff\x00", "x" * 5000]
)
async def test_a_wrong_login_gives_no_cookie(stranger: httpx.AsyncClient, token: str) -> None:
    """It leads back to the form, which says so, and still knows where to go on."""
    answer = await logged_in(stranger, token, to="/incidents")
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    form = await stranger.get(answer.headers["location"])
    assert "Wrong token" in form.text
    assert ('value="/incidents"' in form.text) == (len(token) < 4000)  # of a flood nothing is kept


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"token", id="no-value"),
        pytest.param(b"\xff\xfe=\xff&token=\xff", id="no-text"),
        pytest.param(b'{"token": "x"}', id="json"),
        pytest.param(b"&" * 4000, id="nothing-but-ampersands"),
        pytest.param(b"token=%", id="half-an-escape"),
    ],
)
async def test_what_is_no_form_is_a_wrong_login(stranger: httpx.AsyncClient, body: bytes) -> None:
    """And no error."""
    answer = await stranger.post("/login", content=body)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?wrong=1&to=/")


ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "/\x00/evil.example",
    "/\u2028/evil.example",
    " //evil.example",
    "",
    "?",
]


@pytest.mark.parametrize("to", ELSEWHERE, ids=repr)
async def test_a_login_leads_nowhere_else(stranger: httpx.AsyncClient, to: str) -> None:
    """Whatever a link to the login says where to go on: it is here, as browsers read it."""
    answer = await logged_in(stranger, to=to)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "to", ["/%2F/evil.example", "/%5Cevil.example", "/a//b", "/?to=//evil.example", "/ä"]
)
async def test_a_login_leads_to_any_path_here(stranger: httpx.AsyncClient, to: str) -> None:
    """What is escaped stays escaped, so that it stays a path."""
    location = httpx.URL("http://here.example/").join((await logged_in(stranger, to=to)).headers["location"])
    assert (location.host, str(location)) == ("here.example", str(httpx.URL(f"http://here.example{to}")))


@pytest.mark.parametrize(
    "to", ['/"><script>alert(1)</script>', "/'onfocus=alert(1) x='", "/{{7*7}}", "/&quot;"]
)
async def test_the_login_form_shows_nothing_as_markup(stranger: httpx.AsyncClient, to: str) -> None:
    """Where to go on comes from whoever made the link."""
    page = (await stranger.get("/login", params={"to": to})).text
    [value] = [line for line in page.splitlines() if 'name="to"' in line]
    shown = value.partition('value="')[2].rpartition('"')[0]
    assert not set(shown) & set('"<>')
    assert "alert(1)" not in page.replace(value, "")
    assert "49" not in shown


@pytest.mark.parametrize(
    ("to", "leads_to"), [("/incidents?q=a", "/incidents?q=a"), ("//evil.example", "/"), ("", "/")]
)
async def test_who_is_logged_in_is_not_asked_to(stranger: httpx.AsyncClient, to: str, leads_to: str) -> None:
    """The way back from the first page leads to the form: on to where it led, and nowhere else."""
    assert (await stranger.get("/login")).headers["cache-control"] == "no-store"
    await logged_in(stranger)
    answer = await stranger.get("/login", params={"to": to})
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


async def test_logging_out_takes_the_cookie_away(stranger: httpx.AsyncClient) -> None:
    """The browser is a stranger again."""
    await logged_in(stranger)
    assert (await stranger.get("/metrics")).status_code == 200
    answer = await stranger.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert (await stranger.get("/metrics")).status_code == 401


FROM_ELSEWHERE: list[object] = [
    pytest.param({"sec-fetch-site": "cross-site"}, id="as-browsers-say"),
    pytest.param({"sec-fetch-site": "same-site"}, id="from-another-port-or-a-sister-domain"),
    pytest.param({"origin": "https://evil.example"}, id="by-its-origin"),
    pytest.param({"origin": "http://127.0.0.1:8788"}, id="from-another-port-by-its-origin"),
    pytest.param({"origin": "null"}, id="from-a-sandboxed-frame"),
]


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
async def test_a_form_on_another_site_logs_nobody_in_or_out(
    stranger: httpx.AsyncClient, headers: Mapping[str, str]
) -> None:
    """Not even with the right token."""
    for path in ("/login", "/logout"):
        answer = await stranger.post(path, data={"token": TOKEN}, headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)


FROM_HERE: list[object] = [
    pytest.param({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8787"}, id="in-the-open"),
    pytest.param({"sec-fetch-site": "same-origin", "origin": "https://monitor.example"}, id="behind-a-proxy"),
    pytest.param({"origin": "http://127.0.0.1:8787"}, id="a-browser-over-plain-http"),
    pytest.param({}, id="no-browser"),
]


@pytest.mark.parametrize("headers", FROM_HERE)
async def test_the_form_here_does(stranger: httpx.AsyncClient, headers: Mapping[str, str]) -> None:
    """Also where a proxy asks by another name than the browser."""
    answer = await stranger.post("/login", data={"token": TOKEN}, headers=headers)
    assert "set-cookie" in answer.headers


# What the cookie is worth


class Clock:
    """A clock to be set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def guarded(access: Access, clock: Callable[[], datetime]) -> ASGIApp:
    """Something behind the guard."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    return Guard(app, access, clock)


async def test_a_login_ends_after_a_week() -> None:
    """To the second, whatever the browser keeps."""
    clock = Clock()
    async with asking(guarded(PROTECTED, clock)) as client:
        cookie = await cookie_of(client)
        client.cookies.clear()
        clock.now += SESSION - timedelta(seconds=1)
        assert (await client.get("/", headers={"cookie": cookie})).text == "inside"
        clock.now += timedelta(seconds=1)
        assert (await client.get("/", headers={"cookie": cookie})).status_code == 401


async def test_a_login_by_a_clock_that_was_ahead_is_none() -> None:
    """It would be good for longer than a week."""
    clock = Clock()
    async with asking(guarded(PROTECTED, clock)) as client:
        cookie = await cookie_of(client)
        client.cookies.clear()
        clock.now -= timedelta(days=200)
        assert (await client.get("/", headers={"cookie": cookie})).status_code == 401


async def test_a_new_token_ends_all_logins() -> None:
    """A cookie is worth as much as the token it was given for."""
    clock = Clock()
    async with asking(guarded(PROTECTED, clock)) as client:
        cookie = await cookie_of(client)
    for token in ("another-token-of-characters", None):
        async with asking(guarded(Access(token=SecretStr(token or TOKEN + "2")), clock)) as client:
            assert (await client.get("/", headers={"cookie": cookie})).status_code == 401


async def test_a_cookie_from_before_there_was_a_token_is_worth_nothing() -> None:
    """Without a token nobody is given one, whatever he logs in with."""
    async with asking(guarded(Access(refused_after=timedelta(0)), Clock())) as client:
        for token in ("", "None"):
            assert "set-cookie" not in (await logged_in(client, token)).headers


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda until, sign: f"{int(until) + 1}.{sign}", id="a-later-end"),
        pytest.param(lambda until, sign: f"{until}.{sign[:-1]}0", id="another-signature"),
        pytest.param(lambda until, sign: f"{until}.", id="no-signature"),
        pytest.param(lambda until, sign: until, id="only-the-end"),
        pytest.param(lambda until, sign: f".{sign}", id="only-the-signature"),
        pytest.param(lambda until, sign: f"{until}.{sign.upper()}", id="another-case"),
        pytest.param(lambda until, sign: f"{until}.{sign}.{sign}", id="one-signature-more"),
        pytest.param(lambda until, sign: f"9999999999.{sign}", id="the-end-of-time"),
        pytest.param(lambda until, sign: "", id="empty"),
        pytest.param(lambda until, sign: "\xff\xfe.\xff", id="no-text"),
        pytest.param(lambda until, sign: TOKEN, id="the-token-itself"),
        pytest.param(lambda until, sign: '"\\777"', id="quoted-nonsense"),
    ],
)
async def test_a_forged_cookie_does_not_let_in(change: Callable[[str, str], str]) -> None:
    """Nor does one that was changed."""
    async with asking(guarded(PROTECTED, Clock())) as client:
        until, _, signature = (await cookie_of(client)).partition("=")[2].partition(".")
        client.cookies.clear()
        forged = f"{PROTECTED.cookie}={change(until, signature)}".encode("latin-1")
        answer = await client.get("/", headers=[(b"cookie", forged)])
        assert (answer.status_code, answer.text.startswith("A token is required")) == (401, True)


@pytest.mark.parametrize(
    "others", ['prefs={"a": [1, 2]}; x', "a=ü; b", "=; ;;", 'half="', "b@d=1; _ga=GA1.2;"], ids=repr
)
async def test_cookies_of_others_on_the_host_do_not_matter(others: str) -> None:
    """Cookies know no ports: those of everything else on the machine come along."""
    async with asking(guarded(PROTECTED, Clock())) as client:
        cookie = await cookie_of(client)
        client.cookies.clear()
        sent = f"{others}; {cookie}; z=1".encode()
        assert (await client.get("/", headers=[(b"cookie", sent)])).text == "inside"


async def test_a_link_in_a_mail_works_for_who_is_logged_in(stranger: httpx.AsyncClient) -> None:
    """A browser keeps a strict cookie back when the link is elsewhere: it is asked to come again, from here."""
    asked = await stranger.get(
        "/", headers={**HTML, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    )
    assert asked.status_code == 200
    assert 'http-equiv="refresh"' in asked.text
    again = await stranger.get(
        "/", headers={**HTML, "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"}
    )
    assert (again.status_code, again.headers["location"]) == (303, "/login?to=/")


# What strangers learn


def paths() -> list[str]:
    """Every route and every file that there is, and much that there is not."""
    world = World(path=Path("nowhere"))
    app = application(world.site(), PROTECTED)
    assert isinstance(app, Guard)
    routes = [
        str(context.path_format)
        for context in iter_route_contexts(app._app.routes)  # type: ignore[attr-defined]
        if isinstance(context.original_route, APIRoute)
    ]
    assert {"/", "/metrics", "/alerts.atom", "/api/v1/status", "/series"} <= set(routes)
    files = [f"/static/{path.relative_to(STATIC)}" for path in STATIC.rglob("*") if path.is_file()]
    assert any(path.endswith(".js") for path in files)
    return sorted(
        {*routes, *files, *NOWHERE, "/api/v1/openapi.json", "/static", "/static/", "/static/vendor"}
    )


NOWHERE = [
    "/nowhere",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/api",
    "/api/v1",
    "/api/v2/status",
    "/static/nowhere.js",
    "/static/../guard.py",
    "/static/style.css/../live.js",
    "/static/style.css%3F/../live.js",
    "/static/style.css%23/../live.js",
    "/static//style.css",
    "/static/./style.css",
    "/static/style.css/",
    "/healthz/",
    "/healthz/../metrics",
    "/healthz%2F..%2Fmetrics",
    "/healthz%3F",
    "/heal%09thz",
    "//healthz",
    "/login/",
    "/login/../metrics",
    "/login%00",
    "/favicon.ico",
    "/robots.txt",
    "/.well-known/security.txt",
    "/logout",
    "/incidents/NOSUCH",
    "/series?name=nami-spot/spot/USDT",
    "/?state=<script>",
]

SHOWN = {"/login", "/healthz", "/static/style.css", "/static/icon.svg"}
"""What everybody may see."""


async def plainly(
    app: ASGIApp, target: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """What is answered to exactly this request target, which httpx would tidy up first."""
    path, _, query = target.partition("?")
    sent = {"host": "127.0.0.1:8787", **(headers or {})}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "server": ("127.0.0.1", 8787),
        "root_path": "",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start, *rest = messages
    body = b"".join(message["body"] for message in rest)
    return httpx.Response(start["status"], headers=start["headers"], content=body)


async def _seen(app: ASGIApp, method: str, path: str, headers: Mapping[str, str]) -> object:
    answer = await plainly(app, path, method, headers)
    told = {name: value for name, value in answer.headers.items() if name != "location"}
    return answer.status_code, answer.content, sorted(told.items())


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize(
    "headers", [{}, HTML, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}]
)
async def test_a_stranger_cannot_find_out_what_exists(
    world: World, method: str, headers: Mapping[str, str]
) -> None:
    """Every path is answered alike, whether there is something or not: status, headers and body."""
    app = world.app(PROTECTED)
    seen = {path: await _seen(app, method, path, headers) for path in paths() if path not in SHOWN}
    assert len(seen) > 40
    nothing = seen["/nowhere"]
    assert [path for path, answer in seen.items() if answer != nothing] == []


async def test_a_stranger_learns_of_the_health_only_whether_it_is_well(world: World) -> None:
    """Why it is not well is for who has the token."""
    troubled = replace(world, liveness_problem="a poll of nami-spot is overdue")
    app = troubled.app(PROTECTED)
    async with asking(app) as stranger, asking(app, {"authorization": f"Bearer {TOKEN}"}) as friend:
        seen = await stranger.get("/healthz")
        assert (seen.status_code, seen.json()) == (503, {"status": "failing", "reasons": []})
        assert (await friend.get("/healthz")).json()["reasons"] == [troubled.liveness_problem]


async def test_public_responses_contain_nothing_of_the_monitored_accounts(
    stranger: httpx.AsyncClient, world: World
) -> None:
    """No job, no account, no rule, no file's path, no version."""
    shown = "".join([(await stranger.get(path, headers=HTML)).text for path in SHOWN])
    names = {name for account in world.accounts for name in (account.job, account.name, account.provider)}
    told = {*names, *(rule.name for rule in world.rules), str(world.path), __version__, TOKEN} - {"failing"}
    assert [word for word in told if word in shown] == []


async def test_the_token_is_on_no_page(friend: httpx.AsyncClient) -> None:
    """Not even on those of who has it."""
    for path in paths():
        if "{" not in path:
            answer = await friend.get(path, headers=HTML, follow_redirects=True)
            assert TOKEN not in answer.text + str(answer.headers)


# Names, methods, headers


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8787",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:8787",
        "192.168.1.5:80",
        "[::1]",
        "[::1]:8787",
        "[2001:DB8::1]:8787",
        "monitor.example",
        "Monitor.EXAMPLE:443",
        "monitor.example.",
        "monitor.example.:8787",
        "localhost.",
        "balance_monitor:8787",
    ],
)
async def test_it_is_known_by_its_names_and_by_any_address(stranger: httpx.AsyncClient, host: str) -> None:
    """With any port, in any case."""
    assert (await stranger.get("/healthz", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "evil.example",
        "evil.example:8787",
        "monitor.example.evil.example",
        "evil.monitor.example",
        "xmonitor.example",
        "monitor.example..",
        ".monitor.example",
        "monitor_example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "[::1",
        "::1",
        "[localhost]",
        "localhost:evil.example",
        "localhost:80:80",
        "localhost:80@evil.example",
        "localhost:80/healthz?",
        "localhost/healthz?",
        "localhost#",
        "localhost, evil.example",
        "localhost evil.example",
        "user@localhost",
        "münchen.example",
        "localhost\u00a0",
        "[fe80::1%eth0]",
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz"])
async def test_any_other_name_is_refused(friend: httpx.AsyncClient, host: str, path: str) -> None:
    """Whose name leads here, by a DNS of his own, is shown nothing, even with the token; and it is said what to do."""
    sent = [(b"host", host.encode("latin-1", "replace"))]
    answer = await friend.get(path, headers=sent)
    assert (answer.status_code, "add it to `hosts`" in answer.text) == (421, True)
    assert host.strip() == "" or host not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize(
    "path", ["/", "/api/v1/status", "/static/live.js", "/healthz", "/incidents", "/nowhere"]
)
async def test_nothing_can_be_changed(friend: httpx.AsyncClient, method: str, path: str) -> None:
    """Whatever is asked other than by GET or HEAD is refused before anything looks at it."""
    answer = await friend.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


HEADERS = {
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "cache-control",
}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        pytest.param("GET", "/", {}, 200, id="a-page"),
        pytest.param("HEAD", "/", {}, 200, id="a-pages-head"),
        pytest.param("GET", "/metrics", {}, 200, id="metrics"),
        pytest.param("GET", "/alerts.atom", {}, 200, id="the-feed"),
        pytest.param("GET", "/api/v1/openapi.json", {}, 200, id="the-apis-description"),
        pytest.param("GET", "/static/live.js", {}, 200, id="a-file"),
        pytest.param("GET", "/static/nowhere.js", {}, 404, id="no-file"),
        pytest.param("GET", "/nowhere", {}, 404, id="no-page"),
        pytest.param("GET", "/series?name=no/such/series", {}, 404, id="no-series"),
        pytest.param("GET", "/?page=0", {}, 422, id="a-page-that-can-not-be"),
        pytest.param("GET", "/api/v1/series?limit=x", {}, 422, id="a-question-that-can-not-be"),
        pytest.param("POST", "/", {}, 405, id="a-method"),
        pytest.param("GET", "/", {"host": "evil.example"}, 421, id="a-name"),
        pytest.param("GET", "/", {"authorization": "Bearer x"}, 401, id="refused"),
        pytest.param("GET", "/", {"authorization": "", **HTML}, 303, id="led-to-the-login"),
        pytest.param("POST", "/login", {}, 303, id="a-login"),
        pytest.param("POST", "/logout", {}, 303, id="a-logout"),
    ],
)
async def test_headers_restrict_browsers(
    friend: httpx.AsyncClient, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    """Whatever it is, errors, redirects and files included: nothing from elsewhere, in no frame, sniffed by nobody."""
    answer = await friend.request(method, path, headers=headers)
    assert answer.status_code == status
    assert set(answer.headers) >= HEADERS


async def test_not_modified_has_the_same_headers(friend: httpx.AsyncClient) -> None:
    """304, for pages and for files."""
    for path in ("/", "/static/live.js"):
        tag = (await friend.get(path)).headers["etag"]
        answer = await friend.get(path, headers={"if-none-match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert set(answer.headers) >= HEADERS


async def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline(friend: httpx.AsyncClient) -> None:
    """The one hole is for pictures in `data:`, which a style sheet may hold."""
    policy = (await friend.get("/")).headers["content-security-policy"]
    sources = {one.split()[0]: set(one.split()[1:]) for one in policy.split(";")}
    assert sources["default-src"] == {"'none'"}
    assert {source for every in sources.values() for source in every} == {"'none'", "'self'", "data:"}
    assert [name for name, every in sources.items() if "data:" in every] == ["img-src"]
    assert {"form-action", "frame-ancestors", "base-uri"} <= set(
        sources
    )  # `default-src` does not stand for these


async def test_an_error_in_a_page_is_no_look_inside(world: World) -> None:
    """What fails for want of a store is told as that; headers are as ever."""
    gone = replace(world, path=world.path.with_name("gone") / "balances.db")
    broken = replace(world, path=world.path.with_name("broken.db"))
    broken.path.write_bytes(b"no database" * 100)
    for one in (gone, broken):
        async with asking(one.app()) as client:
            answer = await client.get("/metrics")
            assert answer.status_code in (200, 503)
            assert "Traceback" not in answer.text
            assert set(answer.headers) >= HEADERS


@pytest.mark.parametrize(
    "path",
    [
        "/static/../guard.py",
        "/static/%2e%2e/guard.py",
        "/static/..%2fguard.py",
        "/static/%2e%2e%2fguard.py",
        "/static/..%5cguard.py",
        "/static/vendor/../../guard.py",
        "/static//../../guard.py",
        "/static/%252e%252e/guard.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/%00",
        "/static/style.css%00.js",
        "/static/" + "x" * 300,
        "/static/" + "x/" * 3000,
        "/static/%E2%80%AE",
        "/static/",
        "/static",
        "/static/vendor",
        "/static/vendor/",
        "/static/templates/base.html",
    ],
)
async def test_no_way_leads_out_of_the_files(world: World, path: str) -> None:
    """However it is spelt: there is no such file."""
    answer = await plainly(world.app(), path)
    while answer.status_code in (303, 307):
        answer = await plainly(world.app(), httpx.URL(answer.headers["location"]).raw_path.decode())
    assert answer.status_code == 404
