//! The certificate matrix X01 to X11: which peers are admitted, why the others are not, and what they may learn.

mod support;

use std::time::{Duration, Instant};

use rcgen::KeyUsagePurpose;
use support::{APPLICATION, AUTHORITY, Store, Wish, now, self_signed};
use tagwire_access::{Actor, Certificate, PeerCheck, Reason, TrustSettings};
use tagwire_model::Status;

const CHECKS_FAILED: Status = Status(0x8013_0000);
const TIME_INVALID: Status = Status(0x8014_0000);
const URI_INVALID: Status = Status(0x8017_0000);
const USE_NOT_ALLOWED: Status = Status(0x8018_0000);
const REVOCATION_UNKNOWN: Status = Status(0x801B_0000);

#[test]
fn x01_a_trusted_self_signed_certificate_is_admitted() {
    let store = Store::new();
    let peer = self_signed(APPLICATION);
    store.drop_file("trusted/peer.der", &peer.der);
    let trusted = store.verify(&[&peer.der]).expect("admitted");
    assert!(trusted.issuers.is_empty());
    assert_eq!(trusted.certificate.subject(), "CN=application");
    assert_eq!(store.n_files("rejected"), 0);
}

#[test]
fn x01_a_certificate_below_a_trusted_authority_with_a_revocation_list_is_admitted() {
    let root = self_signed(AUTHORITY);
    let middle = root.issue(Wish { name: "middle", serial: 2, ..AUTHORITY });
    let peer = middle.issue(APPLICATION);
    // The trusted one may be the root, the authority in the middle, or the certificate itself.
    for trusted in [&root, &middle, &peer] {
        let store = Store::new();
        store.drop_file("trusted/one.der", &trusted.der);
        store.drop_file("issuer/certs/root.der", &root.der);
        store.drop_file("issuer/certs/middle.der", &middle.der);
        store.drop_file("issuer/crl/root.crl", &root.revocation_list(&[99], 2030));
        store.drop_file("issuer/crl/middle.crl", &middle.revocation_list(&[], 2030));
        let found = store.verify(&[&peer.der]).expect("admitted");
        assert_eq!(found.issuers.len(), 2);
    }
    // Issuers that the peer sends along complete the chain, too.
    let store = Store::new();
    store.drop_file("trusted/root.der", &root.der);
    store.drop_file("trusted/crl/root.crl", &root.revocation_list(&[], 2030));
    store.drop_file("trusted/crl/middle.crl", &middle.revocation_list(&[], 2030));
    assert!(store.verify(&[&peer.der, &middle.der, &root.der]).is_ok());
}

#[test]
fn x02_an_untrusted_certificate_is_refused_stored_once_and_can_be_accepted_at_once() {
    let store = Store::new();
    let peer = self_signed(Wish { name: "../../etc/peer", ..APPLICATION });
    for _ in 0..3 {
        let reason = store.verify(&[&peer.der]).expect_err("refused");
        assert_eq!((reason.clone(), reason.wire_status()), (Reason::Untrusted, CHECKS_FAILED));
    }
    let rejected = store.trust.rejected();
    assert_eq!((rejected.len(), rejected[0].n_seen), (1, 3));
    assert_eq!(rejected[0].reason, Some(Reason::Untrusted));
    let fingerprint = rejected[0].certificate.fingerprint();
    assert!(store.path(&format!("rejected/{fingerprint}.der")).exists(), "the file is named by its hash");

    let before = store.trust.generation();
    let found = store.trust.find(&fingerprint.short()).expect("found by its first digits");
    store.trust.accept(found, now(), &Actor::default()).expect("accepts");
    assert!(store.trust.generation() > before);
    assert!(store.verify(&[&peer.der]).is_ok());
    assert_eq!((store.n_files("rejected"), store.trust.trusted().len()), (0, 1));

    store.trust.reject(fingerprint, now(), &Actor::default()).expect("rejects");
    assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Untrusted);
    store.trust.remove(fingerprint, now(), &Actor::default()).expect("removes");
    assert_eq!((store.n_files("rejected"), store.n_files("trusted")), (0, 0));
}

