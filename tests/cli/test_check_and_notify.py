"""`check` and `notify`: what an operator runs before trusting the daemon with the night."""

import json

from monitor.sandbox import Fault
from tests.process.fork_server import ROOT
from tests.process.stage import together
from tests.process.support import Installation, run


@together()
async def test_a_good_file_is_ok(site: Installation) -> None:
    """One line that counts what is configured, exit 0, and nobody is asked or told."""
    done = await site.command("check")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{site.config}: ok, 2 jobs, 2 accounts, 2 rules\n"
    assert (site.request_count(), site.messages, site.store.exists()) == (0, [], False)


@together()
async def test_warnings_are_reported_and_are_no_error(site: Installation) -> None:
    """What is allowed and probably not meant: on stderr for people, in the document for programs, exit 0."""
    site.write(channels={})
    plain, data = await site.command("check"), await site.command("check", "--json")
    assert (plain.code, data.code) == (0, 0)
    assert plain.err.startswith("warning: no channels are configured")
    shown = json.loads(data.out)
    assert shown["problems"] == []
    assert len(shown["warnings"]) == 1


@together()
async def test_everything_wrong_is_reported_at_once(site: Installation) -> None:
    """Each problem with file, line and column on stderr, nothing on stdout, exit 78, for every command alike."""
    good = site.config.read_text()
    site.config.write_text(good.replace("every: 1s", "evry: 1s").replace("type: threshold", "type: treshold"))
    for command in ("check", "run", "status"):
        done = await site.command(command)
        assert (done.code, done.out) == (78, "")
        lines = done.err.splitlines()
        assert all(line.startswith(f"{site.config}:") for line in lines)
        assert sum("evry" in line for line in lines) == 2
        assert any("rules[0].type" in line and "did you mean" in line for line in lines)


@together()
async def test_a_refused_url_is_reported_with_everything_else(site: Installation) -> None:
    """Not only once the rest is right."""
    site.write(channels={"ops": {"urls": ["slak://token-in-it/x"]}})
    site.config.write_text(site.config.read_text().replace("every: 1s", "evry: 1s", 1))
    done = await site.command("check")
    assert done.code == 78
    assert "did you mean slack://?" in done.err
    assert "evry" in done.err
    assert "token-in-it" not in done.err


@together()
async def test_problems_as_json_have_their_places(site: Installation) -> None:
    """`check --json` gives every problem as data, and exits 78 all the same."""
    site.config.write_text(site.config.read_text().replace("every: 1s", "evry: 1s", 1))
    done = await site.command("check", "--json")
    problems = json.loads(done.out)["problems"]
    assert done.code == 78
    assert any(one["path"] == "jobs[0].evry" and one["line"] > 1 and one["column"] == 3 for one in problems)


@together()
async def test_a_missing_file_is_78(site: Installation) -> None:
    """The line names the file that is not there."""
    site.config.unlink()
    done = await site.command("run")
    assert (done.code, done.out) == (78, "")
    assert done.err == f"{site.config}: can't be read: No such file or directory\n"


@together()
async def test_unusable_tls_files_are_78_and_named(site: Installation) -> None:
    """A variable that names CAs or a key log that cannot be used: one line, for `check` and `poll` alike."""
    gone = str(site.folder / "gone" / "file")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        for command in ("check", "poll"):
            done = await site.command(command, **{name: gone})
            assert (done.code, done.out) == (78, "")
            assert done.err.startswith(f"environment: {name}: cannot use {gone}: no such ")
            assert len(done.err.splitlines()) == 1


@together()
async def test_a_missing_secret_is_78_and_named(site: Installation) -> None:
    """The variable that is not set is named, with its place."""
    site.document["providers"]["nami"]["api_key"] = "${NAMI_KEY_NOT_SET}"
    site.write()
    done = await site.command("check")
    assert done.code == 78
    assert "providers.nami.api_key: the environment variable NAMI_KEY_NOT_SET is not set" in done.err


@together()
async def test_live_polls_once_and_stores_nothing(site: Installation) -> None:
    """`check --live` shows each account's balance, exit 0; no database, no alert, no message."""
    site.set_balance("5.10")
    plain, data = await site.command("check", "--live"), await site.command("check", "--live", "--json")
    assert (plain.code, data.code) == (0, 0)
    assert "✓ spot/spot 5.10 USDT" in plain.out
    polls = {one["job"]: one for one in json.loads(data.out)["polls"]}
    assert polls["spot"]["balances"][0]["total"] == "5.10"
    assert polls["clients"]["outcome"] == "ok"
    assert site.request_count() == 2
    assert site.messages == []
    assert not list(site.folder.glob("balances.db*"))


