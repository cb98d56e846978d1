"""A package that was half sent when its day was made anew: it is ended, and counts as delivered."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import yaml

from optimove_pipeline.config import load_settings
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.packages import open_package, package_folder
from optimove_pipeline.settings.target import FileTargetSettings
from optimove_pipeline.stages.planned_files import planned_files
from optimove_pipeline.targets.target import Part
from optimove_pipeline.watermarks import watermark
from optimove_pipeline_tests.assets.casino import FIRST, casino
from optimove_pipeline_tests.end_to_end.place import Place, environment, materialise

STAGES = ("dataset", "validated", "published", "packaged")


def with_manifests(root: Path) -> Place:
    """Return the casino, whose packages go to a folder with their manifests."""
    place, file = casino(root, select=["customers"]), root / "optimove.yaml"
    document = yaml.safe_load(file.read_text())
    document["targets"] = {"share": {"kind": "local", "folder": str(root / "share"), "manifest_folder": "manifests"}}
    document["delivery"]["datasets"] = ["share"]
    file.write_text(yaml.safe_dump(document))
    return place


def send_the_parts(place: Place, ledger: Ledger) -> None:
    """Send a package without its manifest, as a run does that is killed then."""
    with environment(place):
        settings = load_settings()
    own = settings.target("share")
    assert isinstance(own, FileTargetSettings)
    target = own.open("share", place.data)
    made = open_package(package_folder(settings.packages_folder, "customers", FIRST))
    (entry, _) = ledger.plan(planned_files(made, target, 1, "killed", None))
    with target.session() as session:
        file = made.file(made.parts[0])
        session.send(Part(file, entry.name, entry.rows, entry.bytes, entry.sha256), lambda: None)
    ledger.deliver(ledger.begin(entry, "killed"))


def test_a_half_sent_package_that_is_ended_moves_the_watermark_though_the_new_one_needs_a_reason(
    tmp_path: Path,
) -> None:
    place = with_manifests(tmp_path)
    assert materialise(place, "customers", days=[FIRST], stages=STAGES).success
    ledger = Ledger(ledger_file(place.data))
    send_the_parts(place, ledger)
    with duckdb.connect(tmp_path / "casino.duckdb") as connection:
        connection.execute("UPDATE customers SET \"Registration_Date\" = DATE '2019-12-31'")
    assert watermark(ledger.path, "customers", "share") is None
    run = materialise(place, "customers", days=[FIRST], stages=(*STAGES, "delivered"))
    assert not run.success
    (failed,) = run.filter_events(lambda event: event.is_step_failure)
    told = failed.step_failure_data.user_failure_data
    assert told is not None
    assert "2 of 2 files were delivered to share" in (told.description or "")
    assert len([*(tmp_path / "share").rglob("*.*")]) == 2
    assert watermark(ledger.path, "customers", "share") == datetime(2020, 3, 2, tzinfo=UTC)
