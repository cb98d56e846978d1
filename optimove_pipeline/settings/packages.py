"""Settings of packages: the files that a feed's day becomes, and how values are written in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from optimove_pipeline.settings.types import Count, Flag, Section

Format = Literal["csv", "ndjson", "parquet"]
FlagForm = Literal["Yes/No", "true/false", "1/0"]
EmptyDay = Literal["part", "none"]

NAME = "{table}_{date}_{time}_{part:03d}.{extension}"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FEED = re.compile(r"[a-z][a-z0-9_]*")
_FILLED = {"table": "Table", "feed": "feed", "date": "20261119", "time": "060000", "part": 1, "extension": "csv.gz"}
_DATE_DIRECTIVES = frozenset({"%Y", "%y", "%m", "%b", "%B", "%d", "%j"})
_TIME_DIRECTIVES = frozenset({"%H", "%I", "%p", "%M", "%S", "%3f", "%6f", "%.3f", "%.6f"})
_DIRECTIVE = re.compile(r"%\.?[0-9]?.?")
_LITERAL = re.compile(r"[ A-Za-z0-9:./_+-]*")


def _safe(text: str) -> str:
    if not _SAFE.fullmatch(text):
        raise ValueError("expected English letters, digits, '_', '-' and '.' only, a letter or digit first")
    return text


def _feed(name: str) -> str:
    if not _FEED.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a feed: expected small letters, digits and '_', a letter first")
    return name


def _name(template: str) -> str:
    try:
        fields = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
        filled = template.format(**_FILLED)
    except (KeyError, IndexError, ValueError, AttributeError):
        raise ValueError(f"expected a name made of {', '.join(f'{{{field}}}' for field in _FILLED)}") from None
    if not {"date", "part"} <= fields:
        raise ValueError("expected {date} and {part} in it, so that no two files have one name")
    _safe(filled)
    return template


def _template(directives: frozenset[str], example: str) -> Callable[[str], str]:
    def check(template: str) -> str:
        found = _DIRECTIVE.findall(template)
        if not found or set(found) - directives or not _LITERAL.fullmatch(_DIRECTIVE.sub("", template)):
            raise ValueError(f"expected a pattern such as {example}, made of {', '.join(sorted(directives))}")
        return template

    return check


TableName = Annotated[str, AfterValidator(_safe)]
FeedName = Annotated[str, AfterValidator(_feed)]
NameTemplate = Annotated[str, AfterValidator(_name)]
DateTemplate = Annotated[str, AfterValidator(_template(_DATE_DIRECTIVES, "%Y-%m-%d"))]
TimeTemplate = Annotated[str, AfterValidator(_template(_DATE_DIRECTIVES | _TIME_DIRECTIVES, "%Y-%m-%d %H:%M:%S"))]


def _null_text(text: str) -> str:
    if re.search(r"[,;|\t\"'\r\n]", text):
        raise ValueError("expected text without delimiters, quotes and line breaks, such as \\N")
    return text


def _field_form(form: str) -> str:
    if "%" in form:
        return _template(_DATE_DIRECTIVES | _TIME_DIRECTIVES, "%Y-%m-%d")(form)
    if form not in {"text", "number", "json", "Yes/No", "true/false", "1/0"}:
        raise ValueError("expected a pattern with %, or text, number, json, Yes/No, true/false or 1/0")
    return form


FieldForm = Annotated[str, AfterValidator(_field_form)]


class Csv(Section):
    """The dialect of CSV (reference, section 1.2). Files are UTF-8 without a byte order mark."""

    delimiter: Literal["comma", "semicolon", "tab", "pipe"] = "comma"
    quote: Literal["double", "single"] = Field("double", description="a quote in a quoted value is doubled")
    line_end: Literal["lf", "crlf"] = "lf"
    header: Flag = Field(default=True, description="names of the columns first in each part")
    null_text: Annotated[str, AfterValidator(_null_text)] = Field("", description="NULL, never quoted")


class NdJson(Section):
    """How values are written as JSON (reference, section 1.2)."""

    decimals: Literal["text", "number"] = Field("text", description='fixed-point text, "99.0000", or bare numbers')
    ids: Literal["text", "number"] = Field("text", description="integers of the key or called id, as text or numbers")
    nulls: Literal["written", "left_out"] = "written"


class Parquet(Section):
    """How values are written as Parquet (reference, section 1.2)."""

    compression: Literal["snappy", "gzip", "zstd"] = Field("snappy", description="inside the file")
    decimal_digits: Annotated[Count, Field(ge=5, le=38)] = Field(18, description="digits of decimals, all together")
    times: Literal["utc", "naive"] = Field("utc", description="how times without a zone are marked")


class CleanUp(Section):
    """How text is cleaned up before it is written (reference, section 1.2)."""

    trim: Flag = Field(default=True, description="take blanks off both ends")
    line_breaks: Literal["space", "keep"] = Field("space", description="replace line breaks and tabs, or keep them")
    control_characters: Literal["strip", "keep"] = "strip"
    normalize: Literal["NFC", "none"] = Field("NFC", description="Unicode normal form")
    empty: Literal["null", "keep"] = Field("null", description="what an empty text is")


class Packaging(Section):
    """How files are made of a feed's day."""

    format: Format = "csv"
    compression: Literal["gzip", "none"] = Field("gzip", description="of CSV and NDJSON")
    gzip_level: Annotated[int, Field(ge=0, le=3, strict=True)] = Field(2, description="0 fastest to 3 smallest")
    part_bytes: Annotated[Count, Field(le=1_000_000_000)] = Field(
        95_000_000, description="most compressed bytes of a part; Optimove takes no file above 1 GB"
    )
    name: NameTemplate = Field(NAME, description="name of a part")
    empty_day: EmptyDay = Field("part", description="a day without rows gives one part without rows, or none")
    dates: DateTemplate = Field("%Y-%m-%d", description="pattern of dates")
    times: TimeTemplate = Field("%Y-%m-%d %H:%M:%S", description="pattern of times")
    flags: FlagForm = "Yes/No"
    decimal_places: Annotated[int, Field(ge=0, le=4, strict=True)] = Field(4, description="decimals are rounded")
    csv: Csv = Csv()
    ndjson: NdJson = NdJson()
    parquet: Parquet = Parquet()
    text: CleanUp = CleanUp()


