//! Every structure goes out and comes back, and a second implementation reads and writes the same bytes.

use opcua_types::{BinaryDecodable, BinaryEncodable, ContextOwned};
use tagwire_model::{Status, Timestamp};

use super::{
    ApplicationType, AxisScaleEnumeration, BrowseDirection, CloseSessionRequest, DataChangeTrigger, FilterOperator,
    HistoryUpdateType, IdentityCriteriaType, MessageSecurityMode, MonitoringMode, NodeClass, PerformUpdateType, Range,
    RequestHeader, ResponseHeader, SecurityTokenRequestType, ServerState, StructureType, TimestampsToReturn,
    UserTokenType, read_message_id, write_message,
};
use super::{
    additional, attribute, channel, data, definition, diagnostics, discovery, filter, header, history, method,
    monitored_item, session, subscription, trust, view,
};
use crate::codec::{Decode, DecodeError, Encode, Reader};
use crate::types::{
    ByteString, DataValue, DiagnosticInfo, ExpandedNodeId, ExtensionObject, Guid, LocalizedText, NodeId, QualifiedName,
    Structure, UaString, Variant,
};

/// A value that differs from the default, for each type that a field can have.
pub(super) trait Sample {
    fn sample() -> Self;
}

macro_rules! samples {
    ($($ty:ty = $value:expr;)*) => {
        $(impl Sample for $ty {
            fn sample() -> Self {
                $value
            }
        })*
    };
}

samples! {
    bool = true;
    u8 = 0x81;
    u16 = 0x8182;
    i16 = -2;
    // A number that is a mask too, because the other implementation drops bits without a meaning.
    u32 = 0x0102;
    // A rank, because the other implementation drops array dimensions without one.
    i32 = 2;
    i64 = -4;
    f32 = -1.5;
    f64 = 2.5;
    Status = Status::BAD_TIMEOUT;
    Timestamp = Timestamp::from_ticks(132_000_000_000_000_001);
    // A text that is a range too, because the other implementation reads ranges as such.
    UaString = "17".into();
    ByteString = vec![1, 2, 3].into();
    Guid = Guid([9; 16]);
    NodeId = NodeId::string(2, "line1.press.temp");
    ExpandedNodeId = ExpandedNodeId { node_id: NodeId::ns0(70_000), namespace_uri: "urn:x".into(), server_index: 4 };
    QualifiedName = QualifiedName::new(3, "name");
    LocalizedText = LocalizedText::with_locale("en", "text");
    ExtensionObject = ExtensionObject::new(&Range { low: 1.0, high: 2.0 });
    Variant = vec![Variant::from(1.5_f32), Variant::from("a"), vec![1_i16, 2].into()].into();
    DataValue = DataValue {
        value: Some(7_u8.into()),
        status: Some(Status::BAD_TIMEOUT),
        source_time: Some(Timestamp::sample()),
        source_picos: Some(5),
        server_time: Some(Timestamp::sample()),
        server_picos: Some(6),
    };
    DiagnosticInfo = DiagnosticInfo {
        symbolic_id: Some(1),
        namespace_uri: Some(2),
        locale: Some(3),
        localized_text: Some(4),
        additional_info: Some("info".into()),
        inner_status: Some(Status::BAD),
        inner: Some(Box::default()),
    };
    RequestHeader = RequestHeader {
        authentication_token: NodeId::opaque(1, [4_u8; 32]),
        timestamp: Timestamp::sample(),
        request_handle: 5,
        return_diagnostics: 0x3F,
        audit_entry_id: "audit".into(),
        timeout_hint: 6,
        additional_header: ExtensionObject::default(),
    };
    ResponseHeader = ResponseHeader {
        timestamp: Timestamp::sample(),
        request_handle: 7,
        service_result: Status::BAD_TIMEOUT,
        service_diagnostics: DiagnosticInfo::sample(),
        string_table: vec!["a".into(), UaString::NULL],
        additional_header: ExtensionObject::default(),
    };
    ApplicationType = ApplicationType::CLIENT;
    MessageSecurityMode = MessageSecurityMode::SIGN_AND_ENCRYPT;
    UserTokenType = UserTokenType::CERTIFICATE;
    SecurityTokenRequestType = SecurityTokenRequestType::RENEW;
    NodeClass = NodeClass::VARIABLE;
    BrowseDirection = BrowseDirection::BOTH;
    TimestampsToReturn = TimestampsToReturn::BOTH;
    MonitoringMode = MonitoringMode::REPORTING;
    DataChangeTrigger = DataChangeTrigger::STATUS_VALUE;
    FilterOperator = FilterOperator::LIKE;
    HistoryUpdateType = HistoryUpdateType::REPLACE;
    PerformUpdateType = PerformUpdateType::REPLACE;
    ServerState = ServerState::SHUTDOWN;
    StructureType = StructureType::UNION;
    AxisScaleEnumeration = AxisScaleEnumeration::LOG;
    IdentityCriteriaType = IdentityCriteriaType::ROLE;
}

