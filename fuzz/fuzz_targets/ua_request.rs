//! Every request, response and structure, chosen by the first two bytes; the rest is its body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_ua_proto::codec::Decode;
use tagwire_ua_proto::hot::{PublishRequestRef, ReadRequestRef, WriteRequestRef};
use tagwire_ua_proto::services::*;
use tagwire_ua_proto::types::Structure;

fn round_trip<T: Structure>(data: &[u8]) -> Option<T> {
    let value = T::from_bytes(data).ok()?;
    let bytes = value.to_bytes();
    let again = T::from_bytes(&bytes).expect("own bytes decode");
    assert_eq!(again.to_bytes(), bytes);
    Some(value)
}

macro_rules! structures {
    ($($name:ident),*) => {
        const DECODERS: &[fn(&[u8])] = &[$(|data| { round_trip::<$name>(data); }),*];
    };
}

structures! {
    ActivateSessionRequest, ActivateSessionResponse, AggregateConfiguration, AggregateFilter, AggregateFilterResult,
    Annotation, AnonymousIdentityToken, ApplicationDescription, Argument, AttributeOperand, AxisInformation,
    BrowseDescription, BrowseNextRequest, BrowseNextResponse, BrowsePath, BrowsePathResult, BrowsePathTarget,
    BrowseRequest, BrowseResponse, BrowseResult, BuildInfo, CallMethodRequest, CallMethodResult, CallRequest,
    CallResponse, CancelRequest, CancelResponse, ChannelSecurityToken, CloseSecureChannelRequest,
    CloseSecureChannelResponse, CloseSessionRequest, CloseSessionResponse, ComplexNumberType, ContentFilter,
    ContentFilterElement, ContentFilterElementResult, ContentFilterResult, CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse, CreateSessionRequest, CreateSessionResponse, CreateSubscriptionRequest,
    CreateSubscriptionResponse, DataChangeFilter, DataChangeNotification, DeleteAtTimeDetails, DeleteEventDetails,
    DeleteMonitoredItemsRequest, DeleteMonitoredItemsResponse, DeleteRawModifiedDetails, DeleteSubscriptionsRequest,
    DeleteSubscriptionsResponse, DoubleComplexNumberType, EUInformation, ElementOperand, EndpointDescription,
    EndpointUrlListDataType, EnumDefinition, EnumField, EnumValueType, EventFieldList, EventFilter,
    EventFilterResult, EventNotificationList, FindServersOnNetworkRequest, FindServersOnNetworkResponse,
    FindServersRequest, FindServersResponse, GetEndpointsRequest, GetEndpointsResponse, HistoryData, HistoryEvent,
    HistoryEventFieldList, HistoryModifiedData, HistoryReadRequest, HistoryReadResponse, HistoryReadResult,
    HistoryReadValueId, HistoryUpdateRequest, HistoryUpdateResponse, HistoryUpdateResult, IdentityMappingRuleType,
    IssuedIdentityToken, LiteralOperand, MdnsDiscoveryConfiguration, ModelChangeStructureDataType, ModificationInfo,
    ModifyMonitoredItemsRequest, ModifyMonitoredItemsResponse, ModifySubscriptionRequest, ModifySubscriptionResponse,
    MonitoredItemCreateRequest, MonitoredItemCreateResult, MonitoredItemModifyRequest, MonitoredItemModifyResult,
    MonitoredItemNotification, MonitoringParameters, NetworkGroupDataType, NotificationMessage,
    OpenSecureChannelRequest, OpenSecureChannelResponse, PublishRequest, PublishResponse, Range, ReadAtTimeDetails,
    ReadEventDetails, ReadProcessedDetails, ReadRawModifiedDetails, ReadRequest, ReadResponse, ReadValueId,
    RedundantServerDataType, ReferenceDescription, RegisterNodesRequest, RegisterNodesResponse,
    RegisterServer2Request, RegisterServer2Response, RegisterServerRequest, RegisterServerResponse, RegisteredServer,
    RelativePath, RelativePathElement, RepublishRequest, RepublishResponse, RolePermissionType,
    SamplingIntervalDiagnosticsDataType, SemanticChangeStructureDataType, ServerDiagnosticsSummaryDataType,
    ServerOnNetwork, ServerStatusDataType, ServiceCounterDataType, SessionDiagnosticsDataType,
    SessionSecurityDiagnosticsDataType, SetMonitoringModeRequest, SetMonitoringModeResponse,
    SetPublishingModeRequest, SetPublishingModeResponse, SetTriggeringRequest, SetTriggeringResponse, SignatureData,
    SignedSoftwareCertificate, SimpleAttributeOperand, StatusChangeNotification, StatusResult, StructureDefinition,
    StructureField, SubscriptionAcknowledgement, SubscriptionDiagnosticsDataType, TimeZoneDataType, TransferResult,
    TransferSubscriptionsRequest, TransferSubscriptionsResponse, TranslateBrowsePathsToNodeIdsRequest,
    TranslateBrowsePathsToNodeIdsResponse, UnregisterNodesRequest, UnregisterNodesResponse, UpdateDataDetails,
    UpdateEventDetails, UpdateStructureDataDetails, UserNameIdentityToken, UserTokenPolicy, ViewDescription,
    WriteRequest, WriteResponse, WriteValue, X509IdentityToken, XVType, ServiceFault
}

fuzz_target!(|data: &[u8]| {
    let Some((which, body)) = data.split_first_chunk() else {
        return;
    };
    DECODERS[usize::from(u16::from_le_bytes(*which)) % DECODERS.len()](body);
    if let Some(request) = round_trip::<ReadRequest>(body) {
        let view = ReadRequestRef::from_bytes(body).expect("the view decodes too");
        assert_eq!(view.nodes().filter(|node| node.is_ok()).count(), request.nodes_to_read.len());
    }
    if let Some(request) = round_trip::<WriteRequest>(body) {
        let view = WriteRequestRef::from_bytes(body).expect("the view decodes too");
        assert_eq!((view.check(), view.n_nodes()), (Ok(()), request.nodes_to_write.len()));
    }
    if let Some(request) = round_trip::<PublishRequest>(body) {
        let view = PublishRequestRef::from_bytes(body).expect("the view decodes too");
        assert_eq!(view.acknowledgements().count(), request.subscription_acknowledgements.len());
    }
    if let Ok(view) = ReadRequestRef::from_bytes(body) {
        view.nodes().for_each(drop);
    }
    if let Ok(view) = WriteRequestRef::from_bytes(body) {
        view.nodes().for_each(drop);
    }
});
