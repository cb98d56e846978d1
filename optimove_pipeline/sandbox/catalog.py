"""The tenant's standing data: channels, templates, actions, target groups, promotions, activity events."""

from dataclasses import dataclass
from functools import lru_cache

from optimove_pipeline.sandbox.hashing import generator, mix, salt
from optimove_pipeline.sandbox.options import TenantOptions

CONTROL_ACTION = 1
ONE_TIME_ACTIONS = 2
TEMPLATES_PER_CHANNEL = 12

CHANNELS = (
    (504, "Email"),
    (505, "SMS"),
    (506, "Push"),
    (510, "Web Push"),
    (511, "In-Platform"),
    (502, "Call Center"),
)
"""Execution channels with the ids of reference, section 1.10."""

INTERACTIONS = (0, 1, 2, 3, 4, 5, 6, 9)
"""Ids of campaign interaction events: sent, delivered, opened, clicked, unsubscribed, dropped, spam, bounced."""

ACTIVITY_EVENTS = ((101, "Login"), (102, "Deposit"), (103, "Bet"), (104, "Page View"))

PROMOTIONS = (
    ("HEP-FEB", "Welcome back promo"),
    ("HEP-FCC", "Free card credit"),
    ("GDG-FAL", "Autumn guide"),
    ("NV10", "New VIP 10% discount"),
    ("0042", "Loyalty, leading zeros"),
    ("SUMMER 20%", "Summer sale"),
)


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """A defined group of customers."""

    target_group_id: int
    name: str
    priority: int


def channels(tenant: TenantOptions) -> tuple[int, ...]:
    """The ids of the execution channels that the tenant uses."""
    return tuple(channel for channel, _ in CHANNELS[: tenant.channels])


def templates(channel: int) -> range:
    """The template ids of a channel; no two channels share one."""
    place = [known for known, _ in CHANNELS].index(channel) + 1
    return range(place * 100 + 1, place * 100 + 1 + TEMPLATES_PER_CHANNEL)


def template_name(template: int) -> str:
    """The name of a template."""
    languages = ("English", "Español", "Türkçe", "Deutsch")
    return f"Template {template}, {languages[template % len(languages)]}"


def action_ids(tenant: TenantOptions) -> range:
    """All action ids, the control group's included."""
    return range(1, tenant.actions + 1)


def scheduled_actions(tenant: TenantOptions) -> range:
    """The actions of campaigns on target groups."""
    return range(CONTROL_ACTION + 1, tenant.actions - ONE_TIME_ACTIONS + 1)


def one_time_actions(tenant: TenantOptions) -> range:
    """The actions of campaigns on ad hoc lists."""
    return range(tenant.actions - ONE_TIME_ACTIONS + 1, tenant.actions + 1)


def action_name(action: int) -> str:
    """The name of an action; every name is used once."""
    if action == CONTROL_ACTION:
        return "No action (control group)"
    offers = ("% bonus", "% off, this week only", " free spins", " € voucher", ' "lucky" points')
    return f"{action * 5}{offers[action % len(offers)]}"


@lru_cache(maxsize=64)
def target_groups(tenant: TenantOptions) -> tuple[TargetGroup, ...]:
    """All defined target groups, the unused ones too."""
    chance = generator(tenant.seed, "target groups")
    priorities = chance.sample(range(1, tenant.target_groups + 1), tenant.target_groups)
    kinds = ("VIPs", "New, last 30 days", "Churned", "Active", 'Players of "Slots"')
    places = ("UK", "DE", "Ireland", "Türkiye", "ROW")
    return tuple(
        TargetGroup(number, f"{places[number % 5]} {kinds[number // 5 % 5]} {number}", priorities[number - 1])
        for number in range(1, tenant.target_groups + 1)
    )


def promo_code(tenant: TenantOptions, *parts: object) -> str:
    """None for half of all, then one code, now and then several in one string (reference, section 1.7)."""
    bits = mix(0, salt(tenant.seed, "promo", *parts))
    first, second = PROMOTIONS[bits // 10 % 6][0], PROMOTIONS[(bits // 10 + 1) % 6][0]
    if bits % 10 < 5:
        return ""
    return first if bits % 10 < 9 else f"{first},{second}"
