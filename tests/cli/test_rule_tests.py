"""`test`: stories of readings against the rules, before they page anyone."""

import json
from pathlib import Path

from tests.process.fork_server import ROOT
from tests.process.stage import together
from tests.process.support import Done, Installation, run

CONFIG = """\
providers: {nami: {type: nami, api_key: "${NOT_SET}", api_secret: "${NOT_SET}"}}
channels: {ops: {urls: ["${NOT_SET}"]}}
jobs: [{name: spot, provider: nami, every: 1m, wallet: spot, currencies: {22: USDT}}]
rules: [{name: low, type: threshold, below: 1000}]
"""
STORY = """\
config: rules.yaml
tests:
  - name: a low balance
    every: 85s
    series: {spot/spot/USDT: 1500x4 900}
    expect: [{at: 425s, rule: low, series: spot/spot/USDT, event: fired}]
"""


async def _tested(site: Installation, *arguments: str, story: str = STORY) -> Done:
    (site.folder / "rules.yaml").write_text(CONFIG)
    (site.folder / "story.yaml").write_text(story)
    return await run("test", *arguments, cwd=site.folder, environ=site.environ)


@together()
async def test_the_example_comes_with_tests_that_pass(site: Installation) -> None:
    """From anywhere: the file names its configuration, and no secret is needed."""
    done = await _tested(site, str(ROOT / "docs" / "rules.test.yaml"))
    assert (done.code, done.out, done.err) == (0, "8 passed\n", "")


@together()
async def test_what_passes_is_shown_if_asked_for(site: Installation) -> None:
    """With each event, at its time as people read it."""
    done = await _tested(site, "story.yaml", "-v")
    assert done.code == 0
    assert done.out.splitlines() == [
        "pass story.yaml:3: a low balance",
        "    7m 5s  fired  low  spot/spot/USDT  warning  to ops  available 900 < 1000",
        "1 passed",
    ]


@together()
async def test_what_differs_is_shown(site: Installation) -> None:
    """With its place in the file, what was expected and what came."""
    done = await _tested(site, "story.yaml", story=STORY.replace("425s", "340s"))
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        "FAIL story.yaml:3: a low balance",
        "  - 5m 40s  fired  low  spot/spot/USDT",
        "  + 7m 5s  fired  low  spot/spot/USDT  warning  to ops  available 900 < 1000",
        "1 failed, 0 passed",
    ]


@together()
async def test_results_as_data(site: Installation) -> None:
    """What came, and what differed."""
    done = await _tested(site, "story.yaml", "--json", story=STORY.replace("425s", "340s"))
    shown = json.loads(done.out)
    [file] = shown["files"]
    [test] = file["tests"]
    assert (done.code, shown["passed"], Path(file["config"]).name) == (1, False, "rules.yaml")
    assert (test["name"], test["line"], test["passed"], len(test["differences"])) == (
        "a low balance",
        3,
        False,
        2,
    )
    assert test["events"][0] | {"reason": ""} == {
        "at": "7m 5s",
        "event": "fired",
        "rule": "low",
        "series": "spot/spot/USDT",
        "severity": "warning",
        "reason": "",
        "to": ["ops"],
    }


@together()
async def test_a_configuration_that_is_named_wins(site: Installation) -> None:
    """Over what the file says."""
    (site.folder / "other.yaml").write_text(CONFIG.replace("below: 1000", "below: 10"))
    done = await _tested(site, "story.yaml", "-c", "other.yaml")
    assert (done.code, done.out.splitlines()[-1]) == (1, "1 failed, 0 passed")


@together()
async def test_every_file_that_is_invalid_is_reported(site: Installation) -> None:
    """With its place, and nothing is run."""
    (site.folder / "empty.yaml").write_text("config: rules.yaml\ntests: []\n")
    wrong = STORY.replace("rule: low", "rule: lo")
    done = await _tested(site, "story.yaml", "empty.yaml", "gone.yaml", story=wrong)
    assert (done.code, done.out) == (78, "")
    assert [line.split(": ")[0] for line in done.err.splitlines()] == [
        "story.yaml:6:31",
        "empty.yaml:2:8",
        "gone.yaml",
    ]
    assert "unknown rule 'lo'; did you mean `low`?" in done.err


@together()
async def test_invalid_files_as_data(site: Installation) -> None:
    """As `check` shows them."""
    done = await _tested(site, "story.yaml", "--json", story="tests: []\nconfig: rules.yaml\n")
    [problem] = json.loads(done.out)["problems"]
    assert (done.code, problem["line"], problem["path"]) == (78, 1, "tests")