@together()
async def test_live_says_what_is_wrong(site: Installation) -> None:
    """Refused credentials: 3, and the account's line says so; the others are shown all the same."""
    site.document["providers"]["wdcf"]["client_secret"] = "mistyped"
    site.write()
    done = await site.command("check", "--live")
    assert done.code == 3
    assert "✗ clients/CLIENT_001 auth HTTP 401: Invalid signature" in done.out
    assert "✓ spot/spot" in done.out


@together()
async def test_live_beside_the_daemon_is_fine(site: Installation) -> None:
    """It takes no lock: it may be run at any time."""
    await site.start()
    assert (await site.command("check", "--live")).code == 0


@together()
async def test_an_unknown_service_is_refused_without_its_url(site: Installation) -> None:
    """The channel, the index and the scheme are named; the URL, which may hold a token, is not."""
    site.write(channels={"ops": {"urls": [site.webhook.url, "nosuch://token-in-the-url/hunter2"]}})
    for command in ("check", "run"):
        done = await site.command(command)
        assert (done.code, done.out) == (78, "")
        assert "channels.ops.urls[1]: apprise knows no service nosuch://" in done.err
        assert "hunter2" not in done.err
        assert "token-in" not in done.err


@together()
async def test_an_unknown_service_is_data_as_well(site: Installation) -> None:
    """`check --json` tells a URL that apprise refuses as it tells every other problem."""
    site.write(channels={"ops": {"urls": ["nosuch://token/hunter2"]}})
    done = await site.command("check", "--json")
    assert done.code == 78
    [problem] = json.loads(done.out)["problems"]
    assert problem["path"] == "channels.ops.urls[0]"


@together()
async def test_notify_says_for_each_url_what_came_back(site: Installation) -> None:
    """A message through every URL; one that is refused makes it 1, and the good one is told as good."""
    site.write(channels={"dead": {"urls": ["json://127.0.0.1:9/"]}, "ops": {"urls": [site.webhook.url]}})
    plain, data = await site.command("notify"), await site.command("notify", "--json")
    assert (plain.code, data.code) == (1, 1)
    assert [line.split("/")[0] for line in plain.out.splitlines()] == ["✗ dead", "✓ ops"]
    errors = {one["channel"]: one["error"] for one in json.loads(data.out)}
    assert errors["ops"] is None
    assert errors["dead"]
    assert [message.title for message in site.messages] == ["TEST balance-monitor: ops"] * 2


@together()
async def test_notify_of_one_channel(site: Installation) -> None:
    """Only the channel that was asked for is tried; an unknown one is a misuse and names those there are."""
    site.write(channels={"dead": {"urls": ["json://127.0.0.1:9/"]}, "ops": {"urls": [site.webhook.url]}})
    one, unknown = await site.command("notify", "ops"), await site.command("notify", "opps")
    assert one.code == 0
    assert len(site.messages) == 1
    assert (unknown.code, unknown.out) == (64, "")
    assert "unknown channel 'opps'; did you mean `ops`?" in unknown.err


@together()
async def test_notify_of_a_refusing_channel_reports_the_status(site: Installation) -> None:
    """What the service answered is in the line."""
    site.webhook.fault = Fault.status(503)
    done = await site.command("notify")
    assert done.code == 1
    assert "503" in done.out


@together()
async def test_the_example_passes_check(site: Installation) -> None:
    """`config.example.yaml` with its secrets provided is ok as it stands."""
    (site.folder / "wdcf-secret").write_text("s")
    (site.folder / "example.yaml").write_text((ROOT / "config.example.yaml").read_text())
    environ = {
        **site.environ,
        "NAMI_API_KEY": "key",
        "NAMI_API_SECRET": "secret",
        "OPS_URL": site.webhook.url,
        "PHONE_URL": site.webhook.url,
        "CREDENTIALS_DIRECTORY": str(site.folder),
    }
    done = await run("check", "-c", "example.yaml", cwd=site.folder, environ=environ)
    assert done.code == 0, done.err