class FeedPackaging(Section):
    """What differs for one feed."""

    table: TableName | None = Field(None, description="Optimove's name of the table; by default Title_Snake_Case")
    format: Format | None = None
    name: NameTemplate | None = Field(None, description="name of a part")
    empty_day: EmptyDay | None = None
    fields: dict[str, FieldForm] = Field({}, description="column: how its values are written")


@dataclass(frozen=True, slots=True)
class PackageOptions:
    """All that decides how one feed is packaged: the table's name, the columns that differ, and the rest."""

    table: str
    fields: dict[str, str]
    packaging: Packaging


class Packages(Packaging):
    """How packages are made."""

    each: dict[FeedName, FeedPackaging] = Field({}, description="what differs for single feeds")

    def of(
        self,
        feed: str,
        *,
        table: str | None = None,
        format: Format | None = None,  # noqa: A002 - the setting's name
        fields: Mapping[str, str] | None = None,
    ) -> PackageOptions:
        """Return how a feed, by its name, is packaged: its own settings with the general ones filled in.

        ``table``, ``format`` and ``fields`` are those of its contract; its own settings come before them, and they
        before the general ones.
        """
        own = self.each.get(feed, FeedPackaging())
        general = {name: getattr(self, name) for name in Packaging.model_fields}
        contracted = {} if format is None else {"format": format}
        differing = own.model_dump(include={"format", "name", "empty_day"}, exclude_none=True)
        return PackageOptions(
            table=own.table or table or feed.title(),
            fields=dict(fields or {}) | own.fields,
            packaging=Packaging(**general | contracted | differing),
        )
