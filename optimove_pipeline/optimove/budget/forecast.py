"""How long a number of calls takes under the rate limits, if nobody else makes any meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimove_pipeline.optimove.budget.windows import Limit

_SIMULATED_CALLS = 20_000
"""Beyond so many calls the pace is that of the slowest limit: days of calls need no call by call reckoning."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """``seconds`` until the last call may be made; ``limit`` is the one that makes it so late, None if none does."""

    seconds: float
    limit: Limit | None


def forecast(calls: int, limits: Sequence[Limit], ages: Sequence[float] = ()) -> Forecast:
    """Return when the last of ``calls`` calls may be made, each made as early as the ``limits`` allow.

    ``ages`` are the seconds since each call that was made before, by whomever, in any order.
    """
    alone = [_seconds(calls, [limit], ages) for limit in limits]
    worst = max(range(len(limits)), key=alone.__getitem__, default=None)
    limit = limits[worst] if worst is not None and alone[worst] > 0 else None
    return Forecast(_seconds(calls, limits, ages), limit)


def _seconds(calls: int, limits: Sequence[Limit], ages: Sequence[float]) -> float:
    times = sorted(-age for age in ages)
    at = 0.0
    for _ in range(min(calls, _SIMULATED_CALLS)):
        for limit in limits:
            if len(times) >= limit.calls:
                at = max(at, times[-limit.calls] + limit.seconds)
        times.append(at)
    beyond = max(calls - _SIMULATED_CALLS, 0)
    return at + beyond * max((limit.seconds / limit.calls for limit in limits), default=0.0)
