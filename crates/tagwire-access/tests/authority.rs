//! The authority of a plant, and trust under terms.

#[expect(dead_code, reason = "the tests of certificates use the rest")]
mod support;

use std::collections::HashSet;
use std::time::Duration;

use support::{APPLICATION, AUTHORITY, Store, now, self_signed};
use tagwire_access::{
    Actor, Authority, AuthorityError, Certificate, KeySize, OwnIdentity, OwnSettings, PeerCheck, Reason, TrustRules,
};
use tagwire_model::Timestamp;

#[test]
fn an_authority_issues_what_was_asked_for_and_what_it_revokes_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("ca");
    assert!(matches!(Authority::open(&place), Err(AuthorityError::Missing(_))));
    Authority::create(&place, "hall 3", now()).expect("makes");
    assert!(matches!(Authority::create(&place, "again", now()), Err(AuthorityError::Exists(_))));
    let authority = Authority::open(&place).expect("reads");

    // Another server asks for a certificate and takes it.
    let settings =
        OwnSettings { key_size: KeySize::Rsa2048, names: vec!["plc.example".to_owned()], ..Default::default() };
    let server = OwnIdentity::open(&folder.path().join("server"), settings, now()).expect("opens");
    server.wait(Duration::from_secs(60)).expect("made");
    let request = server.signing_request(Some("CN=\"../../x\"/O=plant"), true).expect("asks");
    let issued = authority.sign(&request, 30, now()).expect("issues");
    assert_eq!(issued.uris(), server.current().expect("there").certificate().uris());
    assert_eq!(issued.dns_names(), ["plc.example"]);
    assert_eq!(issued.not_after().to_string(), "2025-07-15T00:00:00Z");
    assert!(issued.subject().contains("../../x") && issued.is_application() && !issued.is_authority());
    let issuer = [&authority.certificate().der()[..]];
    let update = server.check_update(issued.der(), &issuer, None, &[], now()).expect("good");
    assert_eq!(server.install(&update).expect("writes").chain(), issued.der(), "the root is not sent along");

    // Whoever trusts the authority takes it, until it is revoked.
    let store = Store::new();
    authority.publish(&store.folder.path().join("trusted")).expect("writes");
    let verify =
        || store.trust.verify_peer(issued.der(), &PeerCheck::default(), now()).map_err(|refused| refused.reason);
    verify().expect("good");
    assert!(matches!(authority.revoke("0000", now()), Err(AuthorityError::Unknown(_))));
    assert_eq!(authority.revoke(&issued.fingerprint().short(), now()).expect("revokes"), issued.fingerprint());
    authority.publish(&store.folder.path().join("trusted")).expect("writes");
    store.trust.contents();
    assert_eq!(verify().map(|_| ()), Err(Reason::Revoked));
    let again = authority.sign(&request, 30, now()).expect("issues");
    assert!(store.trust.verify_peer(again.der(), &PeerCheck::default(), now()).is_ok(), "another serial number");
    assert_eq!(authority.issued().expect("reads").len(), 2);
    let names: Vec<_> =
        std::fs::read_dir(place.join("issued")).expect("lists").flatten().map(|e| e.file_name()).collect();
    assert!(names.iter().all(|name| name.len() == 68), "{names:?}");
}

#[test]
fn what_is_no_signing_request_or_was_changed_on_the_way_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let authority = Authority::create(&folder.path().join("ca"), "hall 3", now()).expect("makes");
    let settings = OwnSettings { key_size: KeySize::Rsa2048, ..Default::default() };
    let server = OwnIdentity::open(&folder.path().join("server"), settings, now()).expect("opens");
    server.wait(Duration::from_secs(60)).expect("made");
    let good = server.signing_request(None, false).expect("asks");
    assert!(authority.sign(&good, 30, now()).is_ok());
    let refused = |bytes: &[u8]| matches!(authority.sign(bytes, 30, now()), Err(AuthorityError::Request(_)));
    for len in 0..good.len() {
        assert!(refused(&good[..len]), "cut at {len}");
    }
    // What is signed, without the end, which is the signature and how it was made.
    for at in (0..good.len() - 290).step_by(7) {
        let mut bent = good.clone();
        bent[at] ^= 0x04;
        assert!(refused(&bent), "bent at {at}");
    }
    assert!(refused(authority.certificate().der()));
    assert!(refused(b"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"));
}

