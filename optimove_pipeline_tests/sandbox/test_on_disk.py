"""A sandbox with a folder has a company and takes deliveries; one without a folder says so."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import psutil
import pytest

from optimove_pipeline.sandbox.company.database import build_company
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.on_disk import refresh_when_due
from optimove_pipeline.sandbox.options import SandboxOptions
from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.sandbox.receiver.server import Receiver
from optimove_pipeline.sandbox.service import Service
from optimove_pipeline_tests.sandbox.company.reading import tables
from optimove_pipeline_tests.sandbox.receiver.connecting import client_of, system_sftp, write
from optimove_pipeline_tests.sandbox.receiver.goods import DAY, ROWS, csv_text, file_name, ndjson_text

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture(scope="module")
def running(places: Places) -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=(), folder=str(places.folder)) as sandbox:
        yield sandbox


@pytest.fixture
def receiver(running: RunningSandbox, places: Places) -> Receiver:
    running.reset()
    for file in (*places.inbox.iterdir(), *places.taken.iterdir()):
        file.unlink()
    return Receiver(**running.sftp())


def about(places: Places) -> tuple[date, int]:
    with closing(duckdb.connect(str(places.company), read_only=True)) as connection:
        today, seed, _ = connection.execute("FROM about").fetchall()[0]
        return today, seed


def test_deliveries_are_judged_when_they_are_asked_for(running: RunningSandbox, receiver: Receiver) -> None:
    assert running.deliveries() == {"files": [], "days": []}
    with client_of(receiver) as client:
        for table, row in ROWS.items():
            text = ndjson_text([row]) if table == "Events" else csv_text([row])
            write(client, "in/" + file_name(table).removesuffix(".gz"), text)
    told = running.deliveries()
    assert {each["table"]: each["accepted"] for each in told["files"]} == dict.fromkeys(ROWS, True)
    assert [(day["day"], day["complete"]) for day in told["days"]] == [(DAY.isoformat(), True)]


def test_the_settings_point_to_the_company_and_to_the_sandbox(
    running: RunningSandbox, receiver: Receiver, places: Places
) -> None:
    settings = running.settings()
    assert settings["sources"]["company"]["path"] == str(places.company)
    target = settings["targets"]["sandbox"]
    assert (target["port"], target["host_keys"]) == (receiver.port, [receiver.host_key])


def test_the_company_moves_with_the_date_and_a_reset_takes_it_back(
    running: RunningSandbox, receiver: Receiver, places: Places
) -> None:
    assert (receiver.folder, about(places)) == ("in", (TODAY, 1))
    running.set_today(date(2026, 11, 25))
    assert about(places) == (date(2026, 11, 25), 1)
    running.reset()
    assert about(places) == (TODAY, 1)


def test_a_company_of_the_real_date_moves_on_with_it_and_one_of_a_fixed_date_does_not(tmp_path: Path) -> None:
    tomorrow = date(2026, 11, 21)
    real, fixed = tmp_path / "real", tmp_path / "fixed"
    assert refresh_when_due(Service(SandboxOptions(folder=str(real))), TODAY, tomorrow) == tomorrow
    assert about(Places(real)) == (tomorrow, 1)
    assert refresh_when_due(Service(SandboxOptions(folder=str(real))), tomorrow, tomorrow) == tomorrow
    assert refresh_when_due(Service(SandboxOptions(folder=str(fixed), today=TODAY)), TODAY, tomorrow) == TODAY
    assert not fixed.exists()


@pytest.mark.usefixtures("receiver")
def test_the_company_of_another_process_is_the_same(places: Places, tmp_path: Path) -> None:
    build_company(tmp_path / "company.duckdb", TODAY, 1)
    assert tables(places.company) == tables(tmp_path / "company.duckdb")


def test_faults_of_files_are_switched_on_by_the_control_and_end_with_a_reset(
    running: RunningSandbox, receiver: Receiver, places: Places
) -> None:
    running.faults(Fault("moved_at_once"))
    with client_of(receiver) as client:
        write(client, "in/a.csv", b"a")
        running.reset()
        write(client, "in/b.csv", b"b")
    assert [path.name for path in places.taken.iterdir()] == ["a.csv"]
    assert [each["file"] for each in running.deliveries()["files"]] == ["a.csv", "b.csv"]


def test_a_large_file_takes_no_memory(running: RunningSandbox, receiver: Receiver, places: Places) -> None:
    process = psutil.Process(running.process_id)
    (source := places.folder / "source").write_bytes(os.urandom(1_000_000) * 20)
    assert system_sftp(receiver, places.host_key, f"put {source} in/small.tmp").returncode == 0
    before = process.memory_info().rss
    assert system_sftp(receiver, places.host_key, *(f"put {source} in/{n}.tmp" for n in range(3))).returncode == 0
    assert process.memory_info().rss - before < 10_000_000
    assert {path.stat().st_size for path in places.inbox.iterdir()} == {20_000_000}


def test_a_sandbox_without_a_folder_says_so() -> None:
    with running_sandbox(preset="tiny", today=TODAY) as sandbox:
        for ask in (sandbox.sftp, sandbox.settings, sandbox.deliveries):
            with pytest.raises(RuntimeError, match="This sandbox has no folder"):
                ask()
        sandbox.set_today(date(2026, 11, 25))
        assert sandbox.tenant.today == date(2026, 11, 25)
