"""Call, rows C01 to C05 of the conformance list."""

import pytest
from asyncua import ua

from harness.plant import READER, READER_PASSWORD
from harness.process import SLOW
from harness.session import Session, tag
from harness.tokens import log_in
from harness.wire import status

SERVER, GET_MONITORED_ITEMS, RESEND_DATA = "i=2253", "i=11492", "i=12873"


def code(session, *call) -> str:
    return status(session.call_methods(call)[0].StatusCode)


def number(value):
    return ua.Variant(value, ua.VariantType.UInt32)


def test_c01_unknown_objects_and_methods(session):
    assert code(session, "ns=2;s=nothing", GET_MONITORED_ITEMS, number(1)) == "BadNodeIdUnknown"
    assert code(session, SERVER, "ns=2;s=nothing", number(1)) in ("BadMethodInvalid", "BadNodeIdUnknown")
    assert code(session, SERVER, "i=2258", number(1)) == "BadMethodInvalid"
    assert code(session, "i=85", GET_MONITORED_ITEMS, number(1)) == "BadMethodInvalid"


def test_c02_too_few_and_too_many_arguments(session):
    assert code(session, SERVER, GET_MONITORED_ITEMS) == "BadArgumentsMissing"
    assert code(session, SERVER, GET_MONITORED_ITEMS, number(1), number(2)) == "BadTooManyArguments"


def test_c03_an_argument_of_another_type(session):
    result = session.call_methods((SERVER, GET_MONITORED_ITEMS, ua.Variant("one", ua.VariantType.String)))[0]
    assert status(result.StatusCode) == "BadInvalidArgument"
    assert [status(code) for code in result.InputArgumentResults] == ["BadTypeMismatch"]


def test_c04_each_call_of_a_batch_stands_for_itself(session):
    subscription = session.subscribe().SubscriptionId
    session.monitor(subscription, [session.item(tag("mem.all.i32"), handle=7)])
    results = session.call_methods(
        (SERVER, GET_MONITORED_ITEMS, number(4_000_000_000)),
        (SERVER, GET_MONITORED_ITEMS, number(subscription)),
        (SERVER, "i=2258"),
    )
    assert [status(result.StatusCode) for result in results] == ["BadSubscriptionIdInvalid", "Good", "BadMethodInvalid"]
    assert list(results[1].OutputArguments[1].Value) == [7]


def test_c05_get_monitored_items_and_resend_data_know_whose_subscription_it_is(plant, session):
    empty = session.subscribe().SubscriptionId
    result = session.call_methods((SERVER, GET_MONITORED_ITEMS, number(empty)))[0]
    assert status(result.StatusCode) == "Good"
    assert not result.OutputArguments[0].Value and not result.OutputArguments[1].Value
    assert code(session, SERVER, RESEND_DATA, number(4_000_000_000)) == "BadSubscriptionIdInvalid"
    with Session(plant.port) as other:
        for method in (GET_MONITORED_ITEMS, RESEND_DATA):
            assert code(other, SERVER, method, number(empty)) == "BadUserAccessDenied"
        other.close_session()


def test_c01_a_method_of_a_type_is_not_executable(session):
    """SetSubscriptionDurable by the id that it has on ServerType."""
    assert code(session, SERVER, "i=12746", number(1)) in ("BadNotExecutable", "BadMethodInvalid", "BadUserAccessDenied")


def test_c01_c04_a_user_who_may_not_call_is_denied_and_nothing_is_executed(secure_plant):
    with log_in(secure_plant, READER, READER_PASSWORD) as session:
        made = session.subscribe(interval=50.0, keep_alive=2)
        session.monitor(made.SubscriptionId, [session.item(tag("mem.all.w31"))])
        assert session.changes(5 * SLOW, 1)
        results = session.call_methods(
            (SERVER, RESEND_DATA, number(made.SubscriptionId)),
            ("ns=2;s=nothing", RESEND_DATA, number(made.SubscriptionId)),
        )
        assert [status(result.StatusCode) for result in results] == ["BadUserAccessDenied", "BadNodeIdUnknown"]
        assert session.changes(0.5) == []
        session.close_session()
