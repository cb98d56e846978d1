"""The families of rules: each gives a rule to every column that it applies to.

To add a family is to add one record here: the name, the phase, which columns it applies to, when a value breaks it,
and what may be done about that. A rule that comes out null counts as kept, so that it need not repeat the rule that
null breaks. Reference: section 1.1 for all tables, section 2 for single columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from optimove_pipeline.datasets.dataset import Content, ContractColumn, Dataset, Severity
from optimove_pipeline.datasets.rules.rule import Circumstances, Phase
from optimove_pipeline.datasets.rules.texts import ANSWERS, PLACEHOLDERS, answer, canonical, from_iso, is_foreign_form
from optimove_pipeline.feeds import Kind
from optimove_pipeline.stages.rules import raw

Applies = Callable[[ContractColumn, Dataset], bool]
Expression = Callable[[ContractColumn, Circumstances], pl.Expr]

REPAIR, REJECT, BLOCK, WARN = Severity.REPAIR, Severity.REJECT, Severity.BLOCK, Severity.WARN
_ANY = (REPAIR, REJECT, BLOCK, WARN)
_TELLING = (REJECT, BLOCK, WARN)
_OLDEST = 120
_SENTINELS = tuple(
    map(date.fromisoformat, ("0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01"))
) + tuple(map(date.fromisoformat, ("2999-12-31", "9999-12-31")))
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as all times of data sets
_ADDRESS = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Rules of one kind: ``<name>:<column>`` for each column that it ``applies`` to.

    ``meaning`` is for people. ``usual`` is what they do by default, ``strict`` where a value can't be spared, which
    ``is_strict`` tells; ``may`` is what settings can choose.
    """

    name: str
    phase: Phase
    meaning: str
    applies: Applies
    broken: Expression
    fixed: Expression | None = None
    usual: Severity = REJECT
    may: tuple[Severity, ...] = _TELLING
    strict: Severity | None = None
    is_strict: Applies = lambda column, dataset: False


def _value(column: ContractColumn) -> pl.Expr:
    return pl.col(column.name)


def _other(text: pl.Expr, than: tuple[str, ...]) -> pl.Expr:
    """Return text that is none of some values, else null: few values, for what costs much."""
    return pl.when(~text.is_in(than)).then(text)


def _strange(column: ContractColumn) -> pl.Expr:
    return _other(_value(column), column.allowed)


def _is_key(column: ContractColumn, dataset: Dataset) -> bool:
    return column.name in dataset.key


def _is_needed(column: ContractColumn, dataset: Dataset) -> bool:
    return column.required or _is_key(column, dataset)


