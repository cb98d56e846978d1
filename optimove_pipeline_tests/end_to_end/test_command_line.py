"""``optimove-pipeline run`` as a process: what it prints, how it ends, and that running again changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    DAYS,
    NEWEST,
    Place,
    alike,
    all_rows,
    begin,
    end,
    published,
    published_days,
    pull,
    query,
    run,
    settle,
    tables,
    true_rows,
)

EVERY_KIND = (
    "customer_future_values",
    "customer_send_details_by_campaign",
)
"""With the report that the second one reads: paged and not, a snapshot and dated, with look-ups and without."""


def test_running_again_asks_anew_gives_the_same_tables_and_tells_so_in_json_alone(
    place: Place, sandbox: RunningSandbox
) -> None:
    first = pull(place, *EVERY_KIND)
    assert first.code == 0, first.told
    before, asked = all_rows(place), Counter(sandbox.stats()["by_function"])
    sandbox.reset()
    second = pull(place, *EVERY_KIND)
    assert second.code == 0, second.told
    assert all_rows(place) == before
    assert {*EVERY_KIND} < set(before)
    kept = {function for function in asked if function.startswith(("model/", "integrations/"))}
    again = Counter(sandbox.stats()["by_function"])
    assert again == Counter({function: calls for function, calls in asked.items() if function not in kept})
    document = json.loads(second.out)
    assert document["lines"].keys() == before.keys()
    assert document["problems"] == []
    assert document["warehouse"] == str(place.warehouse)
    (run_id,) = document["runs"]
    (loaded,) = query(place, f"SELECT DISTINCT _run_id FROM optimove.{EVERY_KIND[0]}")
    assert loaded["_run_id"] == run_id
    for name, line in document["lines"].items():
        assert line["rows"] == len(before[name])
        assert line["days"] == 1
        assert line["table"] == f"optimove.{name}"


def test_a_person_is_shown_progress_and_a_table(place: Place) -> None:
    ended = run(place, "run", "--from", str(DAYS[0]), "--to", str(NEWEST), "--report", "promo_codes")
    assert ended.code == 0
    assert "Traceback" not in ended.told
    assert "Warning" not in ended.told
    assert "[3/6] published/promo_codes: 1 day, 9 rows" in ended.told
    assert "[6/6] published/promo_codes: 2 days, 14 rows" in ended.told
    (line,) = [line for line in ended.out.splitlines() if "optimove.promo_codes" in line]
    assert line.split() == ["promo_codes", "3", "23", "0", "3", *line.split()[5:]]
    assert f"Warehouse: {place.warehouse}" in ended.out
    assert published_days(place, "promo_codes") == [*DAYS]


def test_with_nothing_configured_the_sandbox_is_used_and_says_so(place: Place) -> None:
    nothing = {"OPTIMOVE_API_URL": "", "OPTIMOVE_API_KEY": "", "OPTIMOVE_CONFIG": ""}
    ended = run(place, "run", "--json", "--days", "1", "--report", "execution_channels", **nothing)
    assert "No tenant is configured" in ended.told
    assert "using the built-in sandbox" in ended.told
    assert tables(place) == ["execution_channels"], ended.told


def test_a_function_that_is_refused_fails_its_report_and_no_other(place: Place, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("forbidden", function="GetPromoCodes"))
    ended = pull(place, "promo_codes", "target_groups_by_date")
    assert ended.code == 1
    (problem,) = json.loads(ended.out)["problems"]
    assert problem.startswith("report/promo_codes: ")
    assert "HTTP 403" in problem
    assert "may not call this function" in problem
    assert tables(place) == ["target_groups_by_date"]
    assert sandbox.stats()["by_function"]["actions/GetPromoCodes"] == 1


def test_two_runs_at_once_on_one_data_directory_both_succeed(place: Place, sandbox: RunningSandbox) -> None:
    names = ("target_groups_by_date", "actions_by_target_group")
    chosen = [part for name in names for part in ("--report", name)]
    both = [begin(place, "run", "--json", "--from", str(NEWEST), "--to", str(NEWEST), *chosen) for _ in range(2)]
    for ended in map(end, both):
        assert ended.code == 0, ended.told
    for name in names:
        assert alike(published(place, name, NEWEST)) == alike(true_rows(sandbox, name, NEWEST))
    recorded = query(place, "SELECT function, count(*) AS calls FROM ops.api_calls GROUP BY ALL")
    assert {row["function"]: row["calls"] for row in recorded} == sandbox.stats()["by_function"]


def test_one_data_directory_holds_one_tenant(tmp_path: Path, sandbox: RunningSandbox) -> None:
    place = settle(tmp_path, sandbox)
    as_sandbox = {"OPTIMOVE_API_URL": "", "OPTIMOVE_API_KEY": "", "OPTIMOVE_CONFIG": ""}
    day = ("--from", str(NEWEST), "--to", str(NEWEST), "--report", "promo_codes")
    first = run(place, "run", *day, **as_sandbox, OPTIMOVE_SANDBOX_URL=sandbox.url)
    assert first.code == 0, first.told
    before, asked = _state(place.data), sandbox.stats()["total"]
    second = run(place, "run", *day)
    assert second.code == 2
    assert "holds the data of the sandbox" in second.told
    assert f"the settings name {sandbox.url}" in second.told
    assert "OPTIMOVE_DATA_DIR" in second.told
    assert _state(place.data) == before
    assert sandbox.stats()["total"] == asked


def _state(folder: Path) -> dict[Path, tuple[int, int]]:
    files = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {path: (found.st_size, found.st_mtime_ns) for path, found in files.items()}
