//! Security (OPC UA Part 6, 6.7): policies, the secure channel of server and client, and the signatures and secrets
//! of sessions. Whom to trust is not decided here.

mod asymmetric;
mod certificate;
mod client;
mod derive;
mod identity;
mod link;
mod policy;
mod random;
mod server;
mod session;
mod symmetric;

pub use certificate::{CertificateError, MAX_CHAIN, PeerCertificate, split_chain};
pub use client::{ClientChannel, ClientConfig, ClientEvent};
pub use identity::{IdentityError, OwnIdentity};
pub use link::{MESSAGE_HEADER_LEN, MessageTooLarge};
pub use policy::{
    AsymmetricEncryption, AsymmetricSignature, AsymmetricSuite, POLICIES, SecurityPolicy, SymmetricSuite,
};
pub use random::{CryptoFailed, SESSION_NONCE_LEN, fill_random, session_nonce};
pub use server::{Event, OpenRequest, OpenedToken, Received, ServerChannel, ServerConfig};
pub use session::{SecretError, SignatureError, decrypt_secret, encrypt_secret, sign_for_peer, verify_from_peer};

#[cfg(test)]
mod tests;
