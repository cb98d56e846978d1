"""Filters for one run are laid over those of the settings, and checked as those are."""

from __future__ import annotations

from typing import Any

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.narrowing import narrow
from optimove_pipeline.settings.reports import AttributeValue, Filters

SET = Filters(channels=(3, 4), campaigns=(7,), lifecycle_stages=(1, 2))
CITY = {"attribute": "City", "value": "Ghent"}


def test_a_given_filter_takes_the_place_of_the_settings_and_the_others_stay() -> None:
    assert narrow(SET, {}, "here") == SET
    narrowed = narrow(SET, {"channels": [5], "campaigns": []}, "here")
    assert (narrowed.channels, narrowed.campaigns) == ((5,), ())
    assert (narrowed.lifecycle_stages, narrowed.events) == (SET.lifecycle_stages, SET.events)


def test_one_form_of_report_6_takes_the_place_of_the_other() -> None:
    by_value = narrow(SET, {"attribute_value": CITY}, "here")
    assert (by_value.attribute_value, by_value.lifecycle_stages) == (AttributeValue(**CITY), ())
    by_stage = narrow(by_value, {"lifecycle_stages": [9]}, "here")
    assert (by_stage.attribute_value, by_stage.lifecycle_stages) == (None, (9,))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channel": [3]}, "here: channel: no such setting; did you mean channels?"),
        ({"actions": [-1]}, "here: actions.0: expected at least 0"),
        ({"events": []}, "here: events: expected at least 1 item"),
        ({"lifecycle_stages": [1], "attribute_value": CITY}, "here: give lifecycle_stages or attribute_value, "),
    ],
)
def test_a_filter_that_can_not_be_is_refused_in_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        narrow(SET, given, "here")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
