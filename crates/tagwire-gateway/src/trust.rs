//! The trust lists, as the control socket and the command show and change them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use tagwire_access::{
    Actor, Audit, Certificate, CertificateType, FileError, Fingerprint, NoAudit, OwnCertificate, RejectedEntry,
    TrustEntry, TrustError, TrustRules, TrustSettings, TrustStore,
};
use tagwire_driver::Clock;
use tagwire_model::Timestamp;

use crate::audit::offline;
use crate::config::{Config, FingerprintKey, Ua};
use crate::control::{Answer, Request};

/// Folder of the users' certificates inside `pki`, with the same folders below.
pub(crate) const USERS_FOLDER: &str = "users";

/// Carries out a command about trust on the files themselves; only while no server runs.
pub fn carry_out_on_files(config: &Config, request: &Request, uid: Option<u32>) -> Answer {
    let pki = config.data_dir().join("pki");
    let stores = |audit: Arc<dyn Audit>| {
        let applications = TrustStore::open(&pki, TrustSettings::default(), Arc::clone(&audit))?;
        let users = TrustStore::open(&pki.join(USERS_FOLDER), TrustSettings::users(), audit)?;
        set_rules(&applications, &users, &config.ua);
        Ok::<_, FileError>((applications, users))
    };
    // What is wrong with the own certificates is for the doctor to tell.
    let look = |kind| OwnCertificate::look_for(kind, &config.data_dir()).ok().flatten();
    let own: Vec<Certificate> = CertificateType::ALL.into_iter().filter_map(look).collect();
    let own: Vec<&Certificate> = own.iter().collect();
    let carry_out = |audit| match stores(audit) {
        Ok((applications, users)) => {
            carry_out((&applications, &users), &own, request, Clock::system(|_| {}).now(), &Actor::command(uid))
        }
        Err(error) => {
            Answer::refused(error.to_string(), "check who may write to the folder pki inside [server] data_dir")
        }
    };
    match request {
        Request::TrustList {} => carry_out(Arc::new(NoAudit)),
        _ => offline(config, |recorder| carry_out(recorder.audit())),
    }
}

/// Takes over what the configuration says of certificates; true when anything changed.
pub(crate) fn set_rules(applications: &TrustStore, users: &TrustStore, ua: &Ua) -> bool {
    let all = |given: &[FingerprintKey]| given.iter().map(|fingerprint| fingerprint.0).collect();
    let without_revocation_list: HashSet<Fingerprint> = all(&ua.without_revocation_list);
    let of_users = TrustRules { without_revocation_list: without_revocation_list.clone(), ..TrustRules::default() };
    let rules = TrustRules { trusted: all(&ua.trusted_fingerprints), without_revocation_list };
    applications.set_rules(rules) | users.set_rules(of_users)
}

