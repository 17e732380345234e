//! Why a certificate was refused: the truth for the administrator, and what the peer may learn.

use std::fmt;

use tagwire_model::Status;
use thiserror::Error;

use crate::Fingerprint;
use crate::status;

/// The first check that a certificate failed, in the order of OPC UA Part 4, Table 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No certificate was sent.
    Missing,
    /// More bytes or certificates than any real chain has.
    TooLarge,
    /// The bytes are no X.509 certificate.
    Malformed,
    /// An issuer is not known; its name follows.
    IssuerUnknown(String),
    /// More issuers above each other than the limit, or issuers in a circle.
    ChainTooLong,
    /// A signature does not match.
    SignatureInvalid,
    /// The certificate or an issuer is signed with an algorithm that is no longer safe; its name follows.
    SignatureWeak(&'static str),
    /// The key has this many bits, too few.
    KeyTooShort(u32),
    /// The key is of a kind that is not supported.
    KeyUnsupported,
    /// Neither the certificate nor an issuer is trusted.
    Untrusted,
    /// An administrator blocked the certificate or an issuer.
    Blocked,
    /// It is not valid yet.
    NotYetValid,
    /// It is no longer valid.
    Expired,
    /// An issuer's certificate is not valid now.
    IssuerTime,
    /// It does not name the host that was dialled.
    HostMismatch(String),
    /// It does not hold the application URI that the peer claims.
    UriMismatch(String),
    /// It is no certificate of an application, as that of a certificate authority.
    UseNotAllowed,
    /// An issuer may not issue certificates.
    IssuerUseNotAllowed,
    /// There is no valid revocation list of an issuer; its name follows.
    RevocationUnknown(String),
    /// It was revoked.
    Revoked,
    /// An issuer's certificate was revoked.
    IssuerRevoked,
}

