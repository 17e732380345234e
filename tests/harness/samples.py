"""A valid request of every service, with something in every field."""

from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from .session import tag


def marked(request, session) -> bytes:
    """The bytes of a request in this session."""
    request.RequestHeader = session.header()
    return struct_to_binary(request)


def write_body(session, variant: bytes) -> bytes:
    """A Write whose value is encoded as given."""
    request = ua.WriteRequest()
    item = ua.WriteValue()
    item.NodeId, item.AttributeId = tag("mem.all.w20"), 13
    item.Value = ua.DataValue(ua.Variant(0x5A5A5A5A, ua.VariantType.UInt32))
    request.Parameters.NodesToWrite = [item]
    body = marked(request, session)
    at = body.rindex(b"\x07\x5a\x5a\x5a\x5a")
    return body[:at] + variant + body[at + 5 :]


def sample_read():
    request = ua.ReadRequest()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId, item.IndexRange = tag("mem.all.ints"), 13, "0:1"
    item.DataEncoding = ua.QualifiedName("Default Binary", 0)
    request.Parameters.NodesToRead = [item, item]
    return request


def sample_write():
    request = ua.WriteRequest()
    values = [
        ua.Variant([1, 2], ua.VariantType.Int32),
        ua.Variant("text", ua.VariantType.String),
        ua.Variant(b"bytes", ua.VariantType.ByteString),
        ua.Variant([[1, 2], [3, 4]], ua.VariantType.Int32),
        ua.Variant(ua.ExtensionObject(ua.NodeId(1, 0), b"body"), ua.VariantType.ExtensionObject),
    ]
    for value in values:
        item = ua.WriteValue()
        item.NodeId, item.AttributeId, item.Value = tag("mem.all.w20"), 13, ua.DataValue(value)
        request.Parameters.NodesToWrite.append(item)
    return request


def sample_browse():
    request = ua.BrowseRequest()
    item = ua.BrowseDescription()
    item.NodeId, item.ReferenceTypeId, item.ResultMask = ua.NodeId(85), ua.NodeId(33), 63
    request.Parameters.NodesToBrowse = [item]
    return request


def sample_browse_next():
    request = ua.BrowseNextRequest()
    request.Parameters.ContinuationPoints = [b"12345678"]
    return request


def sample_translate():
    request = ua.TranslateBrowsePathsToNodeIdsRequest()
    path = ua.BrowsePath()
    path.StartingNode = ua.NodeId(85)
    element = ua.RelativePathElement()
    element.TargetName = ua.QualifiedName("Server", 0)
    path.RelativePath.Elements = [element]
    request.Parameters.BrowsePaths = [path]
    return request


def sample_register(kind, field):
    def make():
        request = kind()
        setattr(request.Parameters, field, [tag("mem.all.i32"), ua.NodeId(85)])
        return request

    return make


def sample_call():
    request = ua.CallRequest()
    one = ua.CallMethodRequest()
    one.ObjectId, one.MethodId = ua.NodeId(2253), ua.NodeId(11492)
    one.InputArguments = [ua.Variant(1, ua.VariantType.UInt32), ua.Variant(["a", "b"], ua.VariantType.String)]
    request.Parameters.MethodsToCall = [one]
    return request


def data_change_filter():
    made = ua.DataChangeFilter()
    made.DeadbandType, made.DeadbandValue = 1, 1.0
    return made


def sample_create_items():
    request = ua.CreateMonitoredItemsRequest()
    request.Parameters.SubscriptionId = 1
    item = ua.MonitoredItemCreateRequest()
    item.ItemToMonitor.NodeId, item.ItemToMonitor.AttributeId = tag("mem.all.i32"), 13
    item.RequestedParameters.Filter = data_change_filter()
    request.Parameters.ItemsToCreate = [item]
    return request


