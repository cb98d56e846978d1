"""Planned calls are told apart by what they ask for, and described for messages."""

from __future__ import annotations

from datetime import date

from optimove_pipeline.optimove.calls import Call


def test_an_id_depends_on_function_and_parameters_only() -> None:
    call = Call("customers/X", (("A", "1"), ("B", "2")), "report", date(2026, 11, 20))

    assert call.id == Call("customers/X", (("B", "2"), ("A", "1"))).id
    assert (
        len({call.id, Call("customers/Y", call.parameters).id, Call("customers/X", (("A", "12"), ("B", ""))).id}) == 3
    )
    assert call.id == "6db081483debdef9"


def test_a_call_is_described_in_one_line() -> None:
    call = Call(
        "customers/GetCustomersByAction",
        (("RecipientGroupID", "1"), ("ActionID", "2")),
        "customers_by_action",
        date(2026, 11, 20),
    )

    assert call.describe() == (
        "customers_by_action 2026-11-20 customers/GetCustomersByAction RecipientGroupID=1 ActionID=2"
    )
    assert Call("general/GetLastDataUpdate").describe() == "general/GetLastDataUpdate"
