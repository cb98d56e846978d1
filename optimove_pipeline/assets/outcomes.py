"""How a stage tells Dagster of its days, one by one.

Dagster records every day of a range as materialised once the asset's function returns. Here a day can be held back
while the others go on, so each day that was made is recorded explicitly, and the blanket record is suppressed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
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

COMPLETE = "complete"
"""The check on every asset: each day of the run was made."""

_HOPELESS = (ContractError, ForbiddenError, PartitionError, RequestError)
"""Errors of a day that the next try would meet again."""

Metadata = Mapping[str, Any]


@dataclass(slots=True)
class Days:
    """The days of one asset in one run: those made, with their metadata, and those not made, with the error."""

    made: dict[date, Metadata] = field(default_factory=dict)
    missing: dict[date, PipelineError] = field(default_factory=dict)


def complete_check(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """Return the check of an asset that says whether all days of the run were made."""
    return dg.AssetCheckSpec(COMPLETE, asset=key, description="Every day of the run was made; lists those held back.")


def report_days(
    context: dg.AssetExecutionContext,
    days: Days,
    checks: list[dg.AssetCheckResult] | None = None,
    *,
    needed: bool = True,
) -> dg.MaterializeResult[Any]:
    """Record the days made, and return the asset's result.

    Raises:
        Failure: no day was made, though what is downstream ``needed`` one. Another try of the run is allowed
            unless it would meet the same error.
    """
    for day, metadata in sorted(days.made.items()):
        context.log_event(
            dg.AssetMaterialization(asset_key=context.asset_key, partition=day.isoformat(), metadata=dict(metadata))
        )
    for day, error in sorted(days.missing.items()):
        context.log.error(f"{context.asset_key.to_user_string()} of {day} is held back: {error}")
    if days.missing and not days.made and needed:
        raise _failure(days.missing)
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
        metadata={"days": ", ".join(day.isoformat() for day, _ in errors)},
        allow_retries=_worth_another_try([error for _, error in errors]),
    )


def _worth_another_try(errors: Sequence[PipelineError]) -> bool:
    if any(isinstance(error, SettingsError | UnauthorizedError) for error in errors):
        return False
    return not all(isinstance(error, _HOPELESS) for error in errors)


def _completeness(days: Days) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=COMPLETE,
        passed=not days.missing,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(f"{day}: {error}" for day, error in sorted(days.missing.items())) or None,
        metadata={"days made": len(days.made), "days held back": len(days.missing)},
    )
