//! What the supervisor asks: writes and explicit reads.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::{Order, Report, Seen};
use tagwire_model::{Sample, Status, Timestamp, Value, ValueType};
use tagwire_ua_client::{Error, NodeId};

use super::UpstreamDriver;
use super::item::{inputs, to_declared};
use super::live::{Done, limited};
use crate::session::Session;

/// What a write becomes.
enum Outgoing {
    Value(NodeId, Value),
    Call(Call),
    /// Nothing is sent, and this is the answer.
    Nothing(Status),
}

/// A method to be called.
struct Call {
    place: (usize, u32),
    object: NodeId,
    method: NodeId,
    value: Value,
    declared: ValueType,
}

impl Call {
    /// Calls it; what it gives back, or else what it was called with, is shown.
    async fn run(self, session: &Arc<dyn Session>, limit: Duration, shown: &mut Vec<Seen>) -> Status {
        let Self { place: (at, tag), object, method, value, declared } = self;
        let asked = session.call(object, method, inputs(value.clone()));
        match limited(limit, "Call", asked).await {
            Ok(called) if called.status.is_bad() => called.status,
            Ok(called) => {
                let output = called.outputs.into_iter().next().and_then(|output| to_declared(output, declared));
                shown.push((at, tag, output.unwrap_or(value), Status::GOOD, Timestamp::NONE));
                called.status
            }
            Err(error) => failure(&error),
        }
    }
}

/// The quality for a request that failed.
fn failure(error: &Error) -> Status {
    error.status().unwrap_or(Status::BAD_COMMUNICATION_ERROR)
}

impl UpstreamDriver {
    /// Sends an order to the server.
    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Write(number, items) => self.write(number, items),
            Order::Read(number, at, tags) => self.read(number, at, tags),
        }
    }

    fn node(&self, at: usize, tag: u32) -> Option<NodeId> {
        let live = self.live.as_ref()?;
        self.feeds.get(at)?.tag(tag)?.address.resolve(&live.greeting.namespaces, &self.first_namespaces)
    }

    fn write(&mut self, number: u64, items: Vec<(usize, u32, Value)>) {
        let limit = items
            .first()
            .and_then(|(at, ..)| self.feeds.get(*at))
            .map_or(self.common.request, |feed| feed.settings.request_timeout);
        let items: Vec<Outgoing> = items.into_iter().map(|(at, tag, value)| self.outgoing(at, tag, value)).collect();
        let Some(live) = self.live.as_mut() else { return };
        let session = Arc::clone(&live.session);
        live.work.push(Box::pin(async move {
            let values: Vec<(NodeId, Value)> = items
                .iter()
                .filter_map(|item| match item {
                    Outgoing::Value(node, value) => Some((node.clone(), value.clone())),
                    _ => None,
                })
                .collect();
            let n_values = values.len();
            let asked =
                if values.is_empty() { Ok(Vec::new()) } else { limited(limit, "Write", session.write(values)).await };
            let results = match asked {
                Ok(results) => results,
                // What the server makes of a request that it did not answer is unknown, which is not Good.
                Err(error) => vec![failure(&error); n_values],
            };
            let mut results = results.into_iter();
            let (mut statuses, mut shown) = (Vec::with_capacity(items.len()), Vec::new());
            for item in items {
                statuses.push(match item {
                    Outgoing::Value(..) => results.next().unwrap_or(Status::BAD_INTERNAL_ERROR),
                    Outgoing::Nothing(status) => status,
                    Outgoing::Call(call) => call.run(&session, limit, &mut shown).await,
                });
            }
            let written = Report::Written(number, statuses);
            Done::Answered(if shown.is_empty() { vec![written] } else { vec![Report::Samples(shown), written] })
        }));
    }

    /// What to send for a value.
    fn outgoing(&self, at: usize, tag: u32, value: Value) -> Outgoing {
        let found = self.feeds.get(at).and_then(|feed| Some((feed.tag(tag)?, feed.items.get(tag as usize)?)));
        let (Some((of, item)), Some(live)) = (found, self.live.as_ref()) else {
            return Outgoing::Nothing(Status::BAD_NODE_ID_UNKNOWN);
        };
        let (now, first) = (&live.greeting.namespaces, &self.first_namespaces);
        let Some(node) = of.address.resolve(now, first) else {
            return Outgoing::Nothing(Status::BAD_NODE_ID_UNKNOWN);
        };
        if !of.address.is_method() {
            return item.to_send(value).map_or_else(Outgoing::Nothing, |value| Outgoing::Value(node, value));
        }
        match of.address.resolve_object(now, first) {
            // Whoever takes the order back wants nothing done.
            _ if matches!(value, Value::Boolean(false)) => Outgoing::Nothing(Status::GOOD),
            Some(object) => {
                Outgoing::Call(Call { place: (at, tag), object, method: node, value, declared: of.value_type })
            }
            None => Outgoing::Nothing(Status::BAD_NODE_ID_UNKNOWN),
        }
    }

    fn read(&mut self, number: u64, at: usize, tags: Vec<u32>) {
        let Some(feed) = self.feeds.get(at) else { return };
        let limit = feed.settings.request_timeout;
        let wanted: Vec<(u32, Option<NodeId>)> = tags.into_iter().map(|tag| (tag, self.node(at, tag))).collect();
        let Some(live) = self.live.as_mut() else { return };
        let session = Arc::clone(&live.session);
        live.work.push(Box::pin(async move {
            let nodes: Vec<NodeId> = wanted.iter().filter_map(|(_, node)| node.clone()).collect();
            let asked =
                if nodes.is_empty() { Ok(Vec::new()) } else { limited(limit, "Read", session.read(nodes)).await };
            let tags = wanted.into_iter().map(|(tag, node)| (tag, node.is_some())).collect();
            Done::Read { number, at, tags, result: asked }
        }));
    }

    /// Takes the answer to an explicit read.
    pub(super) fn take_read(
        &mut self,
        number: u64,
        at: usize,
        tags: Vec<(u32, bool)>,
        result: Result<Vec<Sample>, Error>,
    ) {
        let Some(feed) = self.feeds.get_mut(at) else { return };
        let (mut samples, failure) = match result {
            Ok(samples) => (samples.into_iter(), Status::BAD_INTERNAL_ERROR),
            Err(error) => (Vec::new().into_iter(), failure(&error)),
        };
        let seen: Vec<Seen> = tags
            .into_iter()
            .map(|(tag, is_known)| {
                let bad = |status| (at, tag, Value::Null, status, Timestamp::NONE);
                if !is_known {
                    return bad(Status::BAD_NODE_ID_UNKNOWN);
                }
                let Some(sample) = samples.next() else { return bad(failure) };
                match feed.show(tag, sample) {
                    Some((value, status, time)) => (at, tag, value, status, time),
                    None => bad(Status::BAD_NODE_ID_UNKNOWN),
                }
            })
            .collect();
        self.out.push_back(Report::Read(number, seen));
    }
}
