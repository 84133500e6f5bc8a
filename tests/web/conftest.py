"""Names for the cases that schemathesis makes."""

import pytest
from schemathesis.pytest.plugin import SchemathesisFunction


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each a node id of its own. They all have that of the test function, and what runs the tests in several
    processes takes those of one id for one test."""
    for item in items:
        if isinstance(item, SchemathesisFunction) and item.id.params is None:
            item._id = item.id.with_params(item.operation_label)
