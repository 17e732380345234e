//! A JSON Web Token in compact form, taken apart.

use aws_lc_rs::signature as algorithms;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::TokenRefused;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    Es384,
}

impl Algorithm {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            _ => None,
        }
    }

    pub(super) const fn rsa(self) -> Option<&'static algorithms::RsaParameters> {
        match self {
            Self::Rs256 => Some(&algorithms::RSA_PKCS1_2048_8192_SHA256),
            Self::Ps256 => Some(&algorithms::RSA_PSS_2048_8192_SHA256),
            Self::Es256 | Self::Es384 => None,
        }
    }

    pub(super) fn ecdsa(self) -> Option<&'static algorithms::EcdsaVerificationAlgorithm> {
        match self {
            Self::Es256 => Some(&algorithms::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Some(&algorithms::ECDSA_P384_SHA384_FIXED),
            Self::Rs256 | Self::Ps256 => None,
        }
    }
}

/// The three parts of a token.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// What was signed: header and claims as they came, with the dot between.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    claims: &'a str,
}

impl<'a> Token<'a> {
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, TokenRefused> {
        let text = std::str::from_utf8(token).map_err(|_| TokenRefused::Malformed)?;
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenRefused::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenRefused::Malformed)?;
        let header = object(header)?;
        let name = header.get("alg").and_then(Value::as_str).ok_or(TokenRefused::Malformed)?;
        // Extensions that must be understood are not (RFC 7515, 4.1.11).
        if header.contains_key("crit") {
            return Err(TokenRefused::Malformed);
        }
        Ok(Self {
            algorithm: Algorithm::from_name(name).ok_or(TokenRefused::Algorithm)?,
            key_id: header.get("kid").and_then(Value::as_str).map(str::to_owned),
            signed: signed.as_bytes(),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenRefused::Malformed)?,
            claims,
        })
    }

    pub(super) fn claims(&self) -> Result<Claims, TokenRefused> {
        object(self.claims).map(Claims)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, TokenRefused> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenRefused::Malformed)
}

/// What a token says.
#[derive(Debug)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// A claim by its name, or by a path of names with dots as `realm_access.roles`.
    fn find(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            let mut names = name.split('.');
            let first = self.0.get(names.next()?)?;
            names.try_fold(first, |object, name| object.get(name))
        })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.as_str()
    }

    /// The texts of a claim that is one text or a list of them.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.find(name);
        let one = found.and_then(Value::as_str);
        one.into_iter().chain(found.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str))
    }

    /// A time in whole seconds since 1970.
    pub(super) fn seconds(&self, name: &str) -> Option<i64> {
        let value = self.find(name)?;
        value.as_i64().or_else(|| value.as_f64().filter(|seconds| seconds.is_finite()).map(|seconds| seconds as i64))
    }
}
