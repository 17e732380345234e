//! Changes of history by clients (Part 11, 6.9), carried out on the thread that owns the store.

use std::sync::Arc;

use tagwire_history::{
    Annotation, Author, History, HistoryError, Moment, Span, Store, TagNumber, UpdateMode, UpdateOutcome,
};
use tagwire_model::{Sample, Status, Timestamp, Value};
use tagwire_ua_proto::services::{
    Annotation as AnnotationValue, DeleteAtTimeDetails, DeleteEventDetails, DeleteRawModifiedDetails,
    PerformUpdateType, UpdateDataDetails, UpdateEventDetails, UpdateStructureDataDetails,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ByteString, DataValue, ExtensionObject, NodeId, Variant};

use super::{annotation, given, history_status};
use crate::limits;

/// What is to be done to the history of one node.
#[derive(Debug)]
pub(crate) enum Update {
    /// Values to insert, replace or update.
    Values(UpdateMode, Vec<Result<Sample, Status>>),
    /// Annotations to insert, replace, update or remove.
    Annotations(PerformUpdateType, Vec<Result<Annotation, Status>>),
    /// A span of values to delete, without its end; one moment when both are equal.
    Range(Timestamp, Timestamp),
    /// Values to delete.
    Times(Vec<Timestamp>),
    /// Events to delete, by their ids.
    Events(Vec<ByteString>),
}

/// What became of an update.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) status: Status,
    /// One for each value or time.
    pub(crate) results: Vec<Status>,
    /// What stood there before, as far as auditors want to know.
    pub(crate) old: Vec<DataValue>,
}

/// The node and the change that details describe.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn parse(details: &ExtensionObject) -> Result<(NodeId, Result<Update, Status>), Status> {
    if let Some(update) = details.decode_as::<UpdateDataDetails>() {
        let UpdateDataDetails { node_id, perform_insert_replace, update_values } =
            update.map_err(|error| error.status())?;
        let mode = match perform_insert_replace {
            PerformUpdateType::INSERT => Ok(UpdateMode::Insert),
            PerformUpdateType::REPLACE => Ok(UpdateMode::Replace),
            PerformUpdateType::UPDATE => Ok(UpdateMode::Update),
            _ => Err(status::BAD_HISTORY_OPERATION_INVALID),
        };
        let values = || update_values.iter().map(sample).collect();
        return Ok((node_id, mode.and_then(|mode| bounded(update_values.len(), || Update::Values(mode, values())))));
    }
    if let Some(update) = details.decode_as::<UpdateStructureDataDetails>() {
        let UpdateStructureDataDetails { node_id, perform_insert_replace, update_values } =
            update.map_err(|error| error.status())?;
        let values = || update_values.iter().map(annotation_of).collect();
        let update = match perform_insert_replace {
            PerformUpdateType::INSERT
            | PerformUpdateType::REPLACE
            | PerformUpdateType::UPDATE
            | PerformUpdateType::REMOVE => {
                bounded(update_values.len(), || Update::Annotations(perform_insert_replace, values()))
            }
            _ => Err(status::BAD_HISTORY_OPERATION_INVALID),
        };
        return Ok((node_id, update));
    }
    if let Some(delete) = details.decode_as::<DeleteRawModifiedDetails>() {
        let delete = delete.map_err(|error| error.status())?;
        let update = match (given(delete.start_time), given(delete.end_time)) {
            // Who changed what must stay provable.
            _ if delete.is_delete_modified => Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED),
            (Some(start), Some(end)) if start <= end => Ok(Update::Range(start, end)),
            _ => Err(status::BAD_INVALID_TIMESTAMP_ARGUMENT),
        };
        return Ok((delete.node_id, update));
    }
    if let Some(delete) = details.decode_as::<DeleteAtTimeDetails>() {
        let DeleteAtTimeDetails { node_id, req_times } = delete.map_err(|error| error.status())?;
        return Ok((node_id, bounded(req_times.len(), || Update::Times(req_times))));
    }
    if let Some(delete) = details.decode_as::<DeleteEventDetails>() {
        let DeleteEventDetails { node_id, event_ids } = delete.map_err(|error| error.status())?;
        return Ok((node_id, Ok(Update::Events(event_ids))));
    }
    // What happened cannot be made to have been otherwise.
    if details.is::<UpdateEventDetails>() {
        return Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED);
    }
    Err(status::BAD_HISTORY_OPERATION_INVALID)
}

/// Whether one detail may be about so many things.
pub(crate) const fn check_count(n: usize) -> Result<(), Status> {
    match n {
        0 => Err(status::BAD_NOTHING_TO_DO),
        n if n > limits::MAX_HISTORY_TIMES => Err(Status::BAD_TOO_MANY_OPERATIONS),
        _ => Ok(()),
    }
}

