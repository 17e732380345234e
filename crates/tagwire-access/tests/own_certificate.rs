//! The own certificate: made once, kept for good, issued again with the same key when names change.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_access::{
    Actor, CertificateType, KeySize, NoAudit, OwnCertificate, OwnError, OwnIdentity, OwnSettings, PeerCheck, PublicKey,
    TrustSettings, TrustStore,
};
use tagwire_model::Timestamp;

fn settings(names: &[&str], found: &[&str]) -> OwnSettings {
    OwnSettings {
        application_name: "plant-a".to_owned(),
        names: names.iter().map(ToString::to_string).collect(),
        found_names: found.iter().map(ToString::to_string).collect(),
        key_size: KeySize::Rsa2048,
        ..OwnSettings::default()
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a time")
}

#[test]
fn a_new_certificate_holds_what_opc_ua_clients_demand_and_passes_our_own_checks() {
    let folder = tempfile::tempdir().expect("folder");
    let now = at("2024-02-29T10:00:00Z");
    let settings = settings(&["plant.example"], &["host1", "10.0.0.7", "not a name", "::1"]);
    assert!(OwnCertificate::load(folder.path(), &settings, now).expect("loads").is_none());
    let own = OwnCertificate::create(folder.path(), &settings, now).expect("makes");
    let certificate = own.certificate();
    assert_eq!(certificate.public_key(), PublicKey::Rsa(2048));
    assert_eq!(certificate.uris(), [own.application_uri()]);
    assert!(own.application_uri().starts_with("urn:") && own.application_uri().ends_with(":tagwire"));
    assert_eq!(certificate.dns_names(), ["plant.example", "host1"]);
    let addresses: Vec<IpAddr> = vec!["10.0.0.7".parse().expect("address"), "::1".parse().expect("address")];
    assert_eq!(certificate.addresses(), addresses);
    assert_eq!(certificate.not_after().to_string(), "2034-02-28T00:00:00Z");
    assert_eq!(certificate.not_before().to_string(), "2024-02-28T00:00:00Z");
    assert_eq!(certificate.subject(), "O=tagwire,CN=plant-a");

    // Usage bits: digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, keyCertSign; both ends of TLS.
    let parsed = <x509_cert::Certificate as x509_cert::der::Decode>::from_der(own.der()).expect("parses");
    let tbs = parsed.tbs_certificate();
    let (critical, usage) = tbs.get_extension::<x509_cert::ext::pkix::KeyUsage>().expect("reads").expect("there");
    assert!(critical);
    assert_eq!(usage.0.bits(), 0b10_1111);
    let (_, extended) = tbs.get_extension::<x509_cert::ext::pkix::ExtendedKeyUsage>().expect("reads").expect("there");
    assert_eq!(extended.0.len(), 2);
    let (_, basic) = tbs.get_extension::<x509_cert::ext::pkix::BasicConstraints>().expect("reads").expect("there");
    assert!(!basic.ca);

    let store =
        TrustStore::open(&folder.path().join("other"), TrustSettings::default(), Arc::new(NoAudit)).expect("opens");
    store.accept_der(own.der(), now, &Actor::default()).expect("accepts");
    let check = PeerCheck { application_uri: Some(own.application_uri()), host: Some("host1"), peer: None };
    assert!(store.verify_peer(own.der(), &check, now).is_ok());

    #[cfg(unix)]
    {
        let found = std::fs::metadata(folder.path().join("pki/own/key.pem")).expect("key file");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777, 0o600);
    }
}

#[test]
fn a_restart_keeps_the_certificate_and_a_new_host_name_keeps_key_and_uri() {
    let folder = tempfile::tempdir().expect("folder");
    let now = at("2024-05-01");
    let first = OwnCertificate::create(folder.path(), &settings(&[], &["host1", "10.0.0.7"]), now).expect("makes");
    let load = |settings: &OwnSettings, now| {
        OwnCertificate::load(folder.path(), settings, now).expect("loads").expect("there")
    };
    assert_eq!(load(&settings(&[], &["host1"]), now).der(), first.der());
    // An address that changed, as in a container, keeps the certificate that peers trust.
    assert_eq!(load(&settings(&[], &["host1", "10.0.0.8"]), now).der(), first.der());

    for (changed, time) in [
        (settings(&[], &["host2"]), now),
        (settings(&["10.0.0.9"], &["host2"]), now),
        (settings(&["10.0.0.9"], &["host2"]), at("2044-01-01")),
    ] {
        let before = load(&settings(&[], &["host1"]), now);
        let again = load(&changed, time);
        assert_ne!(again.der(), before.der());
        assert_eq!(again.application_uri(), first.application_uri());
        assert_eq!(again.certificate().public_key_bytes(), first.certificate().public_key_bytes());
        assert!(again.certificate().names_host("host1"), "former names stay");
        assert!(again.certificate().not_after() > time);
        let former = format!("pki/own/former-{}.der", before.certificate().fingerprint());
        assert!(folder.path().join(former).exists());
        assert_eq!(load(&changed, time).der(), again.der());
    }
}