#[test]
fn a_blocked_certificate_stays_out_unlisted_until_it_is_accepted() {
    let store = Store::new();
    let peer = self_signed(APPLICATION);
    assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Untrusted);
    let fingerprint = store.trust.rejected()[0].certificate.fingerprint();
    assert!(Reason::Untrusted.advice(fingerprint).ends_with(&format!("tagwire trust accept {}", fingerprint.short())));
    store.trust.accept(fingerprint, now(), &Actor::default()).expect("accepts");
    let before = store.trust.generation();
    store.trust.block(fingerprint, now(), &Actor::default()).expect("blocks");
    assert!(store.trust.generation() > before, "live sessions are looked at");
    let reason = store.verify(&[&peer.der]).expect_err("blocked");
    assert_eq!((reason.wire_status(), reason), (CHECKS_FAILED, Reason::Blocked));
    assert!(store.trust.rejected().is_empty(), "it does not wait for a decision again");
    assert_eq!((store.n_files("trusted"), store.trust.blocked().len()), (0, 1));

    let found = store.trust.find(&fingerprint.short()).expect("found among the blocked ones");
    store.trust.accept(found, now(), &Actor::default()).expect("accepts");
    assert!(store.verify(&[&peer.der]).is_ok());
    store.trust.block(fingerprint, now(), &Actor::default()).expect("blocks again");
    store.trust.reject(fingerprint, now(), &Actor::default()).expect("unblocks");
    assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Untrusted);
    store.trust.reject(fingerprint, now(), &Actor::default()).expect("strikes it off the list");
    assert!(store.trust.rejected().is_empty() && store.trust.reject(fingerprint, now(), &Actor::default()).is_err());
}

#[test]
fn what_a_blocked_authority_issued_is_refused() {
    let root = self_signed(AUTHORITY);
    let peer = root.issue(APPLICATION);
    let store = Store::new();
    store.drop_file("trusted/root.der", &root.der);
    store.drop_file("trusted/root.crl", &root.revocation_list(&[], 2030));
    let admitted = store.verify(&[&peer.der]).expect("trusted");
    store.trust.block(admitted.issuers[0].fingerprint(), now(), &Actor::default()).expect("blocks");
    store.drop_file("trusted/root.der", &root.der);
    assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Blocked);
}

#[test]
fn x03_an_unknown_or_untrusted_issuer_is_refused() {
    let root = self_signed(AUTHORITY);
    let peer = root.issue(APPLICATION);
    let store = Store::new();
    let reason = store.verify(&[&peer.der]).expect_err("refused");
    assert_eq!((reason.wire_status(), reason), (CHECKS_FAILED, Reason::IssuerUnknown("CN=authority".to_owned())));
    assert_eq!(store.verify(&[&peer.der, &root.der]).expect_err("refused"), Reason::Untrusted);
    store.drop_file("issuer/root.der", &root.der);
    store.drop_file("issuer/root.crl", &root.revocation_list(&[], 2030));
    assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Untrusted);
    // Trusting the last certificate alone does not show whether it was revoked.
    let other = Store::new();
    other.drop_file("trusted/peer.der", &peer.der);
    assert!(matches!(other.verify(&[&peer.der]).expect_err("refused"), Reason::IssuerUnknown(_)));
}

