//! Diagnostics of a response for clients that ask for them (Part 4, 7.12): the name of each status in words, and nothing
//! of the server's insides.

use tagwire_model::Status;
use tagwire_ua_proto::codec::{Decode, Encode, Reader};
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::{
    BrowseNextResponse, BrowseResponse, CallResponse, CreateMonitoredItemsResponse, DeleteMonitoredItemsResponse,
    DeleteSubscriptionsResponse, ModifyMonitoredItemsResponse, ReadResponse, ResponseHeader, ServiceFault,
    SetMonitoringModeResponse, SetPublishingModeResponse, TransferSubscriptionsResponse,
    TranslateBrowsePathsToNodeIdsResponse, WriteResponse,
};
use tagwire_ua_proto::types::{DiagnosticInfo, IdentifierRef, NodeId, NodeIdRef, Structure, UaString};

/// Bits of `returnDiagnostics`: a name and a text for the service as a whole, and for each operation.
const SERVICE_NAME: u32 = 0x01;
const SERVICE_TEXT: u32 = 0x02;
const OPERATION_NAME: u32 = 0x20;
const OPERATION_TEXT: u32 = 0x40;

/// The texts that the diagnostics of one response point to, each once.
#[derive(Default)]
struct Texts(Vec<UaString>);

impl Texts {
    fn index(&mut self, text: &str) -> Option<i32> {
        let at = self.0.iter().position(|known| known.as_str() == text).unwrap_or_else(|| {
            self.0.push(UaString::from(text));
            self.0.len() - 1
        });
        i32::try_from(at).ok()
    }

    /// What there is to say about a status; nothing about a good one.
    fn describe(&mut self, status: Status, with_name: bool, with_text: bool) -> DiagnosticInfo {
        if !status.is_bad() {
            return DiagnosticInfo::default();
        }
        let name = tagwire_ua_proto::status::name(status).unwrap_or("Bad");
        DiagnosticInfo {
            symbolic_id: if with_name { self.index(name) } else { None },
            localized_text: if with_text { self.index(&in_words(name)) } else { None },
            ..DiagnosticInfo::default()
        }
    }
}

/// `BadNodeIdUnknown` becomes `bad node id unknown`.
fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// A response with one status per operation.
trait Results: Structure + for<'a> Decode<'a> + Encode {
    fn describe(&mut self, with_name: bool, with_text: bool);
}

macro_rules! results {
    ($($response:ident($status:expr);)*) => {
        $(impl Results for $response {
            fn describe(&mut self, with_name: bool, with_text: bool) {
                let mut texts = Texts::default();
                let status: fn(&_) -> Status = $status;
                if !self.results.iter().any(|result| status(result).is_bad()) {
                    return;
                }
                self.diagnostic_infos =
                    self.results.iter().map(|result| texts.describe(status(result), with_name, with_text)).collect();
                self.response_header.string_table = texts.0;
            }
        })*
    };
}

results! {
    ReadResponse(|result: &tagwire_ua_proto::types::DataValue| result.status.unwrap_or_default());
    WriteResponse(|status: &Status| *status);
    BrowseResponse(|result: &tagwire_ua_proto::services::BrowseResult| result.status_code);
    BrowseNextResponse(|result: &tagwire_ua_proto::services::BrowseResult| result.status_code);
    TranslateBrowsePathsToNodeIdsResponse(|result: &tagwire_ua_proto::services::BrowsePathResult| result.status_code);
    CallResponse(|result: &tagwire_ua_proto::services::CallMethodResult| result.status_code);
    CreateMonitoredItemsResponse(|result: &tagwire_ua_proto::services::MonitoredItemCreateResult| result.status_code);
    ModifyMonitoredItemsResponse(|result: &tagwire_ua_proto::services::MonitoredItemModifyResult| result.status_code);
    SetMonitoringModeResponse(|status: &Status| *status);
    DeleteMonitoredItemsResponse(|status: &Status| *status);
    SetPublishingModeResponse(|status: &Status| *status);
    TransferSubscriptionsResponse(|result: &tagwire_ua_proto::services::TransferResult| result.status_code);
    DeleteSubscriptionsResponse(|status: &Status| *status);
}

