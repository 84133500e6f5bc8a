"""A secret with quotes or white space around it: `check` says so, and never shows it."""

from pathlib import Path

import pytest

from monitor.config import warnings
from tests.config.support import JOBS, loaded, problems
from tests.config.test_warnings import NOW

SECRET = "hunter2-and-more"
WHITE = "begins or ends with white space, which is part of the value; remove it"
QUOTED = "is in quotes, which are part of the value; remove them"
FROM_FILE = JOBS.replace("secret-of-wdcf", '"${file:secret}"')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(SECRET, None, id="as-it-is"),
        pytest.param(f"{SECRET}\n", None, id="a-line"),
        pytest.param(f"{SECRET}\r\n", None, id="a-line-of-windows"),
        pytest.param(f"it's {SECRET}'", None, id="a-quote-within"),
        pytest.param(f"'{SECRET}'\n", QUOTED, id="single-quotes"),
        pytest.param(f'"{SECRET}"', QUOTED, id="double-quotes"),
        pytest.param(f"“{SECRET}”", QUOTED, id="quotes-of-a-word-processor"),
        pytest.param(f"{SECRET} \n", WHITE, id="a-blank-behind-it"),
        pytest.param(f" {SECRET}", WHITE, id="a-blank-before-it"),
        pytest.param(f"{SECRET}\u00a0", WHITE, id="a-blank-that-looks-like-none"),
        pytest.param(f"\u200b{SECRET}", WHITE, id="a-space-without-width"),
        pytest.param("''", QUOTED, id="nothing-but-quotes"),
    ],
)
def test_what_is_around_a_secret_in_a_file_is_mentioned(
    content: str, said: str | None, tmp_path: Path
) -> None:
    """A service would only answer 401."""
    (tmp_path / "secret").write_text(content, encoding="utf-8", newline="")
    hints = [] if said is None else [f"providers.wdcf.client_secret: the file {tmp_path / 'secret'} {said}"]
    assert warnings(loaded(tmp_path, FROM_FILE), NOW) == hints


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param(
            JOBS.replace("secret-of-nami", "'${WRAPPED}'"), "providers.nami.api_secret", id="a-credential"
        ),
        pytest.param(JOBS.replace("/hook", "/${WRAPPED}"), "channels.ops.urls[0]", id="a-part-of-a-url"),
        pytest.param(
            f"{JOBS}heartbeat: {{url: 'https://x.example/${{WRAPPED}}'}}\n", "heartbeat.url", id="heartbeat"
        ),
        pytest.param(f"{JOBS}web: {{token: '${{WRAPPED}}'}}\n", "web.token", id="the-pages-token"),
        pytest.param(JOBS.replace("[A, B]", "['${WRAPPED}']"), "jobs[1].clients[0]", id="a-name"),
    ],
)
def test_what_is_around_a_variables_value_is_mentioned(text: str, place: str, tmp_path: Path) -> None:
    """Docker's `--env-file` keeps the quotes that a shell removes."""
    config = loaded(tmp_path, text, {"WRAPPED": f'"{SECRET}"'})
    assert warnings(config, NOW) == [f"{place}: the environment variable WRAPPED {QUOTED}"]


def test_what_is_around_a_secret_in_the_file_itself_is_mentioned(tmp_path: Path) -> None:
    """Twice quoted."""
    text = JOBS.replace("secret-of-wdcf", f"\"'{SECRET}'\"")
    assert f"providers.wdcf.client_secret {QUOTED}" in warnings(loaded(tmp_path, text), NOW)


def test_an_error_that_quotes_cause_names_them(tmp_path: Path) -> None:
    """A URL in quotes is none: not what it should be like helps, but what is around it."""
    text = JOBS.replace("json://example.org/hook", "${OPS_URL}")
    [line] = problems(tmp_path, text, {"OPS_URL": f"'json://{SECRET}@example.org'"})
    assert line.endswith(f"; the environment variable OPS_URL {QUOTED}")
    assert "channels.ops.urls[0]: expected an apprise URL" in line
    assert SECRET not in line
