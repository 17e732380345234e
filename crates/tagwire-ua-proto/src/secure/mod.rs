//! Security (OPC UA Part 6, 6.7): policies, the secure channel of server and client, and the signatures and secrets
//! of sessions. Whom to trust is not decided here.

mod aead;
mod asymmetric;
mod bound;
mod certificate;
mod client;
mod curve;
mod derive;
mod identity;
mod link;
mod policy;
mod random;
mod secret;
mod server;
mod session;
mod symmetric;

pub use certificate::{CertificateError, MAX_CHAIN, PeerCertificate, split_chain};
pub use client::{ClientChannel, ClientConfig, ClientEvent};
pub use curve::{Curve, EphemeralKey};
pub use identity::{IdentityError, OwnIdentities, OwnIdentity};
pub use link::{MESSAGE_HEADER_LEN, MessageTooLarge};
pub use policy::{
    AsymmetricEncryption, AsymmetricSignature, AsymmetricSuite, KeyExchange, MacHash, POLICIES, SecurityPolicy,
    SymmetricSuite,
};
pub use random::{CryptoFailed, SESSION_NONCE_LEN, fill_random, session_nonce};
pub use secret::{open_secret, seal_secret, sign_key, verify_key};
pub use server::{Event, OpenRequest, OpenedToken, Received, ServerChannel, ServerConfig};
pub use session::{
    SecretError, SessionFacts, SignatureError, Signer, decrypt_secret, encrypt_secret, sign_session, verify_session,
};

#[cfg(test)]
mod tests;
