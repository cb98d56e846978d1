"""Three days of all 27 reports in one run through Dagster: what is in the warehouse, and what is told of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.dagster_in_memory import EVENTS
from optimove_pipeline_tests.end_to_end.place import (
    CHOICES,
    DAYS,
    NEWEST,
    STAGES,
    Place,
    alike,
    checks,
    materialise,
    materializations,
    published,
    published_days,
    query,
    recorded_log,
    settle,
    tables,
    true_rows,
    values,
)

NAMES = [report.name for report in REPORTS]
CONTRACT_CHECKS = {"row_count", "duplicates", "key_nulls", "quarantine_share", "schema_drift"}

Call = tuple[str, int | None, int | None, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Pulled:
    """The three days: where they lie, what Dagster recorded, what the server saw, what was logged."""

    place: Place
    run: dg.ExecuteInProcessResult
    instance: dg.DagsterInstance
    calls: list[dict[str, Any]]
    log: list[str]
    sandbox: RunningSandbox

    def history(self) -> str:
        """Every event of the run as Dagster keeps it."""
        return "\n".join(map(serialize_value, self.instance.all_logs(self.run.run_id)))


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory, started: RunningSandbox) -> Iterator[Pulled]:
    started.reset()
    place = settle(tmp_path_factory.mktemp("three-days"), started)
    home = place.data / "dagster"
    home.mkdir(parents=True)
    with recorded_log() as log, instance_in(home) as instance:
        run = materialise(place, *NAMES, days=DAYS, instance=instance)
        yield Pulled(place, run, instance, started.stats()["calls"], log, started)


def instance_in(home: Path) -> dg.DagsterInstance:
    """Dagster in a folder, but with its events in memory: on disk they would take most of the run's time."""
    return dg.DagsterInstance.local_temp(str(home), overrides={"event_log_storage": EVENTS})


def days_of(report: str) -> tuple[date, ...]:
    return (NEWEST,) if BY_NAME[report].snapshot else DAYS


@pytest.mark.parametrize("report", NAMES)
def test_the_table_holds_what_the_tenant_knows(pulled: Pulled, report: str) -> None:
    assert published_days(pulled.place, report) == [*days_of(report)]
    for day in days_of(report):
        assert alike(published(pulled.place, report, day)) == alike(true_rows(pulled.sandbox, report, day))


def test_every_row_tells_when_and_by_which_run_it_was_loaded(pulled: Pulled) -> None:
    for report in NAMES:
        (row,) = query(
            pulled.place,
            "SELECT min(_loaded_at) AS first, max(_loaded_at) AS last, count(*) - count(_loaded_at) AS unstamped, "
            f"list(DISTINCT _run_id) AS runs FROM optimove.{report}",
        )
        assert row["runs"] == [pulled.run.run_id]
        assert row["unstamped"] == 0
        age = datetime.now(UTC).replace(tzinfo=None) - row["first"]
        assert timedelta(0) <= age < timedelta(hours=1)
        assert row["first"] <= row["last"]


def test_no_row_of_a_sound_tenant_is_in_quarantine(pulled: Pulled) -> None:
    assert tables(pulled.place, "quarantine") == sorted(NAMES)
    for report in NAMES:
        assert query(pulled.place, f"SELECT * FROM quarantine.{report}") == []


def test_the_record_of_calls_is_what_the_server_saw(pulled: Pulled) -> None:
    recorded = query(pulled.place, "SELECT * FROM ops.api_calls")
    seen = Counter(
        (call["function"], call["status"], call["rows"], frozenset(call["parameters"].items()))
        for call in pulled.calls
    )
    assert Counter(map(_as_seen, recorded)) == seen
    for call in recorded:
        if call["report"]:
            assert call["function"] == BY_NAME[call["report"]].function
        assert call["run_id"] == pulled.run.run_id
        assert call["milliseconds"] > 0


def _as_seen(call: dict[str, Any]) -> Call:
    pairs = (part.partition("=") for part in call["parameters"].split(" ") if part)
    return (
        call["function"],
        call["status"],
        call["rows"],
        frozenset((name.lower(), value) for name, _, value in pairs),
    )


def test_no_call_of_the_days_is_made_twice(pulled: Pulled) -> None:
    asked = Counter((call["function"], *sorted(call["parameters"].items())) for call in pulled.calls)
    shared = {  # asked by the same parameters for each day, since their request has no date
        BY_NAME[name].function for name in NAMES if not any(p.source == "date" for p in BY_NAME[name].parameters)
    }
    assert [call for call, times in asked.items() if times > 1 and call[0] not in shared] == []


@pytest.mark.parametrize("stage", STAGES)
def test_days_of_a_snapshot_that_are_past_are_skipped_and_named_with_the_reason(pulled: Pulled, stage: str) -> None:
    assert pulled.run.success
    complete = checks(pulled.run, f"{stage}/all_actions")["complete"]
    assert complete.passed
    assert complete.description == (
        f"{DAYS[0]} to {DAYS[1]}: skipped. All Actions has no date in its request, so it can only be had of "
        f"{NEWEST}, the tenant's last data update"
    )
    counts = {name: complete.metadata[name].value for name in ("days made", "days held back", "days skipped")}
    assert counts == {"days made": 1, "days held back": 0, "days skipped": 2}


