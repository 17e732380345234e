//! Events of a node, through a bounded queue (OPC UA Part 4, 7.22.3).

use std::time::Duration;

use opcua_types::{
    AttributeId, EventFilter, ExtensionObject, MonitoredItemCreateRequest, MonitoringMode, MonitoringParameters,
    NodeId, ObjectTypeId, QualifiedName, ReadValueId, SimpleAttributeOperand,
};
use tagwire_model::Value;

use crate::subscription::Notified;
use crate::{Client, Error, Subscription, value};

/// Events that wait for the reader.
const QUEUE: usize = 10_000;
/// Events that the server keeps between two notifications.
const SERVER_QUEUE: u32 = 1_000;
/// Most fields that are asked for.
const MAX_FIELDS: usize = 100;

/// One event, field by field in the order asked for; [`Value::Null`] for a field that it does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The fields.
    pub fields: Vec<Value>,
}

impl Client {
    /// Listens to the events that `source` tells, all of them at the Server object (`i=2253`).
    ///
    /// A field is a browse path from the event's type, its steps separated by `/`, such as `Severity` or
    /// `EnabledState/Id`; a step of another namespace than 0 is written `2:Name`.
    ///
    /// # Errors
    /// [`Error::Options`] for a field without a name; [`Error`] when the subscription as a whole failed. Whether the
    /// node tells events is in [`Subscription::results`].
    pub async fn events(
        &self,
        source: &NodeId,
        fields: &[&str],
        interval: Duration,
    ) -> Result<Subscription<Event>, Error> {
        if fields.is_empty() || fields.len() > MAX_FIELDS {
            return Err(Error::Options(format!("an event has 1 to {MAX_FIELDS} fields")));
        }
        let clauses = fields.iter().map(|field| clause(field)).collect::<Result<Vec<_>, Error>>()?;
        let filter = EventFilter { select_clauses: Some(clauses), ..EventFilter::default() };
        let make = |_, client_handle| {
            Some(MonitoredItemCreateRequest {
                item_to_monitor: ReadValueId {
                    node_id: source.clone(),
                    attribute_id: AttributeId::EventNotifier as u32,
                    ..ReadValueId::default()
                },
                monitoring_mode: MonitoringMode::Reporting,
                requested_parameters: MonitoringParameters {
                    client_handle,
                    filter: ExtensionObject::from_message(filter.clone()),
                    queue_size: SERVER_QUEUE,
                    discard_oldest: true,
                    ..MonitoringParameters::default()
                },
            })
        };
        self.monitor(1, QUEUE, interval, make, to_event).await
    }
}

fn to_event(_: usize, notified: Notified) -> Option<Event> {
    match notified {
        Notified::Event(fields) => Some(Event { fields: fields.iter().map(value::to_value).collect() }),
        Notified::Value(_) => None,
    }
}

fn clause(field: &str) -> Result<SimpleAttributeOperand, Error> {
    let steps = field.split('/').map(step).collect::<Option<Vec<_>>>();
    let browse_path = steps.ok_or_else(|| Error::Options(format!("\"{field}\" names no field of an event")))?;
    Ok(SimpleAttributeOperand {
        type_definition_id: ObjectTypeId::BaseEventType.into(),
        browse_path: Some(browse_path),
        attribute_id: AttributeId::Value as u32,
        ..SimpleAttributeOperand::default()
    })
}

fn step(text: &str) -> Option<QualifiedName> {
    let (namespace, name) = match text.split_once(':') {
        Some((digits, name)) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            (digits.parse().ok()?, name)
        }
        _ => (0, text),
    };
    (!name.is_empty()).then(|| QualifiedName::new(namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_path_of_names() {
        for (text, expected) in [
            ("Severity", Some(vec![(0, "Severity")])),
            ("EnabledState/Id", Some(vec![(0, "EnabledState"), (0, "Id")])),
            ("2:Batch/3:Lot", Some(vec![(2, "Batch"), (3, "Lot")])),
            (":x", Some(vec![(0, ":x")])),
            ("", None),
            ("a//b", None),
            ("70000:a", None),
        ] {
            let found = clause(text).ok().and_then(|clause| clause.browse_path);
            let found: Option<Vec<(u16, String)>> = found.map(|path| {
                path.into_iter().map(|name| (name.namespace_index, name.name.as_ref().to_owned())).collect()
            });
            let expected = expected.map(|path| path.into_iter().map(|(ns, name)| (ns, name.to_owned())).collect());
            assert_eq!(found, expected, "{text}");
        }
    }
}
