//! ApplyChanges and CancelChanges (Part 12, 7.10.8 and 7.10.9).

use tagwire_access::{CheckedTrustList, TrustError, What};
use tagwire_model::Status;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::secure::OwnIdentity as ChannelIdentity;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NodeId, Variant};

use super::transaction::{NewCertificate, Transaction};
use super::{Configuration, Group, Job, State};
use crate::event::audit;
use crate::log;

/// Held while changes are put in force; nobody else begins or ends a transaction meanwhile.
pub(super) struct Applying<'a>(&'a Configuration);

impl Drop for Applying<'_> {
    fn drop(&mut self) {
        self.0.state.lock().is_applying = false;
    }
}

impl Job {
    /// Begins to put changes in force, when the session may and `check` finds nothing against it.
    pub(super) fn begin(&self, check: impl FnOnce(&mut State) -> Result<(), Status>) -> Result<Applying<'_>, Status> {
        let configuration = &self.server.configuration;
        let mut state = configuration.state.lock();
        state.admit(&self.session)?;
        check(&mut state)?;
        state.is_applying = true;
        configuration.hold(self.server.millis());
        Ok(Applying(configuration))
    }

    pub(super) fn apply_changes(&self) -> Result<(), Status> {
        let mut taken = None;
        let applying = self.begin(|state| {
            if state.transaction.is_none() {
                return Err(status::BAD_NOTHING_TO_DO);
            }
            if Group::ALL.into_iter().any(|group| state.files.is_written(group)) {
                return Err(status::BAD_INVALID_STATE);
            }
            taken = state.transaction.take();
            Ok(())
        })?;
        let transaction = taken.ok_or(status::BAD_NOTHING_TO_DO)?;
        let outcome = self.put_in_force(&transaction);
        let result = outcome.as_ref().map_or_else(|failure| failure.status, |()| Status::GOOD);
        {
            let mut state = self.server.configuration.state.lock();
            if let Some(last) = &mut state.last {
                last.end = Some((self.server.now(), result));
                if let Err(failure) = &outcome {
                    last.fail(failure.target, failure.status, failure.message);
                }
            }
        }
        drop(applying);
        transaction.lists.iter().for_each(|new| self.tell_list_updated(new.group, result));
        transaction.certificates.iter().for_each(|new| self.tell_certificate_updated(new, result));
        // Counted from now, when the answer is about to go out.
        self.server.configuration.hold(self.server.millis());
        self.server.recheck_trust();
        if result.is_bad() { Err(result) } else { Ok(()) }
    }

    pub(super) fn cancel_changes(&self) -> Result<(), Status> {
        let mut state = self.server.configuration.state.lock();
        state.admit(&self.session)?;
        if state.transaction.is_none() {
            return Err(status::BAD_NOTHING_TO_DO);
        }
        state.abandon(self.time, Status::BAD_REQUEST_CANCELLED_BY_CLIENT);
        Ok(())
    }

    /// Replaces the trust lists and then the certificates; when one cannot be written, those before it are put back.
    fn put_in_force(&self, transaction: &Transaction) -> Result<(), Failure> {
        let mut former: Vec<(Group, CheckedTrustList)> = Vec::new();
        let undo = |former: &[(Group, CheckedTrustList)]| {
            for (group, list) in former {
                if let Err(error) = self.replace_list(*group, list) {
                    tracing::error!("a trust list cannot be put back: {error}");
                }
            }
        };
        for new in &transaction.lists {
            match self.replace_list(new.group, &new.checked) {
                Ok(list) => former.push((new.group, list)),
                Err(error) => {
                    tracing::error!("a trust list cannot be replaced: {error}");
                    undo(&former);
                    return Err(Failure::of(new.group.trust_list(), "the trust list cannot be written"));
                }
            }
        }
        for NewCertificate { slot, update } in &transaction.certificates {
            if let Err(error) = self.install(*slot, update) {
                tracing::error!("the own certificate cannot be replaced: {error}");
                undo(&former);
                return Err(Failure::of(Group::Applications.id(), "the certificate cannot be written"));
            }
        }
        Ok(())
    }

    pub(super) fn replace_list(&self, group: Group, list: &CheckedTrustList) -> Result<CheckedTrustList, TrustError> {
        self.store(group).replace(list, self.server.now(), &self.by)
    }

    fn install(&self, slot: usize, update: &tagwire_access::OwnUpdate) -> Result<(), Box<dyn std::error::Error>> {
        let own = self.server.configuration.own.get(slot).ok_or("there is no such certificate")?;
        let identity = ChannelIdentity::new(&update.chain(), update.key_pkcs8())?;
        let former = own.identity.current().map(|former| former.certificate().fingerprint());
        own.identity.install(update)?;
        self.server.replace_identity(identity);
        let mut details = vec![("certificate", update.certificate().fingerprint().to_string())];
        details.extend(former.map(|former| ("former", former.to_string())));
        log::administration(&self.server, What::CertificateReplaced, self.by.clone(), details);
        Ok(())
    }

    /// Tells auditors that a trust list was replaced, or could not be (Part 12, 7.8.2.13).
    pub(super) fn tell_list_updated(&self, group: Group, status: Status) {
        let list = NodeId::ns0(group.trust_list());
        let mut fields = self.called();
        fields.push(("TrustListId", list.clone().into()));
        let event = (node::TRUST_LIST_UPDATED_AUDIT_EVENT_TYPE, list);
        audit::configuration(&self.server, &self.actor, event, status, fields);
    }

    /// Tells auditors that the own certificate was replaced, or could not be (Part 12, 7.10.20).
    fn tell_certificate_updated(&self, new: &NewCertificate, status: Status) {
        let certificate_type = self.server.configuration.own.get(new.slot).map_or(0, |slot| slot.certificate_type);
        let mut fields = self.called();
        fields.push(("CertificateGroup", Variant::from(NodeId::ns0(Group::Applications.id()))));
        fields.push(("CertificateType", Variant::from(NodeId::ns0(certificate_type))));
        let event = (node::CERTIFICATE_UPDATED_AUDIT_EVENT_TYPE, NodeId::ns0(node::SERVER_CONFIGURATION));
        audit::configuration(&self.server, &self.actor, event, status, fields);
    }
}

/// What could not be put in force.
struct Failure {
    target: u32,
    status: Status,
    message: &'static str,
}

impl Failure {
    const fn of(target: u32, message: &'static str) -> Self {
        Self { target, status: Status::BAD_INTERNAL_ERROR, message }
    }
}