def sample_event_item():
    request = sample_create_items()
    filter_ = ua.EventFilter()
    operand = ua.SimpleAttributeOperand()
    operand.TypeDefinitionId, operand.BrowsePath = ua.NodeId(2041), [ua.QualifiedName("Message", 0)]
    operand.AttributeId = 13
    filter_.SelectClauses = [operand]
    element = ua.ContentFilterElement()
    literal = ua.LiteralOperand()
    literal.Value = ua.Variant(1, ua.VariantType.Int32)
    element.FilterOperands = [literal, literal]
    filter_.WhereClause.Elements = [element]
    request.Parameters.ItemsToCreate[0].RequestedParameters.Filter = filter_
    return request


def sample_modify_items():
    request = ua.ModifyMonitoredItemsRequest()
    change = ua.MonitoredItemModifyRequest()
    change.RequestedParameters.Filter = data_change_filter()
    request.Parameters.ItemsToModify = [change]
    return request


def with_numbers(kind, *fields):
    def make():
        request = kind()
        for field in fields:
            setattr(request.Parameters, field, [1, 2])
        return request

    return make


def sample_publish():
    request = ua.PublishRequest()
    request.Parameters.SubscriptionAcknowledgements = [ua.SubscriptionAcknowledgement()]
    return request


def sample_create_session():
    request = ua.CreateSessionRequest()
    request.Parameters.EndpointUrl, request.Parameters.SessionName = "opc.tcp://x", "name"
    request.Parameters.ClientDescription.DiscoveryUrls = ["a", "b"]
    request.Parameters.ClientNonce, request.Parameters.ClientCertificate = b"x" * 32, b"y" * 40
    return request


def sample_activate_session():
    request = ua.ActivateSessionRequest()
    token = ua.UserNameIdentityToken()
    token.PolicyId, token.UserName, token.Password = "p", "user", b"secret"
    request.Parameters.UserIdentityToken = token
    request.Parameters.LocaleIds = ["en", "de"]
    return request


def sample_discovery(kind, field):
    def make():
        request = kind()
        request.Parameters.EndpointUrl = "opc.tcp://x"
        request.Parameters.LocaleIds = ["en"]
        setattr(request.Parameters, field, ["a", "b"])
        return request

    return make


SERVICES = {
    "FindServers": sample_discovery(ua.FindServersRequest, "ServerUris"),
    "GetEndpoints": sample_discovery(ua.GetEndpointsRequest, "ProfileUris"),
    "CreateSession": sample_create_session,
    "ActivateSession": sample_activate_session,
    "Cancel": ua.CancelRequest,
    "Browse": sample_browse,
    "BrowseNext": sample_browse_next,
    "TranslateBrowsePaths": sample_translate,
    "RegisterNodes": sample_register(ua.RegisterNodesRequest, "NodesToRegister"),
    "UnregisterNodes": sample_register(ua.UnregisterNodesRequest, "NodesToUnregister"),
    "Read": sample_read,
    "Write": sample_write,
    "Call": sample_call,
    "CreateSubscription": ua.CreateSubscriptionRequest,
    "ModifySubscription": ua.ModifySubscriptionRequest,
    "SetPublishingMode": with_numbers(ua.SetPublishingModeRequest, "SubscriptionIds"),
    "DeleteSubscriptions": with_numbers(ua.DeleteSubscriptionsRequest, "SubscriptionIds"),
    "TransferSubscriptions": with_numbers(ua.TransferSubscriptionsRequest, "SubscriptionIds"),
    "Publish": sample_publish,
    "Republish": ua.RepublishRequest,
    "CreateMonitoredItems": sample_create_items,
    "CreateMonitoredItems, events": sample_event_item,
    "ModifyMonitoredItems": sample_modify_items,
    "SetMonitoringMode": with_numbers(ua.SetMonitoringModeRequest, "MonitoredItemIds"),
    "DeleteMonitoredItems": with_numbers(ua.DeleteMonitoredItemsRequest, "MonitoredItemIds"),
    "SetTriggering": with_numbers(ua.SetTriggeringRequest, "LinksToAdd", "LinksToRemove"),
}
