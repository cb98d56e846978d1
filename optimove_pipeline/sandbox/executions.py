"""A campaign's run on one day: which customers each recipient group holds, and what was sent to them when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from optimove_pipeline.sandbox import campaigns
from optimove_pipeline.sandbox.campaigns import WEEKDAYS, Campaign, Offer
from optimove_pipeline.sandbox.catalog import CONTROL_ACTION, templates
from optimove_pipeline.sandbox.customers import Shuffle, shuffle
from optimove_pipeline.sandbox.hashing import generator
from optimove_pipeline.sandbox.options import TenantOptions

_ONE_TIME_REACH = 0.03
_CONTROL_SHARE = 0.15
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class Send:
    """One batch of messages: a template on a channel at a time."""

    channel_id: int
    template_id: int
    send_id: str
    list_id: int | None
    scheduled_time: str


@dataclass(frozen=True, slots=True)
class Arm:
    """The customers of one recipient group: ``size`` positions of the day's order from ``first`` on.

    ``sends`` holds, for each channel, the batches between which the customers alternate.
    """

    offer: Offer
    first: int
    size: int
    sends: tuple[tuple[Send, ...], ...]


@dataclass(frozen=True, slots=True)
class Execution:
    """A campaign on a day. A failed one has no arms; ``control`` received nothing."""

    campaign: Campaign
    day: date
    order: Shuffle
    arms: tuple[Arm, ...]
    control: Arm | None


@lru_cache(maxsize=1024)
def executions(tenant: TenantOptions, day: date) -> tuple[Execution, ...]:
    """All runs of a day. No customer is in two runs on target groups, nor in two on ad hoc lists."""
    found = campaigns.on_day(tenant, day)
    volume = tenant.reach * WEEKDAYS[day.weekday()]
    grouped = (campaign for campaign in found if not campaign.one_time)
    ad_hoc = (campaign for campaign in found if campaign.one_time)
    return (
        *_placed(tenant, day, grouped, volume, "target groups"),
        *_placed(tenant, day, ad_hoc, _ONE_TIME_REACH, "ad hoc lists"),
    )


def latest(tenant: TenantOptions, campaign_id: int, until: date) -> Execution | None:
    """The latest run of a campaign, up to a day; the functions that take a campaign and no date answer with it."""
    day = campaigns.last_day(tenant, campaign_id, until)
    if day is None:
        return None
    found = (run for run in executions(tenant, day) if run.campaign.campaign_id == campaign_id)
    return next(found, None)


def _placed(
    tenant: TenantOptions, day: date, found: Iterable[Campaign], share: float, purpose: str
) -> list[Execution]:
    """The runs of some campaigns, side by side in one order of the customers."""
    order = shuffle(tenant.customers, tenant.seed, day, purpose)
    chosen = list(found)
    total = sum(campaign.weight for campaign in chosen)
    runs, first = [], 0
    for campaign in chosen:
        size = max(4, int(tenant.customers * share * campaign.weight / total))
        runs.append(_execution(tenant, campaign, day, order, first, size))
        first += size
    return runs


def _execution(
    tenant: TenantOptions, campaign: Campaign, day: date, order: Shuffle, first: int, size: int
) -> Execution:
    if campaign.fails:
        return Execution(campaign, day, order, (), None)
    held_back = max(1, int(size * _CONTROL_SHARE)) if campaign.control else 0
    control = Arm(Offer(0, CONTROL_ACTION, ""), first + size - held_back, held_back, ())
    return Execution(
        campaign, day, order, _arms(tenant, campaign, day, first, size - held_back), control if held_back else None
    )


def _arms(tenant: TenantOptions, campaign: Campaign, day: date, first: int, size: int) -> tuple[Arm, ...]:
    batches = _sends(tenant, campaign, day)
    shares = len(campaign.offers)
    bounds = [first + size * number // shares for number in range(shares + 1)]
    return tuple(
        Arm(offer, bounds[number], bounds[number + 1] - bounds[number], batches[number])
        for number, offer in enumerate(campaign.offers)
    )


def _sends(tenant: TenantOptions, campaign: Campaign, day: date) -> list[tuple[tuple[Send, ...], ...]]:
    """For each recipient group and channel one or two batches; no template is used twice on a channel."""
    chance = generator(tenant.seed, "sends", campaign.campaign_id, day)
    unused = {channel: chance.sample(templates(channel), len(templates(channel))) for channel in campaign.channels}

    def batch(channel: int) -> Send:
        clock = f"{chance.randint(8, 19):02d}:{chance.choice((0, 15, 30, 45)):02d}:00"
        return Send(
            channel_id=channel,
            template_id=unused[channel].pop(),
            send_id="".join(chance.choices(_LETTERS, k=6)) if chance.random() < 0.8 else "",
            list_id=chance.randint(10, 99) if chance.random() < 0.5 else None,
            scheduled_time=f"{day} {clock}",
        )

    return [
        tuple(tuple(batch(channel) for _ in range(chance.choice((1, 1, 2)))) for channel in campaign.channels)
        for _ in campaign.offers
    ]