impl<T: Sample> Sample for Vec<T> {
    fn sample() -> Self {
        vec![T::sample(), T::sample()]
    }
}

pub(super) fn check<T, Other>(name: &str)
where
    T: Structure + Sample + Default + PartialEq + std::fmt::Debug,
    Other: BinaryEncodable + BinaryDecodable,
{
    for value in [T::default(), T::sample()] {
        let bytes = value.to_bytes();
        assert_eq!(T::from_bytes(&bytes), Ok(value), "{name}");
        for len in 0..bytes.len() {
            assert!(T::from_bytes(&bytes[..len]).is_err(), "{name} cut at {len}");
        }
        hostile_lengths::<T>(&bytes);
    }
    // The default has numbers that some enumerations do not know, which the other implementation refuses.
    let bytes = T::sample().to_bytes();
    let context = ContextOwned::default();
    let other = Other::decode(&mut &bytes[..], &context.context());
    let other = other.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(other.encode_to_vec(&context.context()), bytes, "{name}");
}

/// Puts an enormous length at every place: whatever it means there, nothing may panic or take memory for it.
fn hostile_lengths<T: Structure>(bytes: &[u8]) {
    for at in 0..bytes.len().saturating_sub(4) {
        for len in [i32::MAX, i32::MIN, 0x00FF_FFFF] {
            let mut hostile = bytes.to_vec();
            hostile[at..at + 4].copy_from_slice(&len.to_le_bytes());
            let _ = T::decode(&mut Reader::with_budget(&hostile, 1 << 20));
        }
    }
}

#[test]
fn every_structure_round_trips_and_agrees_with_another_implementation() {
    additional::check_all();
    attribute::check_all();
    channel::check_all();
    data::check_all();
    definition::check_all();
    diagnostics::check_all();
    discovery::check_all();
    filter::check_all();
    header::check_all();
    history::check_all();
    method::check_all();
    monitored_item::check_all();
    session::check_all();
    subscription::check_all();
    trust::check_all();
    view::check_all();
}

#[test]
fn numbers_of_enumerations_that_do_not_exist_are_kept() {
    let strange = BrowseDirection::from_bytes(&3_i32.to_bytes()).expect("decodes");
    assert_eq!((strange, strange.is_known(), strange.name()), (BrowseDirection(3), true, Some("Invalid")));
    let strange = TimestampsToReturn::from_bytes(&99_i32.to_bytes()).expect("decodes");
    assert_eq!((strange.0, strange.is_known(), strange.name()), (99, false, None));
    assert_eq!(MonitoringMode::REPORTING.name(), Some("Reporting"));
}

#[test]
fn a_message_starts_with_the_id_of_its_encoding() {
    let mut out = Vec::new();
    write_message(&CloseSessionRequest::default(), &mut out);
    assert_eq!(out[..4], [1, 0, 0xD9, 1]);
    let mut reader = Reader::new(&out);
    assert_eq!(read_message_id(&mut reader), Ok(Some(CloseSessionRequest::ENCODING_ID)));
    assert_eq!(CloseSessionRequest::decode(&mut reader), Ok(CloseSessionRequest::default()));
    let foreign = NodeId::numeric(1, 473).to_bytes();
    assert_eq!(read_message_id(&mut Reader::new(&foreign)), Ok(None));
    assert_eq!(read_message_id(&mut Reader::new(&[])), Err(DecodeError::End));
}
