//! The methods of trust lists (Part 12, 7.8.2).

use std::sync::Arc;

use tagwire_access::{Certificate, CheckedTrustList, Reason, TrustList, TrustStore};
use tagwire_model::Status;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ByteString, Variant};

use super::file::Mode;
use super::transaction::NewList;
use super::{Group, Job, alive, trust_list};
use crate::limits;

impl Job {
    pub(super) fn store(&self, group: Group) -> &Arc<TrustStore> {
        match group {
            Group::Applications => &self.server.trust,
            Group::Users => &self.server.user_trust,
        }
    }

    pub(super) fn open(&self, group: Group, bits: u8) -> Result<Vec<Variant>, Status> {
        match Mode::parse(bits)? {
            Mode::Read => self.open_with_masks(group, trust_list::ALL),
            Mode::Write => self.open_as(group, Mode::Write, Vec::new()),
        }
    }

    /// Opens the parts of a list that are in force, whatever waits in a transaction.
    pub(super) fn open_with_masks(&self, group: Group, masks: u32) -> Result<Vec<Variant>, Status> {
        self.open_as(group, Mode::Read, trust_list::encode(&self.store(group).contents(), masks))
    }

    fn open_as(&self, group: Group, mode: Mode, content: Vec<u8>) -> Result<Vec<Variant>, Status> {
        let mut state = self.server.configuration.state.lock();
        match mode {
            Mode::Read => alive(&self.session)?,
            Mode::Write => state.admit(&self.session)?,
        }
        let owner = (&self.session.id, group);
        let handle = state.files.open(owner, mode, content, (&self.server.quota, self.now))?;
        Ok(vec![handle.into()])
    }

    pub(super) fn close(&self, group: Group, handle: u32) -> Result<(), Status> {
        self.server.configuration.state.lock().files.close((&self.session.id, group), handle).map(|_| ())
    }

    pub(super) fn read(&self, group: Group, handle: u32, length: i32) -> Result<Vec<Variant>, Status> {
        let mut state = self.server.configuration.state.lock();
        let file = state.files.find((&self.session.id, group), handle, self.now)?;
        let part = file.read(length, self.max_response / 2)?;
        Ok(vec![ByteString::from(part).into()])
    }

    pub(super) fn write(&self, group: Group, handle: u32, data: &[u8]) -> Result<(), Status> {
        let mut state = self.server.configuration.state.lock();
        state.files.find((&self.session.id, group), handle, self.now)?.write(data)
    }

    pub(super) fn position(&self, group: Group, handle: u32) -> Result<Vec<Variant>, Status> {
        let mut state = self.server.configuration.state.lock();
        let file = state.files.find((&self.session.id, group), handle, self.now)?;
        Ok(vec![file.tell().into()])
    }

    pub(super) fn set_position(&self, group: Group, handle: u32, position: u64) -> Result<(), Status> {
        let mut state = self.server.configuration.state.lock();
        state.files.find((&self.session.id, group), handle, self.now)?.seek(position);
        Ok(())
    }

    /// Takes a new list into the session's transaction. The file is closed whether it can be used or not.
    pub(super) fn close_and_update(&self, group: Group, handle: u32) -> Result<Vec<Variant>, Status> {
        let (file, waiting) = {
            let mut state = self.server.configuration.state.lock();
            let owner = (&self.session.id, group);
            if state.files.find(owner, handle, self.now)?.mode() != Mode::Write {
                return Err(status::BAD_INVALID_STATE);
            }
            let (_, file) = state.files.close(owner, handle)?;
            state.admit(&self.session)?;
            let waiting = state.transaction.as_ref().and_then(|transaction| transaction.list(group));
            (file, waiting.map(|new| new.list.clone()))
        };
        let base = waiting.unwrap_or_else(|| self.store(group).contents());
        let list = trust_list::merge(&base, &file).ok_or(status::BAD_CERTIFICATE_INVALID);
        let new = list.and_then(|list| Ok(NewList { group, checked: self.check(&list)?, list }));
        match new {
            Ok(new) => self.in_transaction(|transaction, report| {
                report.affects_list(group);
                transaction.put_list(new);
            })?,
            Err(status) => {
                let mut state = self.server.configuration.state.lock();
                if let super::State { transaction: Some(_), last: Some(last), .. } = &mut *state {
                    last.fail(group.trust_list(), status, "the trust list cannot be used");
                }
                return Err(status);
            }
        }
        Ok(vec![true.into()])
    }

    fn check(&self, list: &TrustList) -> Result<CheckedTrustList, Status> {
        if trust_list::size(list) > limits::MAX_TRUST_LIST_BYTES {
            return Err(status::BAD_REQUEST_TOO_LARGE);
        }
        list.check().map_err(|reason| {
            tracing::warn!("trust list refused: {reason}");
            reason.status()
        })
    }

    pub(super) fn add_certificate(&self, group: Group, der: &[u8], is_trusted: bool) -> Result<(), Status> {
        // Issuers need their revocation lists, which cannot come this way (Part 12, 7.8.2.6).
        if !is_trusted {
            return Err(status::BAD_CERTIFICATE_INVALID);
        }
        let certificate = Certificate::from_der(der).map_err(|_| Reason::Malformed.status())?;
        self.change_at_once(group, |mut list| {
            if !list.trusted.contains(certificate.der()) {
                list.trusted.push(Arc::clone(certificate.der()));
            }
            Ok(list)
        })
    }

    pub(super) fn remove_certificate(&self, group: Group, thumbprint: &str, is_trusted: bool) -> Result<(), Status> {
        self.change_at_once(group, |list| list.without(thumbprint, is_trusted).ok_or(status::BAD_INVALID_ARGUMENT))
    }

    /// The authorities that this session's transaction, or else the list in force, knows.
    pub(super) fn known_authorities(&self) -> Result<Vec<Arc<Certificate>>, Status> {
        let state = self.server.configuration.state.lock();
        state.admit(&self.session)?;
        let waiting = state.transaction.as_ref().and_then(|transaction| transaction.list(Group::Applications));
        Ok(match waiting {
            Some(new) => new.checked.authorities(),
            None => self.server.trust.authorities(),
        })
    }

    /// Changes one certificate of a list outside of any transaction.
    fn change_at_once(
        &self,
        group: Group,
        change: impl FnOnce(TrustList) -> Result<TrustList, Status>,
    ) -> Result<(), Status> {
        let applying = self.begin(|state| {
            if state.transaction.is_some() {
                return Err(status::BAD_TRANSACTION_PENDING);
            }
            if state.files.n_open(group) > 0 { Err(status::BAD_INVALID_STATE) } else { Ok(()) }
        })?;
        let list = change(self.store(group).contents())?;
        let checked = self.check(&list)?;
        self.replace_list(group, &checked).map_err(|_| Status::BAD_INTERNAL_ERROR)?;
        drop(applying);
        self.tell_list_updated(group, Status::GOOD);
        self.server.recheck_trust();
        Ok(())
    }
}