fn bounded(n: usize, update: impl FnOnce() -> Update) -> Result<Update, Status> {
    check_count(n).map(|()| update())
}

fn time_of(value: &DataValue) -> Result<Timestamp, Status> {
    value.source_time.and_then(given).ok_or(status::BAD_INVALID_TIMESTAMP)
}

fn sample(value: &DataValue) -> Result<Sample, Status> {
    let source_time = time_of(value)?;
    let plain = match &value.value {
        Some(variant) => Value::try_from(variant).map_err(|error| error.status())?,
        None => Value::Null,
    };
    if plain == Value::Null && value.status().is_good() {
        return Err(Status::BAD_TYPE_MISMATCH);
    }
    let server_time = value.server_time.unwrap_or(Timestamp::NONE);
    Ok(Sample { value: plain, status: value.status(), source_time, server_time })
}

fn annotation_of(value: &DataValue) -> Result<Annotation, Status> {
    let time = time_of(value)?;
    let Some(Variant::ExtensionObject(object)) = &value.value else { return Err(Status::BAD_TYPE_MISMATCH) };
    let decoded = object.decode_as::<AnnotationValue>().ok_or(Status::BAD_TYPE_MISMATCH)?;
    let AnnotationValue { message, user_name, annotation_time } = decoded.map_err(|error| error.status())?;
    let text = |text: &str| -> Arc<str> { text.into() };
    Ok(Annotation { id: 0, time, message: text(&message), user: text(&user_name), annotation_time })
}

impl Update {
    /// Carries out what changes values; `wants_old` has what stood there before noted.
    pub(crate) fn carry_out(
        self,
        store: &mut Store,
        number: TagNumber,
        user: &Arc<str>,
        wants_old: bool,
        now: Moment,
    ) -> Done {
        let author = Author { user: Arc::clone(user), time: now.utc };
        let history = store.history();
        let old = if wants_old { self.old(&history, number).unwrap_or_default() } else { Vec::new() };
        let outcome = match self {
            Self::Values(mode, values) => update_values(store, number, mode, values, &author, now),
            Self::Annotations(perform, values) => annotate(store, number, perform, values, &author),
            Self::Range(start, end) if start == end => {
                store.delete_at(number, &[start], &author, now).map(|outcomes| Done {
                    status: if outcomes == [UpdateOutcome::Deleted] { Status::GOOD } else { status::GOOD_NO_DATA },
                    ..Done::default()
                })
            }
            Self::Range(start, end) => store
                .delete_range(number, start, end, &author, now)
                .map(|n| Done { status: if n > 0 { Status::GOOD } else { status::GOOD_NO_DATA }, ..Done::default() }),
            Self::Events(_) => Ok(Done { status: status::BAD_HISTORY_OPERATION_UNSUPPORTED, ..Done::default() }),
            Self::Times(times) => store
                .delete_at(number, &times, &author, now)
                .map(|outcomes| Done { results: outcomes.into_iter().map(result).collect(), ..Done::default() }),
        };
        match outcome {
            Ok(done) => Done { old, ..done },
            Err(error) => Done { status: history_status(&error), ..Done::default() },
        }
    }

