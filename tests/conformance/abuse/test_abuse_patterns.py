"""Abuse of event filters: patterns, and comparisons again and again, that would take hours."""

import time

import pytest
from asyncua import ua

from harness.abuse import rounds
from harness.process import SLOW
from harness.product import sim_device
from harness.session import Session

LENGTH = 30_000
LONG = "a" * LENGTH
HOSTILE = {
    "a half that matches everywhere but at its end": (LONG, f"%{'a' * (LENGTH // 2)}b"),
    "a wildcard before every character": (LONG, f"{'%a' * (LENGTH // 2)}b"),
    "one of any, again and again": (LONG, f"%{'_' * (LENGTH // 2)}b"),
    "sets of many ranges": (LONG, "%" + "[^b-yb-yb-yb-y]" * 2_000 + "b"),
    "wildcards alone": (LONG, "%" * LENGTH + "b"),
    "brackets that nothing closes": ("[" * LENGTH, "[" * LENGTH + "%"),
    "the message of the event": (None, "%a" * 1_000 + "b"),
}


def field(name) -> ua.SimpleAttributeOperand:
    made = ua.SimpleAttributeOperand()
    made.TypeDefinitionId, made.BrowsePath, made.AttributeId = ua.NodeId(2041), [ua.QualifiedName(name, 0)], 13
    return made


def literal(text) -> ua.LiteralOperand:
    made = ua.LiteralOperand()
    made.Value = ua.Variant(text, ua.VariantType.String)
    return made


def where_like(text, pattern, negated=False) -> ua.EventFilter:
    """Events for which a text, or their message, is like a pattern, or is not."""
    made = ua.EventFilter()
    made.SelectClauses = [field("Message")]
    like = ua.ContentFilterElement()
    like.FilterOperator = ua.FilterOperator.Like
    like.FilterOperands = [field("Message") if text is None else literal(text), literal(pattern)]
    made.WhereClause.Elements = [like]
    if negated:
        element, operand = ua.ContentFilterElement(), ua.ElementOperand()
        operand.Index = 1
        element.FilterOperator, element.FilterOperands = ua.FilterOperator.Not, [operand]
        made.WhereClause.Elements.insert(0, element)
    return made


def listen(session, filters) -> int:
    made = session.subscribe(interval=50.0).SubscriptionId
    items = [session.item("i=2253", attribute=12, filter_=filter_, handle=n, queue=100) for n, filter_ in enumerate(filters)]
    for item in items:
        [result] = session.monitor(made, [item])
        assert result.StatusCode.is_good(), result.StatusCode
    return made


def raise_events(target, times):
    """An operator adds and removes a device, which the server tells its event subscribers each time."""
    plain = target.file.read_text()
    for number in range(times):
        target.file.write_text(plain + sim_device("t static i32 rw", link=f"spare{number}"))
        target.reload()
    target.file.write_text(plain)
    target.reload()


def events(session) -> list[int]:
    """The items that have an event in the next message that has any."""
    end = time.monotonic() + 10 * SLOW
    while time.monotonic() < end:
        answer = session.publish()
        for data in answer.NotificationMessage.NotificationData or []:
            return [event.ClientHandle for event in data.Events]
    raise AssertionError("no event came")


@pytest.mark.parametrize("what", HOSTILE)
def test_a49_a_pattern_that_takes_for_ever_is_given_up(target, what):
    """Neither the comparison nor its negation is true then; a good pattern beside it chooses all the same."""
    text, pattern = HOSTILE[what]
    hostile = [where_like(text, pattern), where_like(text, pattern, negated=True)] * 10
    with Session(target.port) as session:
        listen(session, [where_like(None, "%a%"), *hostile])
        before = target.process.cpu_seconds()
        raise_events(target, rounds(100, 3))
        found = set(events(session))
        assert 0 in found and (text is None or found == {0}), found
        used = target.process.cpu_seconds() - before
        assert used < (2 + rounds(100, 3)) * SLOW, f"{used:.1f} s"
        session.close_session()


def operator(which, *operands) -> ua.ContentFilterElement:
    made = ua.ContentFilterElement()
    made.FilterOperator, made.FilterOperands = which, list(operands)
    return made


def result_of(index) -> ua.ElementOperand:
    made = ua.ElementOperand()
    made.Index = index
    return made


@pytest.mark.row("A49", "E03")
@pytest.mark.remains(rest_kb=48_000)
def test_a_large_text_compared_again_and_again_is_given_up(target):
    """Two texts are made once and compared 270,000 times, by a filter of a few megabytes."""
    n, each, last = 300, 900, 600
    string_type = ua.LiteralOperand()
    string_type.Value = ua.Variant(ua.NodeId(12), ua.VariantType.NodeId)
    elements = [operator(ua.FilterOperator.Or, result_of(n + at), result_of(at + 1)) for at in range(n)]
    compared = [result_of(last + 1)] * each
    elements += [operator(ua.FilterOperator.InList, result_of(last), *compared) for _ in range(n)]
    elements += [operator(ua.FilterOperator.Cast, literal("a" * 500_000 + end), string_type) for end in "bc"]
    hostile = where_like(None, "%")
    hostile.WhereClause.Elements = elements
    with Session(target.port) as session:
        listen(session, [where_like(None, "%"), hostile])
        raise_events(target, rounds(20, 3))
        assert set(events(session)) == {0}
        session.close_session()


@pytest.mark.row("A49")
def test_a_good_pattern_chooses_among_messages(target):
    with Session(target.port) as session:
        listen(session, [where_like(None, "%"), where_like(None, "no such message"), where_like(None, "[a-zA-Z]%")])
        raise_events(target, 1)
        assert set(events(session)) == {0, 2}
        session.close_session()


@pytest.mark.row("A49")
def test_there_are_no_aliases_to_look_up(target):
    """Neither the folder nor the method is there, so that no pattern costs anything."""
    with Session(target.port) as session:
        for id_ in ("i=23470", "i=23476"):
            call = (id_, "i=23476", ua.Variant("%" * 10_000, ua.VariantType.String), ua.Variant(ua.NodeId()))
            found = {result.StatusCode.name for result in session.call_methods(*[call] * 100)}
            assert found <= {"BadNodeIdUnknown", "BadMethodInvalid", "BadNotExecutable", "BadNotImplemented"}, found
        session.close_session()
