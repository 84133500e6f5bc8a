"""What holds for every test."""

import signal

import pytest

# A shell that starts the suite in the background has it ignore Ctrl-C, and so would every process a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """For tests/contract."""
    parser.addoption("--record", action="store_true", help="Write tests/contract/recorded anew.")
