//! Trust lists as certificate managers read and replace them, and certificates that they give.

#[expect(dead_code, reason = "the tests of certificates use the rest")]
mod support;

use std::time::Duration;

use support::{APPLICATION, AUTHORITY, Store, Wish, now, self_signed};
use tagwire_access::{Actor, KeySize, OwnIdentity, OwnSettings, Reason, TrustList, UpdateRefused};

fn list(trusted: &[&[u8]], issuers: &[&[u8]], issuer_lists: &[&[u8]]) -> TrustList {
    let ders = |all: &[&[u8]]| all.iter().map(|der| (*der).into()).collect();
    TrustList {
        trusted: ders(trusted),
        issuers: ders(issuers),
        issuer_lists: ders(issuer_lists),
        ..TrustList::default()
    }
}

#[test]
fn a_list_is_replaced_as_a_whole_whatever_files_it_came_from() {
    let store = Store::new();
    let (kept, gone, new) = (self_signed(APPLICATION), self_signed(APPLICATION), self_signed(APPLICATION));
    let authority = self_signed(AUTHORITY);
    let revoked = authority.revocation_list(&[], 2040);
    // One file with two certificates, of which one is to go.
    let both = [&kept.der, &gone.der].map(|der| {
        x509_cert::der::pem::encode_string("CERTIFICATE", x509_cert::der::pem::LineEnding::LF, der).expect("encodes")
    });
    std::fs::write(store.folder.path().join("trusted/by-hand.pem"), both.concat()).expect("writes");
    std::fs::write(store.folder.path().join("trusted/junk.txt"), "no certificate").expect("writes");
    assert_eq!(store.trust.contents().trusted.len(), 2);
    let before = store.trust.generation();
    let wanted = list(&[&kept.der, &new.der], &[&authority.der], &[&revoked]);
    let former = store.trust.replace(&wanted.check().expect("good"), now(), &Actor::default()).expect("writes");
    let mut found = store.trust.contents();
    found.trusted.sort();
    let mut expected = wanted.clone();
    expected.trusted.sort();
    assert_eq!(found, expected);
    assert_ne!(store.trust.generation(), before, "live sessions are looked at again");
    assert!(store.folder.path().join("trusted/junk.txt").exists(), "what cannot be read is left alone");
    assert!(!store.folder.path().join("trusted/by-hand.pem").exists());
    store.trust.replace(&former, now(), &Actor::default()).expect("writes");
    assert!(store.trust.contents().trusted.iter().any(|der| **der == *gone.der), "it can be put back");
}

#[test]
fn a_list_with_a_part_that_cannot_be_used_is_refused() {
    let (root, other) = (self_signed(AUTHORITY), self_signed(Wish { name: "other", ..AUTHORITY }));
    let leaf = root.issue(APPLICATION);
    let good = root.revocation_list(&[], 2040);
    let reason = |list: TrustList| list.check().map(|_| ()).expect_err("refused");
    assert!(list(&[&leaf.der], &[&root.der], &[&good]).check().is_ok());
    assert_eq!(reason(list(&[b"junk"], &[], &[])), Reason::Malformed);
    assert_eq!(reason(list(&[], &[], &[b"junk"])), Reason::Malformed);
    assert!(matches!(reason(list(&[&leaf.der], &[&other.der], &[])), Reason::IssuerUnknown(_)));
    assert_eq!(reason(list(&[], &[&other.der], &[&good])), Reason::SignatureInvalid, "a list that nobody signed");
    let revoking = root.revocation_list(&[leaf.serial], 2040);
    assert_eq!(reason(list(&[&leaf.der], &[&root.der], &[&revoking])), Reason::Revoked);
}

#[test]
fn a_removed_authority_takes_its_revocation_lists_along() {
    let (root, other) = (self_signed(AUTHORITY), self_signed(Wish { name: "other", ..AUTHORITY }));
    let lists = [root.revocation_list(&[], 2040), other.revocation_list(&[], 2040)];
    let all = list(&[], &[&root.der, &other.der], &[&lists[0], &lists[1]]);
    let thumbprint = |der: &[u8]| {
        let digest = tagwire_access::Certificate::from_der(der).expect("parses").thumbprint();
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    assert_eq!(all.without(&thumbprint(&root.der), true), None, "it is no trusted one");
    assert_eq!(all.without("", false), None);
    let left = all.without(&thumbprint(&root.der), false).expect("found");
    assert_eq!(left, list(&[], &[&other.der], &[&lists[1]]));
}

#[test]
fn what_an_administrator_blocked_stays_blocked() {
    let store = Store::new();
    let application = self_signed(APPLICATION);
    let fingerprint = store.trust.accept_der(&application.der, now(), &Actor::default()).expect("accepts");
    store.trust.block(fingerprint, now(), &Actor::default()).expect("blocks");
    let pushed = list(&[&application.der], &[], &[]).check().expect("good");
    store.trust.replace(&pushed, now(), &Actor::default()).expect("writes");
    let refused = store.trust.verify_peer(&application.der, &tagwire_access::PeerCheck::default(), now());
    assert_eq!(refused.expect_err("blocked").reason, Reason::Blocked);
}

#[test]
fn a_signing_request_for_another_key_waits_for_its_certificate_and_nothing_else_is_taken() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = OwnSettings { key_size: KeySize::Rsa2048, ..OwnSettings::default() };
    let own = OwnIdentity::open(folder.path(), settings, now()).expect("opens");
    let before = own.wait(Duration::from_secs(60)).expect("made");
    let request = own.signing_request(Some("CN=hall/O=plant"), true).expect("made");
    assert!(folder.path().join("pki/own/next-key.pem").exists());
    assert!(request.windows(6).any(|part| part == b"\x0c\x04hall"), "the subject is in the request");
    assert!(own.signing_request(Some("nonsense"), false).is_err());
    // Nobody has signed it: the one in use is self-signed with the right URI, and stays good.
    let update = own.check_update(before.der(), &[], None, &[], now()).expect("the same again");
    let stranger = self_signed(Wish { uri: Some(before.application_uri()), ..APPLICATION });
    let refused = own.check_update(&stranger.der, &[], None, &[], now()).expect_err("another key");
    assert!(matches!(refused, UpdateRefused::Mismatch), "{refused}");
    let elsewhere = own.check_update(&self_signed(APPLICATION).der, &[], None, &[], now()).expect_err("another URI");
    assert!(matches!(elsewhere, UpdateRefused::Certificate(Reason::UriMismatch(_))), "{elsewhere}");
    let authority = own.check_update(&self_signed(AUTHORITY).der, &[], None, &[], now()).expect_err("an authority");
    assert!(matches!(authority, UpdateRefused::Certificate(_)), "{authority}");
    let installed = own.install(&update).expect("writes");
    assert_eq!(installed.der(), before.der());
    assert!(!folder.path().join("pki/own/next-key.pem").exists(), "the key that waited is gone");
    assert!(!folder.path().join("pki/own/incoming.pem").exists());
}
