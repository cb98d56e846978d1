"""Each alert reaches each channel, one that fails is tried again later, and none holds up another."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.delivery import AT_ONCE, KEPT_SECONDS, attempts, deliver
from optimove_pipeline.alerts.outbox import outbox_file, raise_alert
from optimove_pipeline.errors import BusyError
from optimove_pipeline.file_lock import locked
from optimove_pipeline_tests.children import child, line

ALL = [kind.value for kind in AlertKind]
NOW = 1_800_000_000.0


@dataclass(slots=True)
class Channel:
    """A channel that takes alerts, or those not in ``refuses``, unless it is ``down``."""

    down: bool = False
    refuses: set[str] = field(default_factory=set)
    took: list[str] = field(default_factory=list)
    asked: int = 0

    def send(self, alert: Alert) -> str | None:
        self.asked += 1
        if self.down or alert.key in self.refuses:
            return "answered 500"
        self.took.append(alert.key)
        return None


def raised(data_dir: Path, *keys: str, kind: AlertKind = AlertKind.LATE, now: float = NOW) -> None:
    for key in keys:
        raise_alert(data_dir, Alert(kind, key, f"title of {key}", "text"), now)


def test_each_channel_gets_each_alert_once_in_the_order_raised(tmp_path: Path) -> None:
    raised(tmp_path, "c", "a", "b")
    log, webhook = Channel(), Channel()
    channels = {"log": log.send, "webhook": webhook.send}
    done = deliver(tmp_path, channels, ALL, NOW)
    assert [(each.channel, each.title, each.tries, each.delivered) for each in done] == [
        (channel, f"title of {key}", 1, True) for channel in channels for key in "cab"
    ]
    assert deliver(tmp_path, channels, ALL, NOW + 3600) == []
    assert log.took == webhook.took == ["c", "a", "b"]


def test_nothing_is_written_before_the_first_alert(tmp_path: Path) -> None:
    assert deliver(tmp_path, {"log": Channel().send}, ALL, NOW) == []
    assert attempts(tmp_path) == []
    assert [*tmp_path.iterdir()] == []


def test_a_channel_that_fails_is_tried_again_after_growing_pauses_and_holds_up_no_other(tmp_path: Path) -> None:
    raised(tmp_path, "a")
    log, webhook, email = Channel(), Channel(down=True), Channel()
    channels = {"log": log.send, "webhook": webhook.send, "email": email.send}
    pauses, now = [], NOW
    for _ in range(9):
        (failure,) = [each for each in deliver(tmp_path, channels, ALL, now) if each.problem]
        assert (failure.channel, failure.problem, failure.delivered) == ("webhook", "answered 500", False)
        assert deliver(tmp_path, channels, ALL, failure.again_at - 1) == []
        pauses.append(failure.again_at - now)
        now = failure.again_at
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert log.took == email.took == ["a"]
    webhook.down = False
    (done,) = deliver(tmp_path, channels, ALL, now)
    assert (done.tries, done.delivered) == (10, True)
    assert webhook.took == ["a"]


def test_a_channel_that_is_down_is_tried_once_in_a_go_and_gets_all_when_it_is_back(tmp_path: Path) -> None:
    raised(tmp_path, *"abc")
    webhook = Channel(down=True)
    channels = {"webhook": webhook.send}
    deliver(tmp_path, channels, ALL, NOW)
    assert webhook.asked == 1
    webhook.down = False
    deliver(tmp_path, channels, ALL, NOW + 1)
    deliver(tmp_path, channels, ALL, NOW + 31)
    assert sorted(webhook.took) == ["a", "b", "c"]


def test_an_alert_that_a_channel_never_takes_holds_up_no_other(tmp_path: Path) -> None:
    raised(tmp_path, *"abc")
    webhook = Channel(refuses={"a"})
    for second in range(3):
        deliver(tmp_path, {"webhook": webhook.send}, ALL, NOW + second)
    assert webhook.took == ["b", "c"]


def test_a_channel_gets_no_more_in_a_go_than_a_minute_allows(tmp_path: Path) -> None:
    raised(tmp_path, *(f"{number:02}" for number in range(AT_ONCE + 5)))
    webhook = Channel()
    assert len(deliver(tmp_path, {"webhook": webhook.send}, ALL, NOW)) == AT_ONCE
    assert len(deliver(tmp_path, {"webhook": webhook.send}, ALL, NOW)) == 5
    assert webhook.took == sorted(webhook.took)


def test_alerts_of_kinds_that_are_not_sent_are_in_the_log_alone(tmp_path: Path) -> None:
    raised(tmp_path, "late")
    raised(tmp_path, "budget", kind=AlertKind.BUDGET)
    log, webhook = Channel(), Channel()
    deliver(tmp_path, {"log": log.send, "webhook": webhook.send}, ["late"], NOW)
    assert log.took == ["late", "budget"]
    assert webhook.took == ["late"]


def test_a_channel_added_later_gets_no_alerts_of_before(tmp_path: Path) -> None:
    raised(tmp_path, "old")
    log, webhook = Channel(), Channel()
    deliver(tmp_path, {"log": log.send}, ALL, NOW)
    raised(tmp_path, "new")
    deliver(tmp_path, {"log": log.send, "webhook": webhook.send}, ALL, NOW + 1)
    assert webhook.took == ["new"]
    assert log.took == ["old", "new"]


def test_a_channel_taken_out_of_the_settings_is_asked_no_more(tmp_path: Path) -> None:
    raised(tmp_path, "a")
    log, webhook = Channel(), Channel(down=True)
    deliver(tmp_path, {"log": log.send, "webhook": webhook.send}, ALL, NOW)
    assert deliver(tmp_path, {"log": log.send}, ALL, NOW + 3600) == []
    assert webhook.asked == 1


def test_alerts_are_kept_for_a_month_and_their_keys_with_them(tmp_path: Path) -> None:
    raised(tmp_path, "a")
    log = Channel()
    deliver(tmp_path, {"log": log.send}, ALL, NOW)
    deliver(tmp_path, {"log": log.send}, ALL, NOW + KEPT_SECONDS)
    assert len(attempts(tmp_path)) == 1
    deliver(tmp_path, {"log": log.send}, ALL, NOW + KEPT_SECONDS + 1)
    assert attempts(tmp_path) == []
    with closing(sqlite3.connect(outbox_file(tmp_path))) as connection:
        assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)


def test_what_became_of_each_alert_is_told_newest_first(tmp_path: Path) -> None:
    raised(tmp_path, "a")
    deliver(tmp_path, {"log": Channel().send, "webhook": Channel(down=True).send}, ALL, NOW)
    raised(tmp_path, "b", now=NOW + 5)
    told = [(each.raised_at, each.title, each.channel, each.tries, each.delivered) for each in attempts(tmp_path)]
    assert told == [
        (NOW + 5, "title of b", "", 0, False),
        (NOW, "title of a", "log", 1, True),
        (NOW, "title of a", "webhook", 1, False),
    ]
    assert attempts(tmp_path)[2].problem == "answered 500"


def test_two_processes_do_not_deliver_at_once(tmp_path: Path) -> None:
    raised(tmp_path, "a")
    log = Channel()
    lock = outbox_file(tmp_path).with_suffix(".lock")
    with locked(lock, "delivering alerts", timeout=0), pytest.raises(BusyError, match="delivering alerts"):
        deliver(tmp_path, {"log": log.send}, ALL, NOW)
    deliver(tmp_path, {"log": log.send}, ALL, NOW)
    assert log.took == ["a"]


DELIVERING = """
import sys
from pathlib import Path
from optimove_pipeline.alerts.delivery import deliver

def send(alert):
    print("sending", flush=True)
    sys.stdin.readline()

deliver(Path(sys.argv[1]), {"log": lambda alert: None, "webhook": send}, ["late"], float(sys.argv[2]))
"""


def test_an_alert_whose_sending_was_killed_is_sent_again_but_not_where_it_had_arrived(tmp_path: Path) -> None:
    raised(tmp_path, "a")
    with child(DELIVERING, tmp_path, NOW) as process:
        assert line(process) == "sending"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    log, webhook = Channel(), Channel()
    deliver(tmp_path, {"log": log.send, "webhook": webhook.send}, ALL, NOW)
    assert webhook.took == ["a"]
    assert log.took == []
