//! Reading and replacing the lists of a [`TrustStore`] as a whole, as certificate managers do.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use tagwire_model::Timestamp;

use crate::file::{self, FileError, Readers};
use crate::folder::Folder;
use crate::trust::{Editing, TrustError, TrustStore};
use crate::trust_list::{CheckedTrustList, Part, TrustList};
use crate::{Actor, Certificate, Fingerprint};

/// The files to write and to delete so that a folder holds something else.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    writes: Vec<(PathBuf, Arc<[u8]>)>,
    deletes: Vec<PathBuf>,
}

impl Folder {
    /// What it holds.
    fn part(&self) -> Part {
        let certificates = self.certificates.values().map(|(found, _)| Arc::clone(found)).collect();
        Part { certificates, lists: self.lists.clone() }
    }

    /// What makes this folder hold `wanted` and nothing else; files that cannot be read stay.
    fn plan(&self, wanted: &Part) -> Plan {
        let certificates = wanted.certificates.iter().map(|wanted| (wanted.fingerprint(), "der", wanted.der()));
        let lists = wanted.lists.iter().map(|list| (Fingerprint::of(list.der()), "crl", list.der()));
        let wanted: Vec<(Fingerprint, &str, &Arc<[u8]>)> = certificates.chain(lists).collect();
        let keys: HashSet<Fingerprint> = wanted.iter().map(|(key, ..)| *key).collect();
        let mut kept = HashSet::new();
        let mut plan = Plan::default();
        for (path, content) in self.contents() {
            // A file with something that is to go is deleted as a whole; what else is in it gets files of its own.
            if content.iter().all(|key| keys.contains(key)) {
                kept.extend(content);
            } else {
                plan.deletes.push(path.to_owned());
            }
        }
        for (key, extension, der) in wanted {
            if kept.insert(key) {
                plan.writes.push((self.path().join(format!("{key}.{extension}")), Arc::clone(der)));
            }
        }
        plan.deletes.retain(|path| !plan.writes.iter().any(|(written, _)| written == path));
        plan
    }
}

impl Plan {
    fn write(&self) -> Result<(), FileError> {
        self.writes.iter().try_for_each(|(path, der)| file::replace(path, der, Readers::All))
    }

    /// Deletes what was written, as far as that is possible on a disk that just failed.
    fn take_back(&self) {
        for (path, _) in &self.writes {
            if let Err(error) = file::remove(path) {
                tracing::error!("a certificate stays in a trust list that was not changed: {error}");
            }
        }
    }

    fn delete(&self) -> Result<(), FileError> {
        self.deletes.iter().try_for_each(|path| file::remove(path))
    }
}

/// What a record of the audit log says of a certificate that came into a list, and of one that went.
const CHANGES: [(&str, &str); 2] = [("accepted", "removed"), ("added as issuer", "removed as issuer")];

impl TrustStore {
    /// The lists as they are now, in the order of their fingerprints.
    pub fn contents(&self) -> TrustList {
        self.rescan(true);
        let state = self.state.read();
        let [(trusted, trusted_lists), (issuers, issuer_lists)] = [&state.trusted, &state.issuers].map(|folder| {
            let mut certificates: Vec<_> = folder.certificates.iter().collect();
            certificates.sort_by_key(|(fingerprint, _)| **fingerprint);
            let certificates = certificates.into_iter().map(|(_, (found, _))| Arc::clone(found.der())).collect();
            let mut lists: Vec<Arc<[u8]>> = folder.lists.iter().map(|list| Arc::clone(list.der())).collect();
            lists.sort();
            lists.dedup();
            (certificates, lists)
        });
        TrustList { trusted, trusted_lists, issuers, issuer_lists }
    }

    /// When the lists last changed, as the files told when they were last looked at; never waits for the disk.
    pub fn last_update(&self) -> Timestamp {
        let state = self.state.read();
        let latest = state.trusted.last_change().max(state.issuers.last_change());
        let since_epoch = latest.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let nanos = since_epoch.and_then(|since| i128::try_from(since.as_nanos()).ok());
        nanos.map_or(Timestamp::NONE, Timestamp::from_unix_nanos)
    }

    /// The authorities in the lists, for whoever looks for the issuer of a certificate.
    pub fn authorities(&self) -> Vec<Arc<Certificate>> {
        self.rescan(true);
        let state = self.state.read();
        let all = state.trusted.certificates.values().chain(state.issuers.certificates.values());
        all.map(|(found, _)| found).filter(|found| found.is_authority()).cloned().collect()
    }

    /// Puts other lists in force and gives those before. What is new is written before what is gone is deleted, so that
    /// a crash between leaves every certificate that both lists hold. What an administrator blocked stays blocked.
    ///
    /// # Errors
    /// [`TrustError::File`]; the lists before are still in force then, unless the disk fails further.
    pub fn replace(&self, list: &CheckedTrustList, now: Timestamp, by: &Actor) -> Result<CheckedTrustList, TrustError> {
        self.rescan(true);
        let wanted = [&list.trusted, &list.issuers];
        let (plans, changes, former) = {
            let state = self.state.read();
            let folders = [&state.trusted, &state.issuers];
            let mut changes: Vec<(Fingerprint, &'static str)> = Vec::new();
            for ((folder, part), (came, went)) in folders.into_iter().zip(wanted).zip(CHANGES) {
                let new: HashSet<Fingerprint> = part.certificates.iter().map(|found| found.fingerprint()).collect();
                let old = |fingerprint: &&Fingerprint| folder.certificates.contains_key(fingerprint);
                changes.extend(new.iter().filter(|found| !old(found)).map(|found| (*found, came)));
                let gone = folder.certificates.keys().filter(|found| !new.contains(found));
                changes.extend(gone.map(|found| (*found, went)));
            }
            let plans: Vec<Plan> = folders.into_iter().zip(wanted).map(|(folder, part)| folder.plan(part)).collect();
            let [trusted, issuers] = folders.map(Folder::part);
            (plans, changes, CheckedTrustList { trusted, issuers })
        };
        let editing: Vec<Editing<'_>> = changes.iter().map(|(fingerprint, _)| self.edit(*fingerprint)).collect();
        if let Err(error) = plans.iter().try_for_each(Plan::write) {
            plans.iter().for_each(Plan::take_back);
            return Err(error.into());
        }
        plans.iter().try_for_each(Plan::delete)?;
        for certificate in &list.trusted.certificates {
            self.forget_rejected(certificate.fingerprint())?;
        }
        self.rescan(true);
        drop(editing);
        for (fingerprint, change) in changes {
            self.tell_change(fingerprint, change, now, by);
        }
        Ok(former)
    }
}
