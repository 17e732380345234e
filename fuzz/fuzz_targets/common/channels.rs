//! Identities and a connected pair of channels.
#![allow(dead_code, reason = "each target uses another part")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use tagwire_model::Timestamp;
use tagwire_ua_proto::secure::{
    ClientChannel, ClientConfig, Event, OwnIdentities, OwnIdentity, PeerCertificate, SecurityPolicy, ServerChannel,
    ServerConfig,
};
use tagwire_ua_proto::services::MessageSecurityMode;
use tagwire_ua_proto::transport::Limits;

pub type Security = (&'static SecurityPolicy, MessageSecurityMode);

pub const LIMITS: Limits = Limits { receive_buffer: 8192, send_buffer: 8192, max_message: 1 << 20, max_chunks: 64 };

pub fn identity() -> Arc<OwnIdentity> {
    certified(&KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("key"))
}

/// One with a key on P-256.
pub fn curve_identity() -> Arc<OwnIdentity> {
    certified(&KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("key"))
}

fn certified(key: &KeyPair) -> Arc<OwnIdentity> {
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    let certificate = params.self_signed(key).expect("certificate");
    Arc::new(OwnIdentity::new(certificate.der(), key.serialized_der()).expect("identity"))
}

/// Server and client up to the OpenSecureChannel request, which is returned too.
pub fn opening(
    security: Security,
    server: &Arc<OwnIdentity>,
    client: &Arc<OwnIdentity>,
    now: Instant,
) -> (ServerChannel, ClientChannel, Vec<u8>) {
    let config = ServerConfig::new(OwnIdentities::from_iter([server.clone()]), vec![security], LIMITS);
    let mut server_channel = ServerChannel::new(Arc::new(config), 7, now);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let peer = || Arc::new(PeerCertificate::parse(server.certificate().chain()).expect("certificate"));
    let parties = (!security.0.is_none()).then(|| (client.clone(), peer()));
    let config = ClientConfig { parties, policy: security.0, mode: security.1, limits: LIMITS };
    let mut client = ClientChannel::new(config, "opc.tcp://localhost", &mut up);
    server_channel.receive(&mut up, now, &mut down).expect("hello");
    client.receive(&mut down, now).expect("acknowledge");
    up.clear();
    client.open(Duration::from_secs(3600), Timestamp::NONE, &mut up).expect("open");
    (server_channel, client, up)
}

pub fn connected(
    security: Security,
    server: &Arc<OwnIdentity>,
    client: &Arc<OwnIdentity>,
    now: Instant,
) -> (ServerChannel, ClientChannel) {
    let (mut server, mut client, mut open) = opening(security, server, client, now);
    let mut down = Vec::new();
    let received = server.receive(&mut open, now, &mut down).expect("open");
    assert!(matches!(received.event, Some(Event::Open(_))));
    server.accept_open(now, Timestamp::NONE, &mut down).expect("accepted");
    client.receive(&mut down, now).expect("opened");
    (server, client)
}