#[test]
fn x04_a_revoked_certificate_is_refused_and_only_the_administrator_learns_why() {
    let root = self_signed(AUTHORITY);
    let middle = root.issue(Wish { name: "middle", serial: 2, ..AUTHORITY });
    let peer = middle.issue(APPLICATION);
    for (by_root, by_middle, middle_until, reason) in [
        (vec![], vec![peer.serial], 2030, Reason::Revoked),
        // A list out of date still revokes.
        (vec![], vec![1, 2, 3, peer.serial], 2024, Reason::Revoked),
        (vec![middle.serial], vec![], 2030, Reason::IssuerRevoked),
        (vec![middle.serial], vec![], 2024, Reason::IssuerRevoked),
    ] {
        for (place, expected) in [("trusted", reason), ("issuer", Reason::Untrusted)] {
            let store = Store::new();
            store.drop_file(&format!("{place}/root.der"), &root.der);
            store.drop_file("issuer/middle.der", &middle.der);
            store.drop_file("issuer/root.crl", &root.revocation_list(&by_root, 2030));
            store.drop_file("issuer/middle.crl", &middle.revocation_list(&by_middle, middle_until));
            let found = store.verify(&[&peer.der]).expect_err("refused");
            assert_eq!((found.wire_status(), found), (CHECKS_FAILED, expected));
        }
    }
}

#[test]
fn x05_a_certificate_out_of_its_time_is_refused_and_the_peer_learns_it() {
    for (years, reason) in [((2010, 2020), Reason::Expired), ((2030, 2040), Reason::NotYetValid)] {
        let store = Store::new();
        let peer = self_signed(Wish { years, ..APPLICATION });
        assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Untrusted, "trust comes first");
        store.drop_file("trusted/peer.der", &peer.der);
        let found = store.verify(&[&peer.der]).expect_err("refused");
        assert_eq!((found.wire_status(), found), (TIME_INVALID, reason));
    }
    let root = self_signed(Wish { years: (2010, 2020), ..AUTHORITY });
    let peer = root.issue(APPLICATION);
    let store = Store::new();
    store.drop_file("trusted/root.der", &root.der);
    let found = store.verify(&[&peer.der]).expect_err("refused");
    assert_eq!((found.wire_status(), found), (CHECKS_FAILED, Reason::IssuerTime));
}

#[test]
fn x06_broken_bytes_are_refused_in_no_time() {
    let store = Store::new();
    let peer = self_signed(APPLICATION);
    store.drop_file("trusted/peer.der", &peer.der);
    let mut forged = peer.der.clone();
    *forged.last_mut().expect("bytes") ^= 1;
    let mut cases = vec![
        (Vec::new(), Reason::Missing),
        (forged, Reason::SignatureInvalid),
        (vec![0x30; 1_000_000], Reason::TooLarge),
        (vec![0x30; 60_000], Reason::Malformed),
        (b"hello".to_vec(), Reason::Malformed),
        ([&peer.der[..], &[0]].concat(), Reason::Malformed),
    ];
    cases.extend((1..peer.der.len()).step_by(7).map(|len| (peer.der[..len].to_vec(), Reason::Malformed)));
    for (bytes, reason) in cases {
        let start = Instant::now();
        let found = store.verify(&[&bytes]).expect_err("refused");
        assert!(start.elapsed() < Duration::from_millis(50), "{reason:?} took {:?}", start.elapsed());
        assert_eq!((found.wire_status(), found), (CHECKS_FAILED, reason));
    }
    // Every single flipped bit of the certificate is noticed.
    for idx in 0..peer.der.len() {
        let mut flipped = peer.der.clone();
        flipped[idx] ^= 1 << (idx % 8);
        assert!(store.verify(&[&flipped]).is_err(), "byte {idx}");
    }
}

#[test]
fn x07_the_certificate_of_an_authority_is_no_application_certificate() {
    let store = Store::new();
    let root = self_signed(AUTHORITY);
    store.drop_file("trusted/root.der", &root.der);
    let found = store.verify(&[&root.der]).expect_err("refused");
    assert_eq!((found.wire_status(), found), (USE_NOT_ALLOWED, Reason::UseNotAllowed));
    // Many applications sign themselves as an authority would; those are admitted.
    let usages = &[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyCertSign];
    let common = self_signed(Wish { is_authority: true, usages, ..APPLICATION });
    store.drop_file("trusted/common.der", &common.der);
    assert!(store.verify(&[&common.der]).is_ok());
}