/// Adds to the response that begins at `start` of `out` what the client asked for, unless it would be longer than `max`
/// bytes then; one without errors stays as it is.
#[cold]
pub(super) fn add(wanted: u32, max: usize, start: usize, out: &mut Vec<u8>) {
    let Some(body) = out.get(start..) else { return };
    let mut reader = Reader::new(body);
    let Ok(NodeIdRef { namespace: 0, identifier: IdentifierRef::Numeric(id) }) = NodeIdRef::decode(&mut reader) else {
        return;
    };
    let rest = reader.rest();
    if id == ids::SERVICE_FAULT {
        if wanted & (SERVICE_NAME | SERVICE_TEXT) != 0
            && let Ok(mut fault) = ServiceFault::from_bytes(rest)
        {
            describe_fault(&mut fault.response_header, wanted);
            replace(&fault, max, start, out);
        }
        return;
    }
    if wanted & (OPERATION_NAME | OPERATION_TEXT) == 0 {
        return;
    }
    match id {
        ids::READ_RESPONSE => describe::<ReadResponse>(wanted, max, start, out),
        ids::WRITE_RESPONSE => describe::<WriteResponse>(wanted, max, start, out),
        ids::BROWSE_RESPONSE => describe::<BrowseResponse>(wanted, max, start, out),
        ids::BROWSE_NEXT_RESPONSE => describe::<BrowseNextResponse>(wanted, max, start, out),
        ids::TRANSLATE_BROWSE_PATHS_TO_NODE_IDS_RESPONSE => {
            describe::<TranslateBrowsePathsToNodeIdsResponse>(wanted, max, start, out);
        }
        ids::CALL_RESPONSE => describe::<CallResponse>(wanted, max, start, out),
        ids::CREATE_MONITORED_ITEMS_RESPONSE => describe::<CreateMonitoredItemsResponse>(wanted, max, start, out),
        ids::MODIFY_MONITORED_ITEMS_RESPONSE => describe::<ModifyMonitoredItemsResponse>(wanted, max, start, out),
        ids::SET_MONITORING_MODE_RESPONSE => describe::<SetMonitoringModeResponse>(wanted, max, start, out),
        ids::DELETE_MONITORED_ITEMS_RESPONSE => describe::<DeleteMonitoredItemsResponse>(wanted, max, start, out),
        ids::SET_PUBLISHING_MODE_RESPONSE => describe::<SetPublishingModeResponse>(wanted, max, start, out),
        ids::TRANSFER_SUBSCRIPTIONS_RESPONSE => describe::<TransferSubscriptionsResponse>(wanted, max, start, out),
        ids::DELETE_SUBSCRIPTIONS_RESPONSE => describe::<DeleteSubscriptionsResponse>(wanted, max, start, out),
        _ => {}
    }
}

fn describe_fault(header: &mut ResponseHeader, wanted: u32) {
    let mut texts = Texts::default();
    let (with_name, with_text) = (wanted & SERVICE_NAME != 0, wanted & SERVICE_TEXT != 0);
    header.service_diagnostics = texts.describe(header.service_result, with_name, with_text);
    header.string_table = texts.0;
}

fn describe<T: Results>(wanted: u32, max: usize, start: usize, out: &mut Vec<u8>) {
    let mut reader = Reader::new(&out[start..]);
    if NodeIdRef::decode(&mut reader).is_err() {
        return;
    }
    if let Ok(mut response) = T::from_bytes(reader.rest()) {
        response.describe(wanted & OPERATION_NAME != 0, wanted & OPERATION_TEXT != 0);
        replace(&response, max, start, out);
    }
}

fn replace<T: Structure + Encode>(response: &T, max: usize, start: usize, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    NodeId::ns0(T::ENCODING_ID).encode(&mut body);
    response.encode(&mut body);
    if body.len() <= max {
        out.truncate(start);
        out.extend_from_slice(&body);
    }
}
