//! Push management: certificate managers replace the own certificate and the trust lists through the object
//! ServerConfiguration (Part 12, 7.8 and 7.10).
//!
//! - [`Configuration`]: what is open and what waits; one transaction at a time, bound to its session.
//! - [`Method`], [`Job`]: one call of a method, carried out on a thread that may wait for the disk.
//! - `file`: trust lists as files; `transaction`: what waits for ApplyChanges; `apply`: putting it in force.
//! - `variables`: what the properties tell.

mod apply;
mod arguments;
mod certificates;
mod file;
mod job;
mod lists;
mod nodes;
mod transaction;
mod trust_list;
mod variables;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tagwire_access::OwnIdentity;
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::CallMethodRequest;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NodeId, Variant};

use file::Files;
pub(crate) use job::Job;
pub(crate) use nodes::{Group, Method, is_method, user_writable};
use transaction::{Report, Transaction};
pub use trust_list::merge as merge_trust_list;

use crate::session::Session;
use crate::subscription::Millis;

/// Time in milliseconds that the answer to ApplyChanges has before channels are closed because of it (Part 12, 7.10.9).
const ANSWER_MS: Millis = 250;

/// An own certificate that certificate managers may replace.
#[derive(Clone, Debug)]
pub struct OwnSlot {
    /// The node of its type below ApplicationCertificateType, in namespace 0.
    pub certificate_type: u32,
    /// The certificate and its key.
    pub identity: Arc<OwnIdentity>,
}

impl OwnSlot {
    /// The slot of an RSA certificate that is signed with SHA-256.
    pub const fn rsa(identity: Arc<OwnIdentity>) -> Self {
        Self { certificate_type: node::RSA_SHA256_APPLICATION_CERTIFICATE_TYPE, identity }
    }
}

/// What is open and what waits.
pub(crate) struct Configuration {
    own: Vec<OwnSlot>,
    state: Mutex<State>,
    /// Until when channels must not be closed, since an answer is on its way.
    held_until: AtomicU64,
}

#[derive(Default)]
struct State {
    files: Files,
    transaction: Option<Transaction>,
    /// Whether changes are being put in force, which takes as long as the disk.
    is_applying: bool,
    /// About the transaction that goes on, or else the last one.
    last: Option<Report>,
}

impl State {
    /// Checks that nobody else has a transaction, and that the session lives: what it left behind would never end.
    fn admit(&self, session: &Session) -> Result<(), Status> {
        alive(session)?;
        let is_foreign = self.transaction.as_ref().is_some_and(|transaction| transaction.session.id != session.id);
        if is_foreign || self.is_applying { Err(status::BAD_TRANSACTION_PENDING) } else { Ok(()) }
    }

    /// Ends the transaction without changing anything.
    fn abandon(&mut self, time: Timestamp, result: Status) {
        if self.transaction.take().is_some()
            && let Some(last) = &mut self.last
        {
            last.end = Some((time, result));
        }
    }
}

fn alive(session: &Session) -> Result<(), Status> {
    if session.is_closed() { Err(status::BAD_SESSION_CLOSED) } else { Ok(()) }
}

impl Configuration {
    pub(crate) fn new(own: Vec<OwnSlot>) -> Self {
        Self { own, state: Mutex::default(), held_until: AtomicU64::new(0) }
    }

    /// Ends what a session has open: its files are closed and its transaction is rolled back.
    pub(crate) fn session_ended(&self, session: &NodeId, time: Timestamp) {
        let mut state = self.state.lock();
        state.files.close_all_of(session);
        if state.transaction.as_ref().is_some_and(|transaction| transaction.session.id == *session) {
            tracing::warn!("changes to certificates and trust lists are dropped, because their session ended");
            state.abandon(time, status::BAD_SESSION_CLOSED);
        }
    }

    /// Closes files that nobody uses any more, and rolls a transaction back whose client went away and does not come
    /// back: to be called every second or so.
    pub(crate) fn keep_house(&self, now: Millis, time: Timestamp) {
        let mut state = self.state.lock();
        state.files.close_idle(now);
        if state.transaction.as_mut().is_some_and(|transaction| transaction.is_deserted(now)) {
            tracing::warn!("changes to certificates and trust lists are dropped, because their client is gone");
            if let Some(transaction) = &state.transaction {
                let session = transaction.session.id.clone();
                state.files.close_all_of(&session);
            }
            state.abandon(time, status::BAD_CONNECTION_CLOSED);
        }
    }

    /// Whether channels must stay as they are, because an answer is on its way through one of them.
    pub(crate) fn holds(&self, now: Millis) -> bool {
        now < self.held_until.load(Ordering::Relaxed)
    }

    fn hold(&self, now: Millis) {
        self.held_until.store(now + ANSWER_MS, Ordering::Relaxed);
    }
}

/// The method of push management that is called, and its node.
pub(crate) fn find(call: &CallMethodRequest) -> Option<(Method, u32)> {
    Method::find(call.object_id.as_ns0()?, call.method_id.as_ns0()?)
}

/// The arguments of any call as auditors may see them: without a private key.
pub(crate) fn without_secrets(call: &CallMethodRequest) -> Vec<Variant> {
    /// Place of the private key among the arguments of UpdateCertificate.
    const PRIVATE_KEY: usize = 5;
    let has_key = matches!(
        call.method_id.as_ns0(),
        Some(node::SERVER_CONFIGURATION_UPDATE_CERTIFICATE | node::SERVER_CONFIGURATION_TYPE_UPDATE_CERTIFICATE)
    );
    let shown = if has_key { PRIVATE_KEY } else { usize::MAX };
    call.input_arguments.iter().take(shown).cloned().collect()
}