#[test]
fn x08_an_issuer_without_a_current_revocation_list_is_refused_unless_set_otherwise() {
    let root = self_signed(AUTHORITY);
    let stranger = self_signed(AUTHORITY);
    let peer = root.issue(APPLICATION);
    for list in [None, Some(root.revocation_list(&[], 2024)), Some(stranger.revocation_list(&[], 2030))] {
        for (require_revocation_list, admitted) in [(true, false), (false, true)] {
            let store = Store::with(TrustSettings { require_revocation_list, ..TrustSettings::default() });
            store.drop_file("trusted/root.der", &root.der);
            if let Some(list) = &list {
                store.drop_file("trusted/root.crl", list);
            }
            match store.verify(&[&peer.der]) {
                Ok(_) => assert!(admitted),
                Err(reason) => {
                    assert!(!admitted);
                    assert_eq!(reason.wire_status(), REVOCATION_UNKNOWN);
                    assert_eq!(reason, Reason::RevocationUnknown("CN=authority".to_owned()));
                }
            }
        }
    }
}

#[test]
fn x09_the_application_uri_must_equal_the_one_in_the_certificate() {
    let store = Store::new();
    let peer = self_signed(APPLICATION);
    store.drop_file("trusted/peer.der", &peer.der);
    let trusted = store.verify(&[&peer.der]).expect("admitted");
    assert!(trusted.check_uri("urn:test:application").is_ok());
    for uri in
        ["urn:test:app", "urn:test:application2", "URN:test:application", "", "application", "urn:test:application "]
    {
        let check = PeerCheck { application_uri: Some(uri), ..PeerCheck::default() };
        let reason = store.verify_with(&[&peer.der], &check).expect_err("refused");
        assert_eq!(reason.wire_status(), URI_INVALID);
        assert_eq!(trusted.check_uri(uri).expect_err("refused").reason, reason);
    }
}

