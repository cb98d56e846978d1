"""The sandbox's removal of customers: it fails for those that the tenant has never had."""

from collections.abc import Iterator
from datetime import date

import pytest

from optimove_pipeline.sandbox.customers import customer_id
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.sandbox.api import client_of

PATH = "/customers/RemoveCustomerPII"
TINY = 400


@pytest.fixture(scope="module")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=date(2026, 11, 20), windows=()) as sandbox:
        yield sandbox


def test_every_customer_of_the_tenant_is_removed(sandbox: RunningSandbox) -> None:
    with client_of(sandbox) as client:
        answer = client.post(PATH, json={"CustomerIDs": [customer_id(index) for index in range(TINY)]})
    assert (answer.status_code, answer.json()) == (200, [])


def test_it_fails_for_ids_that_the_tenant_has_never_had(sandbox: RunningSandbox) -> None:
    unknown = [customer_id(TINY), customer_id(TINY + 7), "nobody", "", "7", "a7"]
    with client_of(sandbox) as client:
        answer = client.post(PATH, json={"CustomerIDs": [customer_id(7), *unknown]})
    assert answer.json() == {"FailedCustomerIDs": unknown}


@pytest.mark.parametrize("body", [{}, {"CustomerIDs": "A1"}, {"CustomerIDs": [1]}, {"CustomerIDs": ["1"] * 50_001}])
def test_what_the_documentation_does_not_allow_is_refused(sandbox: RunningSandbox, body: dict[str, object]) -> None:
    with client_of(sandbox) as client:
        assert client.post(PATH, json=body).status_code == 400
        assert client.get(PATH).status_code == 405
