"""The running API, fuzzed against the OpenAPI document that it serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from optimove_pipeline_tests.serving.api import ENVIRONMENT, KEY, Api, many, served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
]


@pytest.fixture(scope="module")
def of_many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with served(tmp_path_factory.mktemp("fuzz")) as running:
            running.deliver(many(30))
            yield running


@pytest.fixture(scope="module")
def operations(of_many: Api) -> list[Any]:
    document = schemathesis.openapi.from_url(f"{of_many.url}/openapi.json")
    return [found.ok() for found in document.get_all_operations()]  # type: ignore[union-attr]


def test_every_answer_to_a_right_request_is_as_the_document_says(of_many: Api, operations: list[Any]) -> None:
    asked = [fuzz(operation, GenerationMode.POSITIVE, 8, of_many) for operation in operations]
    assert (len(asked), min(asked)) == (3 + 2 * 3, 1)


def test_every_wrong_request_is_refused_as_the_document_says(of_many: Api, operations: list[Any]) -> None:
    # The paths of other tables are answered by the same code.
    with_parameters = [each for each in operations if each.path in ("/v1/readiness", "/v1/Customers")]
    asked = [fuzz(operation, GenerationMode.NEGATIVE, 20, of_many) for operation in with_parameters]
    assert (len(asked), min(asked)) == (2, 20)


def fuzz(operation: Any, mode: GenerationMode, most: int, api: Api) -> int:
    """Ask with generated requests, and return how many there were: where there is one alone, no more than that."""
    asked = 0

    @settings(
        max_examples=most,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        nonlocal asked
        case.call_and_validate(base_url=api.url, headers={"X-API-Key": KEY}, checks=CHECKS)
        asked += 1

    ask()
    return asked
