//! A server and a client channel, joined by memory and a clock that stands still.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use tagwire_model::Timestamp;

use crate::codec::Encode;
use crate::secure::{
    ClientChannel, ClientConfig, ClientEvent, Curve, Event, OpenedToken, OwnIdentities, OwnIdentity, PeerCertificate,
    SecurityPolicy, ServerChannel, ServerConfig,
};
use crate::services::MessageSecurityMode;
use crate::transport::{Limits, TransportError};

pub(crate) const UTC: Timestamp = Timestamp::from_ticks(132_000_000_000_000_000);

fn make(uri: &str, size: RsaKeySize) -> Arc<OwnIdentity> {
    certify(uri, &KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).expect("key"))
}

fn certify(uri: &str, key: &KeyPair) -> Arc<OwnIdentity> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    params.subject_alt_names.push(SanType::URI(uri.try_into().expect("uri")));
    let certificate = params.self_signed(key).expect("certificate");
    Arc::new(OwnIdentity::new(certificate.der(), key.serialized_der()).expect("identity"))
}

/// Making keys takes long, so every test uses the same ones.
pub(crate) fn server_identity() -> Arc<OwnIdentity> {
    static IDENTITY: OnceLock<Arc<OwnIdentity>> = OnceLock::new();
    IDENTITY.get_or_init(|| make("urn:test:server", RsaKeySize::_2048)).clone()
}

pub(crate) fn client_identity() -> Arc<OwnIdentity> {
    static IDENTITY: OnceLock<Arc<OwnIdentity>> = OnceLock::new();
    IDENTITY.get_or_init(|| make("urn:test:client", RsaKeySize::_2048)).clone()
}

/// Beyond 2048 bits padding has a second length byte.
pub(crate) fn long_identity() -> Arc<OwnIdentity> {
    static IDENTITY: OnceLock<Arc<OwnIdentity>> = OnceLock::new();
    IDENTITY.get_or_init(|| make("urn:test:long", RsaKeySize::_3072)).clone()
}

/// Keys on a curve are made in no time.
pub(crate) fn curve_identity(curve: Curve, uri: &str) -> Arc<OwnIdentity> {
    let algorithm = match curve {
        Curve::P256 => &PKCS_ECDSA_P256_SHA256,
        Curve::P384 => &PKCS_ECDSA_P384_SHA384,
    };
    certify(uri, &KeyPair::generate_for(algorithm).expect("key"))
}

/// Server and client with the kind of key that a policy wants.
pub(crate) fn parties(policy: &SecurityPolicy) -> (Arc<OwnIdentity>, Arc<OwnIdentity>) {
    match policy.curve() {
        Some(curve) => (curve_identity(curve, "urn:test:server"), curve_identity(curve, "urn:test:client")),
        None => (server_identity(), client_identity()),
    }
}

pub(crate) fn peer(identity: &OwnIdentity) -> Arc<PeerCertificate> {
    Arc::new(PeerCertificate::parse(identity.certificate().chain()).expect("certificate"))
}

pub(crate) const SECURITY: [(&SecurityPolicy, MessageSecurityMode); 15] = [
    (SecurityPolicy::NONE, MessageSecurityMode::NONE),
    (SecurityPolicy::BASIC256_SHA256, MessageSecurityMode::SIGN),
    (SecurityPolicy::BASIC256_SHA256, MessageSecurityMode::SIGN_AND_ENCRYPT),
    (SecurityPolicy::AES128_SHA256_RSA_OAEP, MessageSecurityMode::SIGN),
    (SecurityPolicy::AES128_SHA256_RSA_OAEP, MessageSecurityMode::SIGN_AND_ENCRYPT),
    (SecurityPolicy::AES256_SHA256_RSA_PSS, MessageSecurityMode::SIGN),
    (SecurityPolicy::AES256_SHA256_RSA_PSS, MessageSecurityMode::SIGN_AND_ENCRYPT),
    (SecurityPolicy::ECC_NIST_P256_AES_GCM, MessageSecurityMode::SIGN),
    (SecurityPolicy::ECC_NIST_P256_AES_GCM, MessageSecurityMode::SIGN_AND_ENCRYPT),
    (SecurityPolicy::ECC_NIST_P384_AES_GCM, MessageSecurityMode::SIGN),
    (SecurityPolicy::ECC_NIST_P384_AES_GCM, MessageSecurityMode::SIGN_AND_ENCRYPT),
    (SecurityPolicy::ECC_NIST_P256, MessageSecurityMode::SIGN),
    (SecurityPolicy::ECC_NIST_P256, MessageSecurityMode::SIGN_AND_ENCRYPT),
    (SecurityPolicy::ECC_NIST_P384, MessageSecurityMode::SIGN),
    (SecurityPolicy::ECC_NIST_P384, MessageSecurityMode::SIGN_AND_ENCRYPT),
];

pub(crate) struct Pair {
    pub(crate) server: ServerChannel,
    pub(crate) client: ClientChannel,
    pub(crate) now: Instant,
    pub(crate) lifetime: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Hello(String),
    Open { renew: bool },
    Message(u32, Vec<u8>),
    Aborted(u32),
    Close,
}

