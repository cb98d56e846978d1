"""Loading partitions into tables: what is tried again, what is not, and what the ledger and the receipt settle.

The target here is a stand-in that keeps receipts in memory; the targets' own tests load into real servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.errors import PartitionError, PipelineError, SettingsError
from optimove_pipeline.ledger import Ledger, State
from optimove_pipeline.packages import Package
from optimove_pipeline.stages.deliver import Delivered
from optimove_pipeline.stages.load import load
from optimove_pipeline.stages.package import package
from optimove_pipeline.stages.table_rows import rows_of
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.errors import TargetError, UnreachableError
from optimove_pipeline.targets.table import Rows, Table
from optimove_pipeline_tests.stages.packing import DAY, READY, SENDS, options, validated


@dataclass(slots=True)
class StandIn:
    """A target that fails as it is told, before or after it has taken the rows."""

    name: str = "tables"
    place: str = "a stand-in"
    attempts: int = 3
    before: list[PipelineError] = field(default_factory=list)
    after: list[PipelineError] = field(default_factory=list)
    loads: int = 0
    held: dict[str, str] = field(default_factory=dict)

    def receipt(self, table: Table, partition: str) -> str | None:
        return self.held.get(partition)

    def load(self, rows: Rows) -> None:
        self.loads += 1
        if self.before:
            raise self.before.pop(0)
        self.held[rows.partition] = rows.source
        if self.after:
            raise self.after.pop(0)

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        return iter(())

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        return []


@dataclass(frozen=True, slots=True)
class Place:
    root: Path
    target: StandIn

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.root / "state" / "ledger.sqlite")

    def load(self, *customers: str, table: str = "Sends", **reasons: str) -> Delivered:
        """Load a day of these customers' rows."""
        rows, made = self.rows(*customers)
        rows = replace(rows, table=replace(rows.table, name=table))
        return load(rows, made, self.target, self.ledger, "run-1", pause=0.0, **reasons)

    def rows(self, *customers: str) -> tuple[Rows, Package]:
        partition = validated(self.root, pl.DataFrame({"customer_id": list(customers)}))
        made = package(SENDS, partition, options(), self.root / "packages", ready=READY)
        return rows_of(SENDS, options(), partition, made, "run-1"), made

    @property
    def states(self) -> list[tuple[int, State]]:
        return [(each.version, each.state) for each in self.ledger.newest("tables", "sends", DAY)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, StandIn())


def test_what_is_loaded_is_not_loaded_again(place: Place) -> None:
    first, second = place.load("C1", "C2"), place.load("C1", "C2")
    assert (first.sent, first.rows, first.files, second.sent) == (1, 2, ("Sends",), 0)
    assert place.target.loads == 1


def test_a_connection_that_is_lost_is_tried_again(place: Place) -> None:
    place.target.before = [UnreachableError("cut"), UnreachableError("cut")]
    assert place.load("C1").sent == 1
    assert (place.target.loads, place.states) == (3, [(1, State.DELIVERED)])


def test_attempts_are_used_up(place: Place) -> None:
    place.target.before = [UnreachableError("cut")] * 3
    with pytest.raises(UnreachableError):
        place.load("C1")
    assert (place.target.loads, place.states) == (3, [(1, State.FAILED)])
    assert place.load("C1").sent == 1


def test_what_a_target_refuses_is_not_tried_again(place: Place) -> None:
    place.target.before = [TargetError("no such column")]
    with pytest.raises(TargetError):
        place.load("C1")
    assert place.target.loads == 1


def test_rows_that_arrived_though_the_answer_was_lost_are_found_by_their_receipt(place: Place) -> None:
    place.target.after = [TargetError("the answer was lost")]
    with pytest.raises(TargetError):
        place.load("C1")
    assert place.load("C1").sent == 0
    assert (place.target.loads, place.states) == (1, [(1, State.DELIVERED)])


def test_other_rows_need_a_reason_and_become_the_next_version(place: Place) -> None:
    place.load("C1")
    with pytest.raises(PartitionError, match="redeliver it with a reason"):
        place.load("C1", "C2")
    assert place.load("C1", "C2", redeliver="corrected").version == 2
    assert place.load("C1", "C2", redeliver="corrected").sent == 0
    assert place.load("C1", changed="read again").version == 3


def test_other_rows_take_the_place_of_those_that_were_never_loaded(place: Place) -> None:
    place.target.before = [TargetError("refused")]
    with pytest.raises(TargetError):
        place.load("C1")
    assert place.load("C1", "C2").version == 1
    assert place.states == [(1, State.DELIVERED)]


def test_a_table_of_another_name_is_loaded_as_well(place: Place) -> None:
    place.load("C1")
    renamed = place.load("C1", table="Mails")
    assert (renamed.sent, renamed.version, renamed.files) == (1, 2, ("Mails",))
    assert place.load("C1", table="Mails").sent == 0


@pytest.mark.parametrize("again", [{"redeliver": "the table was emptied"}, {"table": "Mails"}])
def test_what_is_to_be_loaded_again_is_so_though_an_earlier_receipt_is_of_the_same_rows(
    place: Place, again: dict[str, str]
) -> None:
    place.load("C1")
    place.target.before = [UnreachableError("cut")] * 3
    with pytest.raises(UnreachableError):
        place.load("C1", **again)
    assert place.load("C1", **again).sent == 1
    assert (place.target.loads, place.states) == (5, [(2, State.DELIVERED)])


def test_a_target_that_took_files_before_is_refused(place: Place) -> None:
    place.load("C1")
    (entry,) = place.ledger.newest("tables", "sends", DAY)
    place.ledger.plan([replace(entry, id="file", version=2, name="Sends_20261119_060000_001.csv.gz")])
    with pytest.raises(SettingsError, match="got files of sends before, such as Sends_20261119"):
        place.load("C1")
