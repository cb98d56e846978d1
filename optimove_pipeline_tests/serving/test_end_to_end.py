"""Data sets on their way through Dagster to the API, and what its client pulls."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
import yaml

from optimove_pipeline_tests.assets.casino import casino, command
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.end_to_end.place import Place
from optimove_pipeline_tests.serving.api import CLIENT, ENVIRONMENT, TABLE, ids, served


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = without_history(casino(tmp_path_factory.mktemp("casino")))
    file = made.root / "optimove.yaml"
    document = yaml.safe_load(file.read_text())
    document["targets"] = {"api": {"kind": "api", "clients": [CLIENT]}}
    document["delivery"]["datasets"] = ["api"]
    file.write_text(yaml.safe_dump(document))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield Place(made.root, {**made.environment, **ENVIRONMENT})


def deliver(place: Place, first: str, last: str) -> None:
    done = command(place, "deliver", "--dataset", "customers", "--from", first, "--to", last)
    assert done.exit_code == 0, done.output


def window(day: int) -> dict[str, str]:
    return {"updated_from": f"2020-03-{day:02d}", "updated_to": f"2020-03-{day + 1:02d}"}


def test_what_was_delivered_is_what_the_client_pulls(place: Place) -> None:
    deliver(place, "2020-03-01", "2020-03-02")
    with served(place.root) as api:
        assert [ids(api.pull(**window(day))) for day in (1, 2)] == [["60"], ["61"]]
        tables = {each["table"]: each for each in api.get("/v1/readiness", date="2020-03-01").json()["tables"]}
        assert (tables[TABLE]["ready"], tables[TABLE]["watermark"]) == (True, "2020-03-03T00:00:00Z")

        with duckdb.connect(place.root / "casino.duckdb") as company:
            company.execute("UPDATE customers SET \"LastUpdated\" = '2020-03-03 08:00' WHERE \"Player_ID\" = '60'")
        assert command(place, "forget", "61", "--reason", "asked for it").exit_code == 0
        deliver(place, "2020-03-03", "2020-03-03")
        assert [ids(api.pull(**window(day))) for day in (1, 2, 3)] == [[], [], ["60", "62"]]


def test_the_commands_know_the_target(place: Place) -> None:
    connected = command(place, "connect", "api", "--apply")
    assert (connected.exit_code, "1. [done] make the store" in connected.output) == (0, True)
    checked = command(place, "check")
    assert "credentials, refusal without a credential, a page as optimove at http://127.0.0.1:8740" in checked.output