/// Carries out a command about trust in applications and in users, whose lists are apart; `own` are the certificates
/// that others have to trust.
pub(crate) fn carry_out(
    (applications, users): (&TrustStore, &TrustStore),
    own: &[&Certificate],
    request: &Request,
    now: Timestamp,
    by: &Actor,
) -> Answer {
    type Alter<'a> = &'a dyn Fn(&TrustStore, Fingerprint) -> Result<(), TrustError>;
    let change = |digits: &str, done: &str, alter: Alter<'_>| {
        let find = |trust: &TrustStore| trust.find(digits);
        let outcome = match (find(applications), find(users)) {
            (Ok(fingerprint), Err(TrustError::Unknown(_))) => Ok((applications, fingerprint)),
            (Err(TrustError::Unknown(_)), Ok(fingerprint)) => Ok((users, fingerprint)),
            (Ok(_), Ok(_)) => Err(TrustError::Ambiguous(digits.to_owned())),
            (Err(error @ TrustError::Unknown(_)), Err(TrustError::Unknown(_))) => Err(error),
            (Err(TrustError::Unknown(_)), Err(error)) | (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let outcome = outcome.and_then(|(trust, fingerprint)| alter(trust, fingerprint).map(|()| fingerprint));
        match outcome {
            Ok(fingerprint) => Answer::good(json!({
                "fingerprint": fingerprint.to_string(),
                "text": format!("certificate {} {done}", fingerprint.short()),
            })),
            Err(error) => refused(&error),
        }
    };
    match request {
        Request::TrustList {} => list(applications, users, own),
        Request::TrustAccept { certificate, seconds: None } => {
            change(certificate, "is trusted from now on", &|trust, fingerprint| trust.accept(fingerprint, now, by))
        }
        Request::TrustAccept { certificate, seconds: Some(seconds) } => {
            let ticks = i64::try_from(*seconds).unwrap_or(i64::MAX).saturating_mul(Timestamp::TICKS_PER_SECOND);
            let end = now.saturating_add_ticks(ticks);
            let done = format!("is trusted until {end}");
            change(certificate, &done, &|trust, fingerprint| trust.accept_until(fingerprint, end, now, by))
        }
        Request::TrustReject { certificate } => {
            change(certificate, "is not trusted any more", &|trust, fingerprint| trust.reject(fingerprint, now, by))
        }
        Request::TrustBlock { certificate } => {
            change(certificate, "is refused for good", &|trust, fingerprint| trust.block(fingerprint, now, by))
        }
        _ => Answer::refused("this command is not about trust", ""),
    }
}

fn list(applications: &TrustStore, users: &TrustStore, own: &[&Certificate]) -> Answer {
    let mut text = String::new();
    heading(&mut text, "this server, to be compared where a client asks for trust", own.len());
    for certificate in own {
        write_certificate(&mut text, certificate);
        let _ = writeln!(text, "      SHA-256 {}", certificate.fingerprint());
    }
    let (of_applications, lists_text) = lists(applications, "");
    text.push_str(&lists_text);
    let (of_users, users_text) = lists(users, "users ");
    // Most plants have no user certificates, and need not read that they have none.
    if users_text.lines().any(|line| !line.ends_with(": none")) {
        text.push_str(&users_text);
    }
    let mut answer = of_applications;
    answer["own"] = own.iter().map(|own| certificate_json(own)).collect();
    answer["users"] = of_users;
    answer["text"] = json!(text.trim_end());
    Answer::good(answer)
}

/// The lists of one store, as an object and as text with `of` before each heading.
fn lists(trust: &TrustStore, of: &str) -> (Value, String) {
    let (pending, trusted) = (trust.rejected(), trust.trusted());
    let (issuers, blocked) = (trust.issuers(), trust.blocked());
    let mut text = String::new();
    heading(&mut text, &format!("{of}waiting for a decision"), pending.len());
    for entry in &pending {
        write_pending(&mut text, entry);
    }
    for (name, entries) in [("trusted", &trusted), ("issuers", &issuers), ("blocked", &blocked)] {
        heading(&mut text, &format!("{of}{name}"), entries.len());
        for entry in entries {
            write_certificate(&mut text, &entry.certificate);
            if let Some(end) = trust.trusted_until(entry.certificate.fingerprint()).filter(|_| name == "trusted") {
                let _ = writeln!(text, "      until {end}");
            }
        }
    }
    let rules = trust.rules();
    let (declared, exempt) = (sorted(&rules.trusted), sorted(&rules.without_revocation_list));
    for (fingerprints, name) in
        [(&declared, "declared in the configuration"), (&exempt, "taken without a revocation list")]
    {
        if !fingerprints.is_empty() {
            heading(&mut text, &format!("{of}{name}"), fingerprints.len());
        }
        for fingerprint in fingerprints {
            let _ = writeln!(text, "  {fingerprint}\n      {}", fingerprint.words());
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
    let of_trusted = trusted.iter().map(|entry| {
        let mut value = certificate_json(&entry.certificate);
        value["until"] = json!(trust.trusted_until(entry.certificate.fingerprint()).map(|end| end.to_string()));
        value
    });
    let lists = json!({
        "pending": pending.iter().map(pending_json).collect::<Vec<_>>(),
        "trusted": of_trusted.collect::<Vec<_>>(),
        "issuers": all(&issuers),
        "blocked": all(&blocked),
        "declared": declared.iter().map(Fingerprint::to_string).collect::<Vec<_>>(),
        "without_revocation_list": exempt.iter().map(Fingerprint::to_string).collect::<Vec<_>>(),
        "ignored": ignored.iter().map(|(path, why)| json!({ "path": path, "reason": why })).collect::<Vec<_>>(),
    });
    (lists, text)
}

fn sorted(fingerprints: &HashSet<Fingerprint>) -> Vec<Fingerprint> {
    let mut sorted: Vec<Fingerprint> = fingerprints.iter().copied().collect();
    sorted.sort_unstable();
    sorted
}

fn heading(text: &mut String, name: &str, n_entries: usize) {
    let none = if n_entries == 0 { " none" } else { "" };
    let _ = writeln!(text, "{name}:{none}");
}

fn write_certificate(text: &mut String, certificate: &Certificate) {
    let fingerprint = certificate.fingerprint();
    let uri = certificate.uris().first().map_or("", String::as_str);
    let _ = writeln!(text, "  {}  {}  {uri}", fingerprint.short(), certificate.subject());
    let _ = writeln!(text, "      {}", fingerprint.words());
}

fn write_pending(text: &mut String, entry: &RejectedEntry) {
    write_certificate(text, &entry.certificate);
    let fingerprint = entry.certificate.fingerprint();
    let peer = entry.peer.map(|peer| format!(" from {}", peer.ip())).unwrap_or_default();
    let times = if entry.n_seen == 1 { "once".to_owned() } else { format!("{} times", entry.n_seen) };
    let _ = writeln!(text, "      SHA-256 {fingerprint}");
    let first = if entry.n_seen > 1 { format!(", first at {}", entry.first_seen) } else { String::new() };
    let _ = writeln!(text, "      seen {times}{peer}{first}, last at {}", entry.last_seen);
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
        "words": certificate.fingerprint().words(),
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
