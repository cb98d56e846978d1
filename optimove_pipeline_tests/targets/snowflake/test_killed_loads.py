"""A load into a Snowflake account that is killed and started again loads each row exactly once.

The account is fakesnow behind our recorder, which ends the transaction of a client that is gone.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimove_pipeline_tests.children import child, line
from optimove_pipeline_tests.servers.snowflake import Recorder
from optimove_pipeline_tests.targets.snowflake.dying import MOMENTS, NEW, PROGRAM, load_them
from optimove_pipeline_tests.targets.snowflake.tables import REPORT, detail, held, received, rows, target_of


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_load_is_ended_by_the_next(moment: str, account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    target.load(rows(REPORT, "2026-11-20", [detail("a", "old")], source="old"))
    orders = {"target": target.settings.model_dump(mode="json"), "data": str(tmp_path), "moment": moment}
    with child(PROGRAM, json.dumps(orders)) as process:
        assert line(process) == "there"
    committed = moment == MOMENTS[1]
    assert held(account, target, REPORT) == received(NEW if committed else [detail("a", "old")])

    assert load_them(target, "next").sent == (0 if committed else 1)
    assert held(account, target, REPORT) == received(NEW)
    assert load_them(target, "third").sent == 0
