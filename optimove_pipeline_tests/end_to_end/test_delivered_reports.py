"""Reports on their way to a target: packaged and delivered through Dagster, each day's files once."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    NEWEST,
    Place,
    materialise,
    published_days,
    query,
    run,
    settle,
)

REPORT = "executed_campaigns_by_channel"
CHANNELS = "execution_channels"
STAGES = ("report", "validated", "published", "packaged", "delivered")
SENT = ("packaged", "delivered")
FILE = f"Executed_Campaigns_By_Channel_{NEWEST:%Y%m%d}_000000_001.csv.gz"


@dataclass(frozen=True, slots=True)
class Made:
    """The report made through all of its stages, with the channels that it reads; tests of it change nothing."""

    place: Place
    run: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, started: RunningSandbox) -> Made:
    started.reset()
    place = settled(tmp_path_factory.mktemp("made"), started)
    return Made(place, make(place))


@pytest.fixture
def place(tmp_path: Path, sandbox: RunningSandbox, made: Made) -> Place:
    """A place of the test's own where the report has been made."""
    return copied(made, tmp_path, sandbox)


def settled(root: Path, sandbox: RunningSandbox, **delivery: Any) -> Place:
    delivery = {"each": {REPORT: ["outbox"]}, **delivery}
    return settle(root, sandbox, delivery=delivery, readiness={"time": "00:00"})


def copied(made: Made, root: Path, sandbox: RunningSandbox, **delivery: Any) -> Place:
    place = settled(root, sandbox, **delivery)
    shutil.copytree(made.place.data, place.data)
    return place


def outbox(place: Place) -> dict[str, list[dict[str, str]]]:
    """Return the rows of every file in the outbox."""
    return {file.name: rows_of(file) for file in sorted((place.data / "outbox").rglob("*.gz"))}


def rows_of(file: Path) -> list[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def deliveries(place: Place) -> list[dict[str, Any]]:
    return query(place, "SELECT name, version, state, rows, reason FROM ops.deliveries ORDER BY version, part")


def make(place: Place, **chosen: Any) -> dg.ExecuteInProcessResult:
    """Materialise the report through all of its stages, with the channels that it reads."""
    materialise(place, CHANNELS)
    return materialise(place, REPORT, stages=STAGES, **chosen)


def make_anew(place: Place) -> dg.ExecuteInProcessResult:
    """Materialise the report again, with fewer rows."""
    (row, *_) = query(place, f"SELECT min(channel_id) AS least FROM optimove.{REPORT}")
    return materialise(place, REPORT, stages=STAGES, filters={REPORT: {"channels": [row["least"]]}})


def failures(done: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in done.all_events:
        told = event.step_failure_data.user_failure_data if event.is_step_failure else None
        if told is not None:
            yield f"{event.step_key}: {told.description}"


def test_a_day_reaches_the_outbox_with_the_rows_of_its_table(made: Made) -> None:
    assert made.run.success
    place = made.place
    (rows,) = outbox(place).values()
    table = query(place, f"SELECT count(*) AS rows, sum(campaign_id) AS ids FROM optimove.{REPORT}")
    assert [*outbox(place)] == [FILE]
    assert table == [{"rows": len(rows), "ids": sum(int(row["campaign_id"]) for row in rows)}]
    assert deliveries(place) == [
        {"name": FILE, "version": 1, "state": "delivered", "rows": len(rows), "reason": None}
    ]


def test_a_delivered_day_is_not_delivered_again(place: Place) -> None:
    before = {file: file.stat().st_ino for file in (place.data / "outbox").rglob("*.gz")}
    assert materialise(place, REPORT, stages=SENT).success
    assert {file: file.stat().st_ino for file in (place.data / "outbox").rglob("*.gz")} == before
    assert len(deliveries(place)) == 1


def test_a_day_that_was_read_again_and_changed_is_sent_again_under_a_new_name(place: Place) -> None:
    changed = make_anew(place)
    assert changed.success
    first, second = outbox(place).values()
    assert len(second) < len(first)
    assert [(row["version"], row["rows"], row["reason"]) for row in deliveries(place)] == [
        (1, len(first), None),
        (2, len(second), "the day was read again and has changed"),
    ]


def test_a_changed_day_waits_for_a_person_where_the_settings_say_so(
    tmp_path: Path, sandbox: RunningSandbox, made: Made
) -> None:
    place = copied(made, tmp_path, sandbox, changed_reports="refuse")
    changed = make_anew(place)
    (failure,) = failures(changed)
    assert failure.startswith(f"delivered__{REPORT}: ")
    assert "redeliver it with a reason" in failure
    assert len(outbox(place)) == 1


def test_a_target_that_refuses_holds_back_neither_the_table_nor_the_other_target(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    (tmp_path / "a-file").write_text("not a folder")
    targets = {"broken": {"kind": "local", "folder": str(tmp_path / "a-file")}}
    delivery = {"each": {REPORT: ["broken", "outbox"]}}
    place = settle(tmp_path, sandbox, targets=targets, delivery=delivery, readiness={"time": "00:00"})
    done = make(place)
    (failure,) = failures(done)
    assert str(tmp_path / "a-file") in failure
    assert [*outbox(place)] == [FILE]
    assert published_days(place, REPORT) == [NEWEST]


def test_every_day_that_was_delivered_is_told(made: Made) -> None:
    (delivered,) = [
        event.materialization.metadata
        for event in made.run.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(["delivered", REPORT])
    ]
    assert delivered["files"].value == delivered["files sent in this run"].value == 1
    assert delivered["targets"].value == "outbox"


def test_the_command_tells_what_was_sent_where(tmp_path: Path, sandbox: RunningSandbox) -> None:
    place = settled(tmp_path, sandbox)
    ended = run(place, "run", "--from", str(NEWEST), "--to", str(NEWEST), "--report", REPORT)
    assert ended.code == 0, ended.told
    (line,) = [line.split() for line in ended.out.splitlines() if line.split()[:1] == [REPORT]]
    assert (line[-3], line[-1]) == ("1", "outbox")


def test_a_day_is_sent_once_more_where_a_person_gives_the_reason(place: Place) -> None:
    with_reason = {"ops": {f"delivered__{REPORT}": {"config": {"redeliver": "the receiver lost it"}}}}
    assert materialise(place, REPORT, stages=SENT, config=with_reason).success
    assert [(row["version"], row["reason"]) for row in deliveries(place)] == [(1, None), (2, "the receiver lost it")]
    first, second = outbox(place).values()
    assert first == second
