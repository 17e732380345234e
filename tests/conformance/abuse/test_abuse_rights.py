"""Abuse of rights: batches, inheritance, diagnostics, filters of others; and features that are refused."""

import pytest
from asyncua import ua

from harness.abuse import outcome, rounds
from harness.plant import CONFIG, PASSWORD, READER, READER_PASSWORD, USER
from harness.product import Tagwire
from harness.session import Session, node, tag
from harness.tokens import log_in
from harness.wire import status


def call_many(session, *calls):
    return [status(result.StatusCode) for result in session.call_methods(*calls)]


def number(value):
    return ua.Variant(value, ua.VariantType.UInt32)


def test_a24_a_denied_call_in_a_batch_is_not_carried_out_with_the_allowed_ones(target):
    """The subscription of another session may not be looked at, in whatever company the call comes."""
    with Session(target.port) as mine, Session(target.port) as other:
        own, foreign = mine.subscribe().SubscriptionId, other.subscribe().SubscriptionId
        get, resend = ("i=2253", "i=11492"), ("i=2253", "i=12873")
        results = call_many(
            mine, (*get, number(own)), (*get, number(foreign)), (*resend, number(foreign)), (*resend, number(own))
        )
        assert results == ["Good", "BadUserAccessDenied", "BadUserAccessDenied", "Good"], results
        mine.close_session()
        other.close_session()


def test_a24_a_denied_write_in_a_batch_is_not_carried_out(target):
    """The same for values: each item is decided on its own."""
    with Session(target.port) as session:
        value = ua.Variant(77, ua.VariantType.Int32)
        results = session.write_values([(tag("mem.all.w21"), value), (tag("mem.all.readonly"), value), (tag("mem.all.w22"), value)])
        assert results == ["Good", "BadNotWritable", "Good"], results
        assert session.value(tag("mem.all.readonly")) != 77
        session.close_session()
    with log_in(target, READER, READER_PASSWORD) as session:
        assert set(session.write_values([(tag(f"mem.all.w{n}"), value) for n in range(20, 30)])) == {"BadUserAccessDenied"}
        session.close_session()


def everything(session):
    """Every node that can be found from the root."""
    seen, waiting = {}, [ua.NodeId(84)]
    while waiting:
        request = ua.BrowseRequest()
        for id_ in waiting[:500]:
            item = ua.BrowseDescription()
            item.NodeId, item.IncludeSubtypes, item.ResultMask = id_, True, 4
            item.BrowseDirection, item.ReferenceTypeId = ua.BrowseDirection.Forward, ua.NodeId(33)
            request.Parameters.NodesToBrowse.append(item)
        waiting = waiting[500:]
        for result in session.call(request).Results:
            for reference in result.References or []:
                id_ = ua.NodeId(reference.NodeId.Identifier, reference.NodeId.NamespaceIndex)
                if id_ not in seen:
                    seen[id_] = reference.NodeClass
                    waiting.append(id_)
    return seen


def test_a25_what_nobody_allowed_is_denied_at_every_node(tmp_path):
    """Anonymous users may read: nothing anywhere takes a write or runs a method that changes something."""
    with Tagwire(tmp_path, CONFIG, anonymous="read") as server, Session(server.port) as session:
        nodes = everything(session)
        variables = [id_ for id_, kind in nodes.items() if kind == ua.NodeClass.Variable]
        methods = [id_ for id_, kind in nodes.items() if kind == ua.NodeClass.Method]
        assert len(variables) > 300 and methods
        for at in range(0, len(variables), 500):
            part = variables[at : at + 500]
            values = session.read_values(part)
            same = [ua.Variant(0, ua.VariantType.Int32) if v.Value is None else v.Value for v in values]
            results = session.write_values(list(zip(part, same, strict=True)))
            good = [id_ for id_, result in zip(part, results, strict=True) if result == "Good"]
            assert not good, good
        parents = {ua.NodeId(2253)}
        for parent in parents:
            for method in methods:
                result = call_many(session, (parent, method))[0]
                assert result != "Good", method
        session.close_session()


