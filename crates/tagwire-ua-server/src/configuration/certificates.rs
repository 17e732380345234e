//! CreateSigningRequest, UpdateCertificate and GetRejectedList (Part 12, 7.10.5, 7.10.10 and 7.10.11).

use std::sync::Arc;

use tagwire_access::{SigningRequestError, UpdateRefused};
use tagwire_model::Status;
use tagwire_ua_proto::secure::OwnIdentity as ChannelIdentity;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ByteString, NodeId, Variant};

use super::arguments::Arguments;
use super::transaction::NewCertificate;
use super::{Group, Job, OwnSlot};

/// The one format of private keys: PKCS#8 in PEM.
pub(super) const PEM: &str = "PEM";

/// Bytes of a nonce that comes with the wish for a new key (Part 12, 7.10.10).
const MIN_NONCE: usize = 32;

impl Job {
    /// The own certificate that a group and a type name.
    fn slot(&self, group: &NodeId, certificate_type: &NodeId) -> Result<(usize, &OwnSlot), Status> {
        if !group.is_null() && group.as_ns0() != Some(Group::Applications.id()) {
            return Err(status::BAD_INVALID_ARGUMENT);
        }
        let own = &self.server.configuration.own;
        let found = match certificate_type.is_null() {
            true if own.len() == 1 => own.first().map(|slot| (0, slot)),
            true => None,
            false => {
                let is_meant = |slot: &OwnSlot| certificate_type.as_ns0() == Some(slot.certificate_type);
                own.iter().enumerate().find(|(_, slot)| is_meant(slot))
            }
        };
        found.ok_or(status::BAD_INVALID_ARGUMENT)
    }

    pub(super) fn create_signing_request(&self, arguments: &Arguments) -> Result<Vec<Variant>, Status> {
        let (_, slot) = self.slot(&arguments.node_id(0), &arguments.node_id(1))?;
        let (subject, new_key, nonce) = (arguments.text(2), arguments.boolean(3), arguments.bytes(4));
        // The system's random numbers need no help, but a client that breaks the rule should hear of it.
        if new_key && nonce.len() < MIN_NONCE {
            return Err(status::BAD_INVALID_ARGUMENT);
        }
        let made = slot.identity.signing_request(Some(subject).filter(|text| !text.is_empty()), new_key);
        match made {
            Ok(request) => Ok(vec![ByteString::from(request).into()]),
            Err(SigningRequestError::Subject) => Err(status::BAD_INVALID_ARGUMENT),
            Err(SigningRequestError::Busy) => Err(status::BAD_RESOURCE_UNAVAILABLE),
            Err(SigningRequestError::Own(error)) => {
                tracing::error!("no signing request: {error}");
                Err(Status::BAD_INTERNAL_ERROR)
            }
        }
    }

    pub(super) fn update_certificate(&self, arguments: &Arguments) -> Result<Vec<Variant>, Status> {
        let (slot, own) = self.slot(&arguments.node_id(0), &arguments.node_id(1))?;
        let (format, key) = (arguments.text(4), arguments.bytes(5));
        let private_key = match (format, key.is_empty()) {
            ("", true) => None,
            (PEM, false) => Some(key),
            ("" | PEM, _) => return Err(status::BAD_INVALID_ARGUMENT),
            _ => return Err(Status::BAD_NOT_SUPPORTED),
        };
        let authorities = self.known_authorities()?;
        let (chain, issuers) = (arguments.bytes(2), arguments.list(3));
        let update = own.identity.check_update(chain, &issuers, private_key, &authorities, self.time);
        let update = update.map_err(|refused| {
            tracing::warn!("certificate for this server refused: {refused}");
            match refused {
                UpdateRefused::Certificate(reason) => reason.status(),
                UpdateRefused::Mismatch => status::BAD_SECURITY_CHECKS_FAILED,
                UpdateRefused::Key => Status::BAD_NOT_SUPPORTED,
                UpdateRefused::Own(_) => Status::BAD_INTERNAL_ERROR,
            }
        })?;
        // What channels cannot be opened with must not get in force.
        if let Err(error) = ChannelIdentity::new(&update.chain(), update.key_pkcs8()) {
            tracing::warn!("certificate for this server refused: {error}");
            return Err(status::BAD_CERTIFICATE_INVALID);
        }
        self.in_transaction(|transaction, report| {
            report.affects_certificates(Group::Applications);
            transaction.put_certificate(NewCertificate { slot, update });
        })?;
        Ok(vec![true.into()])
    }

    /// The refused certificates, the newest first, as many as fit into an answer.
    pub(super) fn rejected_list(&self) -> Vec<Variant> {
        let mut rejected = self.server.trust.rejected();
        rejected.extend(self.server.user_trust.rejected());
        rejected.sort_by_key(|entry| std::cmp::Reverse(entry.last_seen));
        let mut left = self.max_response / 2;
        let mut ders = Vec::new();
        for entry in &rejected {
            let der = entry.certificate.der();
            let Some(room) = left.checked_sub(der.len() + 4) else { break };
            left = room;
            ders.push(ByteString::from(Arc::clone(der)));
        }
        vec![ders.into()]
    }
}
