"""How a stage tells Dagster of its days, one by one.

Dagster records every day of a range as materialised once the asset's function returns. Here a day can be held back
while the others go on, so each day that was made is recorded explicitly, and the blanket record is suppressed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from optimove_pipeline.errors import (
    ContractError,
    ForbiddenError,
    PartitionError,
    PipelineError,
    RequestError,
    SettingsError,
    UnauthorizedError,
)
from optimove_pipeline.partition_keys import partition_key

COMPLETE = "complete"
"""The check on every asset: each day of the run was made."""

_HOPELESS = (ContractError, ForbiddenError, PartitionError, RequestError)
"""Errors of a day that the next try would meet again."""

Metadata = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Skipped:
    """Days that a run leaves out, since they can't be made any more, and why."""

    days: tuple[date, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        return f"{ranges(self.days)}: skipped. {self.reason}"


@dataclass(slots=True)
class Days:
    """The days of one asset in one run: made, with their metadata; not made, with the error; and left out."""

    made: dict[date, Metadata] = field(default_factory=dict)
    missing: dict[date, PipelineError] = field(default_factory=dict)
    skipped: Skipped = Skipped()

    def each(self, asked: Sequence[date], work: Callable[[date], Metadata]) -> None:
        """Do the work of each day that is not skipped, and note what came of it."""
        for day in asked:
            if day in self.skipped.days:
                continue
            try:
                self.made[day] = work(day)
            except PipelineError as error:
                self.missing[day] = error


def complete_check(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """Return the check of an asset that says whether all days of the run were made."""
    return dg.AssetCheckSpec(
        COMPLETE, asset=key, description="Every day of the run was made or skipped; lists those held back."
    )


def ranges(days: Sequence[date]) -> str:
    """Return days in ascending order as text, days in a row as their first and last."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    named = [[partition_key(run[0]), partition_key(run[-1])] for run in runs]
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in named)


def report_days(
    context: dg.AssetExecutionContext,
    days: Days,
    checks: list[dg.AssetCheckResult] | None = None,
    *,
    needed: bool = True,
    alone: bool = False,
) -> dg.MaterializeResult[Any]:
    """Record the days made, and return the asset's result.

    Raises:
        Failure: no day was made, though what is downstream ``needed`` one, or though the run is for the skipped days
            ``alone``. Another try of the run is allowed unless it would meet the same error.
    """
    for day, metadata in sorted(days.made.items()):
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key, partition=partition_key(day), metadata=dict(metadata)
            )
        )
    for day, error in sorted(days.missing.items()):
        context.log.error(f"{context.asset_key.to_user_string()} of {partition_key(day)} is held back: {error}")
    if days.missing and not days.made and needed:
        raise _failure(days.missing)
    if days.skipped.days and alone:
        raise dg.Failure(description=str(days.skipped), allow_retries=False)
    if days.skipped.days:
        context.log.info(f"{context.asset_key.to_user_string()} of {days.skipped}")
    result: dg.MaterializeResult[Any] = dg.MaterializeResult(
        metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True},
        check_results=[_completeness(days), *(checks or [])],
    )
    return result


def _failure(missing: Mapping[date, PipelineError]) -> dg.Failure:
    errors = sorted(missing.items())
    description = "\n".join(dict.fromkeys(str(error) for _, error in errors))
    return dg.Failure(
        description=description,
        metadata={"days": ", ".join(partition_key(day) for day, _ in errors)},
        allow_retries=_worth_another_try([error for _, error in errors]),
    )


def _worth_another_try(errors: Sequence[PipelineError]) -> bool:
    if any(isinstance(error, SettingsError | UnauthorizedError) for error in errors):
        return False
    return not all(isinstance(error, _HOPELESS) for error in errors)


def _completeness(days: Days) -> dg.AssetCheckResult:
    told = [f"{partition_key(day)}: {error}" for day, error in sorted(days.missing.items())]
    if days.skipped.days:
        told.append(str(days.skipped))
    return dg.AssetCheckResult(
        check_name=COMPLETE,
        passed=not days.missing,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(told) or None,
        metadata={
            "days made": len(days.made),
            "days held back": len(days.missing),
            "days skipped": len(days.skipped.days),
        },
    )
