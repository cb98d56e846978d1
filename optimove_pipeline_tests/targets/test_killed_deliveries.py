"""A delivery killed at any moment and started again delivers each part exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.ledger import Ledger, State
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.targets.target import Target
from optimove_pipeline_tests.children import child, line
from optimove_pipeline_tests.servers.openssh import OpenSsh
from optimove_pipeline_tests.targets.dying import MOMENTS, PARTS, PROGRAM, SIZE
from optimove_pipeline_tests.targets.goods import contents, entries, held, named, package, states
from optimove_pipeline_tests.targets.opened import opened
from optimove_pipeline_tests.targets.sftp import settings

Place = tuple[dict[str, Any], Path]


@pytest.fixture(params=["local", "sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The settings of a target, and where its files lie."""
    if request.param == "local":
        return {"kind": "local", "folder": str(tmp_path / "share")}, tmp_path / "share"
    server: OpenSsh = request.getfixturevalue("ssh_server")
    folder = server.root / tmp_path.name
    return settings(server, folder, connections=1), folder


def target_of(place: Place, tmp_path: Path) -> Target:
    return opened("optimove", place[0], tmp_path)


@pytest.fixture
def killed(place: Place, tmp_path: Path) -> Callable[[str], None]:
    """Deliver in another process, and kill it at a moment of the first part."""

    def kill_at(moment: str) -> None:
        orders = {"folder": str(tmp_path / "package"), "data": str(tmp_path), "target": place[0], "moment": moment}
        with child(PROGRAM, json.dumps(orders)) as process:
            assert line(process) == "there"

    return kill_at


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_delivery_is_ended_by_the_next(
    moment: str, killed: Callable[[str], None], place: Place, tmp_path: Path, ledger: Ledger
) -> None:
    killed(moment)
    folder = place[1]
    whole = [name for name in held(folder) if not name.startswith(".")]
    assert len(whole) == (1 if moment == "after it renames" else 0)
    before = {name: (folder / name).stat().st_mtime_ns for name in whole}

    made = package(tmp_path / "package", contents(PARTS, SIZE))
    deliver(made, target_of(place, tmp_path), ledger, "next")
    assert held(folder) == named(made)
    assert states(ledger, "optimove") == [State.DELIVERED] * PARTS
    assert {name: (folder / name).stat().st_mtime_ns for name in whole} == before, "what was whole is not sent again"


def test_who_comes_while_another_process_delivers_waits_and_finds_it_done(
    place: Place, tmp_path: Path, ledger: Ledger
) -> None:
    orders = {"folder": str(tmp_path / "package"), "data": str(tmp_path), "target": place[0], "moment": MOMENTS[1]}
    with child(PROGRAM, json.dumps(orders)) as process, ThreadPoolExecutor(1) as pool:
        assert line(process) == "there"
        made = package(tmp_path / "other", contents(PARTS, SIZE))
        second = pool.submit(deliver, made, target_of(place, tmp_path), ledger, "second")
        assert process.stdin is not None
        process.stdin.close()
        assert [line(process) for _ in range(PARTS)] == ["there"] * (PARTS - 1) + ["delivered"]
        assert second.result().sent == 0
    assert held(place[1]) == named(made)
    assert {entry.run_id for entry in entries(ledger, "optimove")} == {"killed"}


@pytest.mark.parametrize(("moment", "again"), [("after it renames", PARTS - 1), ("before it renames", PARTS)])
def test_a_part_that_the_receiver_took_meanwhile_is_not_sent_again(
    moment: str, again: int, killed: Callable[[str], None], place: Place, tmp_path: Path, ledger: Ledger
) -> None:
    killed(moment)
    taken = [file for file in place[1].iterdir() if not file.name.startswith(".")]
    for file in taken:
        file.unlink()
    made = package(tmp_path / "package", contents(PARTS, SIZE))
    deliver(made, target_of(place, tmp_path), ledger, "next")
    assert list(held(place[1])) == list(named(made))[-again:]
    assert [entry.attempts for entry in entries(ledger, "optimove")] == [2, 1, 1]
