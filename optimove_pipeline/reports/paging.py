"""Paging: one planned call, page after page, each landed before the next is asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from optimove_pipeline.errors import AnswerError
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.reports.landing import LandedCall, Page


@dataclass(slots=True)
class PagingRule:
    """How pages are asked for and when a call is complete.

    ``size`` is ``$top``. Paging ends at an empty page; with ``stop_at="proven_short_page"`` already at a page
    shorter than one that the same function has served before, since the server's own cap, unknown (reference,
    section 1.5), is then not what cut it.
    """

    size: int
    stop_at: Literal["empty_page", "proven_short_page"] = "empty_page"
    longest: dict[str, int] = field(default_factory=dict)

    def complete(self, call: Call, pages: list[Page]) -> bool:
        """Return whether the pages landed so far are all of the call's."""
        if not pages:
            return False
        last = pages[-1].rows
        proven = self.longest.get(call.function, 0)
        self.longest[call.function] = max(proven, last)
        return last == 0 or not call.paged or (self.stop_at == "proven_short_page" and last < proven)


async def land(client: Optimove, call: Call, landed: LandedCall, rule: PagingRule) -> list[Page]:
    """Return all pages of a call, asking only for those that are not landed yet.

    Raises:
        AnswerError: the server repeats a page or ignores ``$skip``, so its pages can't be told apart.
        ApiError: a page could not be had; the pages before it stay landed.
    """
    pages = await asyncio.to_thread(landed.pages)
    while not rule.complete(call, pages):
        skip = sum(page.rows for page in pages)
        page = await _page(client, call, landed, rule, skip)
        _check_new(call, pages, page, landed)
        pages.append(page)
    return pages


async def _page(client: Optimove, call: Call, landed: LandedCall, rule: PagingRule, skip: int) -> Page:
    incoming = landed.incoming(skip)
    top, first = (rule.size, skip) if call.paged else (None, None)
    answer = await client.get(call, incoming, lambda received: landed.keep(received, skip), top=top, skip=first)
    incoming.unlink(missing_ok=True)
    if answer.empty or answer.value is None:
        return await asyncio.to_thread(landed.keep_empty, skip)
    return answer.value


def _check_new(call: Call, pages: list[Page], page: Page, landed: LandedCall) -> None:
    if page.rows and any((before.rows, before.fingerprint) == (page.rows, page.fingerprint) for before in pages):
        landed.forget(page)
        raise AnswerError(
            f"{call.describe()}: the page from row {page.skip} repeats an earlier page, so $skip is ignored; "
            f"if this function does not page, set reports.each.{call.report}.paged: false"
        )
