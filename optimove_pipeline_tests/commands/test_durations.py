"""Lengths of time, as a person says them."""

import pytest

from optimove_pipeline.commands.durations import told


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 s"),
        (42.4, "42 s"),
        (89, "89 s"),
        (95, "2 min"),
        (3599, "1 h"),
        (3600, "1 h"),
        (9000, "2 h 30 min"),
        (86_399, "24 h"),
        (86_400, "1 d"),
        (60 * 3600, "2 d 12 h"),
    ],
)
def test_a_length_of_time_has_two_figures_at_most(seconds: float, said: str) -> None:
    assert told(seconds) == said
