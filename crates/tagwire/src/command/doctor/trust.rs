//! The trust lists of this installation.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tagwire_access::{Certificate, NoAudit, Reason, Revocation, TrustEntry, TrustSettings, TrustStore};
use tagwire_gateway::config::counted;
use tagwire_gateway::control::{ControlClient, Request};
use tagwire_model::Timestamp;

use super::report::Finding;

const CHECK: &str = "trust";

/// The lists for applications and those for users; `n_users` is how many certificates of users are trusted.
pub(super) struct Lists {
    pub(super) findings: Vec<Finding>,
    pub(super) n_users: usize,
}

/// Looks through the lists below a data folder, and changes nothing there.
pub(super) fn examine(data_dir: &Path, now: Timestamp) -> Lists {
    let mut lists = Lists { findings: Vec::new(), n_users: 0 };
    let [applications, users] = stores(data_dir);
    check(&applications, "application", now, &mut lists.findings);
    check(&users, "user", now, &mut lists.findings);
    lists.n_users = users.trusted().len();
    lists.findings.extend(waiting(data_dir, &[applications, users]));
    lists
}

/// The lists for applications and those for users.
fn stores(data_dir: &Path) -> [TrustStore; 2] {
    let pki = data_dir.join("pki");
    let look = |folder: &Path, settings| TrustStore::look(folder, settings, Arc::new(NoAudit));
    [look(&pki, TrustSettings::default()), look(&pki.join("users"), TrustSettings::users())]
}

fn check(store: &TrustStore, of: &str, now: Timestamp, findings: &mut Vec<Finding>) {
    let (trusted, issuers) = (store.trusted(), store.issuers());
    let before = findings.len();
    let all = trusted.iter().map(|entry| (entry, true)).chain(issuers.iter().map(|entry| (entry, false)));
    for (entry, is_trusted) in all {
        let certificate = &entry.certificate;
        findings.extend(time(entry, is_trusted, now));
        // Some applications mark their own certificate as one of an authority, and issue nothing.
        if certificate.is_authority() && certificate.uris().is_empty() {
            findings.extend(revocation(store, certificate, now));
        }
    }
    for (path, problem) in store.ignored() {
        let fix = "replace it by a certificate or revocation list in DER or PEM, or remove it";
        findings.push(Finding::warning(CHECK, format!("the file {} is ignored: {problem}", path.display()), fix));
    }
    if findings.len() == before && (of == "application" || !trusted.is_empty()) {
        let text = format!(
            "{} trusted, {}",
            counted(trusted.len(), &format!("{of} certificate")),
            counted(issuers.len(), "issuer")
        );
        findings.push(Finding::good(CHECK, text));
    }
}

fn named(certificate: &Certificate) -> String {
    format!("{} of {}", certificate.fingerprint().short(), certificate.subject())
}

fn time(entry: &TrustEntry, is_trusted: bool, now: Timestamp) -> Option<Finding> {
    let certificate = &entry.certificate;
    let (from, to) = (certificate.not_before(), certificate.not_after());
    if now < from {
        let text = format!("{} is not valid before {from}", named(certificate));
        return Some(Finding::warning(CHECK, text, "check the clock of this machine"));
    }
    if now <= to {
        return None;
    }
    let text = format!("{} expired on {to}, so that it is refused", named(certificate));
    let digits = certificate.fingerprint().short();
    Some(if certificate.is_authority() && certificate.uris().is_empty() {
        let fix = format!(
            "everything that it issued is refused too: put its new certificate beside {}",
            entry.path.display()
        );
        Finding::problem(CHECK, text, fix)
    } else if is_trusted {
        let fix = format!(
            "let the client renew it and accept the new one; strike this one off with: tagwire trust reject {digits}"
        );
        Finding::warning(CHECK, text, fix)
    } else {
        Finding::warning(CHECK, text, format!("remove the file {}", entry.path.display()))
    })
}

fn revocation(store: &TrustStore, authority: &Certificate, now: Timestamp) -> Option<Finding> {
    let what = match store.revocation(authority, now) {
        Revocation::Current => return None,
        Revocation::Outdated => "is out of date",
        Revocation::Missing => "is missing",
    };
    let text = format!(
        "the revocation list of {} {what}, so that every certificate that it issued is refused",
        named(authority)
    );
    Some(Finding::problem(CHECK, text, "get the current list from the authority and put it into the folder pki/issuer"))
}

/// Certificates that wait for a decision; the reasons are known to the running server only.
fn waiting(data_dir: &Path, stores: &[TrustStore]) -> Vec<Finding> {
    let answer = ControlClient::connect(data_dir).and_then(|mut client| client.ask(&Request::TrustList {}));
    let pending = |of: &Value| of["pending"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    match answer {
        Ok(answer) => pending(&answer.answer)
            .iter()
            .chain(&pending(&answer.answer["users"]))
            .map(|entry| {
                let who = format!("{} of {}", text(entry, "certificate"), text(entry, "subject"));
                Finding::warning(
                    CHECK,
                    format!("{who} waits for a decision: {}", text(entry, "why")),
                    text(entry, "fix"),
                )
            })
            .collect(),
        Err(_) => stores
            .iter()
            .flat_map(TrustStore::rejected)
            .map(|entry| {
                let fix = Reason::Untrusted.advice(entry.certificate.fingerprint());
                Finding::warning(CHECK, format!("{} waits for a decision", named(&entry.certificate)), fix)
            })
            .collect(),
    }
}
