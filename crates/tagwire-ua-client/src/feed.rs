//! Subscriptions whose publishing the caller drives (OPC UA Part 4, 5.13 and 5.14): sequence numbers, acknowledgement,
//! retransmission and transfer between sessions, for a client that must know what it missed.

use std::time::Duration;

use opcua_client::UARequest as _;
use opcua_client::services::{
    CreateMonitoredItems, CreateSubscription, DeleteMonitoredItems, DeleteSubscriptions, Publish, Republish,
    TransferSubscriptions,
};
use opcua_types::{
    AttributeId, DataChangeFilter, DataChangeNotification, DataChangeTrigger, ExtensionObject,
    MonitoredItemCreateRequest, MonitoringMode, MonitoringParameters, NodeId, NotificationMessage, ReadValueId,
    StatusChangeNotification, StatusCode, SubscriptionAcknowledgement, TimestampsToReturn,
};
use tagwire_model::{Deadband, Status};

use crate::attribute::{check_len, is_too_much};
use crate::error::StatusName;
use crate::structure::SourceSample;
use crate::{Client, Error, guard, value};

/// Longest interval that is believed from a server.
const MAX_INTERVAL: Duration = Duration::from_secs(24 * 3_600);
/// DeadbandType (Part 8, 7.2).
const ABSOLUTE_DEADBAND: u32 = 1;
const PERCENT_DEADBAND: u32 = 2;

/// What a subscription is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedTerms {
    /// Time between two notifications.
    pub interval: Duration,
    /// Intervals without a change after which the server shows that it lives.
    pub keep_alive: u32,
    /// Intervals without a publish request after which the server forgets it; at least three times `keep_alive`.
    pub lifetime: u32,
}

/// A subscription on the server, with the terms that the server granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its number on the server.
    pub id: u32,
    /// The terms.
    pub terms: FeedTerms,
}

/// One value to watch.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedItem {
    /// The node.
    pub node: NodeId,
    /// A number of the caller's, which comes with every sample; not 0.
    pub handle: u32,
    /// Time between two looks at the value by the server.
    pub sampling: Duration,
    /// Samples that the server keeps between two notifications.
    pub queue: u32,
    /// The smallest change that is told.
    pub deadband: Deadband,
}

/// A value that is watched, with the terms that the server granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The item's number on the server.
    pub id: u32,
    /// Time between two looks at the value.
    pub sampling: Duration,
    /// Samples that the server keeps.
    pub queue: u32,
}

/// A message of a subscription.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notification {
    /// Its number; of a message without content the number that comes next.
    pub sequence: u32,
    /// Whether it only shows that the subscription lives.
    pub is_keep_alive: bool,
    /// New samples, each with the handle of its item, oldest first.
    pub samples: Vec<(u32, SourceSample)>,
    /// The status with which the server ended the subscription.
    pub ended: Option<Status>,
}

/// The answer to a publish request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// Which subscription it is about.
    pub subscription: u32,
    /// The message.
    pub notification: Notification,
}

