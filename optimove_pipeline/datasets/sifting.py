"""A partition's rows, frame by frame, each to its place: kept, in quarantine, or dropped for a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from optimove_pipeline.datasets.checking import Checked, check
from optimove_pipeline.datasets.dataset import Dataset, Severity
from optimove_pipeline.datasets.known import Known, nothing
from optimove_pipeline.datasets.reading import as_texts
from optimove_pipeline.datasets.rules.rule import DatasetRule
from optimove_pipeline.datasets.rules.wholes import UNIQUE
from optimove_pipeline.datasets.versions import key_hashes
from optimove_pipeline.stages.duplicates import HashFile
from optimove_pipeline.stages.frames import Bounds, frames
from optimove_pipeline.stages.quarantine import quarantined, schema_of
from optimove_pipeline.stages.repeats import Repeats
from optimove_pipeline.stages.rules import Rule
from optimove_pipeline.stages.split import marked, stamped
from optimove_pipeline.staging import Partition, PartWriter


@dataclass(slots=True)
class Sifted:
    """What became of the rows: numbers of rows, and these by rule for those that rules found."""

    rows: int = 0
    quarantined: int = 0
    quarantined_before: int = 0
    already_delivered: int = 0
    suppressed: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)
    null_keys: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """What rows are sifted by."""

    dataset: Dataset
    day: date
    rules: tuple[DatasetRule, ...]
    known: Known
    bounds: Bounds

    def read(self, source: Partition) -> Iterator[pl.DataFrame]:
        """Yield the rows of the partition that extraction wrote, in the contract's columns."""
        return frames(source, [column.name for column in self.dataset.columns], self.bounds)

    def check(self, frame: pl.DataFrame) -> Checked:
        """Return rows checked by the rules."""
        return check(frame, self.dataset, self.rules, self.known.references)

    def sound(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """Return the rows that are neither suppressed nor broken, typed, and their places in the frame.

        Those delivered before count as sound.
        """
        places = (~self.suppressed(frame)).arg_true()
        checked = self.check(frame[places])
        sound = checked.sound | self.delivered(frame[places])
        return checked.typed.filter(sound), places.filter(sound)

    def identity(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the key of each row, then its moment of change, typed as validation does it."""
        names = [*self.dataset.key, *([self.dataset.change_column] if self.dataset.change_column else [])]
        columns = tuple(replace(each, reference=None) for each in self.dataset.columns if each.name in names)
        repairs = [rule for rule in self.rules if rule.severity is Severity.REPAIR and {*rule.columns} <= {*names}]
        narrow = replace(self.dataset, columns=columns, events=())
        return check(frame.select(names), narrow, repairs, {}).typed.select(names)

    def delivered(self, frame: pl.DataFrame) -> pl.Series:
        """Return for each row whether it was delivered before, whatever rules it breaks by now."""
        if self.dataset.change_column is None or self.known.delivered is nothing:
            return nothing(frame)
        return self.known.delivered(self.identity(frame)).fill_null(value=False)

    def suppressed(self, frame: pl.DataFrame) -> pl.Series:
        """Return for each row whether its customer is forgotten."""
        column, ids = self.known.forgotten.column, self.known.forgotten.ids
        if column is None or not ids:
            return pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
        found = as_texts(frame.select(column)).to_series().str.strip_chars()
        return found.is_in(list(ids)).fill_null(value=False)


def sift(
    sieve: Sieve,
    source: Partition,
    repeats: Repeats,
    good: PartWriter,
    broken: PartWriter,
    *,
    hashes: HashFile | None = None,
) -> Sifted:
    """Write every row that is not dropped to ``good`` or ``broken``, and count; ``hashes`` gets the keys' hashes.

    It can only get them while no repeats are known.
    """
    sifted = Sifted(null_keys=Counter(dict.fromkeys(sieve.dataset.key, 0)))
    empty = pl.DataFrame(schema={column.name: column.kind.dtype for column in sieve.dataset.columns})
    good.write(stamped(sieve.dataset, empty, sieve.day))
    broken.write(pl.DataFrame(schema=schema_of(sieve.dataset)))
    start = 0
    for frame in sieve.read(source):
        copies = marked(repeats.copies, start, frame.height)
        clashes = marked(repeats.clashes, start, frame.height)
        start += frame.height
        _sift(sieve, frame, copies, clashes, sifted, good, broken, hashes)
    return sifted


def _sift(
    sieve: Sieve,
    frame: pl.DataFrame,
    copies: pl.Series,
    clashes: pl.Series,
    sifted: Sifted,
    good: PartWriter,
    broken: PartWriter,
    hashes: HashFile | None,
) -> None:
    suppressed = sieve.suppressed(frame)
    places = (~suppressed & ~copies).arg_true()
    left = frame if places.len() == frame.height else frame[places]
    before = sieve.delivered(left)
    fresh = left.filter(~before) if before.any() else left
    checked = sieve.check(fresh)
    clash = clashes.gather(places).filter(~before).alias(UNIQUE)
    flags = pl.DataFrame([*checked.broken, clash]) if clash.any() else checked.broken
    sound = checked.sound & ~clash
    typed = checked.typed.filter(sound)
    if hashes is not None:
        own = pl.repeat(None, frame.height, dtype=pl.UInt64, eager=True)
        own = own.scatter(places.filter(~before).filter(sound), key_hashes(sieve.dataset, typed))
        if before.any():
            known = key_hashes(sieve.dataset, sieve.identity(left.filter(before)))
            own = own.scatter(places.filter(before), known)
        hashes.write(own.alias("key").to_frame())
    good.write(stamped(sieve.dataset, typed, sieve.day))
    _quarantine(sieve, fresh.filter(~sound), flags.filter(~sound) if flags.width else flags, sifted, broken)
    sifted.rows += typed.height
    sifted.already_delivered += int(before.sum())
    sifted.suppressed += int(suppressed.sum())
    sifted.repaired.update(checked.repaired)
    sifted.warned.update(checked.warned)
    sifted.null_keys.update({name: checked.typed[name].null_count() for name in sieve.dataset.key})


def _quarantine(sieve: Sieve, rows: pl.DataFrame, flags: pl.DataFrame, sifted: Sifted, broken: PartWriter) -> None:
    """Put broken rows in quarantine, but those that an earlier partition has there just as they are."""
    if rows.is_empty():
        return
    columns = {rule.name: rule.columns for rule in sieve.rules} | {UNIQUE: sieve.dataset.key}
    shown = tuple(Rule(name, columns[name], pl.lit(value=False)) for name in flags.columns)
    found = quarantined(sieve.dataset, as_texts(rows), flags, shown, sieve.day)
    before = sieve.known.quarantined(found["row"])
    broken.write(found.filter(~before))
    sifted.quarantined += int((~before).sum())
    sifted.quarantined_before += int(before.sum())
    sifted.by_rule.update({flag.name: count for flag in flags.filter(~before) if (count := int(flag.sum()))})