def test_every_stage_of_every_report_is_recorded_for_each_of_its_days(pulled: Pulled) -> None:
    for report in NAMES:
        for stage in STAGES:
            held = pulled.instance.get_materialized_partitions(dg.AssetKey([stage, report]))
            assert held == {day.isoformat() for day in days_of(report)}, f"{stage}/{report}"


@pytest.mark.parametrize("report", ["customers_by_action", "promo_codes"])
def test_an_extraction_tells_its_rows_calls_bytes_and_waiting(pulled: Pulled, report: str) -> None:
    for day, made in materializations(pulled.run, f"report/{report}").items():
        told = values(made)
        calls = query(
            pulled.place,
            "SELECT count(*) AS calls, sum(milliseconds) / 1000 AS seconds FROM ops.api_calls "
            "WHERE report = ? AND report_date = ?",
            report,
            day,
        )
        assert told["dagster/row_count"] == len(true_rows(pulled.sandbox, report, day))
        assert told["calls"] == calls[0]["calls"]
        assert told["API seconds"] == pytest.approx(calls[0]["seconds"], abs=0.01)
        assert told["planned calls"] <= told["pages"] <= told["calls"]
        assert told["bytes"] > 0
        assert told["seconds waited for the budget"] >= 0
        assert "data:image/svg+xml;base64," in told["rows per day"]


def test_a_validation_tells_columns_with_types_and_descriptions(pulled: Pulled) -> None:
    told = values(materializations(pulled.run, "validated/customer_action_ended_by_date")[NEWEST])
    schema = told["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    columns = {column.name: column for column in schema.columns}
    assert columns["customer_id"].type == "String"
    assert not columns["customer_id"].constraints.nullable
    assert columns["start_date"].type == "Date"
    assert columns["duration"].description == "days"
    assert told["rows in quarantine"] == 0
    assert told["unknown columns"] == "none"


def test_a_publication_names_its_table_and_rows(pulled: Pulled) -> None:
    for day, made in materializations(pulled.run, "published/promo_codes").items():
        assert made.metadata["dagster/table_name"].value == "optimove.promo_codes"
        assert made.metadata["dagster/row_count"].value == len(published(pulled.place, "promo_codes", day))


def test_a_preview_shows_no_customer_unless_allowed(pulled: Pulled) -> None:
    made = materializations(pulled.run, "validated/customers_by_action")[NEWEST]
    preview = str(made.metadata["preview"].value)
    assert "| report_date | recipient_group_id | action_id |" in preview
    assert "customer_id" not in preview
    assert "attribute_" not in preview


@pytest.mark.parametrize("report", NAMES)
def test_every_validated_report_is_checked(pulled: Pulled, report: str) -> None:
    made = checks(pulled.run, f"validated/{report}")
    assert made.keys() >= {"complete", *CONTRACT_CHECKS}
    for name in CONTRACT_CHECKS - {"duplicates", "schema_drift"}:
        assert made[name].passed, made[name].description


def test_nothing_that_is_kept_or_logged_holds_the_key(pulled: Pulled) -> None:
    key = pulled.sandbox.key.encode()
    files = [file for file in pulled.place.data.rglob("*") if file.is_file()]
    assert len(files) > 100
    assert [file for file in files if key in file.read_bytes()] == []
    assert not any(pulled.sandbox.key in line for line in [*pulled.log, pulled.history()])


def test_no_customer_is_in_the_log_or_in_what_dagster_keeps(pulled: Pulled) -> None:
    rows = true_rows(pulled.sandbox, "customer_action_details_by_date", NEWEST)
    customers = {row["customer_id"] for row in rows}
    assert customers
    assert pulled.log
    assert not customers & {word for line in pulled.log for word in re.findall(r"\w+", line)}
    aliases = {row["attribute_alias"] for row in true_rows(pulled.sandbox, "customers_by_action", NEWEST)}
    assert {alias for alias in aliases if "BuddyZZ" in alias}
    kept = [file for file in (pulled.place.data / "dagster").rglob("*") if file.is_file()]
    assert kept
    assert [file for file in kept if b"BuddyZZ" in file.read_bytes()] == []
    assert "rows in quarantine" in pulled.history()
    assert "BuddyZZ" not in pulled.history()


def test_values_survive_with_their_letters_commas_quotes_and_line_breaks(pulled: Pulled) -> None:
    rows = query(pulled.place, "SELECT DISTINCT attribute_agent_notes AS note FROM optimove.customers_by_action")
    notes = {row["note"] for row in rows}
    assert {
        'said "call me"\nthen hung up',
        "a\ttab, a comma; a semicolon",
        "back\\slash",
        "Grüße 🎲",
        "",
        None,
    } <= notes
    assert CHOICES.attributes == ("Alias", "AgentNotes", "City")
