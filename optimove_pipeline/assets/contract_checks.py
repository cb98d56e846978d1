"""The checks on every ``validated`` asset, from what validation counted. They make visible; the gate is the data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import dagster as dg

from optimove_pipeline.stages.history import judge
from optimove_pipeline.stages.validate import Validation

_CHECKS = {
    "row_count": "Rows against the last 28 days.",
    "duplicates": "Rows that share their key with another row, and rows that moved between pages.",
    "key_nulls": "Rows in quarantine because a column of the key is null.",
    "quarantine_share": "Share of rows that broke the contract.",
    "schema_drift": "Fields that the contract doesn't know.",
}


def check_specs(asset_key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Return the checks of a ``validated`` asset."""
    return [dg.AssetCheckSpec(name, asset=asset_key, description=text) for name, text in _CHECKS.items()]


def check_results(validations: Mapping[date, Validation], history: Mapping[date, int]) -> list[dg.AssetCheckResult]:
    """Return one result for each check over all days of the run, warning where a day stands out."""
    days = dict(sorted(validations.items()))
    return [
        _row_count(days, history),
        _counted("duplicates", {day: v.duplicate_keys + v.repeated_rows for day, v in days.items()}),
        _counted("key_nulls", {day: sum(v.null_keys.values()) for day, v in days.items()}),
        _counted("quarantine_share", {day: round(v.quarantined_share, 6) for day, v in days.items()}),
        _schema_drift(days),
    ]


def _row_count(days: Mapping[date, Validation], history: Mapping[date, int]) -> dg.AssetCheckResult:
    verdicts = {day: judge(day, v.rows, sorted(history.items())) for day, v in days.items()}
    unusual = {day: verdict.text for day, verdict in verdicts.items() if not verdict.usual}
    return _result("row_count", passed=not unusual, told=unusual)


def _counted(name: str, counts: Mapping[date, float]) -> dg.AssetCheckResult:
    found = {day: f"{count:,}" for day, count in counts.items() if count}
    return _result(name, passed=not found, told=found)


def _schema_drift(days: Mapping[date, Validation]) -> dg.AssetCheckResult:
    unknown = {day: ", ".join(v.unknown_columns) for day, v in days.items() if v.unknown_columns}
    return _result("schema_drift", passed=not unknown, told=unknown)


def _result(name: str, *, passed: bool, told: Mapping[date, str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{day}: {text}" for day, text in sorted(told.items())) or None,
    )
