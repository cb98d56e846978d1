"""One look after the other, as time passes: when the API is asked, what is requested, and what a person is told."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.alerts.outbox import outbox_file
from optimove_pipeline.automation.daily_look import Look, look
from optimove_pipeline.automation.daily_requests import Held
from optimove_pipeline.automation.requests import done, pending
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import ForbiddenError, PipelineError, SettingsError, TransientError, UnauthorizedError
from optimove_pipeline.event_note import EventNote, write_note
from optimove_pipeline_tests.children import child

DAY = date(2026, 11, 20)
BEFORE = DAY - timedelta(days=1)
REPORTS = ("target_groups_by_date", "executed_campaigns_by_channel", "execution_channels")


def at(text: str, day: date = DAY + timedelta(days=1)) -> datetime:
    return datetime.fromisoformat(f"{day} {text}").replace(tzinfo=UTC)


@dataclass(slots=True)
class Watch:
    """A data directory over time; ``answer`` is what the API says, ``asked`` when it was asked."""

    settings: Settings
    answer: date | PipelineError = BEFORE
    asked: list[str] = field(default_factory=list)
    published: set[date] = field(default_factory=set)

    def look(self, moment: datetime) -> str:
        def ask() -> date:
            self.asked.append(f"{moment:%H:%M:%S}")
            if isinstance(self.answer, PipelineError):
                raise self.answer
            return self.answer

        held = Held(lambda _: self.published, lambda _report, _day: True)
        return look(Look(self.settings, moment, held, ask))

    def pass_time(self, since: datetime, until: datetime) -> None:
        """Look every 30 seconds, as the daemon does."""
        while since <= until:
            self.look(since)
            since += timedelta(seconds=30)

    @property
    def requested(self) -> list[tuple[date, date, str]]:
        return [(each.first, each.last, each.key) for each in pending(self.settings.data_dir)]

    @property
    def alerts(self) -> list[tuple[str, str, str]]:
        if not outbox_file(self.settings.data_dir).exists():
            return []
        with closing(sqlite3.connect(outbox_file(self.settings.data_dir))) as connection:
            return connection.execute("SELECT kind, key, text FROM alerts ORDER BY number").fetchall()

    def hear(self, moment: datetime) -> None:
        write_note(self.settings.data_dir, EventNote(3, moment))


MakeWatch = Callable[..., Watch]


@pytest.fixture
def make(tmp_path: Path) -> MakeWatch:
    def made(**sections: Any) -> Watch:
        document = {"reports": {"select": [*REPORTS]}, **sections}
        return Watch(parse_settings(document, source="a test", data_dir=tmp_path))

    return made


@pytest.fixture
def watch(make: MakeWatch) -> Watch:
    """The day before is taken care of, and time has not come to the next readiness time."""
    watch = make()
    watch.look(at("07:00", DAY))
    for each in pending(watch.settings.data_dir):
        done(watch.settings.data_dir, each.key)
    watch.asked.clear()
    return watch


DAILY = (DAY, DAY, f"daily/{DAY}")

KILLED = """
import os, signal, sys
from optimove_pipeline.automation import daily_look
from optimove_pipeline_tests.automation.test_daily_look import DAY, at, watch_with_a_look_back

