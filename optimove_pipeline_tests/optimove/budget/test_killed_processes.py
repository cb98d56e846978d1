"""Processes killed at random points: nothing is forgotten, and the others go on."""

import os
import random
import signal
import time

from optimove_pipeline.optimove.budget import Window, snapshot
from optimove_pipeline_tests.optimove.budget.fleet import (
    counting_server,
    grabbers,
    most_in_any,
    ready_hammers,
)
from optimove_pipeline_tests.optimove.budget.grabber import WINDOWS as ENDLESS
from optimove_pipeline_tests.optimove.budget.hammer import Orders
from optimove_pipeline_tests.optimove.budget.places import store_at

WINDOWS = [Window(20, 1.0), Window(60, 4.0)]
TASKS, CALLS = 20, 2
LONGEST_SECONDS = 50.0
"""Far more than the windows ask for: on a busy machine every call takes a while, and the leases of the killed end."""
KILLS = 8


def test_a_kill_forgets_no_call_and_wastes_at_most_one(place: str) -> None:
    dice = random.Random(20)
    known = 0
    with grabbers(place) as processes:
        for kill in range(KILLS):
            process_id = processes.start()
            time.sleep(dice.uniform(0.0, 0.05))
            known += 1 + processes.calls_until_killed(process_id)
            used = snapshot(store_at(place), "client", ENDLESS)[1].used
            # A call may have been granted, or stamped but not yet told, when the process died.
            assert known <= used <= known + kill + 1


def test_the_survivors_make_all_their_calls_and_exceed_no_window(place: str) -> None:
    dice = random.Random(4)
    windows = [(window.calls, window.seconds) for window in WINDOWS]
    with counting_server() as arrivals:
        orders = [
            Orders(place, f"{arrivals.url}/{number}", windows, LONGEST_SECONDS, tasks=tasks, calls=calls)
            for number, (tasks, calls) in enumerate([(1, None)] * 4 + [(TASKS, CALLS)] * 2)
        ]
        with ready_hammers(orders) as hammers:
            hammers.go()
            for process_id in hammers.ids[:4]:
                time.sleep(dice.uniform(0.1, 1.2))
                os.kill(process_id, signal.SIGKILL)
            hammers.wait()
    for window in WINDOWS:
        assert most_in_any(arrivals.times, window.seconds) <= window.calls
    assert [len(arrivals.by_path[f"/{number}"]) for number in (4, 5)] == [TASKS * CALLS] * 2