impl Pair {
    /// Both sides before the first byte arrives, and what the client has sent.
    pub(crate) fn unconnected(
        security: (&'static SecurityPolicy, MessageSecurityMode),
        server: &Arc<OwnIdentity>,
        client: &Arc<OwnIdentity>,
        limits: Limits,
    ) -> (Self, Vec<u8>) {
        let now = Instant::now();
        let config = ServerConfig::new(OwnIdentities::from_iter([server.clone()]), SECURITY.to_vec(), limits);
        let server_channel = ServerChannel::new(Arc::new(config), 77, now);
        let parties = (!security.0.is_none()).then(|| (client.clone(), peer(server)));
        let config = ClientConfig { parties, policy: security.0, mode: security.1, limits: Limits::default() };
        let mut out = Vec::new();
        let client = ClientChannel::new(config, "opc.tcp://localhost:4840", &mut out);
        (Self { server: server_channel, client, now, lifetime: Duration::from_secs(60) }, out)
    }

    pub(crate) fn connect(security: (&'static SecurityPolicy, MessageSecurityMode)) -> Self {
        let (server, client) = parties(security.0);
        Self::connect_with(security, &server, &client, Limits::default())
    }

    pub(crate) fn connect_with(
        security: (&'static SecurityPolicy, MessageSecurityMode),
        server: &Arc<OwnIdentity>,
        client: &Arc<OwnIdentity>,
        limits: Limits,
    ) -> Self {
        let (mut pair, hello) = Self::unconnected(security, server, client, limits);
        let (seen, answer) = pair.server_takes(hello).expect("hello");
        assert_eq!(seen, [Seen::Hello("opc.tcp://localhost:4840".to_owned())]);
        pair.client_takes(answer).expect("acknowledge");
        pair.renew();
        pair
    }

    /// Opens the channel or renews its token.
    pub(crate) fn renew(&mut self) -> OpenedToken {
        let request = self.open_request();
        let (seen, _) = self.server_takes(request).expect("open request");
        assert!(matches!(seen[..], [Seen::Open { .. }]), "{seen:?}");
        let (token, response) = self.accept();
        self.client_takes(response).expect("open response");
        token
    }

    pub(crate) fn open_request(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.client.open(self.lifetime, UTC, &mut out).expect("open");
        out
    }

    /// An OpenSecureChannel request with a nonce of choice, and with more bytes behind it.
    pub(crate) fn open_request_of(&mut self, nonce: Vec<u8>, behind: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.client.open_with(nonce, behind, UTC, &mut out);
        out
    }

    /// Lets both directions go on as if all numbers up to `last` had been used.
    pub(crate) fn skip_to(&mut self, last: u32) {
        self.server.skip_to(last);
        self.client.skip_to(last);
    }

    pub(crate) fn accept(&mut self) -> (OpenedToken, Vec<u8>) {
        let mut out = Vec::new();
        let token = self.server.accept_open(self.now, UTC, &mut out).expect("accept");
        (token, out)
    }

    /// A request with this body, as it goes over the wire.
    pub(crate) fn request(&mut self, body: &[u8]) -> (u32, Vec<u8>) {
        let mut out = Vec::new();
        let request_id = self.client.next_request_id();
        let start = ClientChannel::begin_message(&mut out);
        u8::encode_items(body, &mut out);
        self.client.finish_message(request_id, start, &mut out).expect("open").expect("fits");
        (request_id, out)
    }

    pub(crate) fn response(&mut self, request_id: u32, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let start = ServerChannel::begin_message(&mut out);
        u8::encode_items(body, &mut out);
        self.server.finish_message(request_id, start, &mut out).expect("open").expect("fits");
        out
    }

    /// Lets bytes arrive at the server; returns what it saw and what it answered by itself.
    pub(crate) fn server_takes(&mut self, mut bytes: Vec<u8>) -> Result<(Vec<Seen>, Vec<u8>), TransportError> {
        let (mut seen, mut out, mut at) = (Vec::new(), Vec::new(), 0);
        loop {
            let received = self.server.receive(&mut bytes[at..], self.now, &mut out)?;
            if received.consumed == 0 {
                return Ok((seen, out));
            }
            seen.extend(received.event.map(|event| match event {
                Event::Hello { endpoint_url } => Seen::Hello(endpoint_url.to_owned()),
                Event::Open(request) => Seen::Open { renew: request.renew },
                Event::Message { request_id, body } => Seen::Message(request_id, body.to_vec()),
                Event::Aborted { request_id } => Seen::Aborted(request_id),
                Event::Close => Seen::Close,
            }));
            at += received.consumed;
            if at == bytes.len() {
                return Ok((seen, out));
            }
        }
    }

    /// Lets bytes arrive at the client; returns the messages within.
    pub(crate) fn client_takes(&mut self, mut bytes: Vec<u8>) -> Result<Vec<(u32, Vec<u8>)>, TransportError> {
        let (mut seen, mut at) = (Vec::new(), 0);
        loop {
            let (consumed, event) = self.client.receive(&mut bytes[at..], self.now)?;
            if consumed == 0 {
                return Ok(seen);
            }
            if let Some(ClientEvent::Message { request_id, body }) = event {
                seen.push((request_id, body.to_vec()));
            }
            at += consumed;
        }
    }
}