#[test]
fn x10_short_keys_and_sha1_are_refused() {
    for (pem, expected) in [
        (include_str!("weak/rsa1024.pem"), Err(Reason::KeyTooShort(1024))),
        (include_str!("weak/sha1.pem"), Err(Reason::SignatureWeak("SHA-1"))),
        (include_str!("weak/pss.pem"), Ok(())),
    ] {
        let store = Store::new();
        store.drop_file("trusted/weak.pem", pem.as_bytes());
        let entries = store.trust.trusted();
        let der = entries[0].certificate.der();
        let now = tagwire_model::Timestamp::parse_rfc3339("2030-01-01").expect("a time");
        let found =
            store.trust.verify_peer(der, &PeerCheck::default(), now).map(|_| ()).map_err(|refused| refused.reason);
        if let Err(reason) = &found {
            assert_eq!(reason.wire_status(), CHECKS_FAILED);
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn x11_circles_and_deep_chains_are_refused_fast() {
    // Two authorities that issued each other, and no root.
    let (a, b) = (self_signed(Wish { name: "a", ..AUTHORITY }), self_signed(Wish { name: "b", ..AUTHORITY }));
    let (a_by_b, b_by_a) = (b.cross_issue(&a), a.cross_issue(&b));
    let peer = a.issue(APPLICATION);
    let store = Store::new();
    store.drop_file("trusted/a.der", &a_by_b);
    let start = Instant::now();
    assert_eq!(store.verify(&[&peer.der, &a_by_b, &b_by_a]).expect_err("refused"), Reason::ChainTooLong);

    // A chain of one hundred, sent or known.
    let mut chain = vec![self_signed(Wish { name: "0", ..AUTHORITY })];
    for idx in 1..100 {
        let name = idx.to_string();
        let next = chain.last().expect("some").issue(Wish { name: &name, ..AUTHORITY });
        chain.push(next);
    }
    let peer = chain.last().expect("some").issue(APPLICATION);
    let mut sent: Vec<&[u8]> = vec![&peer.der];
    sent.extend(chain.iter().rev().map(|made| made.der.as_slice()));
    assert_eq!(store.verify(&sent).expect_err("refused"), Reason::ChainTooLong);
    for (idx, made) in chain.iter().enumerate() {
        store.drop_file(&format!("trusted/{idx}.der"), &made.der);
    }
    assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::ChainTooLong);

    // Many issuers of one name, each issued by all of the next name: the search is bounded.
    let twins: Vec<_> = (0..40).map(|_| self_signed(Wish { name: "twin", ..AUTHORITY })).collect();
    let crowd = Store::new();
    for (idx, twin) in twins.iter().enumerate() {
        crowd.drop_file(&format!("issuer/{idx}.der"), &twins[(idx + 1) % twins.len()].cross_issue(twin));
    }
    let peer = twins[0].issue(APPLICATION);
    assert!(crowd.verify(&[&peer.der]).is_err());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn files_dropped_and_taken_by_hand_count_at_once_as_der_or_pem() {
    let store = Store::new();
    let peer = self_signed(APPLICATION);
    assert!(store.verify(&[&peer.der]).is_err());
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        base64(&peer.der).as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
    );
    store.drop_file("trusted/certs/peer.pem", pem.as_bytes());
    let before = store.trust.generation();
    assert!(store.verify(&[&peer.der]).is_ok());
    store.drop_file("trusted/certs/readme.txt", b"nothing here");
    let ignored = store.trust.ignored();
    assert_eq!(ignored.len(), 1);
    assert_eq!(ignored[0].1, "neither DER nor PEM");
    std::fs::remove_file(store.path("trusted/certs/peer.pem")).expect("removes");
    assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Untrusted);
    assert!(store.trust.generation() > before);
}

#[test]
fn a_dialled_host_must_stand_in_an_issued_certificate() {
    let root = self_signed(AUTHORITY);
    let peer = root.issue(APPLICATION);
    let store = Store::new();
    store.drop_file("trusted/root.der", &root.der);
    store.drop_file("trusted/root.crl", &root.revocation_list(&[], 2030));
    for (host, admitted) in [("plc.example", true), ("PLC.example", true), ("plc2.example", false), ("10.0.0.1", false)]
    {
        let check = PeerCheck { host: Some(host), ..PeerCheck::default() };
        assert_eq!(store.verify_with(&[&peer.der], &check).is_ok(), admitted, "{host}");
    }
}

#[test]
fn a_flood_of_unknown_certificates_fills_neither_disk_nor_memory() {
    let store = Store::new();
    for idx in 0..400 {
        let name = format!("stranger {idx}");
        let peer = self_signed(Wish { name: &name, ..APPLICATION });
        assert_eq!(store.verify(&[&peer.der]).expect_err("refused"), Reason::Untrusted);
    }
    assert!(store.trust.rejected().len() <= 64, "writes are limited in time");
    assert_eq!(store.trust.rejected().len(), store.n_files("rejected"));
}

#[test]
fn a_certificate_shows_what_people_need_to_compare() {
    let made = self_signed(Wish { name: "line\nbreak \u{1b}[31m", ..APPLICATION });
    let certificate = Certificate::from_der(&made.der).expect("parses");
    assert!(!certificate.subject().chars().any(char::is_control), "{:?}", certificate.subject());
    assert_eq!(certificate.fingerprint().to_string().parse(), Ok(certificate.fingerprint()));
    assert_eq!(certificate.uris(), ["urn:test:application"]);
    assert_eq!(certificate.dns_names(), ["plc.example"]);
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for idx in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * idx) & 63) as usize];
            text.push(if idx <= chunk.len() { digit as char } else { '=' });
        }
    }
    text
}