impl Client {
    /// Makes a subscription; [`Client::publish`] brings what it has to tell.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open_feed(&self, terms: FeedTerms) -> Result<Feed, Error> {
        let request = CreateSubscription::new(&self.session)
            .publishing_interval(terms.interval)
            .max_keep_alive_count(terms.keep_alive)
            .max_lifetime_count(terms.lifetime)
            .publishing_enabled(true);
        let made = guard::call("CreateSubscription", self.timeout, request.send(self.session.channel())).await?;
        Ok(Feed {
            id: made.subscription_id,
            terms: FeedTerms {
                interval: from_millis(made.revised_publishing_interval),
                keep_alive: made.revised_max_keep_alive_count,
                lifetime: made.revised_lifetime_count,
            },
        })
    }

    /// Values that one request of [`Client::watch`] may hold.
    pub const fn n_items_per_request(&self) -> usize {
        if self.batches.items == 0 { 1 } else { self.batches.items }
    }

    /// Watches values; one result per item, whose status says why it cannot be watched.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed; what was made before that stays.
    pub async fn watch(&self, feed: u32, items: &[FeedItem]) -> Result<Vec<Result<Watched, Status>>, Error> {
        let mut results = Vec::with_capacity(items.len());
        let mut batch_len = self.n_items_per_request();
        while results.len() < items.len() {
            let batch: Vec<_> = items.iter().skip(results.len()).take(batch_len).map(item).collect();
            let n_asked = batch.len();
            let request = CreateMonitoredItems::new(feed, &self.session)
                .timestamps_to_return(TimestampsToReturn::Both)
                .items_to_create(batch);
            match guard::call("CreateMonitoredItems", self.timeout, request.send(self.session.channel())).await {
                Ok(made) => {
                    check_len("CreateMonitoredItems", made.results.len(), n_asked)?;
                    results.extend(made.results.into_iter().map(|made| {
                        let status = StatusName::of(made.result.status_code).0;
                        let watched = Watched {
                            id: made.result.monitored_item_id,
                            sampling: from_millis(made.result.revised_sampling_interval),
                            queue: made.result.revised_queue_size,
                        };
                        if status.is_bad() { Err(status) } else { Ok(watched) }
                    }));
                }
                Err(Error::Refused { status, .. }) if is_too_much(StatusCode::from(status.0.0)) && n_asked > 1 => {
                    batch_len = n_asked / 2;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(results)
    }

    /// Watches values no longer, by the numbers that the server gave them.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn unwatch(&self, feed: u32, items: &[u32]) -> Result<(), Error> {
        for batch in items.chunks(self.n_items_per_request()) {
            let request = DeleteMonitoredItems::new(feed, &self.session).items_to_delete(batch.to_vec());
            guard::call("DeleteMonitoredItems", self.timeout, request.send(self.session.channel())).await?;
        }
        Ok(())
    }

    /// Acknowledges messages (subscription and sequence number) and waits for the next one of any subscription; several
    /// calls may wait at once, and are answered in their order.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Timeout`] when there was nothing for the life of the session.
    pub async fn publish(&self, acknowledged: &[(u32, u32)]) -> Result<Published, Error> {
        let acks = acknowledged.iter().map(|(subscription_id, sequence_number)| SubscriptionAcknowledgement {
            subscription_id: *subscription_id,
            sequence_number: *sequence_number,
        });
        let request = Publish::new(&self.session).acks(acks.collect());
        let answer = guard::call("Publish", self.publish_timeout, request.send(self.session.channel())).await?;
        Ok(Published {
            subscription: answer.subscription_id,
            notification: notification("Publish", answer.notification_message)?,
        })
    }

    /// Asks for a message of a subscription once more, by its number.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server has it no longer.
    pub async fn republish(&self, feed: u32, sequence: u32) -> Result<Notification, Error> {
        let request = Republish::new(feed, sequence, &self.session);
        let answer = guard::call("Republish", self.timeout, request.send(self.session.channel())).await?;
        notification("Republish", answer.notification_message)
    }

    /// Takes subscriptions over that another session of the same user left behind; for each the numbers of the messages
    /// that the server still has.
    ///
    /// # Errors
    /// [`Error`] when the server does not transfer at all.
    pub async fn transfer(&self, feeds: &[u32]) -> Result<Vec<Result<Vec<u32>, Status>>, Error> {
        let request = TransferSubscriptions::new(&self.session).subscription_ids(feeds.to_vec());
        let answer = guard::call("TransferSubscriptions", self.timeout, request.send(self.session.channel())).await?;
        let results = answer.results.unwrap_or_default();
        check_len("TransferSubscriptions", results.len(), feeds.len())?;
        Ok(results
            .into_iter()
            .map(|result| match StatusName::of(result.status_code).0 {
                status if status.is_bad() => Err(status),
                _ => Ok(result.available_sequence_numbers.unwrap_or_default()),
            })
            .collect())
    }

    /// Ends subscriptions.
    ///
    /// # Errors
    /// [`Error`] when the request as a whole failed.
    pub async fn close_feeds(&self, feeds: &[u32]) -> Result<(), Error> {
        let request = DeleteSubscriptions::new(&self.session).subscription_ids(feeds.to_vec());
        guard::call("DeleteSubscriptions", self.timeout, request.send(self.session.channel())).await.map(|_| ())
    }
}

fn item(wanted: &FeedItem) -> MonitoredItemCreateRequest {
    let filter = |kind, value| {
        ExtensionObject::from_message(DataChangeFilter {
            trigger: DataChangeTrigger::StatusValue,
            deadband_type: kind,
            deadband_value: value,
        })
    };
    MonitoredItemCreateRequest {
        item_to_monitor: ReadValueId {
            node_id: wanted.node.clone(),
            attribute_id: AttributeId::Value as u32,
            ..ReadValueId::default()
        },
        monitoring_mode: MonitoringMode::Reporting,
        requested_parameters: MonitoringParameters {
            client_handle: wanted.handle,
            sampling_interval: wanted.sampling.as_secs_f64() * 1_000.0,
            filter: match wanted.deadband {
                Deadband::None => ExtensionObject::null(),
                Deadband::Absolute(units) => filter(ABSOLUTE_DEADBAND, units),
                Deadband::Percent(percent) => filter(PERCENT_DEADBAND, percent),
            },
            queue_size: wanted.queue,
            discard_oldest: true,
        },
    }
}

fn notification(what: &'static str, message: NotificationMessage) -> Result<Notification, Error> {
    let parts = message.notification_data.unwrap_or_default();
    let mut found =
        Notification { sequence: message.sequence_number, is_keep_alive: parts.is_empty(), ..Notification::default() };
    for part in parts {
        if let Some(change) = part.inner_as::<StatusChangeNotification>() {
            found.ended = Some(StatusName::of(change.status).0);
        } else if let Some(changes) = part.into_inner_as::<DataChangeNotification>() {
            let items = changes.monitored_items.unwrap_or_default();
            found.samples.reserve(items.len());
            found
                .samples
                .extend(items.into_iter().map(|item| (item.client_handle, value::to_source_sample(item.value))));
        } else {
            return Err(Error::Peer(format!("answer to {what} holds something else than samples")));
        }
    }
    Ok(found)
}

/// A time that a server tells; nonsense becomes zero or a day.
fn from_millis(milliseconds: f64) -> Duration {
    if milliseconds.is_nan() || milliseconds <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(milliseconds / 1_000.0).map_or(MAX_INTERVAL, |found| found.min(MAX_INTERVAL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua_types::{DataValue, MonitoredItemNotification, Variant};

    #[test]
    fn times_that_make_no_sense_are_bounded() {
        for (told, expected) in
            [(250.0, 250), (-1.0, 0), (f64::NAN, 0), (f64::INFINITY, 86_400_000), (1e300, 86_400_000), (0.0, 0)]
        {
            assert_eq!(from_millis(told).as_millis(), expected, "{told}");
        }
    }

    #[test]
    fn a_message_without_content_is_a_sign_of_life_and_any_other_holds_samples() {
        let empty = NotificationMessage { sequence_number: 7, ..NotificationMessage::default() };
        let found = notification("Publish", empty).expect("a message");
        assert_eq!((found.sequence, found.is_keep_alive), (7, true));
        let value = DataValue { value: Some(Variant::Int32(5)), ..DataValue::default() };
        let item = MonitoredItemNotification { client_handle: 3, value };
        let changes = DataChangeNotification { monitored_items: Some(vec![item]), diagnostic_infos: None };
        let full = NotificationMessage {
            notification_data: Some(vec![ExtensionObject::from_message(changes)]),
            ..NotificationMessage::default()
        };
        let found = notification("Publish", full).expect("a message");
        assert!(!found.is_keep_alive);
        assert_eq!(found.samples[0].0, 3);
        let strange = NotificationMessage {
            notification_data: Some(vec![ExtensionObject::null()]),
            ..NotificationMessage::default()
        };
        assert!(notification("Publish", strange).is_err());
    }
}
