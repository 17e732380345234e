//! What the supervisor asks: writes and explicit reads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::{Order, Report, Seen};
use tagwire_model::{Sample, Status, Timestamp, Value, ValueType};
use tagwire_ua_client::{Error, NodeId, SourceSample};

use super::UpstreamDriver;
use super::item::{inputs, to_declared};
use super::live::{Done, ToldBefore, limited};
use super::splices::{Splices, members_of, settle};
use crate::session::Session;
use crate::structure::{Path, Types, Wanted, relied_on};

/// What a write becomes.
enum Outgoing {
    Value(NodeId, Value),
    Call(Call),
    /// A member of a structure.
    Member(NodeId, Path),
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
pub(super) fn failure(error: &Error) -> Status {
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

    /// The types by which a member was found when it was told last.
    fn relied_on(&self, at: usize, tag: u32, path: &Path) -> HashSet<NodeId> {
        let last = self.feeds.get(at).and_then(|feed| feed.last_told(tag));
        match (last, self.live.as_ref()) {
            (Some(last), Some(live)) => relied_on(&live.types, last, &Wanted::new([(0, path)])),
            _ => HashSet::new(),
        }
    }

    fn write(&mut self, number: u64, items: Vec<(usize, u32, Value)>) {
        let limit = items
            .first()
            .and_then(|(at, ..)| self.feeds.get(*at))
            .map_or(self.common.request, |feed| feed.settings.request_timeout);
        let mut splices = Splices::default();
        let items: Vec<Outgoing> = items
            .into_iter()
            .enumerate()
            .map(|(place, (at, tag, value))| match self.outgoing(at, tag, value.clone()) {
                Outgoing::Member(node, path) => {
                    let types = self.relied_on(at, tag, &path);
                    splices.add(place, node, path, value, types);
                    Outgoing::Nothing(Status::BAD_INTERNAL_ERROR)
                }
                other => other,
            })
            .collect();
        let splicing = Arc::clone(&self.splicing);
        let shapes: Vec<u32> = self.feeds.iter().map(|feed| feed.shape).collect();
        let Some(live) = self.live.as_mut() else { return };
        let (session, types) = (Arc::clone(&live.session), Arc::clone(&live.types));
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
                    Outgoing::Member(..) => Status::BAD_INTERNAL_ERROR,
                    Outgoing::Call(call) => call.run(&session, limit, &mut shown).await,
                });
            }
            let mut learned = Types::default();
            if !splices.is_empty() {
                let _held = splicing.lock().await;
                let (spliced, found) = splices.run(&session, types, limit).await;
                learned = found;
                for (place, status) in spliced {
                    if let Some(slot) = statuses.get_mut(place) {
                        *slot = status;
                    }
                }
            }
            Done::Answered { shown, shapes, written: Report::Written(number, statuses), learned }
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
        if let Some(path) = of.address.member() {
            return Outgoing::Member(node, path.clone());
        }
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
        let (limit, shape) = (feed.settings.request_timeout, feed.shape);
        let wanted: Vec<(u32, Option<NodeId>)> = tags.into_iter().map(|tag| (tag, self.node(at, tag))).collect();
        let mut nodes: Vec<NodeId> = Vec::new();
        let mut shared: HashMap<NodeId, (usize, Vec<(u32, Path)>)> = HashMap::new();
        let mut places: Vec<ToldBefore> = Vec::with_capacity(wanted.len());
        for (tag, node) in wanted {
            let path = feed.tag(tag).and_then(|tag| tag.address.member()).cloned();
            places.push((
                tag,
                node.map(|node| {
                    let next = nodes.len();
                    let place = match path {
                        None => next,
                        // All members of one structure are read at once.
                        Some(path) => {
                            let (place, paths) = shared.entry(node.clone()).or_insert_with(|| (next, Vec::new()));
                            paths.push((tag, path));
                            *place
                        }
                    };
                    if place == next {
                        nodes.push(node);
                    }
                    place
                }),
                feed.items.get(tag as usize).map_or(0, |item| item.n_told),
            ));
        }
        let Some(live) = self.live.as_mut() else { return };
        let (session, types) = (Arc::clone(&live.session), Arc::clone(&live.types));
        live.work.push(Box::pin(async move {
            let asked =
                if nodes.is_empty() { Ok(Vec::new()) } else { limited(limit, "Read", session.read(nodes)).await };
            let result = match asked {
                Ok(samples) => {
                    let structures: Vec<_> = shared
                        .iter()
                        .filter_map(|(node, (place, paths))| Some((node, samples.get(*place)?, paths.as_slice())))
                        .collect();
                    let learned = settle(&session, types, &structures, limit).await;
                    learned.map(|(_, learned)| (samples, learned))
                }
                Err(error) => Err(error),
            };
            Done::Read { number, at, shape, tags: places, result }
        }));
    }

    /// Takes the answer to an explicit read.
    pub(super) fn take_read(
        &mut self,
        number: u64,
        at: usize,
        tags: Vec<ToldBefore>,
        result: Result<(Vec<SourceSample>, Types), Error>,
    ) {
        let Some(live) = self.live.as_mut() else { return };
        let (samples, failure) = match result {
            Ok((samples, learned)) => {
                live.learn(learned, &mut self.feeds);
                (samples, Status::BAD_INTERNAL_ERROR)
            }
            Err(error) => (Vec::new(), failure(&error)),
        };
        let Some(feed) = self.feeds.get_mut(at) else { return };
        let bad = |tag, status| (at, tag, Value::Null, status, Timestamp::NONE);
        let mut seen: Vec<Seen> = Vec::with_capacity(tags.len());
        let mut structures: HashMap<usize, Vec<(u32, Path)>> = HashMap::new();
        // What was told while the request was under way is younger than what it read, or is told again.
        let is_outdated =
            |(tag, _, n_told): &ToldBefore| feed.items.get(*tag as usize).is_some_and(|item| item.n_told != *n_told);
        let outdated: HashSet<u32> = tags.iter().filter(|told| is_outdated(told)).map(|(tag, ..)| *tag).collect();
        for (tag, place, _) in tags {
            let Some(place) = place else {
                seen.push(bad(tag, Status::BAD_NODE_ID_UNKNOWN));
                continue;
            };
            let Some(told) = samples.get(place) else {
                seen.push(bad(tag, failure));
                continue;
            };
            match feed.tag(tag).and_then(|tag| tag.address.member()) {
                Some(path) => structures.entry(place).or_default().push((tag, path.clone())),
                None => seen.push(match feed.show(tag, told.sample.clone()) {
                    Some((value, status, time)) => (at, tag, value, status, time),
                    None => bad(tag, Status::BAD_NODE_ID_UNKNOWN),
                }),
            }
        }
        for (place, paths) in structures {
            let Some(told) = samples.get(place) else { continue };
            for (tag, found) in members_of(&live.types, told, &paths) {
                let (value, status) = found.unwrap_or_else(|status| (Value::Null, status));
                let sample = Sample { value, status, ..told.sample };
                seen.extend(feed.show(tag, sample).map(|(value, status, time)| (at, tag, value, status, time)));
            }
        }
        let (outdated, seen) = seen.into_iter().partition(|(_, tag, ..)| outdated.contains(tag));
        self.out.push_back(Report::Read(number, seen, outdated));
    }
}
