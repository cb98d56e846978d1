"""A data set on its way into a Snowflake share, through Dagster and the commands, read back as Optimove would.

The account is fakesnow behind our recorder.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from optimove_pipeline.targets.snowflake.target import SnowflakeTarget
from optimove_pipeline_tests.assets.casino import CATALOG, casino, command
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.end_to_end.place import query
from optimove_pipeline_tests.servers.snowflake import Recorder
from optimove_pipeline_tests.targets.snowflake.tables import asked, settings_of

DAY = "2020-03-01"


def test_a_data_set_is_delivered_and_the_check_reads_it_as_optimove(tmp_path: Path, account: Recorder) -> None:
    settings = settings_of(account)
    target = SnowflakeTarget("share", settings, tmp_path)
    place = without_history(casino(tmp_path, select=["customers", CATALOG], overlap_hours=24))
    document = yaml.safe_load((tmp_path / "optimove.yaml").read_text())
    document["targets"] = {"share": settings.model_dump(mode="json")}
    document["delivery"]["datasets"] = ["share"]
    (tmp_path / "optimove.yaml").write_text(yaml.safe_dump(document))

    shown = command(place, "connect", "share")
    assert f"CREATE SHARE IF NOT EXISTS {target.names.share};" in shown.output
    assert not account.said
    connected = command(place, "connect", "share", "--apply")
    assert (connected.exit_code, "[done] let Optimove's accounts read the share" in connected.output) == (0, True)

    assert command(place, "forget", "59").exit_code == 0
    delivered = command(place, "deliver", "--dataset", "customers", "--from", DAY, "--to", DAY)
    assert delivered.exit_code == 0, delivered.output
    rows = asked(account, f"SELECT * FROM {target.names.view('Customers')}")
    assert [row["PLAYER_ID"] for row in rows] == ["60"]
    (entry,) = query(place, "SELECT target, name, state, version FROM ops.deliveries")
    assert [*entry.values()] == ["share", "Customers", "delivered", 1]
    checked = command(place, "check")
    assert "read CUSTOMERS (1 rows, newest change 2020-03-01 12:00:00)" in checked.output
