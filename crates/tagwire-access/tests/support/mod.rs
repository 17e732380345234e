//! Certificates made for a test, and a trust store to try them on.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use tagwire_access::{NoAudit, PeerCheck, Reason, TrustSettings, TrustStore, Trusted};
use tagwire_model::Timestamp;

/// The moment at which every test looks at certificates.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2025-06-15T12:00:00Z").expect("a time")
}

/// A certificate with its key, able to issue others when it is an authority.
pub(crate) struct Made {
    pub(crate) der: Vec<u8>,
    pub(crate) serial: u64,
    params: CertificateParams,
    key: KeyPair,
}

/// What a test wants of a certificate.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) name: &'a str,
    pub(crate) uri: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) is_authority: bool,
    pub(crate) years: (i32, i32),
    pub(crate) serial: u64,
    pub(crate) usages: &'a [KeyUsagePurpose],
}

pub(crate) const APPLICATION: Wish<'static> = Wish {
    name: "application",
    uri: Some("urn:test:application"),
    host: Some("plc.example"),
    is_authority: false,
    years: (2020, 2040),
    serial: 7,
    usages: &[
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::ContentCommitment,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DataEncipherment,
    ],
};

pub(crate) const AUTHORITY: Wish<'static> = Wish {
    name: "authority",
    uri: None,
    host: None,
    is_authority: true,
    years: (2020, 2040),
    serial: 1,
    usages: &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
};

fn params(wish: &Wish<'_>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, wish.name);
    params.distinguished_name = subject;
    params.not_before = date_time_ymd(wish.years.0, 1, 1);
    params.not_after = date_time_ymd(wish.years.1, 1, 1);
    params.serial_number = Some(SerialNumber::from(wish.serial));
    if let Some(uri) = wish.uri {
        params.subject_alt_names.push(SanType::URI(uri.try_into().expect("ascii")));
    }
    if let Some(host) = wish.host {
        params.subject_alt_names.push(SanType::DnsName(host.try_into().expect("ascii")));
    }
    params.is_ca = if wish.is_authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params.key_usages = wish.usages.to_vec();
    params
}

pub(crate) fn self_signed(wish: Wish<'_>) -> Made {
    let key = KeyPair::generate().expect("key");
    let params = params(&wish);
    let der = params.self_signed(&key).expect("signs").der().to_vec();
    Made { der, serial: wish.serial, params, key }
}

impl Made {
    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    pub(crate) fn issue(&self, wish: Wish<'_>) -> Self {
        let key = KeyPair::generate().expect("key");
        let params = params(&wish);
        let der = params.signed_by(&key, &self.issuer()).expect("signs").der().to_vec();
        Self { der, serial: wish.serial, params, key }
    }

    /// A certificate for the key of `other`, issued by `self`: what makes a circle of issuers.
    pub(crate) fn cross_issue(&self, other: &Self) -> Vec<u8> {
        other.params.signed_by(&other.key, &self.issuer()).expect("signs").der().to_vec()
    }

    pub(crate) fn revocation_list(&self, revoked: &[u64], next_update_year: i32) -> Vec<u8> {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(next_update_year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from(*serial),
                    revocation_time: date_time_ymd(2021, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer()).expect("signs").der().to_vec()
    }
}

/// A trust store in a folder of its own.
pub(crate) struct Store {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) trust: TrustStore,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self::with(TrustSettings::default())
    }

    pub(crate) fn with(settings: TrustSettings) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let trust = TrustStore::open(folder.path(), settings, Arc::new(NoAudit)).expect("opens");
        Self { folder, trust }
    }

    pub(crate) fn path(&self, place: &str) -> PathBuf {
        self.folder.path().join(place)
    }

    /// Drops a file by hand, as an administrator would.
    pub(crate) fn drop_file(&self, place: &str, bytes: &[u8]) {
        let path = self.path(place);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("folder");
        std::fs::write(path, bytes).expect("writes");
    }

    pub(crate) fn verify(&self, chain: &[&[u8]]) -> Result<Trusted, Reason> {
        self.verify_with(chain, &PeerCheck::default())
    }

    pub(crate) fn verify_with(&self, chain: &[&[u8]], check: &PeerCheck<'_>) -> Result<Trusted, Reason> {
        self.trust.verify_peer(&chain.concat(), check, now()).map_err(|refusal| refusal.reason)
    }

    pub(crate) fn n_files(&self, place: &str) -> usize {
        std::fs::read_dir(self.path(place)).expect("lists").count()
    }
}
