//! Writes to a part of a tag (an IndexRange): the device is read, the parts are put in, the whole is written. Requests
//! for parts of the same tag wait for each other, so that none undoes another.

use std::sync::Arc;

use tagwire_model::{Status, TagId, Value};
use tagwire_ua_proto::types::NumericRange;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::server::Server;

const N_LOCKS: usize = 16;

/// Keeps requests for parts of the same tag apart.
pub(crate) struct PartLocks([Arc<Mutex<()>>; N_LOCKS]);

impl Default for PartLocks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Arc::default()))
    }
}

impl PartLocks {
    /// Waits for all earlier requests for any of these tags. Always in the same order, so that nobody waits in a circle.
    async fn lock(&self, tags: &[TagId]) -> Vec<OwnedMutexGuard<()>> {
        let mut guards = Vec::new();
        for (idx, lock) in self.0.iter().enumerate() {
            if tags.iter().any(|tag| tag.index() % N_LOCKS == idx) {
                guards.push(Arc::clone(lock).lock_owned().await);
            }
        }
        guards
    }
}

/// A value for a part of a tag, and the place of its result.
pub(super) struct PartWrite {
    pub(super) position: usize,
    pub(super) tag: TagId,
    pub(super) range: NumericRange,
    pub(super) value: Value,
}

/// Carries out the writes and puts their results in place.
pub(super) async fn write_parts(server: &Server, parts: Vec<PartWrite>, results: &mut [Status]) {
    let mut tags: Vec<TagId> = parts.iter().map(|part| part.tag).collect();
    tags.sort_unstable();
    tags.dedup();
    let _guards = server.part_locks.lock(&tags).await;
    server.hub.refresh(&tags).await;
    let mut wholes: Vec<Result<Value, Status>> = tags.iter().map(|tag| current(server, *tag)).collect();
    // Where each part that was put in finds the answer of its tag.
    let mut merged = Vec::with_capacity(parts.len());
    let mut is_changed = vec![false; tags.len()];
    for PartWrite { position, tag, range, value } in parts {
        let Ok(at) = tags.binary_search(&tag) else { continue };
        let outcome = match &wholes[at] {
            Ok(whole) => range.write(whole, &value).map_err(|error| error.status()),
            Err(status) => Err(*status),
        };
        match outcome {
            Ok(whole) => {
                wholes[at] = Ok(whole);
                is_changed[at] = true;
                merged.push((position, at));
            }
            Err(status) => results[position] = status,
        }
    }
    let mut answers = vec![Status::BAD_INTERNAL_ERROR; tags.len()];
    let mut writes = Vec::with_capacity(tags.len());
    let mut written = Vec::with_capacity(tags.len());
    for (at, whole) in wholes.into_iter().enumerate() {
        if let Ok(whole) = whole
            && is_changed[at]
        {
            writes.push((tags[at], whole));
            written.push(at);
        }
    }
    for (at, answer) in written.into_iter().zip(server.hub.write(writes).await) {
        answers[at] = answer;
    }
    for (position, at) in merged {
        results[position] = answers[at];
    }
}

/// The whole value as the device has it now, or why nobody knows it.
fn current(server: &Server, tag: TagId) -> Result<Value, Status> {
    let sample = server.hub.read(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?.to_sample();
    if sample.status.is_bad() {
        return Err(sample.status);
    }
    if sample.value == Value::Null { Err(Status::BAD_WAITING_FOR_INITIAL_DATA) } else { Ok(sample.value) }
}