    /// The values and annotations that it concerns, as they are now.
    fn old(&self, history: &History, number: TagNumber) -> Result<Vec<DataValue>, HistoryError> {
        let most = limits::MAX_AUDITED_OLD_VALUES;
        let mut old = Vec::new();
        let mut at = |span| -> Result<bool, HistoryError> {
            let mut cursor = history.read(number, span)?;
            while let Some(view) = cursor.next(most)? {
                old.extend((0..view.len()).filter_map(|idx| view.sample(idx)).map(|sample| DataValue::from(&sample)));
                if old.len() >= most {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match self {
            Self::Values(_, values) => {
                for sample in values.iter().flatten() {
                    if at(Span::at(sample.source_time))? {
                        break;
                    }
                }
            }
            Self::Times(times) => {
                for time in times {
                    if at(Span::at(*time))? {
                        break;
                    }
                }
            }
            Self::Events(_) => {}
            Self::Range(start, end) => {
                at(Span::between(*start, *end))?;
            }
            Self::Annotations(_, values) => {
                for value in values.iter().flatten().take(most) {
                    let found = history.annotations(number, value.time, value.time)?;
                    old.extend(found.iter().map(|found| DataValue {
                        source_time: Some(found.time),
                        ..DataValue::new(annotation::variant(found))
                    }));
                }
            }
        }
        old.truncate(most);
        Ok(old)
    }

    /// The values that a client sent, as far as auditors want to know.
    pub(crate) fn new_values(&self) -> Vec<DataValue> {
        let most = limits::MAX_AUDITED_OLD_VALUES;
        match self {
            Self::Values(_, values) => values.iter().flatten().take(most).map(DataValue::from).collect(),
            Self::Annotations(_, values) => {
                let value = |found: &Annotation| DataValue {
                    source_time: Some(found.time),
                    ..DataValue::new(annotation::variant(found))
                };
                values.iter().flatten().take(most).map(value).collect()
            }
            Self::Range(..) | Self::Times(_) | Self::Events(_) => Vec::new(),
        }
    }
}

fn result(outcome: UpdateOutcome) -> Status {
    match outcome {
        UpdateOutcome::Inserted => status::GOOD_ENTRY_INSERTED,
        UpdateOutcome::Replaced => status::GOOD_ENTRY_REPLACED,
        UpdateOutcome::Deleted => Status::GOOD,
        UpdateOutcome::Exists => status::BAD_ENTRY_EXISTS,
        UpdateOutcome::Missing => status::BAD_NO_ENTRY_EXISTS,
        UpdateOutcome::WrongType => Status::BAD_TYPE_MISMATCH,
    }
}

fn update_values(
    store: &mut Store,
    number: TagNumber,
    mode: UpdateMode,
    values: Vec<Result<Sample, Status>>,
    author: &Author,
    now: Moment,
) -> Result<Done, HistoryError> {
    let refused: Vec<Option<Status>> = values.iter().map(|value| value.as_ref().err().copied()).collect();
    let samples: Vec<Sample> = values.into_iter().flatten().collect();
    let mut outcomes = store.update(number, mode, &samples, author, now)?.into_iter();
    let results = refused.into_iter().map(|refused| match refused {
        Some(status) => status,
        None => outcomes.next().map_or(Status::BAD_INTERNAL_ERROR, result),
    });
    Ok(Done { results: results.collect(), ..Done::default() })
}

/// Annotations are told apart by the time they belong to, their user and when they were made.
fn annotate(
    store: &mut Store,
    number: TagNumber,
    perform: PerformUpdateType,
    values: Vec<Result<Annotation, Status>>,
    author: &Author,
) -> Result<Done, HistoryError> {
    let history = store.history();
    let mut results = Vec::with_capacity(values.len());
    for value in values {
        let mut value = match value {
            Ok(value) => value,
            Err(status) => {
                results.push(status);
                continue;
            }
        };
        if value.user.is_empty() {
            value.user = Arc::clone(&author.user);
        }
        if given(value.annotation_time).is_none() {
            value.annotation_time = author.time;
        }
        let known = history.annotations(number, value.time, value.time)?;
        let same = |other: &&Annotation| other.user == value.user && other.annotation_time == value.annotation_time;
        let known = known.iter().find(same).map(|known| known.id);
        let is_removed = perform == PerformUpdateType::REMOVE;
        let outcome = match (perform, known) {
            (PerformUpdateType::INSERT, Some(_)) => UpdateOutcome::Exists,
            (PerformUpdateType::REPLACE | PerformUpdateType::REMOVE, None) => UpdateOutcome::Missing,
            (_, known) => {
                value.id = known.unwrap_or(0);
                store.annotate(number, &value, is_removed, author)?;
                match known {
                    _ if is_removed => UpdateOutcome::Deleted,
                    Some(_) => UpdateOutcome::Replaced,
                    None => UpdateOutcome::Inserted,
                }
            }
        };
        results.push(result(outcome));
    }
    Ok(Done { results, ..Done::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_change_of_values_is_refused() {
        let refused = |details: &ExtensionObject| match parse(details) {
            Ok((_, update)) => update.err(),
            Err(status) => Some(status),
        };
        assert_eq!(refused(&ExtensionObject::default()), Some(status::BAD_HISTORY_OPERATION_INVALID));
        let events = ExtensionObject::new(&UpdateEventDetails::default());
        assert_eq!(refused(&events), Some(status::BAD_HISTORY_OPERATION_UNSUPPORTED));
        let nothing = ExtensionObject::new(&DeleteAtTimeDetails::default());
        assert_eq!(refused(&nothing), Some(status::BAD_NOTHING_TO_DO));
        let times = vec![Timestamp::from_ticks(5); limits::MAX_HISTORY_TIMES + 1];
        let many = ExtensionObject::new(&DeleteAtTimeDetails { req_times: times, ..Default::default() });
        assert_eq!(refused(&many), Some(Status::BAD_TOO_MANY_OPERATIONS));
        let endless = ExtensionObject::new(&DeleteRawModifiedDetails::default());
        assert_eq!(refused(&endless), Some(status::BAD_INVALID_TIMESTAMP_ARGUMENT));
    }
}