def killed(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

def file(data_dir, request):
    filed = file_request(data_dir, request)
    killed(f"requested {request.key.partition('/')[0]}")
    return filed

def write(data_dir, state):
    settled = state.settled == DAY
    killed("settling" if settled else "asking")
    write_state(data_dir, state)
    killed("settled" if settled else "asked")

file_request, daily_look.file_request = daily_look.file_request, file
write_state, daily_look.write_state = daily_look.write_state, write
watch = watch_with_a_look_back(sys.argv[1])
watch.answer = DAY
watch.look(at("06:00"))
"""
"""A look in a process that kills itself at a step."""


def watch_with_a_look_back(folder: Path | str) -> Watch:
    reports = {"select": [*REPORTS], "each": {REPORTS[0]: {"look_back": 2}}}
    settings = parse_settings({"reports": reports}, source="a test", data_dir=Path(folder))
    return Watch(settings, published={BEFORE, BEFORE - timedelta(days=1)})


@pytest.mark.parametrize("step", ["asking", "asked", "requested daily", "requested look-back", "settling", "settled"])
def test_a_process_killed_at_any_step_neither_loses_nor_repeats_a_request(tmp_path: Path, step: str) -> None:
    with child(KILLED, tmp_path, step) as process:
        assert process.wait(timeout=60) == -signal.SIGKILL
    watch = watch_with_a_look_back(tmp_path)
    watch.answer = DAY
    watch.pass_time(at("06:00:30"), at("06:20"))
    assert watch.requested == [DAILY, (DAY - timedelta(days=2), BEFORE, f"look-back/{DAY}/2026-11-18/2026-11-19")]
    assert len(watch.asked) == (0 if step == "settled" else 1)


def test_nothing_is_asked_before_the_readiness_time(watch: Watch) -> None:
    told = watch.look(at("05:59:59"))
    assert watch.asked == []
    assert told == "2026-11-19 was there. 2026-11-20 is looked for from 2026-11-21 06:00 UTC on"


def test_from_the_readiness_time_on_the_api_is_asked_at_the_interval_of_the_settings(watch: Watch) -> None:
    watch.pass_time(at("05:00"), at("06:45"))
    assert watch.asked == ["06:00:00", "06:10:00", "06:20:00", "06:30:00", "06:40:00"]
    assert watch.look(at("06:46")) == "2026-11-20 is not there yet; the API is asked again at 2026-11-21 06:50:00 UTC"
    assert watch.requested == []


def test_a_day_that_is_there_is_requested_once_and_the_api_is_left_alone(watch: Watch) -> None:
    watch.pass_time(at("06:00"), at("06:09"))
    watch.answer = DAY
    told = watch.look(at("06:10"))
    assert told == "2026-11-20 is there; requested: 3 reports of 2026-11-20"
    watch.pass_time(at("06:11"), at("11:00"))
    assert watch.asked == ["06:00:00", "06:10:00"]
    assert watch.requested == [DAILY]
    assert watch.alerts == []


def test_an_update_beyond_the_day_counts_as_the_day(watch: Watch) -> None:
    watch.answer = DAY + timedelta(days=1)
    watch.look(at("06:00"))
    assert watch.requested == [DAILY]


def test_days_before_the_tenants_first_are_not_looked_for(make: MakeWatch) -> None:
    watch = make(tenant={"start_date": DAY.isoformat()})
    assert watch.look(at("12:00", DAY)) == "2026-11-20 is looked for from 2026-11-21 06:00 UTC on"
    assert watch.asked == []
    watch.answer = DAY
    watch.look(at("06:00"))
    assert watch.requested == [DAILY]


def test_days_end_in_the_tenants_zone(make: MakeWatch) -> None:
    watch = make(tenant={"timezone": "America/Los_Angeles"})
    watch.answer = DAY
    watch.look(at("07:00"))
    assert watch.requested == [(BEFORE, BEFORE, f"daily/{BEFORE}")]
    watch.look(at("06:00", DAY + timedelta(days=2)))
    assert watch.requested[-1] == DAILY


def test_days_missed_while_it_was_off_are_caught_up_oldest_first(watch: Watch) -> None:
    watch.answer = later = DAY + timedelta(days=2)
    told = watch.look(at("09:00", later + timedelta(days=1)))
    assert [first for first, _, _ in watch.requested] == [DAY, DAY + timedelta(days=1), later]
    assert told == (
        "2026-11-20 to 2026-11-22 is there; requested: 2 reports of 2026-11-20, 2 reports of 2026-11-21, 3 reports "
        "of 2026-11-22"
    )
    assert watch.asked == ["09:00:00"]


def test_the_very_first_day_stays_wanted_until_it_comes(make: MakeWatch) -> None:
    watch = make()
    watch.answer = BEFORE
    watch.pass_time(at("06:00"), at("06:10"))
    watch.answer = later = DAY + timedelta(days=2)
    watch.look(at("06:00", later + timedelta(days=1)))
    assert [first for first, _, _ in watch.requested] == [DAY, DAY + timedelta(days=1), later]


def test_missed_days_that_are_there_do_not_wait_for_the_newest(watch: Watch) -> None:
    watch.answer, tomorrow = DAY, DAY + timedelta(days=1)
    told = watch.look(at("07:00", tomorrow + timedelta(days=1)))
    assert watch.requested == [DAILY]
    assert told == f"{tomorrow} is not there yet: 2026-11-20 is there; requested: 3 reports of 2026-11-20"
    watch.answer = tomorrow
    watch.look(at("07:10", tomorrow + timedelta(days=1)))
    assert [first for first, _, _ in watch.requested] == [DAY, tomorrow]


def test_a_late_day_is_alerted_once_and_still_looked_for(watch: Watch) -> None:
    watch.pass_time(at("06:00"), at("09:59"))
    assert watch.alerts == []
    watch.pass_time(at("10:00"), at("11:00"))
    ((kind, key, text),) = watch.alerts
    assert (kind, key) == ("late", "no-data/2026-11-20")
    assert "reach only to 2026-11-19" in text
    assert "by 10:00 UTC" in text
    watch.answer = DAY
    watch.look(at("11:30"))
    assert watch.requested == [DAILY]


def test_the_api_is_asked_once_more_at_the_deadline_however_long_the_interval(make: MakeWatch) -> None:
    watch = make(readiness={"poll_minutes": 1440})
    watch.look(at("07:00", DAY))
    watch.pass_time(at("06:00"), at("10:30"))
    assert watch.asked == ["07:00:00", "06:00:00", "10:00:00"]
    assert len(watch.alerts) == 1


def test_a_day_that_is_late_but_there_is_no_alert(watch: Watch) -> None:
    watch.answer = DAY
    watch.look(at("13:00"))
    assert watch.alerts == []
    assert watch.requested == [DAILY]


def test_a_failing_api_is_told_and_asked_again_at_the_next_interval(watch: Watch) -> None:
    watch.answer = TransientError("HTTP 503")
    assert "the API gives no answer: HTTP 503" in watch.look(at("06:00"))
    watch.pass_time(at("06:01"), at("06:15"))
    assert watch.asked == ["06:00:00", "06:10:00"]
    assert watch.alerts == []
    watch.look(at("10:00"))
    assert [(kind, key) for kind, key, _ in watch.alerts] == [("late", "no-data/2026-11-20")]
    watch.answer = DAY
    watch.look(at("10:10"))
    assert watch.requested == [DAILY]


@pytest.mark.parametrize("error", [UnauthorizedError("HTTP 401"), SettingsError("the key is missing")])
def test_a_refused_key_is_alerted_once_a_day(watch: Watch, error: PipelineError) -> None:
    watch.answer = error
    watch.pass_time(at("06:00"), at("07:00"))
    ((kind, key, text),) = watch.alerts
    assert (kind, key) == ("credentials", "readiness-refused/2026-11-20")
    assert str(error) in text


def test_a_key_that_may_not_ask_goes_by_the_readiness_time_and_leaves_snapshots_out(watch: Watch) -> None:
    watch.answer = ForbiddenError("HTTP 403")
    watch.look(at("06:00"))
    (request,) = pending(watch.settings.data_dir)
    assert request.key == "daily/2026-11-20"
    assert request.reports == ("target_groups_by_date", "executed_campaigns_by_channel")
    assert watch.alerts == []


def test_an_event_is_followed_at_once_before_the_readiness_time(watch: Watch) -> None:
    watch.hear(at("04:11:50"))
    watch.answer = DAY
    watch.look(at("04:12:00"))
    assert watch.requested == [DAILY]
    watch.pass_time(at("04:12:30"), at("07:00"))
    assert watch.asked == ["04:12:00"]


def test_an_event_shortens_the_wait_for_the_next_question(watch: Watch) -> None:
    watch.look(at("06:00"))
    watch.hear(at("06:03"))
    watch.pass_time(at("06:00:30"), at("06:05"))
    assert watch.asked == ["06:00:00", "06:03:00"]


def test_after_an_event_the_day_is_looked_for_until_it_is_there(watch: Watch) -> None:
    watch.hear(at("04:00"))
    watch.pass_time(at("04:00"), at("04:25"))
    assert watch.asked == ["04:00:00", "04:10:00", "04:20:00"]
    assert watch.requested == []


def test_any_number_of_events_costs_a_question_a_minute_at_most(watch: Watch) -> None:
    moment = at("04:00")
    while moment < at("04:05"):
        watch.hear(moment)
        watch.look(moment)
        moment += timedelta(seconds=5)
    assert watch.asked == ["04:00:00", "04:01:00", "04:02:00", "04:03:00", "04:04:00"]


def test_an_event_of_a_day_that_has_not_ended_or_was_there_costs_nothing(watch: Watch) -> None:
    watch.answer = DAY
    watch.look(at("06:00"))
    watch.hear(at("18:00"))
    assert "2026-11-21 is looked for" in watch.look(at("18:00:30"))
    watch.hear(at("23:59", DAY + timedelta(days=9)))
    assert "2026-11-21 is looked for" in watch.look(at("18:01")), "its clock is ahead"
    assert watch.asked == ["06:00:00"]


def test_a_clock_that_is_set_back_does_not_end_the_looking(watch: Watch) -> None:
    watch.look(at("09:00"))
    watch.look(at("06:30"))
    assert watch.asked == ["09:00:00", "06:30:00"]


def test_a_lost_state_repeats_no_request(watch: Watch) -> None:
    watch.answer = DAY
    watch.look(at("06:00"))
    for file in (watch.settings.data_dir / "state").iterdir():
        file.unlink()
    watch.look(at("06:01"))
    assert watch.requested == [DAILY]
    assert watch.asked == ["06:00:00", "06:01:00"]


def test_days_that_a_person_pulled_are_not_requested(make: MakeWatch) -> None:
    watch = make()
    watch.published = {DAY}
    assert watch.look(at("06:00")) == "2026-11-20 is published already"
    assert (watch.asked, watch.requested) == ([], [])
    watch.look(at("06:00:30"))
    assert watch.asked == []


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"asked_at": "now", "settled": None})])
def test_a_file_that_is_no_state_is_named(watch: Watch, content: str) -> None:
    (watch.settings.data_dir / "state" / "report-readiness.json").write_text(content)
    with pytest.raises(SettingsError, match=r"report-readiness\.json .* remove it"):
        watch.look(at("06:00"))
