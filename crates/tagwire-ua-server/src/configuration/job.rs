//! One call of a method of push management, with everything that it needs beside the connection.

use std::sync::Arc;

use tagwire_access::Actor as AuditActor;
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{CallMethodRequest, CallMethodResult};
use tagwire_ua_proto::types::{NodeId, Variant};

use super::Method;
use super::arguments::Arguments;
use super::transaction::{Report, Transaction};
use crate::event::audit::{self, Actor};
use crate::log;
use crate::server::Server;
use crate::services::Context;
use crate::session::Session;
use crate::subscription::Millis;

/// A call, ready to be carried out. It may wait for the disk, or make a key for seconds.
pub(crate) struct Job {
    method: Method,
    call: CallMethodRequest,
    pub(super) server: Arc<Server>,
    pub(super) session: Arc<Session>,
    pub(super) actor: Actor,
    pub(super) by: AuditActor,
    /// Bytes that an answer may have.
    pub(super) max_response: usize,
    pub(super) now: Millis,
    pub(super) time: Timestamp,
}

impl Job {
    /// The caller's rights must have been checked.
    pub(crate) fn new(context: &Context<'_>, method: Method, call: &CallMethodRequest) -> Result<Self, Status> {
        Ok(Self {
            method,
            call: call.clone(),
            server: Arc::clone(context.server),
            session: Arc::clone(context.session()?),
            actor: Actor::of(context),
            by: log::sender(context),
            max_response: context.channel.max_response,
            now: context.now,
            time: context.time,
        })
    }

    /// Carries the call out.
    pub(crate) fn run(self) -> CallMethodResult {
        let arguments = match Arguments::check(self.method, self.call.input_arguments.clone()) {
            Ok(arguments) => arguments,
            Err(refused) => return *refused,
        };
        let input_argument_results = vec![Status::GOOD; arguments.len()];
        let outcome = self.carry_out(&arguments);
        self.tell_request(outcome.as_ref().err().copied().unwrap_or_default());
        match outcome {
            Ok(output_arguments) => CallMethodResult { input_argument_results, output_arguments, ..Default::default() },
            Err(status_code) => CallMethodResult { status_code, ..Default::default() },
        }
    }

    fn carry_out(&self, arguments: &Arguments) -> Result<Vec<Variant>, Status> {
        let nothing = |()| Vec::new();
        match self.method {
            Method::CreateSigningRequest => self.create_signing_request(arguments),
            Method::UpdateCertificate => self.update_certificate(arguments),
            Method::ApplyChanges => self.apply_changes().map(nothing),
            Method::CancelChanges => self.cancel_changes().map(nothing),
            Method::GetRejectedList => Ok(self.rejected_list()),
            Method::Open(group) => self.open(group, arguments.byte(0)),
            Method::OpenWithMasks(group) => self.open_with_masks(group, arguments.uint32(0)),
            Method::Close(group) => self.close(group, arguments.uint32(0)).map(nothing),
            Method::Read(group) => self.read(group, arguments.uint32(0), arguments.int32(1)),
            Method::Write(group) => self.write(group, arguments.uint32(0), arguments.bytes(1)).map(nothing),
            Method::GetPosition(group) => self.position(group, arguments.uint32(0)),
            Method::SetPosition(group) => {
                self.set_position(group, arguments.uint32(0), arguments.uint64(1)).map(nothing)
            }
            Method::CloseAndUpdate(group) => self.close_and_update(group, arguments.uint32(0)),
            Method::AddCertificate(group) => {
                self.add_certificate(group, arguments.bytes(0), arguments.boolean(1)).map(nothing)
            }
            Method::RemoveCertificate(group) => {
                self.remove_certificate(group, arguments.text(0), arguments.boolean(1)).map(nothing)
            }
        }
    }

    /// Adds a change to the session's transaction, which begins with the first one.
    pub(super) fn in_transaction(&self, change: impl FnOnce(&mut Transaction, &mut Report)) -> Result<(), Status> {
        let mut state = self.server.configuration.state.lock();
        state.admit(&self.session)?;
        if state.transaction.is_none() {
            state.transaction = Some(Transaction::new(Arc::clone(&self.session)));
            state.last = Some(Report::new(self.time));
        }
        if let super::State { transaction: Some(transaction), last: Some(last), .. } = &mut *state {
            change(transaction, last);
        }
        Ok(())
    }

    /// Tells auditors that a change was asked for (Part 12, 7.8.2.12 and 7.10.19).
    fn tell_request(&self, status: Status) {
        let (event_type, source) = match self.method {
            Method::UpdateCertificate => {
                (node::CERTIFICATE_UPDATE_REQUESTED_AUDIT_EVENT_TYPE, node::SERVER_CONFIGURATION)
            }
            Method::CloseAndUpdate(group) | Method::AddCertificate(group) | Method::RemoveCertificate(group) => {
                (node::TRUST_LIST_UPDATE_REQUESTED_AUDIT_EVENT_TYPE, group.trust_list())
            }
            _ => return,
        };
        let fields = vec![
            ("MethodId", Variant::from(self.call.method_id.clone())),
            ("InputArguments", super::without_secrets(&self.call).into()),
        ];
        audit::configuration(&self.server, &self.actor, (event_type, NodeId::ns0(source)), status, fields);
    }

    /// The fields that say which call an event is about.
    pub(super) fn called(&self) -> Vec<(&'static str, Variant)> {
        vec![("MethodId", Variant::from(self.call.method_id.clone()))]
    }
}