def test_a25_without_anonymous_users_nothing_is_served_to_them(tmp_path):
    with Tagwire(tmp_path, CONFIG, anonymous="none") as server, Session(server.port, activate=False) as session:
        token = ua.AnonymousIdentityToken()
        token.PolicyId = "anonymous"
        assert outcome(lambda: session.activate(token=token)) in ("BadIdentityTokenInvalid", "BadIdentityTokenRejected", "BadUserAccessDenied")


def test_a26_the_rules_survive_a_reload(arena, target):
    """A reload takes the configuration over as a whole; nobody has more or less rights than before."""
    def rights():
        with log_in(target, READER, READER_PASSWORD) as reader, log_in(target, USER, PASSWORD) as user:
            value = ua.Variant(1, ua.VariantType.Int32)
            result = [one.write_values([(tag("mem.all.w23"), value)])[0] for one in (reader, user)]
            reader.close_session()
            user.close_session()
            return result

    before = rights()
    target.reload()
    assert rights() == before == ["BadUserAccessDenied", "Good"]


def test_a27_nobody_reads_of_the_sessions_of_others_nor_switches_that_on(target):
    """The flag cannot be written; the arrays of sessions, of their security and of subscriptions cannot be read."""
    enabled, arrays = "i=2294", ("i=3707", "i=3708", "i=2290")
    for open_session in (lambda: Session(target.port), lambda: log_in(target, USER, PASSWORD)):
        with open_session() as session:
            result = session.write(enabled, True, ua.VariantType.Boolean)
            assert result in ("BadUserAccessDenied", "BadNotWritable", "BadNodeIdUnknown"), result
            for array in arrays:
                read = session.read(array)
                assert read.StatusCode.is_bad(), array
            session.close_session()


def target_of(session, start, name):
    """Where a path of one name leads; `None` when nowhere."""
    request = ua.TranslateBrowsePathsToNodeIdsRequest()
    path, element = ua.BrowsePath(), ua.RelativePathElement()
    path.StartingNode = node(start)
    element.ReferenceTypeId, element.IncludeSubtypes, element.TargetName = ua.NodeId(33), True, name
    element.IsInverse = False
    path.RelativePath.Elements = [element]
    request.Parameters.BrowsePaths = [path]
    result = session.call(request).Results[0]
    return result.Targets[0].TargetId.Identifier if result.StatusCode.is_good() else None


def test_a28_a_path_leads_nowhere_that_browsing_does_not(target):
    """What one service finds the other one finds, for a user and for anybody, and nothing else."""
    for open_session in (lambda: Session(target.port), lambda: log_in(target, READER, READER_PASSWORD)):
        with open_session() as session:
            found = session.browse("ns=2;s=mem.all", reference="i=33").References
            assert len(found) > 40
            for reference in found:
                assert target_of(session, "ns=2;s=mem.all", reference.BrowseName) == reference.NodeId.Identifier
            assert target_of(session, "ns=2;s=mem.all", ua.QualifiedName("hidden", 2)) is None
            session.close_session()


def event_filter():
    made = ua.EventFilter()
    operand = ua.SimpleAttributeOperand()
    operand.TypeDefinitionId, operand.BrowsePath, operand.AttributeId = ua.NodeId(2041), [ua.QualifiedName("Message", 0)], 13
    made.SelectClauses = [operand]
    return made


def test_a06_the_event_item_of_an_orphan_keeps_its_user(target):
    """An observer's item hears no audit event when it is an orphan, nor when it has a session again."""
    with log_in(target, READER, READER_PASSWORD) as owner:
        made = owner.subscribe(interval=50.0, lifetime=200, keep_alive=2).SubscriptionId
        assert owner.monitor(made, [owner.item("i=2253", attribute=12, filter_=event_filter(), queue=100)])[0].StatusCode.is_good()
        owner.close_session(delete=False)
    for _ in range(5):
        with log_in(target, USER, PASSWORD) as other:
            other.write(tag("mem.all.w24"), 5, ua.VariantType.Int32)
            other.close_session()
    with log_in(target, READER, READER_PASSWORD) as heir:
        request = ua.TransferSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [made]
        assert heir.call(request).Parameters.Results[0].StatusCode.is_good()
        for _ in range(3):
            assert not heir.publish().NotificationMessage.NotificationData
        heir.close_session()