def _blank(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    return pl.lit(None, column.kind.dtype)


def _sentinel(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    value = _value(column)
    if column.kind is Kind.DATE:
        return value.is_in(_SENTINELS) | (value == _EPOCH.date() if column.clock else pl.lit(value=False))
    return value.dt.date().is_in(_SENTINELS) | (value == _EPOCH)


def _lost(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    return _value(column).is_null() & pl.col(raw(column.name)).is_not_null()


def _inexact(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    came, kept = (pl.col(name).cast(pl.Float64, strict=False) for name in (raw(column.name), column.name))
    # What is less than this is lost in the number itself, as it came.
    return (came - kept).abs() > 1e-9 + 4.5e-16 * came.abs()


def _years_before(day: date, years: int) -> date:
    return date(day.year - years, day.month, min(day.day, 28))


def _no_birthday(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    value = _value(column)
    return (value > circumstances.day) | (value < _years_before(circumstances.day, _OLDEST))


def _minor(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    youngest = _years_before(circumstances.day, column.adult or 0)
    return (_value(column) > youngest) & (_value(column) <= circumstances.day)


def _future(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    now = circumstances.now
    # A day may have begun elsewhere, half a day before it does in UTC.
    return _value(column) > ((now + timedelta(hours=14)).date() if column.kind is Kind.DATE else now)


def _wrong_currency(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    return _value(column) != pl.lit(circumstances.currency, pl.String)


def _filled_in(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    return _value(column).is_not_null() if column.name in circumstances.constants else pl.lit(value=False)


def _personal(column: ContractColumn, circumstances: Circumstances) -> pl.Expr:
    return _value(column).is_not_null() if column.personal else _value(column).str.contains(_ADDRESS)


def _may_be_personal(column: ContractColumn, dataset: Dataset) -> bool:
    if dataset.content is Content.PROFILE or column.name == dataset.customer_column:
        return False
    plain = column.kind is Kind.TEXT and not column.allowed and column.reference is None and column.form != "json"
    return column.personal or plain


def orphan(column: str) -> str:
    """Return the name of the column that tells whether the reference of ``column`` is unknown."""
    return f"orphan:{column}"


FAMILIES = (
    Family(
        name="trim",
        phase=Phase.TRIM,
        meaning="text with blanks at its ends; repaired: they are taken off",
        applies=lambda column, dataset: True,
        broken=lambda column, circumstances: _value(column) != _value(column).str.strip_chars(),
        fixed=lambda column, circumstances: _value(column).str.strip_chars(),
        usual=REPAIR,
        may=_ANY,
    ),
    Family(
        name="placeholder",
        phase=Phase.BLANK,
        meaning=f"text that stands for no value ({', '.join(PLACEHOLDERS)}); repaired: blank",
        applies=lambda column, dataset: not set(PLACEHOLDERS) & set(column.allowed),
        broken=lambda column, circumstances: _value(column).is_in(PLACEHOLDERS),
        fixed=lambda column, circumstances: pl.lit(None, pl.String),
        usual=REPAIR,
        may=_ANY,
    ),
    Family(
        name="spelling",
        phase=Phase.SPELLING,
        meaning="an allowed value in other letter case; repaired: as it is allowed",
        applies=lambda column, dataset: bool(column.allowed),
        broken=lambda column, circumstances: canonical(_strange(column), column.allowed).is_not_null(),
        fixed=lambda column, circumstances: canonical(_value(column), column.allowed),
        usual=REPAIR,
        may=(REPAIR, REJECT, BLOCK),
    ),
    Family(
        name="flag",
        phase=Phase.SPELLING,
        meaning=f"a flag as text other than Yes and No ({', '.join(ANSWERS)}, in any case); repaired: Yes or No",
        applies=lambda column, dataset: column.kind is Kind.FLAG,
        broken=lambda column, circumstances: answer(_other(_value(column), ("Yes", "No"))).is_not_null(),
        fixed=lambda column, circumstances: answer(_value(column)),
        usual=REPAIR,
        may=(REPAIR, REJECT, BLOCK),
    ),
    Family(
        name="iso",
        phase=Phase.SPELLING,
        meaning="a date or time as ISO text, with T, Z or a zone; repaired: as in batch files, in UTC",
        applies=lambda column, dataset: column.kind in {Kind.DATE, Kind.TIME},
        broken=lambda column, circumstances: is_foreign_form(_value(column), column.kind, column.form),
        fixed=lambda column, circumstances: from_iso(_value(column), column.kind),
        usual=REPAIR,
        may=(REPAIR, REJECT, BLOCK),
    ),
    Family(
        name="type",
        phase=Phase.MENDING,
        meaning="a value that is none of the column's kind, such as an amount with a symbol",
        applies=lambda column, dataset: column.kind is not Kind.TEXT,
        broken=_lost,
        may=(REJECT, BLOCK),
    ),
    Family(
        name="decimal",
        phase=Phase.MENDING,
        meaning="more than four decimal places; repaired: rounded to four",
        applies=lambda column, dataset: column.kind is Kind.DECIMAL,
        broken=_inexact,
        fixed=lambda column, circumstances: _value(column),
        usual=REPAIR,
        may=(REPAIR, REJECT, BLOCK),
    ),
    Family(
        name="sentinel",
        phase=Phase.MENDING,
        meaning="a date that stands for none, such as 1900-01-01 or 9999-12-31; repaired: blank",
        applies=lambda column, dataset: column.kind in {Kind.DATE, Kind.TIME},
        broken=_sentinel,
        fixed=_blank,
        usual=REPAIR,
        may=_ANY,
        strict=REJECT,
        is_strict=_is_needed,
    ),
    Family(
        name="personal",
        phase=Phase.MENDING,
        meaning="personal data outside the profile: a column of it, or an e-mail address in text; repaired: blank",
        applies=_may_be_personal,
        broken=_personal,
        fixed=_blank,
        may=_ANY,
        strict=BLOCK,
        is_strict=lambda column, dataset: column.personal,
    ),
    Family(
        name="required",
        phase=Phase.JUDGING,
        meaning="blank where the contract or the key wants a value",
        applies=_is_needed,
        broken=lambda column, circumstances: _value(column).is_null() & ~_lost(column, circumstances),
        may=(REJECT, BLOCK),
    ),
    Family(
        name="length",
        phase=Phase.JUDGING,
        meaning="longer than the contract allows",
        applies=lambda column, dataset: column.length is not None,
        broken=lambda column, circumstances: _value(column).str.len_chars() > column.length,
    ),
    Family(
        name="allowed",
        phase=Phase.JUDGING,
        meaning="none of the values that the contract lists",
        applies=lambda column, dataset: bool(column.allowed),
        broken=lambda column, circumstances: (
            _strange(column).is_not_null() & canonical(_strange(column), column.allowed).is_null()
        ),
    ),
    Family(
        name="pattern",
        phase=Phase.JUDGING,
        meaning="not of the form that the contract gives as a regular expression",
        applies=lambda column, dataset: column.pattern is not None,
        broken=lambda column, circumstances: ~_value(column).str.contains(f"^(?:{column.pattern})$"),
    ),
    Family(
        name="email",
        phase=Phase.JUDGING,
        meaning="not one @ with text around it",
        applies=lambda column, dataset: column.email,
        broken=lambda column, circumstances: ~_value(column).str.contains(r"^[^@\s]+@[^@\s]+$"),
    ),
    Family(
        name="minimum",
        phase=Phase.JUDGING,
        meaning="less than the contract allows",
        applies=lambda column, dataset: column.minimum is not None,
        broken=lambda column, circumstances: _value(column) < column.minimum,
    ),
    Family(
        name="maximum",
        phase=Phase.JUDGING,
        meaning="more than the contract allows",
        applies=lambda column, dataset: column.maximum is not None,
        broken=lambda column, circumstances: _value(column) > column.maximum,
    ),
    Family(
        name="future",
        phase=Phase.JUDGING,
        meaning="later than now, in a column of the past",
        applies=lambda column, dataset: column.clock,
        broken=_future,
    ),
    Family(
        name="order",
        phase=Phase.JUDGING,
        meaning="earlier than the time that it follows, as a settlement before its bet",
        applies=lambda column, dataset: column.not_before is not None,
        broken=lambda column, circumstances: _value(column) < pl.col(column.not_before or ""),
    ),
    Family(
        name="birth",
        phase=Phase.JUDGING,
        meaning=f"a date of birth after the partition's day, or more than {_OLDEST} years before it",
        applies=lambda column, dataset: column.birth,
        broken=_no_birthday,
    ),
    Family(
        name="adult",
        phase=Phase.JUDGING,
        meaning="a date of birth of somebody below the age that the contract gives",
        applies=lambda column, dataset: column.adult is not None,
        broken=_minor,
        usual=WARN,
    ),
    Family(
        name="currency",
        phase=Phase.JUDGING,
        meaning="another currency than the one of the settings, or without one, than that of most rows",
        applies=lambda column, dataset: column.currency,
        broken=_wrong_currency,
    ),
    Family(
        name="consent",
        phase=Phase.JUDGING,
        meaning="a consent that the settings fill in; they are refused unless this warns",
        applies=lambda column, dataset: column.consent,
        broken=_filled_in,
        usual=BLOCK,
        may=(BLOCK, WARN),
    ),
    Family(
        name="contact",
        phase=Phase.JUDGING,
        meaning="consent to a channel of which the contact is blank",
        applies=lambda column, dataset: column.contact is not None,
        broken=lambda column, circumstances: _value(column) & pl.col(column.contact or "").is_null(),
        usual=WARN,
    ),
    Family(
        name="reference",
        phase=Phase.JUDGING,
        meaning="a value that the data set referred to does not have",
        applies=lambda column, dataset: column.reference is not None,
        broken=lambda column, circumstances: pl.col(orphan(column.name)),
    ),
)
