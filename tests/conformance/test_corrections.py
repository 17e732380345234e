"""Rules on which the usual test tool is wrong, rows CTT01 to CTT13 of the conformance list."""

import pytest
from asyncua import ua

from harness.process import SLOW
from harness.session import tag
from harness.wire import status


def call(session, object_id, method) -> str:
    (result,) = session.call_methods((object_id, method))
    return status(result.StatusCode)


@pytest.mark.pending("there are no conditions yet")
@pytest.mark.parametrize("method", ["i=9111", "i=9113", "i=3875", "i=9029"])
def test_ctt01_conditions_cannot_be_acknowledged_confirmed_or_refreshed(session, method):
    """Acknowledge, Confirm, ConditionRefresh and AddComment, called on their types."""
    refusals = ("BadMethodInvalid", "BadNodeIdUnknown", "BadNotSupported", "BadNotExecutable")
    assert call(session, "i=2915", method) in refusals


def test_ctt07_conformance_units_are_qualified_names(session):
    units = "i=24101"
    assert session.value(units, attribute=14) == ua.NodeId(20)
    assert session.value(units, attribute=15) == 1
    value = session.read(units).Value
    assert value.VariantType == ua.VariantType.QualifiedName and value.is_array


def test_ctt08_transaction_diagnostics_are_out_of_service(session):
    found = session.browse("i=12637", reference="i=33").References
    diagnostics = next(r.NodeId for r in found if r.BrowseName.Name == "TransactionDiagnostics")
    parts = session.browse(ua.NodeId(diagnostics.Identifier, 0), reference="i=33").References
    codes = {part.BrowseName.Name: session.read_status(ua.NodeId(part.NodeId.Identifier, 0)) for part in parts}
    assert codes and set(codes.values()) == {"BadOutOfService"}, codes


@pytest.mark.parametrize("bound", [11505, 11506])
@pytest.mark.parametrize(
    "name, kind, value", [("bool", ua.VariantType.Boolean, True), ("string", ua.VariantType.String, "plain")]
)
def test_ctt11_bounds_exist_for_booleans_and_strings(session, bound, name, kind, value):
    assert session.write(tag(f"mem.all.{name}"), value, kind) == "Good"
    wanted = ua.AggregateFilter()
    wanted.AggregateType, wanted.ProcessingInterval = ua.NodeId(bound), 200.0
    wanted.AggregateConfiguration.UseServerCapabilitiesDefaults = True
    made = session.subscribe()
    result = session.monitor(made.SubscriptionId, [session.item(tag(f"mem.all.{name}"), filter_=wanted)])[0]
    assert status(result.StatusCode) == "Good"
    seen = session.changes(seconds=10 * SLOW, count=2)
    assert (seen[-1][1].Value.Value, seen[-1][1].Value.VariantType) == (value, kind)


@pytest.mark.pending("clients do not manage nodes")
def test_ctt13_a_variable_cannot_be_added_as_a_subtype(session):
    one = ua.AddNodesItem()
    one.ParentNodeId, one.ReferenceTypeId = ua.ExpandedNodeId(63), ua.NodeId(45)
    one.BrowseName, one.NodeClass = ua.QualifiedName("subtype", 2), ua.NodeClass.Variable
    one.NodeAttributes = ua.VariableAttributes()
    request = ua.AddNodesRequest()
    request.Parameters.NodesToAdd = [one]
    assert session.fault_of(lambda: session.call(request)) == "BadServiceUnsupported"
