"""Answers about products, interactions and activity: reports 13, 14 and 15.

No source shows a row of theirs (reference, section 2), so their shapes are ours: 13 has one row for each
customer and product, like its documented relative; 14 the three fields that its description names; 15 the
customer, the time, and fields that differ from event to event.
"""

from array import array
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

from optimove_pipeline.sandbox.arguments import Arguments
from optimove_pipeline.sandbox.asked_runs import runs_of_day
from optimove_pipeline.sandbox.audience import members
from optimove_pipeline.sandbox.campaigns import WEEKDAYS
from optimove_pipeline.sandbox.catalog import ACTIVITY_EVENTS
from optimove_pipeline.sandbox.customers import customer_id, indexes, shuffle
from optimove_pipeline.sandbox.executions import Arm, Execution
from optimove_pipeline.sandbox.hashing import mix, salt
from optimove_pipeline.sandbox.options import TenantOptions
from optimove_pipeline.sandbox.rows import Row, Segment, Segments
from optimove_pipeline.sandbox.tenant import Tenant

LATEST_INTERACTION = 6
_LAGS = (0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6)  # days from delivery to interaction
_PRODUCTS_EACH = 3
_PRODUCTS = ("jeans12", "0007", "shirt-é", "SKU 9,5", "poker-room", "8E4", "slots", "gift card")
_EVENT_REACH = 0.06


def product_details_by_date(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 13. Three products for everyone in a campaign that recommends products."""
    return tuple(
        _recommendations(run, arm, place)
        for run in runs_of_day(tenant, asked)
        if run.campaign.recommends
        for arm in run.arms
        for place in range(_PRODUCTS_EACH)
    )


def interaction_customers(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 14. Who did what with the messages delivered on the day, as far as it has happened by now."""
    channel, event = asked.integer("ChannelID"), asked.integer("EventID")
    runs, now = runs_of_day(tenant, asked), tenant.last_data_update
    return tuple(
        _interactions(tenant.options, run, number, channel, event, now)
        for run in runs
        if channel in run.campaign.channels
        for number in range(len(run.arms))
    )


def activity_events(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 15. What customers did on the day, of one kind."""
    day, event = asked.day("Date"), asked.integer("EventID")
    if not tenant.knows(day) or event not in dict(ACTIVITY_EVENTS):
        return ()
    options = tenant.options
    order = shuffle(options.customers, options.seed, "activity", day, event)
    size = int(options.customers * _EVENT_REACH * WEEKDAYS[day.weekday()])

    def make(positions: Sequence[int]) -> list[Row]:
        return [_activity(event, index, day) for index in indexes(order, positions)]

    return (Segment(range(size), make),)


def _recommendations(run: Execution, arm: Arm, place: int) -> Segment:
    """The products take turns, so that no customer gets one twice."""
    products = [_PRODUCTS[(turn + place) % len(_PRODUCTS)] for turn in range(len(_PRODUCTS))]
    return members(run, arm, [{"ProductID": p, "RecommendationType": 1 + place % 2} for p in products])


def _interactions(tenant: TenantOptions, run: Execution, number: int, channel: int, event: int, now: date) -> Segment:
    arm = run.arms[number]
    sends = arm.sends[run.campaign.channels.index(channel)]
    rows = [{"CampaignID": run.campaign.campaign_id, "TemplateID": send.template_id} for send in sends]
    waited = min((now - run.day).days, LATEST_INTERACTION)
    return members(run, arm, rows, chosen=_interacted(tenant, run, arm, channel, event, waited))


@lru_cache(maxsize=512)
def _interacted(
    tenant: TenantOptions, run: Execution, arm: Arm, channel: int, event: int, waited: int
) -> Sequence[int]:
    """Positions of the customers of an arm whose interaction happened within so many days of delivery."""
    if event == 0:
        return range(arm.size)
    salt_ = salt(tenant.seed, "interaction", run.campaign.campaign_id, run.day, channel)
    found = indexes(run.order, range(arm.first, arm.first + arm.size))
    return array("I", (place for place, index in enumerate(found) if _happened(mix(index, salt_), event, waited)))


def _happened(bits: int, event: int, waited: int) -> bool:
    fate, interest, lag = bits % 1000, bits // 1000 % 1000, _LAGS[bits // 1_000_000 % len(_LAGS)]
    if event == 9:
        return fate < 20
    if event == 5:
        return 20 <= fate < 30
    if fate < 30 or event == 1:
        return event == 1 and fate >= 30
    likely = {2: range(450), 3: range(150), 4: range(12), 6: range(440, 446)}.get(event, range(0))
    return interest in likely and lag <= waited


def _activity(event: int, index: int, day: date) -> Row:
    bits = mix(index, salt("activity", event, day))
    seconds = timedelta(seconds=bits % 86_400)
    return {"CustomerID": customer_id(index), "EventDate": f"{day} {_clock(seconds)}", **_fields(event, bits)}


def _clock(time: timedelta) -> str:
    minutes, seconds = divmod(time.seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def _fields(event: int, bits: int) -> Row:
    """The fields that an event of this kind has, and no other."""
    amount = (1 + bits % 50_000) / 100
    match event:
        case 101:
            return {"Device": ("ios", "android", "web")[bits % 3], "IsFirstLogin": bits % 50 == 0}
        case 102:
            methods = ("Card", "Bank, instant", None)
            return {"Amount": amount, "Currency": ("GBP", "EUR")[bits % 2], "PaymentMethod": methods[bits % 3]}
        case 103:
            return {"Game": ('Slots "Book of Ra"', "Poker")[bits % 2], "Stake": amount, "Rounds": bits % 40}
        case _:
            return {"Url": f"https://shop.example.com/p/{bits % 900}?a=1,2", "Seconds": bits % 600}
