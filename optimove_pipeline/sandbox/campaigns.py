"""The tenant's campaigns: which exist, and on which days each one runs.

Recurring campaigns keep their id and come back on their pattern of days; every other campaign, those on an
ad hoc list of customers included, runs on one day, and its id says which.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from optimove_pipeline.sandbox.catalog import channels, one_time_actions, promo_code, scheduled_actions, target_groups
from optimove_pipeline.sandbox.hashing import generator
from optimove_pipeline.sandbox.options import FIRST_DAY, TenantOptions

WEEKDAYS = (0.7, 0.75, 0.8, 0.9, 1.0, 0.55, 0.45)
"""Volume of the weekdays, Monday first, as a share of the busiest."""
LONGEST_DURATION = 10

_FIRST_RECURRING_ID = 101
_FIRST_SINGLE_ID = 10_000
_SINGLE_IDS_PER_DAY = 1_000
_FIRST_ONE_TIME = 900
_GIVEN_ACTIONS = dict[int, set[int]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one recipient group of a campaign gets."""

    recipient_group_id: int
    action_id: int
    promo_code: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign; ``target_group_id`` is 0 for one on an ad hoc list, ``every`` the pattern of a recurring one."""

    campaign_id: int
    target_group_id: int
    campaign_type: str
    duration: int
    lead_time: int
    notes: str
    channels: tuple[int, ...]
    offers: tuple[Offer, ...]
    control: bool
    fails: bool
    recommends: bool
    weight: float
    recurring: bool

    @property
    def one_time(self) -> bool:
        """Whether it runs on an ad hoc list of customers."""
        return not self.target_group_id


def on_day(tenant: TenantOptions, day: date) -> tuple[Campaign, ...]:
    """The campaigns that run on a day, failing ones included; before the tenant's start there are none."""
    if day < tenant.start:
        return ()
    recurring = tuple(c for c in recurring_campaigns(tenant) if comes_back(c.campaign_id, day))
    return recurring + _single_campaigns(tenant, day, len(recurring)) + _one_time_campaigns(tenant, day)


def last_day(tenant: TenantOptions, campaign_id: int, until: date) -> date | None:
    """The latest day, up to one, on which a campaign of this id may have run."""
    if campaign_id >= _FIRST_SINGLE_ID:
        days = (campaign_id - _FIRST_SINGLE_ID) // _SINGLE_IDS_PER_DAY
        if days > until.toordinal() - FIRST_DAY.toordinal():
            return None
        return date.fromordinal(FIRST_DAY.toordinal() + days)
    if not _FIRST_RECURRING_ID <= campaign_id < _FIRST_RECURRING_ID + _recurring_count(tenant):
        return None
    recent = (date.fromordinal(until.toordinal() - back) for back in range(7))
    return next(day for day in recent if comes_back(campaign_id, day))


def comes_back(campaign_id: int, day: date) -> bool:
    """Whether a recurring campaign's pattern has this day: daily, on workdays, weekly, or every third day."""
    match campaign_id % 4:
        case 0:
            return True
        case 1:
            return day.weekday() < 5
        case 2:
            return day.weekday() == campaign_id // 4 % 7
        case _:
            return day.toordinal() % 3 == campaign_id // 4 % 3


@lru_cache(maxsize=64)
def recurring_campaigns(tenant: TenantOptions) -> tuple[Campaign, ...]:
    """All recurring campaigns; they never fail, and one ends before it comes back."""
    given: _GIVEN_ACTIONS = {}
    return tuple(
        _campaign(tenant, _FIRST_RECURRING_ID + number, given, None) for number in range(_recurring_count(tenant))
    )


def _recurring_count(tenant: TenantOptions) -> int:
    return tenant.campaigns_per_day - 1


def _single_campaigns(tenant: TenantOptions, day: date, recurring: int) -> tuple[Campaign, ...]:
    wanted = round(tenant.campaigns_per_day * WEEKDAYS[day.weekday()]) - recurring - tenant.one_time_per_day
    given: _GIVEN_ACTIONS = {}
    for campaign in recurring_campaigns(tenant):
        given.setdefault(campaign.target_group_id, set()).update(o.action_id for o in campaign.offers)
    return tuple(_campaign(tenant, _single_id(day, number), given, day) for number in range(max(2, wanted)))


