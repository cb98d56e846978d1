"""Alerts are raised once for each key, whoever raises them and however that ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import outbox_file, raise_alert
from optimove_pipeline.errors import SettingsError
from optimove_pipeline_tests.children import child, line

ALERT = Alert(AlertKind.LATE, "late:2026-11-20", "2026-11-20 is late", "Pull it.")


def raised(data_dir: Path) -> list[str]:
    with closing(sqlite3.connect(outbox_file(data_dir))) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM alerts ORDER BY number")]


def test_an_alert_is_raised_once_for_its_key(tmp_path: Path) -> None:
    assert raise_alert(tmp_path, ALERT)
    assert not raise_alert(tmp_path, replace(ALERT, text="Other words."))
    assert raise_alert(tmp_path, replace(ALERT, key="late:2026-11-21"))
    assert raised(tmp_path) == ["late:2026-11-20", "late:2026-11-21"]


RAISING = """
import sys
from pathlib import Path
from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
print("ready", flush=True)
sys.stdin.readline()
first = 0
for number in range(int(sys.argv[2])):
    first += raise_alert(Path(sys.argv[1]), Alert(AlertKind.LATE, f"late:{number}", "late", "Pull it."))
    print(number, flush=True)
print("first", first, flush=True)
sys.stdin.readline()
"""


def test_of_processes_that_raise_the_same_alerts_at_once_one_is_the_first_with_each(tmp_path: Path) -> None:
    with child(RAISING, tmp_path, 50) as one, child(RAISING, tmp_path, 50) as other:
        processes = (one, other)
        for process in processes:
            assert line(process) == "ready"
        for process in processes:
            assert process.stdin is not None
            print(file=process.stdin, flush=True)
        firsts = 0
        for process in processes:
            told = [line(process) for _ in range(51)]
            firsts += int(told[-1].removeprefix("first "))
    assert firsts == 50
    assert sorted(raised(tmp_path)) == sorted(f"late:{number}" for number in range(50))


def test_a_process_killed_while_it_raises_alerts_loses_none_that_it_raised_and_is_in_nobodys_way(
    tmp_path: Path,
) -> None:
    with child(RAISING, tmp_path, 10_000) as process:
        assert line(process) == "ready"
        assert process.stdin is not None
        print(file=process.stdin, flush=True)
        for _ in range(20):
            told = line(process)
        process.kill()
        assert process.stdout is not None
        rest = process.stdout.read().split()
    done = int([told, *rest][-1])
    assert {f"late:{number}" for number in range(done + 1)} <= set(raised(tmp_path))
    assert raise_alert(tmp_path, ALERT)


def test_an_outbox_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    outbox_file(tmp_path).mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"alerts file .*alerts\.sqlite: unable to open database file; expected"):
        raise_alert(tmp_path, ALERT)


def test_a_file_that_is_no_outbox_is_named(tmp_path: Path) -> None:
    outbox_file(tmp_path).parent.mkdir()
    outbox_file(tmp_path).write_text("something else entirely, and long enough to be no database at all")
    with pytest.raises(SettingsError, match=r"alerts file .*file is not a database"):
        raise_alert(tmp_path, ALERT)
