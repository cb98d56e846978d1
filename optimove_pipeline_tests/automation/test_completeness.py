"""The ways to know that a source has a partition whole; those that ask it are tested with the data sets' sensors."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from optimove_pipeline.automation.completeness import Completeness, all_of, always, by_marker
from optimove_pipeline.errors import SettingsError

DAY = date(2026, 11, 20)


def test_a_marker_file_tells_that_its_day_is_complete(tmp_path: Path) -> None:
    is_complete = by_marker(f"{tmp_path}/{{date:%Y}}/{{date:%m%d}}/*.done")
    assert not is_complete(DAY).complete
    folder = tmp_path / "2026" / "1120"
    folder.mkdir(parents=True)
    (folder / "customers.csv").touch()
    assert is_complete(DAY).reason == f"{folder}/*.done is not there"
    (folder / "all.done").touch()
    assert is_complete(DAY).complete
    assert not is_complete(DAY + timedelta(days=1)).complete


def test_a_marker_may_be_a_relative_path_without_a_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "done-2026-11-20").touch()
    assert by_marker("done-{date}")(DAY).complete


@pytest.mark.parametrize("template", ["/drop/done", "/drop/{day}", "/drop/{0}", "/drop/{date"])
def test_a_marker_that_does_not_depend_on_the_day_is_refused(template: str) -> None:
    with pytest.raises(SettingsError, match="marker file"):
        by_marker(template)


def test_several_are_complete_once_all_are_and_the_first_that_is_not_is_told() -> None:
    asked = []

    def never(partition: date) -> Completeness:
        asked.append(partition)
        return Completeness(complete=False, reason="not yet")

    assert all_of([always, never, never])(DAY) == Completeness(complete=False, reason="not yet")
    assert asked == [DAY]
    assert all_of([always, always])(DAY) == Completeness(complete=True, reason="the time of 2026-11-20 has come")