def _single_id(day: date, number: int) -> int:
    return _FIRST_SINGLE_ID + (day.toordinal() - FIRST_DAY.toordinal()) * _SINGLE_IDS_PER_DAY + number


def _campaign(tenant: TenantOptions, campaign_id: int, given: _GIVEN_ACTIONS, day: date | None) -> Campaign:
    chance = generator(tenant.seed, "campaign", campaign_id)
    recipient_groups = chance.choice(((1,), (1,), (1, 2), (1, 2, 3), (1, 1)))
    group, actions = _unused_actions(tenant, chance, given, len(recipient_groups))
    offers = tuple(
        Offer(recipient_group, action, promo_code(tenant, campaign_id, action))
        for recipient_group, action in zip(recipient_groups, actions, strict=True)
    )
    return Campaign(
        campaign_id=campaign_id,
        target_group_id=group,
        campaign_type="A/B" if len(set(recipient_groups)) > 1 else "Test/Control",
        duration=_duration(campaign_id, chance, day),
        lead_time=chance.choice((0, 0, 0, 1, 3)),
        notes=chance.choice(("", "", "Check the subject line, please", 'Legal said "fine"\nsee mail')),
        channels=_some_channels(tenant, chance),
        offers=offers,
        control=chance.random() < 0.7,
        fails=_fails(chance, campaign_id, day),
        recommends=campaign_id % 5 == 0,
        weight=0.5 + chance.random(),
        recurring=day is None,
    )


def _duration(campaign_id: int, chance: random.Random, day: date | None) -> int:
    if day:
        return chance.randint(1, LONGEST_DURATION)
    return (1, 1, 7, 3)[campaign_id % 4]


def _fails(chance: random.Random, campaign_id: int, day: date | None) -> bool:
    """Every third day has a failed campaign for certain, any campaign of one day may be another."""
    if day is None:
        return False
    first = campaign_id % _SINGLE_IDS_PER_DAY == _FIRST_SINGLE_ID % _SINGLE_IDS_PER_DAY
    return (first and day.toordinal() % 3 == 0) or chance.random() < 0.04


def _some_channels(tenant: TenantOptions, chance: random.Random) -> tuple[int, ...]:
    known = channels(tenant)
    wanted = 2 if len(known) > 1 and chance.random() < 0.3 else 1
    return tuple(chance.sample(known, wanted))


def _unused_actions(
    tenant: TenantOptions, chance: random.Random, given: _GIVEN_ACTIONS, wanted: int
) -> tuple[int, Sequence[int]]:
    """A target group, and actions that no other campaign gives to this group on any day they share."""
    groups = [group.target_group_id for group in target_groups(tenant)]
    for group in chance.sample(groups, len(groups)):
        unused = [action for action in scheduled_actions(tenant) if action not in given.setdefault(group, set())]
        if len(unused) >= wanted:
            actions = chance.sample(unused, wanted)
            given[group].update(actions)
            return group, actions
    raise AssertionError("the options' own check leaves enough actions for every target group")


def _one_time_campaigns(tenant: TenantOptions, day: date) -> tuple[Campaign, ...]:
    numbers = range(_FIRST_ONE_TIME, _FIRST_ONE_TIME + tenant.one_time_per_day)
    return tuple(_one_time_campaign(tenant, _single_id(day, number)) for number in numbers)


def _one_time_campaign(tenant: TenantOptions, campaign_id: int) -> Campaign:
    chance = generator(tenant.seed, "one-time campaign", campaign_id)
    return Campaign(
        campaign_id=campaign_id,
        target_group_id=0,
        campaign_type="Test/Control",
        duration=chance.randint(1, 3),
        lead_time=0,
        notes="List from the call centre",
        channels=_some_channels(tenant, chance),
        offers=(Offer(1, chance.choice(one_time_actions(tenant)), ""),),
        control=chance.random() < 0.5,
        fails=False,
        recommends=False,
        weight=0.5 + chance.random(),
        recurring=False,
    )
