//! Tokens that an identity provider issued: JSON Web Tokens, checked against a configured set of keys (RFC 7519, 7515).

mod keys;
mod token;

use tagwire_model::Timestamp;
use thiserror::Error;

pub use keys::{KeySet, KeySetError};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How far the clocks of provider and server may be apart, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// An identity provider whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// What its tokens have as `iss`; clients learn it too.
    pub url: String,
    /// What the tokens for this server have in `aud`.
    pub audience: String,
    /// The keys it signs with.
    pub keys: KeySet,
    /// The claim that names the user.
    pub name_claim: String,
    /// The claim with the names of roles: a list, or text with blanks between.
    pub roles_claim: String,
}

/// A token that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The user's name.
    pub name: String,
    /// Names of roles, those included that this server does not know.
    pub roles: Vec<String>,
    /// When the token ends, and the session with it.
    pub until: Timestamp,
}

/// Why a token was refused; for the log, since the client learns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenRefused {
    /// It is no JSON Web Token in compact form.
    #[error("not a signed JSON Web Token")]
    Malformed,
    /// The algorithm is none of RS256, PS256, ES256 and ES384, or does not go with the key.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// No key of the provider has its number.
    #[error("the key is not one of the provider's")]
    Key,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// No configured provider issued it.
    #[error("the provider is not known")]
    Issuer,
    /// It is meant for somebody else.
    #[error("the token is meant for another audience")]
    Audience,
    /// It has ended, has not begun, or does not say when it ends.
    #[error("the token is not valid at this time")]
    Time,
    /// It names nobody.
    #[error("the token names no user")]
    Name,
}

impl Issuer {
    /// Checks a token of this provider at the time `now`.
    ///
    /// # Errors
    /// [`TokenRefused`].
    pub fn check(&self, token: &[u8], now: Timestamp) -> Result<Issued, TokenRefused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefused::Malformed);
        }
        let token = token::Token::parse(token)?;
        let claims = token.claims()?;
        if claims.text("iss") != Some(self.url.as_str()) {
            return Err(TokenRefused::Issuer);
        }
        self.keys.verify(&token)?;
        if !claims.texts("aud").any(|audience| audience == self.audience) {
            return Err(TokenRefused::Audience);
        }
        let now = now.unix_millis().div_euclid(1_000);
        let until = claims.seconds("exp").ok_or(TokenRefused::Time)?;
        let since = claims.seconds("nbf").unwrap_or(i64::MIN);
        if now >= until.saturating_add(LEEWAY_SECONDS) || now < since.saturating_sub(LEEWAY_SECONDS) {
            return Err(TokenRefused::Time);
        }
        let name = claims.text(&self.name_claim).filter(|name| crate::users_file::check_name(name).is_ok());
        Ok(Issued {
            name: name.ok_or(TokenRefused::Name)?.to_owned(),
            roles: claims.texts(&self.roles_claim).flat_map(str::split_whitespace).map(str::to_owned).collect(),
            until: Timestamp::from_unix_nanos(i128::from(until) * 1_000_000_000),
        })
    }
}

#[cfg(test)]
mod tests;
