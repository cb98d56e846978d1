"""The sensor of data sets that are not delivered as their readiness comes near, and once it has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.cadence import Cadence
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import cadence_of
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.day_files import missing_of
from optimove_pipeline.datasets.history import first_day
from optimove_pipeline.datasets.missing_files import MissingFile
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.partition_keys import partition_key

TICK_SECONDS = 60

_BACK = timedelta(days=1)
"""How long after its readiness a partition is looked at, so that none is passed over where several are under way."""


def undelivered(settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dg.SensorDefinition:
    """Return the sensor: it alerts ``datasets.warn_minutes`` before the readiness of a partition, and at it.

    It begins with the partitions that become due after its first tick. It looks into the ledger alone, and without a
    run: what keeps runs from being started would keep it from telling so.
    """
    datasets = settings.chosen_datasets

    @dg.sensor(
        name="undelivered",
        description="Alerts of data sets that are not delivered shortly before their readiness, and at it.",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        moment = now()
        began = datetime.fromisoformat(context.cursor) if context.cursor else moment
        context.update_cursor(began.isoformat())
        alerts = [alert for dataset in datasets for alert in _alerts(settings, dataset, began, moment)]
        for alert in alerts:
            raise_alert(settings.data_dir, alert, moment.timestamp())
        return dg.SkipReason("; ".join(alert.title for alert in alerts) or "nothing that is due is missing")

    return sensor


def _alerts(settings: Settings, dataset: Dataset, began: datetime, now: datetime) -> Iterator[Alert]:
    warned = now + timedelta(minutes=settings.datasets.warn_minutes)
    cadence = cadence_of(settings, dataset.name)
    begins = datetime.combine(first_day(settings), time(), settings.zone)
    for partition, due in _looked_at(cadence, began, now):
        if due > warned or cadence.ended_at(partition) <= begins:
            continue
        if missing := missing_of(settings, dataset, partition, ledger_file(settings.data_dir)):
            yield _alert(dataset, partition, missing, due, late=now >= due)


def _looked_at(cadence: Cadence, began: datetime, now: datetime) -> Iterator[tuple[date, datetime]]:
    """Yield the partitions looked for by now, each with its readiness, the newest first.

    An hour may be due long after later ones have ended.
    """
    partition = cadence.expected(now)
    while (due := cadence.late_at(partition)) > max(began, now - _BACK):
        yield partition, due
        partition -= timedelta(hours=1) if isinstance(partition, datetime) else timedelta(days=1)


def _alert(dataset: Dataset, partition: date, missing: list[MissingFile], due: datetime, *, late: bool) -> Alert:
    key = partition_key(partition)
    state = "late" if late else "not delivered yet"
    told = "; ".join(f"{each.target}: {each.reason}" for each in missing)
    text = (
        f"Optimove expects it by {due:%Y-%m-%d %H:%M} UTC. {told}. Look at its runs, or send it with "
        f"`optimove-pipeline deliver --dataset {dataset.name}`"
    )
    return Alert(
        AlertKind.LATE, f"undelivered/{state}/{dataset.name}/{key}", f"{dataset.name} of {key} is {state}", text
    )