#[test]
fn broken_files_are_named_and_never_overwritten() {
    let folder = tempfile::tempdir().expect("folder");
    let now = at("2024-05-01");
    let settings = settings(&[], &["host1"]);
    let own = OwnCertificate::create(folder.path(), &settings, now).expect("makes");
    let cert = folder.path().join("pki/own/cert.der");
    let key = folder.path().join("pki/own/key.pem");
    let key_text = std::fs::read(&key).expect("reads");

    std::fs::write(&cert, b"broken").expect("writes");
    let error = OwnCertificate::load(folder.path(), &settings, now).expect_err("broken");
    assert!(error.to_string().contains("cert.der"), "{error}");
    std::fs::write(&cert, own.der()).expect("writes");
    std::fs::write(&key, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").expect("writes");
    assert!(matches!(OwnCertificate::load(folder.path(), &settings, now), Err(OwnError::Key { .. })));
    let other = tempfile::tempdir().expect("folder");
    OwnCertificate::create(other.path(), &settings, now).expect("makes");
    std::fs::copy(other.path().join("pki/own/key.pem"), &key).expect("copies");
    assert!(matches!(OwnCertificate::load(folder.path(), &settings, now), Err(OwnError::Mismatch { .. })));

    // A key alone is enough to continue.
    std::fs::write(&key, key_text).expect("writes");
    std::fs::remove_file(&cert).expect("removes");
    let again = OwnCertificate::load(folder.path(), &settings, now).expect("loads").expect("there");
    assert_eq!(again.certificate().public_key_bytes(), own.certificate().public_key_bytes());
}

#[test]
fn the_key_is_made_beside_the_start_and_is_there_at_once_the_next_time() {
    let folder = tempfile::tempdir().expect("folder");
    let now = at("2024-05-01");
    let slow = OwnSettings { key_size: KeySize::Rsa3072, ..settings(&[], &["host1"]) };
    let start = Instant::now();
    let identity = OwnIdentity::open(folder.path(), slow.clone(), now).expect("opens");
    let opened = start.elapsed();
    let own = identity.wait(Duration::from_secs(120)).expect("made");
    println!("opened after {opened:?}, RSA-3072 key after {:?}", start.elapsed());
    assert!(opened < Duration::from_millis(500), "{opened:?}");
    assert_eq!(own.certificate().public_key(), PublicKey::Rsa(3072));

    let again = OwnIdentity::open(folder.path(), slow.clone(), now).expect("opens");
    let current = again.current().expect("there at once");
    assert_eq!(current.der(), own.der());
    assert_eq!(current.key_pkcs8(), own.key_pkcs8());
    let renewed = again.renew(&slow, at("2030-01-01")).expect("renews");
    assert_eq!(renewed.application_uri(), own.application_uri());
    assert_eq!(again.current().expect("there").der(), renewed.der());
}

#[test]
fn every_kind_of_key_has_a_certificate_of_its_own_with_the_same_uri() {
    let folder = tempfile::tempdir().expect("folder");
    let now = at("2024-05-01");
    let also = vec![CertificateType::EccNistP384, CertificateType::EccNistP256];
    let wanted = OwnSettings { also, ..settings(&["plant.example"], &["host1"]) };
    let identity = OwnIdentity::open(folder.path(), wanted.clone(), now).expect("opens");
    let rsa = identity.wait(Duration::from_secs(120)).expect("made");
    let others = identity.others();
    let kinds: Vec<_> = others.iter().map(|own| (own.kind(), own.certificate().public_key())).collect();
    let expected = [(CertificateType::EccNistP256, PublicKey::P256), (CertificateType::EccNistP384, PublicKey::P384)];
    assert_eq!(kinds, expected);
    for own in others.iter() {
        assert_eq!(own.application_uri(), rsa.application_uri());
        assert_eq!(own.certificate().dns_names(), rsa.certificate().dns_names());
        assert_eq!(own.certificate().not_after(), rsa.certificate().not_after());
        let parsed = <x509_cert::Certificate as x509_cert::der::Decode>::from_der(own.der()).expect("parses");
        let usage = parsed.tbs_certificate().get_extension::<x509_cert::ext::pkix::KeyUsage>().expect("reads");
        assert_eq!(usage.expect("there").1.0.bits(), 0b10_0001, "digitalSignature and keyCertSign");
        let store = TrustStore::open(&folder.path().join("other"), TrustSettings::default(), Arc::new(NoAudit));
        let store = store.expect("opens");
        store.accept_der(own.der(), now, &Actor::default()).expect("accepts");
        assert!(store.verify_peer(own.der(), &PeerCheck::default(), now).is_ok());
    }

    let moved = OwnSettings { names: vec!["other.example".to_owned()], ..wanted.clone() };
    let again = OwnIdentity::open(folder.path(), moved, now).expect("opens");
    assert_eq!(again.all().len(), 3);
    for (before, after) in others.iter().zip(again.others().iter()) {
        assert_eq!(before.key_pkcs8(), after.key_pkcs8(), "the key stays");
        assert!(after.certificate().names_host("other.example"));
    }
    std::fs::copy(folder.path().join("pki/own/key.pem"), folder.path().join("pki/own/key-nist-p256.pem"))
        .expect("copy");
    assert!(matches!(OwnIdentity::open(folder.path(), wanted, now), Err(OwnError::Key { .. })));
}

#[test]
fn certificates_on_curves_follow_the_uri_of_an_rsa_certificate_that_somebody_else_issued() {
    let folder = tempfile::tempdir().expect("folder");
    let now = at("2024-05-01");
    let given = OwnSettings { application_uri: Some("urn:plant:own".to_owned()), ..settings(&[], &["host1"]) };
    OwnCertificate::create(folder.path(), &given, now).expect("makes");
    let also = vec![CertificateType::EccNistP256];
    let identity = OwnIdentity::open(folder.path(), OwnSettings { also, ..settings(&[], &["host1"]) }, now);
    let identity = identity.expect("opens");
    for own in identity.all() {
        assert_eq!(own.application_uri(), "urn:plant:own");
    }
}
