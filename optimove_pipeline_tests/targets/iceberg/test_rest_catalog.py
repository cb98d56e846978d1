"""A real REST catalog with its tables in a bucket: SeaweedFS."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from optimove_pipeline.targets.errors import LoginError
from optimove_pipeline.targets.iceberg.catalogs import opened
from optimove_pipeline.targets.iceberg.expiry import expire
from optimove_pipeline.targets.iceberg.target import IcebergTarget
from optimove_pipeline_tests.servers.iceberg import CREDENTIAL, WAREHOUSE, RestCatalog, rest_catalog
from optimove_pipeline_tests.servers.s3 import ACCESS_KEY, SECRET_KEY
from optimove_pipeline_tests.targets.iceberg.tables import ACTIONS, BETS, GAMES, at, held, rows, target

MONDAY, TUESDAY = "2026-11-20", "2026-11-21"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestCatalog]:
    with rest_catalog(tmp_path_factory.mktemp("catalog")) as running:
        yield running


@pytest.fixture
def place(server: RestCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IcebergTarget:
    """The catalog as a target, in a namespace of the test's own."""
    monkeypatch.setenv("CATALOG_LOGIN", CREDENTIAL)
    monkeypatch.setenv("BUCKET_KEY", ACCESS_KEY)
    monkeypatch.setenv("BUCKET_SECRET", SECRET_KEY)
    return target(
        tmp_path,
        catalog="rest",
        uri=server.uri,
        warehouse=WAREHOUSE,
        credential="${CATALOG_LOGIN}",
        endpoint=server.endpoint,
        access_key="${BUCKET_KEY}",
        secret_key="${BUCKET_SECRET}",
        namespace=f"of_{tmp_path.name.rstrip('0123456789').rstrip('_')[:30]}",
    )


def test_rows_of_all_kinds_are_replaced_as_in_any_other_catalog(place: IcebergTarget) -> None:
    assert [step.title.partition(" ")[0] for step in place.connect([BETS, ACTIONS, GAMES])] == ["create"] * 4
    place.load(rows(BETS, MONDAY, [(1, "a", at(1)), (2, "a", at(3)), (3, "gone", at(1))]))
    made = rows(BETS, TUESDAY, [(1, "b", at(2)), (2, "b", at(2))], forgotten={"gone"})
    place.load(made)
    place.load(rows(ACTIONS, MONDAY, [("a", 1)]))
    place.load(rows(ACTIONS, MONDAY, [("a", 2)]))
    place.load(rows(GAMES, MONDAY, [("1", "Chess")]))
    place.load(rows(GAMES, TUESDAY, [("2", "Go")]))
    assert held(place, BETS) == [(1, "b", at(2), TUESDAY), (2, "a", at(3), MONDAY)]
    assert held(place, ACTIONS) == [("a", 2, MONDAY)]
    assert held(place, GAMES) == [("2", "Go", TUESDAY)]
    assert place.receipt(BETS, TUESDAY) == made.source
    assert [(each.passed, each.fix) for each in place.check([BETS, ACTIONS, GAMES])] == [(True, "")] * 4


def test_loads_at_once_all_land(place: IcebergTarget) -> None:
    days = [f"2026-11-{day}" for day in range(10, 14)]
    place.load(rows(ACTIONS, "2026-11-01", []))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda day: place.load(rows(ACTIONS, day, [(day, 1)])), days))
    assert held(place, ACTIONS) == [(day, 1, day) for day in days]


def test_expired_files_leave_the_bucket(place: IcebergTarget) -> None:
    place.load(rows(GAMES, MONDAY, [("1", "Chess")]))
    with opened(place.settings, place.name, place.data_dir) as catalog:
        found = catalog.load_table((place.settings.namespace, "games"))
        (task,) = found.scan().plan_files()
        place.load(rows(GAMES, TUESDAY, [("2", "Go")]))
        assert found.io.new_input(task.file.file_path).exists()
        expire(found.refresh(), datetime.now(UTC) + timedelta(hours=1))
        assert not found.io.new_input(task.file.file_path).exists()
    assert held(place, GAMES) == [("2", "Go", TUESDAY)]


def test_a_wrong_credential_is_told_and_not_shown(place: IcebergTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_LOGIN", f"{ACCESS_KEY}:hunter2hunter2")
    with pytest.raises(LoginError, match="the credential is refused") as caught:
        place.load(rows(BETS, MONDAY, []))
    assert "hunter2" not in str(caught.value)


def test_storage_that_refuses_our_key_is_told(place: IcebergTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    place.load(rows(BETS, MONDAY, [(1, "a", at(1))]))
    monkeypatch.setenv("BUCKET_SECRET", "hunter2hunter2")
    with pytest.raises(LoginError, match="its storage refuses us") as caught:
        place.load(rows(BETS, TUESDAY, [(2, "a", at(1))]))
    assert "hunter2" not in str(caught.value)
