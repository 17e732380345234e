//! The trust lists, as the control socket and the command show and change them.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use tagwire_access::{
    Actor, Certificate, Fingerprint, NoAudit, RejectedEntry, TrustEntry, TrustError, TrustSettings, TrustStore,
};
use tagwire_driver::Clock;
use tagwire_model::Timestamp;

use crate::audit::offline;
use crate::config::Config;
use crate::control::{Answer, Request};

/// Carries out a command about trust on the files themselves; only while no server runs.
pub fn carry_out_on_files(config: &Config, request: &Request, uid: Option<u32>) -> Answer {
    let carry_out = |audit| match TrustStore::open(&config.data_dir().join("pki"), TrustSettings::default(), audit) {
        Ok(trust) => carry_out(&trust, request, Clock::system(|_| {}).now(), &Actor::command(uid)),
        Err(error) => {
            Answer::refused(error.to_string(), "check who may write to the folder pki inside [server] data_dir")
        }
    };
    match request {
        Request::TrustList {} => carry_out(Arc::new(NoAudit)),
        _ => offline(config, |recorder| carry_out(recorder.audit())),
    }
}

/// Carries out a command about trust.
pub(crate) fn carry_out(trust: &TrustStore, request: &Request, now: Timestamp, by: &Actor) -> Answer {
    let change = |digits: &str, done: &str, alter: &dyn Fn(Fingerprint) -> Result<(), TrustError>| {
        let outcome = trust.find(digits).and_then(|fingerprint| alter(fingerprint).map(|()| fingerprint));
        match outcome {
            Ok(fingerprint) => Answer::good(json!({
                "fingerprint": fingerprint.to_string(),
                "text": format!("certificate {} {done}", fingerprint.short()),
            })),
            Err(error) => refused(&error),
        }
    };
    match request {
        Request::TrustList {} => list(trust),
        Request::TrustAccept { certificate } => {
            change(certificate, "is trusted from now on", &|fingerprint| trust.accept(fingerprint, now, by))
        }
        Request::TrustReject { certificate } => {
            change(certificate, "is not trusted any more", &|fingerprint| trust.reject(fingerprint, now, by))
        }
        Request::TrustBlock { certificate } => {
            change(certificate, "is refused for good", &|fingerprint| trust.block(fingerprint, now, by))
        }
        _ => Answer::refused("this command is not about trust", ""),
    }
}

fn list(trust: &TrustStore) -> Answer {
    let (pending, trusted) = (trust.rejected(), trust.trusted());
    let (issuers, blocked) = (trust.issuers(), trust.blocked());
    let mut text = String::new();
    heading(&mut text, "waiting for a decision", pending.len());
    for entry in &pending {
        write_pending(&mut text, entry);
    }
    for (name, entries) in [("trusted", &trusted), ("issuers", &issuers), ("blocked", &blocked)] {
        heading(&mut text, name, entries.len());
        for entry in entries {
            write_certificate(&mut text, &entry.certificate);
        }
    }
    let ignored = trust.ignored();
    for (path, problem) in &ignored {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "ignored: {}: {problem}", path.display());
    }
    let all = |entries: &[TrustEntry]| -> Vec<Value> {
        entries.iter().map(|entry| certificate_json(&entry.certificate)).collect()
    };
    Answer::good(json!({
        "pending": pending.iter().map(pending_json).collect::<Vec<_>>(),
        "trusted": all(&trusted),
        "issuers": all(&issuers),
        "blocked": all(&blocked),
        "ignored": ignored.iter().map(|(path, why)| json!({ "path": path, "reason": why })).collect::<Vec<_>>(),
        "text": text.trim_end(),
    }))
}

fn heading(text: &mut String, name: &str, n_entries: usize) {
    let none = if n_entries == 0 { " none" } else { "" };
    let _ = writeln!(text, "{name}:{none}");
}

fn write_certificate(text: &mut String, certificate: &Certificate) {
    let fingerprint = certificate.fingerprint();
    let uri = certificate.uris().first().map_or("", String::as_str);
    let _ = writeln!(text, "  {}  {}  {uri}", fingerprint.short(), certificate.subject());
}

fn write_pending(text: &mut String, entry: &RejectedEntry) {
    write_certificate(text, &entry.certificate);
    let fingerprint = entry.certificate.fingerprint();
    let peer = entry.peer.map(|peer| format!(" from {}", peer.ip())).unwrap_or_default();
    let times = if entry.n_seen == 1 { "once".to_owned() } else { format!("{} times", entry.n_seen) };
    let _ = writeln!(text, "      SHA-256 {fingerprint}");
    let _ = writeln!(text, "      seen {times}{peer}, last at {}", entry.last_seen);
    let _ = writeln!(text, "      {}; {}", why(entry), advice(entry));
}

fn why(entry: &RejectedEntry) -> String {
    match &entry.reason {
        Some(reason) => reason.to_string(),
        None => "the certificate was refused before the server started".to_owned(),
    }
}

fn advice(entry: &RejectedEntry) -> String {
    let fingerprint = entry.certificate.fingerprint();
    match &entry.reason {
        Some(reason) => reason.advice(fingerprint),
        None => tagwire_access::Reason::Untrusted.advice(fingerprint),
    }
}

fn certificate_json(certificate: &Certificate) -> Value {
    json!({
        "certificate": certificate.fingerprint().short(),
        "fingerprint": certificate.fingerprint().to_string(),
        "subject": certificate.subject(),
        "uri": certificate.uris().first(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
    })
}

fn pending_json(entry: &RejectedEntry) -> Value {
    let mut value = certificate_json(&entry.certificate);
    value["reason"] = json!(entry.reason.as_ref().map(tagwire_access::Reason::name));
    value["why"] = json!(why(entry));
    value["fix"] = json!(advice(entry));
    value["peer"] = json!(entry.peer.map(|peer| peer.ip().to_string()));
    value["first_seen"] = json!(entry.first_seen.to_string());
    value["last_seen"] = json!(entry.last_seen.to_string());
    value["count"] = json!(entry.n_seen);
    value
}

fn refused(error: &TrustError) -> Answer {
    let fix = match error {
        TrustError::Unknown(_) => "tagwire trust list shows the certificates; four digits or more name one",
        TrustError::Ambiguous(_) => "type more digits of the fingerprint",
        TrustError::File(_) => "check who may write to the folder pki inside [server] data_dir",
        TrustError::Certificate(_) => "",
    };
    Answer::refused(error.to_string(), fix)
}
