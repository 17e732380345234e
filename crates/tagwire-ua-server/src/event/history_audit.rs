//! Audit events of changes of history (Part 5, 6.4.20 to 6.4.26; Part 11, 5.8).

use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::ids::{data_type, node};
use tagwire_ua_proto::services::{
    DeleteAtTimeDetails, DeleteEventDetails, DeleteRawModifiedDetails, PerformUpdateType, UpdateDataDetails,
    UpdateStructureDataDetails,
};
use tagwire_ua_proto::types::{ByteString, DataValue, ExtensionObject, NodeId, Variant, VariantItems};

use super::audit::{Actor, event, outcome};
use super::{NewEvent, Source};
use crate::history::{Done, Update};
use crate::limits;
use crate::server::Server;

/// What was asked for, as far as an event tells it.
pub(crate) struct HistoryChange {
    event_type: u32,
    details_type: u32,
    fields: Vec<(&'static str, Variant)>,
}

impl HistoryChange {
    /// Notes a change before it is carried out.
    pub(crate) fn of(details: &ExtensionObject, update: Option<&Update>) -> Self {
        let new = update.map(Update::new_values).unwrap_or_default();
        let perform = |perform: PerformUpdateType| {
            vec![("PerformInsertReplace", perform.into()), ("NewValues", values(new.clone()))]
        };
        if let Some(Ok(update)) = details.decode_as::<UpdateDataDetails>() {
            return Self {
                event_type: node::AUDIT_HISTORY_VALUE_UPDATE_EVENT_TYPE,
                details_type: data_type::UPDATE_DATA_DETAILS,
                fields: perform(update.perform_insert_replace),
            };
        }
        if let Some(Ok(update)) = details.decode_as::<UpdateStructureDataDetails>() {
            return Self {
                event_type: node::AUDIT_HISTORY_ANNOTATION_UPDATE_EVENT_TYPE,
                details_type: data_type::UPDATE_STRUCTURE_DATA_DETAILS,
                fields: perform(update.perform_insert_replace),
            };
        }
        if let Some(Ok(delete)) = details.decode_as::<DeleteRawModifiedDetails>() {
            return Self {
                event_type: node::AUDIT_HISTORY_RAW_MODIFY_DELETE_EVENT_TYPE,
                details_type: data_type::DELETE_RAW_MODIFIED_DETAILS,
                fields: vec![
                    ("IsDeleteModified", delete.is_delete_modified.into()),
                    ("StartTime", delete.start_time.into()),
                    ("EndTime", delete.end_time.into()),
                ],
            };
        }
        if let Some(Ok(delete)) = details.decode_as::<DeleteEventDetails>() {
            let ids: Vec<ByteString> = delete.event_ids.into_iter().take(limits::MAX_AUDITED_OLD_VALUES).collect();
            return Self {
                event_type: node::AUDIT_HISTORY_EVENT_DELETE_EVENT_TYPE,
                details_type: data_type::DELETE_EVENT_DETAILS,
                fields: vec![("EventIds", VariantItems::ByteString(ids).into())],
            };
        }
        let delete = details.decode_as::<DeleteAtTimeDetails>().and_then(Result::ok).unwrap_or_default();
        let times: Vec<Timestamp> = delete.req_times.into_iter().take(limits::MAX_AUDITED_OLD_VALUES).collect();
        Self {
            event_type: node::AUDIT_HISTORY_AT_TIME_DELETE_EVENT_TYPE,
            details_type: data_type::DELETE_AT_TIME_DETAILS,
            fields: vec![("ReqTimes", times.into())],
        }
    }
}

fn values(values: Vec<DataValue>) -> Variant {
    VariantItems::DataValue(values).into()
}

/// History was changed or the change was refused.
pub(crate) fn history_changed(server: &Server, actor: &Actor, node_id: NodeId, change: HistoryChange, done: &Done) {
    let HistoryChange { event_type, details_type, fields } = change;
    let first_bad = done.results.iter().copied().find(|result| result.is_bad());
    let all_bad = !done.results.is_empty() && done.results.iter().all(|result| result.is_bad());
    let status: Status = first_bad.filter(|_| all_bad).unwrap_or(done.status);
    let message = format!("change of the history of {node_id} {}", outcome(status));
    let source = Source::node(node_id.clone(), "Attribute/HistoryUpdate");
    let event: NewEvent = event(server, event_type, source, actor, status, message);
    let event = event
        .with("ParameterDataTypeId", NodeId::ns0(details_type))
        .with("UpdatedNode", node_id)
        .with("OldValues", values(done.old.clone()));
    server.events().emit(fields.into_iter().fold(event, |event, (name, value)| event.with(name, value)));
}