impl Reason {
    /// A short name for logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "Missing",
            Self::TooLarge => "TooLarge",
            Self::Malformed => "Malformed",
            Self::IssuerUnknown(_) => "IssuerUnknown",
            Self::ChainTooLong => "ChainTooLong",
            Self::SignatureInvalid => "SignatureInvalid",
            Self::SignatureWeak(_) => "SignatureWeak",
            Self::KeyTooShort(_) => "KeyTooShort",
            Self::KeyUnsupported => "KeyUnsupported",
            Self::Untrusted => "Untrusted",
            Self::Blocked => "Blocked",
            Self::NotYetValid => "NotYetValid",
            Self::Expired => "Expired",
            Self::IssuerTime => "IssuerTime",
            Self::HostMismatch(_) => "HostMismatch",
            Self::UriMismatch(_) => "UriMismatch",
            Self::UseNotAllowed => "UseNotAllowed",
            Self::IssuerUseNotAllowed => "IssuerUseNotAllowed",
            Self::RevocationUnknown(_) => "RevocationUnknown",
            Self::Revoked => "Revoked",
            Self::IssuerRevoked => "IssuerRevoked",
        }
    }

    /// The precise status code, for logs and the audit trail.
    pub const fn status(&self) -> Status {
        match self {
            Self::Missing | Self::TooLarge | Self::Malformed | Self::SignatureInvalid => {
                status::BAD_CERTIFICATE_INVALID
            }
            Self::IssuerUnknown(_) | Self::ChainTooLong => status::BAD_CERTIFICATE_CHAIN_INCOMPLETE,
            Self::SignatureWeak(_) | Self::KeyTooShort(_) | Self::KeyUnsupported => {
                status::BAD_CERTIFICATE_POLICY_CHECK_FAILED
            }
            Self::Untrusted | Self::Blocked => status::BAD_CERTIFICATE_UNTRUSTED,
            Self::NotYetValid | Self::Expired => status::BAD_CERTIFICATE_TIME_INVALID,
            Self::IssuerTime => status::BAD_CERTIFICATE_ISSUER_TIME_INVALID,
            Self::HostMismatch(_) => status::BAD_CERTIFICATE_HOST_NAME_INVALID,
            Self::UriMismatch(_) => status::BAD_CERTIFICATE_URI_INVALID,
            Self::UseNotAllowed => status::BAD_CERTIFICATE_USE_NOT_ALLOWED,
            Self::IssuerUseNotAllowed => status::BAD_CERTIFICATE_ISSUER_USE_NOT_ALLOWED,
            Self::RevocationUnknown(_) => status::BAD_CERTIFICATE_REVOCATION_UNKNOWN,
            Self::Revoked => status::BAD_CERTIFICATE_REVOKED,
            Self::IssuerRevoked => status::BAD_CERTIFICATE_ISSUER_REVOKED,
        }
    }

    /// The status code that the peer may learn: anything that would tell a stranger about the trust lists is hidden
    /// behind BadSecurityChecksFailed.
    pub const fn wire_status(&self) -> Status {
        match self {
            Self::NotYetValid
            | Self::Expired
            | Self::UseNotAllowed
            | Self::RevocationUnknown(_)
            | Self::UriMismatch(_) => self.status(),
            _ => status::BAD_SECURITY_CHECKS_FAILED,
        }
    }

    /// What an administrator can do about it, one sentence, with the command to type where one helps.
    pub fn advice(&self, fingerprint: Fingerprint) -> String {
        match self {
            Self::Untrusted => {
                format!(
                    "compare the fingerprint with the peer's, then type: tagwire trust accept {}",
                    fingerprint.short()
                )
            }
            Self::Blocked => {
                format!("if it was blocked by mistake, type: tagwire trust accept {}", fingerprint.short())
            }
            _ => self.remedy().to_owned(),
        }
    }

    /// What an administrator can do about it, one sentence.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "give the peer a certificate, or let it use an endpoint without security",
            Self::TooLarge | Self::Malformed => "give the peer a valid X.509 certificate",
            Self::IssuerUnknown(_) => "put the issuer's certificate and its revocation list into the issuer folder",
            Self::ChainTooLong => "shorten the chain of issuers of the peer's certificate",
            Self::SignatureInvalid => "issue the peer's certificate again",
            Self::SignatureWeak(_) => "issue the peer's certificate again with SHA-256",
            Self::KeyTooShort(_) | Self::KeyUnsupported => {
                "give the peer a certificate with an RSA key of 2048 bits or more"
            }
            Self::Untrusted => "compare the fingerprint with the peer's, then accept it with \"tagwire trust accept\"",
            Self::Blocked => "accept it with \"tagwire trust accept\" if it was blocked by mistake",
            Self::NotYetValid => "check the clocks of both machines",
            Self::Expired => "renew the peer's certificate, or check the clock of this machine",
            Self::IssuerTime => "renew the issuer's certificate, or check the clock of this machine",
            Self::HostMismatch(_) => "dial a host name that the certificate holds, or add the name to the certificate",
            Self::UriMismatch(_) => "let the peer's application URI equal the URI in its certificate",
            Self::UseNotAllowed => "give the peer an application certificate instead of one of a certificate authority",
            Self::IssuerUseNotAllowed => "let the issuer's certificate permit the signing of certificates",
            Self::RevocationUnknown(_) => {
                "put the issuer's current revocation list into the issuer folder, or name the issuer in [ua] without_revocation_list"
            }
            Self::Revoked | Self::IssuerRevoked => "issue a new certificate for the peer",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no certificate was sent"),
            Self::TooLarge => f.write_str("the certificates sent are too large or too many"),
            Self::Malformed => f.write_str("the certificate cannot be read"),
            Self::IssuerUnknown(name) => write!(f, "the issuer \"{name}\" is not known"),
            Self::ChainTooLong => f.write_str("the chain of issuers is too long or circular"),
            Self::SignatureInvalid => f.write_str("a signature does not match"),
            Self::SignatureWeak(name) => write!(f, "a signature uses {name}"),
            Self::KeyTooShort(bits) => write!(f, "the key has {bits} bits only"),
            Self::KeyUnsupported => f.write_str("the kind of key is not supported"),
            Self::Untrusted => f.write_str("the certificate is not trusted"),
            Self::Blocked => f.write_str("the certificate was blocked by an administrator"),
            Self::NotYetValid => f.write_str("the certificate is not valid yet"),
            Self::Expired => f.write_str("the certificate has expired"),
            Self::IssuerTime => f.write_str("the issuer's certificate is not valid now"),
            Self::HostMismatch(host) => write!(f, "the certificate does not name the host \"{host}\""),
            Self::UriMismatch(uri) => write!(f, "the certificate does not hold the application URI \"{uri}\""),
            Self::UseNotAllowed => f.write_str("the certificate is not one of an application"),
            Self::IssuerUseNotAllowed => f.write_str("the issuer may not issue certificates"),
            Self::RevocationUnknown(name) => write!(f, "there is no current revocation list of \"{name}\""),
            Self::Revoked => f.write_str("the certificate was revoked"),
            Self::IssuerRevoked => f.write_str("the issuer's certificate was revoked"),
        }
    }
}

/// A refused certificate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Which certificate; `None` when it could not be read.
    pub fingerprint: Option<Fingerprint>,
    /// Its subject, empty when it could not be read.
    pub subject: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_learns_nothing_about_the_trust_lists() {
        for reason in [
            Reason::Untrusted,
            Reason::Blocked,
            Reason::IssuerUnknown(String::new()),
            Reason::Revoked,
            Reason::IssuerRevoked,
            Reason::SignatureInvalid,
            Reason::Malformed,
            Reason::KeyTooShort(1024),
            Reason::IssuerTime,
        ] {
            assert_eq!(reason.wire_status(), status::BAD_SECURITY_CHECKS_FAILED, "{reason}");
            assert_ne!(reason.status(), reason.wire_status());
        }
        assert_eq!(Reason::Expired.wire_status(), status::BAD_CERTIFICATE_TIME_INVALID);
        assert_eq!(Reason::UseNotAllowed.wire_status(), status::BAD_CERTIFICATE_USE_NOT_ALLOWED);
    }
}
