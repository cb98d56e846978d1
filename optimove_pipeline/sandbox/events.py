"""Events that the sandbox sends to the listeners registered for them (reference, section 1.9)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx

_ANSWER_SECONDS = 5.0


def notification(event: int, campaign: int | None, channel: int | None) -> dict[str, object]:
    """What a listener is sent: the fields that clients in use read, ``ChannelID`` with event 13 only."""
    told: dict[str, object] = {"EventTypeID": event, "TimeStamp": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}
    if campaign is not None:
        told["CampaignID"] = campaign
    if channel is not None:
        told["ChannelID"] = channel
    return told


async def notify(urls: Sequence[str], told: Mapping[str, object]) -> list[int | None]:
    """Send it to all at once; the status that each answers, None for one that does not."""
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
        return list(await asyncio.gather(*(_send(client, url, told) for url in urls)))


async def _send(client: httpx.AsyncClient, url: str, told: Mapping[str, object]) -> int | None:
    try:
        return (await client.post(url, json=dict(told))).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
