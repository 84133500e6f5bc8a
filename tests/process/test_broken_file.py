"""A file that the daemon refused: people see it everywhere, and can act all the same, until it is right again."""

import json
import signal
import subprocess
from pathlib import Path

from .stage import together
from .support import NAMI, WDCF, Done, Installation, Json, balances, run, until
from .test_web import answers, serving

SECRETS = (NAMI.api_key, NAMI.api_secret, WDCF.client_secret)
IN_FORCE = "; working from the configuration in force since 20"


async def _act(site: Installation, *arguments: str) -> Done:
    return await run(
        *arguments, cwd=site.folder, environ={**site.environ, "BALANCE_MONITOR_CONFIG": str(site.config)}
    )


def _metrics(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line.startswith("balance_monitor_config")]
    return dict(line.rsplit(" ", 1) for line in lines)


async def _asked(port: int, path: str) -> str:
    answer = await answers(port, path)
    assert answer is not None
    assert answer.status_code == 200
    return answer.text


@together()
async def test_people_see_and_act_while_the_file_is_refused(site: Installation) -> None:
    """Every command that needs no secret works by the configuration in force and warns in one line; the page, `status`,
    `/readyz` and the metrics say that the file is refused, since when and why. Probes of health find nothing wrong."""
    sign = site.folder / "alive"
    site.environ["BALANCE_MONITOR_ALIVE"] = str(sign)
    daemon, port = await serving(site)
    site.set_balance("5.10")
    await site.received(1)
    alert = str((await site.status())["alerts"][0]["id"])
    good = site.config.read_text()
    site.config.write_text(good.replace("every: 1s", "evry: 1s", 1))
    daemon.send(signal.SIGHUP)
    await daemon.logged("reload failed")
    why = f"{site.config}:{_line(good)}:3: jobs[0].evry: unknown key"

    kept: list[str] = []
    for command in (
        ["status", "--json"],
        ["status"],
        ["alerts", "--json"],
        ["alerts", "show", alert],
        ["ack", alert, "--reason", "x", "--by", "lena"],
        ["silence", "add", "--match", "rule=usdt-low", "--for", "1h", "--reason", "x", "--by", "lena"],
        ["silence", "list"],
        ["silence", "expire", "1", "--by", "lena"],
        ["history", "spot/spot/USDT"],
        ["history", "spot/spot/USDT", "--format", "csv"],
        ["export"],
        ["import", "--dry-run", str(_exported(site))],
    ):
        done = await _act(site, *command)
        kept += [done.out, done.err]
        assert done.code == (2 if command[0] == "status" else 0), (command, done)
        assert done.err.startswith(why), command
        assert done.err.count(IN_FORCE) == 1, command
    shown: Json = json.loads(kept[0])
    assert "spot/spot/USDT" in balances(shown)
    assert shown["configuration"]["accepted_at"] < shown["configuration"]["refused_at"]
    assert shown["configuration"]["problems"][0].startswith(why)
    assert "configuration refused since 20" in kept[2]
    for command in (["check"], ["route", "spot/spot/USDT"], ["poll"], ["notify"], ["run"]):
        assert (await _act(site, *command)).code == 78, command

    page, ready = await _asked(port, "/"), json.loads(await _asked(port, "/readyz"))
    assert "Configuration refused" in page
    assert "jobs[0].evry: unknown key" in page
    assert (ready["status"], ready["reasons"], len(ready["notes"])) == ("ok", [], 1)
    assert ready["notes"][0].startswith("configuration refused since 20")
    assert why in ready["notes"][0]
    api = json.loads(await _asked(port, "/api/v1/status"))
    assert api["configuration"] == shown["configuration"]
    metrics = await _asked(port, "/metrics")
    assert _metrics(metrics)["balance_monitor_config_last_reload_successful"] == "0.0"
    assert json.loads(await _asked(port, "/healthz"))["status"] == "ok"
    await until(sign.exists, "the sign of life")
    assert _health_check(sign) == 0
    told = "".join([*kept, page, json.dumps(api), metrics, ready["notes"][0]])
    assert [secret for secret in SECRETS if secret in told] == []

    site.config.write_text(good)
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    done = await _act(site, "status", "--json")
    assert done.err == ""
    assert json.loads(done.out)["configuration"]["refused_at"] is None
    assert json.loads(done.out)["configuration"]["problems"] == []
    assert json.loads(await _asked(port, "/readyz"))["notes"] == []
    assert "Configuration refused" not in await _asked(port, "/")


@together()
async def test_since_when_a_file_is_refused_is_its_first_refusal(site: Installation) -> None:
    """A second attempt with another error changes why, not since when. A correct file that nobody has the daemon
    reload is not in force: `status` says that it was refused."""
    daemon = await site.start()
    good, since = site.config.read_text(), set[str]()
    for times, key in enumerate(("evry", "evvery"), start=1):
        site.config.write_text(good.replace("every: 1s", f"{key}: 1s", 1))
        daemon.send(signal.SIGHUP)
        await daemon.logged("reload failed", times)
        await site.more_requests()
        since.add((await site.status())["configuration"]["refused_at"])
    site.config.write_text(good)
    done = await site.command("status", "--json")
    last = json.loads(done.out)["configuration"]
    assert done.err == ""
    assert since == {last["refused_at"]}
    assert "evvery" in last["problems"][0]


@together()
async def test_status_is_shown_while_the_file_keeps_the_daemon_from_its_start(site: Installation) -> None:
    """Nothing runs, and what was known is still to be seen: with the reason, and with no time of a refused reload."""
    await site.command("poll")
    site.config.write_text(site.config.read_text().replace("providers:", "providers: [", 1))
    assert (await site.command("run")).code == 78
    done = await site.command("status", "--json")
    assert IN_FORCE in done.err
    assert json.loads(done.out)["configuration"]["refused_at"] is None
    assert "is not valid YAML" in json.loads(done.out)["configuration"]["problems"][0]


def _line(text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if "every: 1s" in line)


def _exported(site: Installation) -> Path:
    file = site.folder / "exported.csv"
    file.write_text("job,account,currency,observed_at,total,available,locked,updated_at\n")
    return file


def _health_check(sign: Path) -> int:
    """The command that the image asks for the daemon's health."""
    lines = (Path(__file__).parents[2] / "Dockerfile").read_text().splitlines()
    [command] = [line.strip().removeprefix("CMD ") for line in lines if "CMD find" in line]
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": "/usr/bin:/bin", "BALANCE_MONITOR_ALIVE": str(sign)},
        check=False,
    ).returncode
