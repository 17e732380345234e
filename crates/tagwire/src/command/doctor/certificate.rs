//! What is wrong with a certificate, of ours or of a server.

use std::net::IpAddr;
use std::path::Path;

use tagwire_access::{Certificate, CertificateType, OwnCertificate, PublicKey, found_names};
use tagwire_gateway::config::Ua;
use tagwire_model::Timestamp;

use super::report::Finding;

const CHECK: &str = "certificate";
const TICKS_PER_DAY: i64 = 86_400 * Timestamp::TICKS_PER_SECOND;
/// Days before the end of a certificate from which on it is told.
const SOON: i64 = 60;

/// The certificates of this installation: the RSA one, and those with other keys that are there.
pub(super) fn own(data_dir: &Path, ua: &Ua, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for kind in CertificateType::ALL {
        match OwnCertificate::look_for(kind, data_dir) {
            Ok(Some(certificate)) => findings.extend(checked(kind, &certificate, ua, now)),
            Ok(None) if kind == CertificateType::RsaSha256 => {
                let text = "there is none yet; the first start of the server makes it";
                findings.push(Finding::good(CHECK, text));
            }
            Ok(None) => {}
            Err(error) => {
                let fix = "put back the file from a backup, or move the folder pki/own of [server] data_dir away and start \
                           the server: it makes a new key, which every client must trust anew";
                findings.push(Finding::problem(CHECK, error.to_string(), fix));
            }
        }
    }
    findings
}

fn checked(kind: CertificateType, certificate: &Certificate, ua: &Ua, now: Timestamp) -> Vec<Finding> {
    let renew = if certificate.is_self_issued() {
        "type: tagwire trust renew; it issues another with the same key, which clients must trust".to_owned()
    } else {
        format!(
            "have its authority issue another for the same key, put it at pki/{} of [server] data_dir and start the \
             server again",
            kind.certificate_file()
        )
    };
    vec![
        Finding::good(CHECK, format!("{} of {}", certificate.fingerprint(), certificate.subject())),
        validity(certificate, now, &renew),
        key(certificate, "make a new key: move the folder pki/own of [server] data_dir away and start the server"),
        uri(certificate, &renew),
        names(certificate, ua, &found_names(), &renew),
    ]
}

/// Whether it is valid now, and for how long.
pub(super) fn validity(certificate: &Certificate, now: Timestamp, renew: &str) -> Finding {
    let (from, to) = (certificate.not_before(), certificate.not_after());
    if now < from {
        let fix = "check the clocks of this machine and of the one that issued it";
        return Finding::problem(CHECK, format!("it is not valid before {from}, and it is {now} here"), fix);
    }
    let days = to.ticks_since(now).div_euclid(TICKS_PER_DAY);
    if now > to {
        let text = format!("it expired on {to}, {} days ago", -days);
        Finding::problem(CHECK, text, format!("check the clock, then {renew}"))
    } else if days < SOON {
        Finding::warning(CHECK, format!("it expires in {days} days, on {to}"), renew)
    } else {
        Finding::good(CHECK, format!("it is valid for {days} more days, to {to}"))
    }
}

/// Whether there are policies for its key.
pub(super) fn key(certificate: &Certificate, renew: &str) -> Finding {
    match certificate.public_key() {
        PublicKey::Rsa(bits) if bits < 2048 => {
            Finding::problem(CHECK, format!("its key has {bits} bits, and no policy takes fewer than 2048"), renew)
        }
        PublicKey::Rsa(bits) if bits > 4096 => {
            Finding::problem(CHECK, format!("its key has {bits} bits, and no policy takes more than 4096"), renew)
        }
        PublicKey::Rsa(bits) => Finding::good(CHECK, format!("its key is RSA with {bits} bits")),
        PublicKey::P256 => Finding::good(CHECK, "its key is on the curve NIST P-256"),
        PublicKey::P384 => Finding::good(CHECK, "its key is on the curve NIST P-384"),
        PublicKey::Other => {
            let text = "its key is neither RSA nor on NIST P-256 or P-384, and no policy takes another";
            Finding::problem(CHECK, text, renew)
        }
    }
}

fn uri(certificate: &Certificate, renew: &str) -> Finding {
    match certificate.uris() {
        [uri] => Finding::good(CHECK, format!("its application URI is {uri}")),
        uris => {
            let text = format!("it holds {} application URIs, and clients want exactly one", uris.len());
            Finding::problem(CHECK, text, renew)
        }
    }
}

/// Whether it holds every name under which clients reach this machine.
fn names(certificate: &Certificate, ua: &Ua, found: &[String], renew: &str) -> Finding {
    let is_named = |name: &&String| certificate.names_host(name);
    let missing: Vec<&String> = ua.hosts.iter().filter(|name| !is_named(name)).collect();
    if !missing.is_empty() {
        let fix = if certificate.is_self_issued() {
            "start the server again: it issues another with the same key, which clients must trust"
        } else {
            renew
        };
        return Finding::warning(CHECK, format!("it does not name {} of [ua] hosts", list(&missing)), fix);
    }
    // With configured names the operator has said which ones clients use.
    let unnamed: Vec<&String> = if ua.hosts.is_empty() {
        found.iter().filter(|name| !is_local_only(name) && !is_named(name)).collect()
    } else {
        Vec::new()
    };
    if unnamed.is_empty() {
        return Finding::good(CHECK, format!("it names {}", list(&names_of(certificate).iter().collect::<Vec<_>>())));
    }
    let text = format!("it does not name {}, by which this machine can be reached", list(&unnamed));
    Finding::warning(CHECK, text, "add to [ua] hosts what clients dial, and start the server again")
}

/// Whether a name or address means this machine or this wire only, so that no other machine checks it.
fn is_local_only(name: &str) -> bool {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// The host names and addresses that it holds.
pub(super) fn names_of(certificate: &Certificate) -> Vec<String> {
    let addresses = certificate.addresses().iter().map(IpAddr::to_string);
    certificate.dns_names().iter().cloned().chain(addresses).collect()
}

/// Names as they stand in a sentence; of many the first ones.
pub(super) fn list(names: &[&String]) -> String {
    const SHOWN: usize = 8;
    let mut text = names.iter().take(SHOWN).map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => text.push_str("no host"),
        n if n > SHOWN => text.push_str(&format!(" and {} more", n - SHOWN)),
        _ => {}
    }
    text
}
