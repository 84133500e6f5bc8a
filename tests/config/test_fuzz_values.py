"""Single values, references and files of clients, with anything in them: exact, or refused in words.

What has to hold stands in `campaigns.fuzz.configuration`, where a longer, coverage-guided run looks at the same.
"""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.fuzz import configuration

NUMBER = r"[+-]?[0-9]{0,30}\.?[0-9]{0,30}([eE][+-]?[0-9]{1,4})?"
FIELD = r"(\*|[0-9]{1,2}|[a-z]{3})(-([0-9]{1,2}|[a-z]{3}))?(/[0-9]{1,3})?(,[0-9]{1,2})?"
PIECES = ["${", "}", "$", "NAMI_API_KEY", "OPS_URL", "file:", "wdcf-secret", "/", "\0", "\n", "MISSING", "é"]


def texts(pattern: str) -> st.SearchStrategy[str]:
    """What looks like it, and what does not."""
    return st.from_regex(pattern, fullmatch=True) | st.text(max_size=12)


@settings(max_examples=100, deadline=None)
@given(text=texts(r"[0-9]{1,10}[smhd]"))
def test_a_span_comes_out_as_it_went_in(text: str) -> None:
    """Written in its own notation and read again, it is the same."""
    configuration.values(b"\0" + text.encode())


@settings(max_examples=100, deadline=None)
@given(text=texts(NUMBER))
@example(text="1" * 10_001)
@example(text="0." + "0" * 10_001)
def test_an_amount_is_the_digits_it_was_written_with(text: str) -> None:
    """Sign, digits and places."""
    configuration.values(b"\1" + text.encode())


@settings(max_examples=100, deadline=None)
@given(text=texts(NUMBER + r" {0,2}%?"))
def test_a_change_is_the_digits_it_was_written_with(text: str) -> None:
    """As an amount or as a percentage, and more than nothing."""
    configuration.values(b"\2" + text.encode())


@settings(max_examples=100, deadline=None)
@given(text=texts(r"[0-9]{1,7}/[0-9]{1,4}[smhd]"))
def test_a_call_limit_comes_out_as_it_went_in(text: str) -> None:
    """Written in its own notation and read again, it is the same."""
    configuration.values(b"\3" + text.encode())


@settings(max_examples=100, deadline=None)
@given(text=texts(r"https?://[a-z0-9.:\[\]-]{1,12}(/[\x21-\x7e]{0,6}){0,3}"))
def test_a_base_url_is_sent_as_it_is_written(text: str) -> None:
    """Nothing in it is changed on its way to the request: what is signed has to be what is sent."""
    configuration.values(b"\4" + text.encode())


@settings(max_examples=100, deadline=None)
@given(text=texts(" ".join([FIELD] * 5)))
def test_a_cron_expression_runs_when_it_says(text: str) -> None:
    """Whatever is accepted has a next run, and that fits every field."""
    configuration.values(b"\5" + text.encode())


@settings(max_examples=100, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=20))
def test_references_become_values_or_reasons(text: str) -> None:
    """No reason shows a value, and `$${` keeps any text as it is."""
    configuration.references(text.encode())


@settings(max_examples=100, deadline=None)
@given(
    content=st.lists(st.sampled_from(["A", "B c", "#", "\n", "\r\n", "\t", "é", "\x85", "\ufeff", "x" * 300]))
    .map(lambda pieces: "".join(pieces).encode())
    .flatmap(lambda content: st.just(content) | st.binary(max_size=30).map(lambda more: content + more))
)
def test_a_file_of_clients_is_read_line_by_line(content: bytes) -> None:
    """Each id once and fit for a request, or what is wrong with the file and where."""
    configuration.clients(content)
