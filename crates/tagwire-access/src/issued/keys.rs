//! The keys of an identity provider (RFC 7517).

use std::collections::BTreeMap;

use aws_lc_rs::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use thiserror::Error;

use super::TokenRefused;
use super::token::{Algorithm, Token};

/// Most keys of one provider.
const MAX_KEYS: usize = 64;

/// The keys that a provider signs with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

/// Why a set of keys cannot be used.
#[derive(Debug, Error)]
pub enum KeySetError {
    /// The text is no set of keys.
    #[error("not a JSON Web Key Set: {0}")]
    Malformed(serde_json::Error),
    /// Too many keys.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// None of the keys can check a signature.
    #[error("no RSA, P-256 or P-384 key for signatures")]
    NoKey,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
    P384(Vec<u8>),
}

#[derive(Deserialize)]
struct SetText {
    keys: Vec<KeyText>,
}

#[derive(Deserialize)]
struct KeyText {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

impl KeyText {
    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.rest.get(name)?.as_str()?).ok()
    }

    /// The key, when it is one that checks signatures.
    fn key(&self) -> Option<Key> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let point = |len: usize| {
            let (x, y) = (self.bytes("x")?, self.bytes("y")?);
            (x.len() == len && y.len() == len).then(|| [&[0x04][..], &x, &y].concat())
        };
        let kind = match (self.kty.as_str(), self.rest.get("crv").and_then(serde_json::Value::as_str)) {
            ("RSA", _) => Kind::Rsa { modulus: self.bytes("n")?, exponent: self.bytes("e")? },
            ("EC", Some("P-256")) => Kind::P256(point(32)?),
            ("EC", Some("P-384")) => Kind::P384(point(48)?),
            _ => return None,
        };
        Some(Key { id: self.kid.clone(), kind })
    }
}

impl KeySet {
    /// Reads a JSON Web Key Set; keys for other purposes are passed over.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        let set: SetText = serde_json::from_str(text).map_err(KeySetError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let keys: Vec<Key> = set.keys.iter().filter_map(KeyText::key).collect();
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self(keys)) }
    }

    /// Checks the signature of a token with the key that it names, or with every key when it names none.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), TokenRefused> {
        let is_named = |key: &&Key| token.key_id.is_none() || key.id == token.key_id;
        let mut refused = TokenRefused::Key;
        for key in self.0.iter().filter(is_named) {
            match key.kind.verify(token.algorithm, token.signed, &token.signature) {
                Ok(()) => return Ok(()),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }
}

impl Kind {
    fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Result<(), TokenRefused> {
        let verified = match self {
            Self::Rsa { modulus, exponent } => {
                let parameters = algorithm.rsa().ok_or(TokenRefused::Algorithm)?;
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, signed, signature)
            }
            Self::P256(point) | Self::P384(point) => {
                let is_fit =
                    matches!((self, algorithm), (Self::P256(_), Algorithm::Es256) | (Self::P384(_), Algorithm::Es384));
                let parameters = algorithm.ecdsa().filter(|_| is_fit).ok_or(TokenRefused::Algorithm)?;
                UnparsedPublicKey::new(parameters, point).verify(signed, signature)
            }
        };
        verified.map_err(|_| TokenRefused::Signature)
    }
}