@pytest.mark.parametrize("what", ["1,001 clauses", "1,001 elements", "a loop", "no operand"])
def test_a48_a_filter_that_may_not_be_made_may_not_be_changed_to_either(target, what):
    wrong = event_filter()
    element = ua.ContentFilterElement()
    element.FilterOperator = ua.FilterOperator.Not
    if what == "1,001 clauses":
        wrong.SelectClauses = wrong.SelectClauses * 1_001
    elif what == "no operand":
        wrong.WhereClause.Elements = [element]
    else:
        operand = ua.ElementOperand()
        operand.Index = 0
        element.FilterOperands = [operand]
        wrong.WhereClause.Elements = [element] * (1_001 if what == "1,001 elements" else 1)
    with Session(target.port) as session:
        made = session.subscribe().SubscriptionId
        good = session.item("i=2253", attribute=12, filter_=event_filter())
        created = session.monitor(made, [good, session.item("i=2253", attribute=12, filter_=wrong)])
        assert created[0].StatusCode.is_good() and not created[1].StatusCode.is_good()
        change = ua.MonitoredItemModifyRequest()
        change.MonitoredItemId, change.RequestedParameters.Filter = created[0].MonitoredItemId, wrong
        request = ua.ModifyMonitoredItemsRequest()
        request.Parameters.SubscriptionId, request.Parameters.ItemsToModify = made, [change] * 100
        for result in session.call(request).Results:
            assert status(result.StatusCode) == status(created[1].StatusCode)
        session.close_session()


ABSENT = ("BadNodeIdUnknown", "BadMethodInvalid", "BadNotExecutable", "BadNotImplemented", "BadNotSupported", "BadUserAccessDenied")


@pytest.mark.pending("there are no conditions yet")
def test_a09_refreshes_of_conditions_are_refused_however_many(target):
    with Session(target.port) as session:
        made = session.subscribe().SubscriptionId
        for _ in range(rounds(1_000, 40)):
            results = call_many(session, *[("i=2782", "i=3875", number(made))] * 500)
            assert set(results) <= set(ABSENT), set(results)
        session.close_session()


@pytest.mark.pending("there are no conditions yet")
@pytest.mark.parametrize("method", ["i=9111", "i=9113", "i=9029"])
def test_a41_methods_of_conditions_are_refused_with_any_arguments(target, method):
    """Acknowledge, Confirm and AddComment, called as if somebody had changed the types of their arguments."""
    wrong = [ua.Variant(), ua.Variant(5, ua.VariantType.Int64), ua.Variant([b"x"] * 100, ua.VariantType.ByteString)]
    with Session(target.port) as session:
        assert set(call_many(session, ("i=2881", method, *wrong), ("i=2253", method, *wrong))) <= set(ABSENT)
        session.close_session()


GDS = {"UpdateCertificate": "i=13737", "ApplyChanges": "i=12740", "CreateSigningRequest": "i=12737", "CancelChanges": "i=25708"}


@pytest.mark.parametrize("method", GDS)
def test_a44_no_certificate_is_changed_from_outside(target, method):
    with Session(target.port) as session:
        calls = [("i=12637", GDS[method], ua.Variant(b"\0" * 1000, ua.VariantType.ByteString))] * 20
        assert set(call_many(session, *calls)) == {"BadUserAccessDenied"}
        session.close_session()


FILE_METHODS = {"Open": "i=12647", "Read": "i=12652", "Write": "i=12655", "SetPosition": "i=12660", "OpenWithMasks": "i=12663"}


@pytest.mark.parametrize("method", FILE_METHODS)
def test_a45_no_file_is_read_with_a_negative_length(target, method):
    wrong = [number(0xFFFFFFFF), ua.Variant(-1, ua.VariantType.Int32)]
    with Session(target.port) as session:
        assert set(call_many(session, *[("i=12642", FILE_METHODS[method], *wrong)] * 20)) == {"BadUserAccessDenied"}
        session.close_session()