#[test]
fn trust_for_a_time_ends_with_it_also_for_a_store_that_was_opened_later() {
    let store = Store::new();
    let application = self_signed(APPLICATION);
    let verify =
        |at| store.trust.verify_peer(&application.der, &PeerCheck::default(), at).map_err(|refused| refused.reason);
    assert_eq!(verify(now()).map(|_| ()), Err(Reason::Untrusted));
    let fingerprint = Certificate::from_der(&application.der).expect("parses").fingerprint();
    let hour = |hours: i64| now().saturating_add_ticks(hours * 3600 * Timestamp::TICKS_PER_SECOND);
    store.trust.accept_until(fingerprint, hour(24), now(), &Actor::default()).expect("accepts");
    let end = store.trust.trusted_until(fingerprint).expect("an end");
    assert!(end >= hour(24) && end < hour(25));
    verify(hour(23)).expect("trusted");
    assert_eq!(verify(hour(25)).map(|_| ()), Err(Reason::Untrusted), "whoever asks before the housekeeping did");
    assert!(!store.trust.end_terms(hour(23)));
    let before = store.trust.generation();
    assert!(store.trust.end_terms(hour(25)));
    assert_ne!(store.trust.generation(), before, "live sessions are looked at again");
    assert!(store.trust.trusted().is_empty() && store.trust.rejected().len() == 1);
    store.trust.accept_until(fingerprint, hour(24), now(), &Actor::default()).expect("accepts");
    store.trust.accept(fingerprint, now(), &Actor::default()).expect("accepts for good");
    assert_eq!((store.trust.trusted_until(fingerprint), store.trust.trusted().len()), (None, 1));
    verify(hour(1000)).expect("trusted");
}

#[test]
fn declared_trust_holds_while_it_is_declared_and_is_outweighed_by_a_block() {
    let store = Store::new();
    let (application, authority) = (self_signed(APPLICATION), self_signed(AUTHORITY));
    let issued = authority.issue(APPLICATION);
    let fingerprint = |der: &[u8]| Certificate::from_der(der).expect("parses").fingerprint();
    let verify = |chain: &[u8]| {
        store.trust.verify_peer(chain, &PeerCheck::default(), now()).map(|_| ()).map_err(|refused| refused.reason)
    };
    let chain = [&issued.der[..], &authority.der].concat();
    let rules = TrustRules {
        trusted: HashSet::from([fingerprint(&application.der), fingerprint(&authority.der)]),
        ..TrustRules::default()
    };
    let before = store.trust.generation();
    assert!(store.trust.set_rules(rules.clone()) && !store.trust.set_rules(rules.clone()));
    assert_ne!(store.trust.generation(), before);
    verify(&application.der).expect("declared");
    assert!(matches!(verify(&chain), Err(Reason::RevocationUnknown(_))));
    let exempt = HashSet::from([fingerprint(&authority.der)]);
    store.trust.set_rules(TrustRules { without_revocation_list: exempt, ..rules });
    verify(&chain).expect("its authority needs no list");
    store.trust.accept_der(&application.der, now(), &Actor::default()).expect("accepts");
    store.trust.block(fingerprint(&application.der), now(), &Actor::default()).expect("blocks");
    assert_eq!(verify(&application.der), Err(Reason::Blocked));
    store.trust.set_rules(TrustRules::default());
    assert!(matches!(verify(&chain), Err(Reason::Untrusted | Reason::IssuerUnknown(_))));
}
