//! How to connect.

use std::fmt;
use std::time::Duration;

use crate::{Identity, Url};

/// A security policy (OPC UA Part 7, 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// No security.
    None,
    /// Basic256Sha256.
    Basic256Sha256,
    /// Aes128_Sha256_RsaOaep.
    Aes128Sha256RsaOaep,
    /// Aes256_Sha256_RsaPss.
    Aes256Sha256RsaPss,
}

impl Policy {
    /// All policies, weakest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Basic256Sha256, Self::Aes128Sha256RsaOaep, Self::Aes256Sha256RsaPss];

    /// The URI in messages.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::None => "http://opcfoundation.org/UA/SecurityPolicy#None",
            Self::Basic256Sha256 => "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",
            Self::Aes128Sha256RsaOaep => "http://opcfoundation.org/UA/SecurityPolicy#Aes128_Sha256_RsaOaep",
            Self::Aes256Sha256RsaPss => "http://opcfoundation.org/UA/SecurityPolicy#Aes256_Sha256_RsaPss",
        }
    }

    /// The policy with this URI; `None` for those that are unknown or no longer safe.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.uri() == uri)
    }

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic256Sha256 => "basic256sha256",
            Self::Aes128Sha256RsaOaep => "aes128-sha256-rsaoaep",
            Self::Aes256Sha256RsaPss => "aes256-sha256-rsapss",
        }
    }

    /// The policy with this configuration name, in any letter case.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = name.to_ascii_lowercase().replace('_', "-");
        Self::ALL.into_iter().find(|policy| policy.name() == plain)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How messages are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Not at all.
    None,
    /// Signed.
    Sign,
    /// Signed and encrypted.
    SignAndEncrypt,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Sign => "sign",
            Self::SignAndEncrypt => "sign-and-encrypt",
        })
    }
}

/// Which of the server's endpoints to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// On this machine, without a password, an endpoint without security where there is one; otherwise as
    /// [`Security::Best`].
    #[default]
    Auto,
    /// The strongest with security; never one without.
    Best,
    /// Exactly this.
    Exactly(Policy, Mode),
}

impl Security {
    /// No security.
    pub const NONE: Self = Self::Exactly(Policy::None, Mode::None);
}

/// What the client proves to be.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Login {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A user with a password.
    User {
        /// The user's name.
        name: String,
        /// The password.
        password: String,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::User { name, .. } => write!(f, "User({name:?})"),
        }
    }
}

/// How to connect to one server.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The server.
    pub url: Url,
    /// Which endpoint.
    pub security: Security,
    /// As whom.
    pub login: Login,
    /// Whether a password may be sent over a channel without security, where everybody on the way can read it.
    pub allow_plain_password: bool,
    /// Own certificate and trust lists; needed unless there is no security.
    pub identity: Option<Identity>,
    /// The application's name as servers list it.
    pub application_name: String,
    /// The session's name as servers list it.
    pub session_name: String,
    /// Longest time from dialling to a session.
    pub connect_timeout: Duration,
    /// Longest time for an answer.
    pub request_timeout: Duration,
    /// Time after which the server may drop a silent session.
    pub session_timeout: Duration,
    /// Time between checks that the server still answers.
    pub keep_alive: Duration,
    /// Whether a lost connection is made again, with its subscriptions, until [`crate::Client::close`].
    pub reconnect: bool,
}

impl ConnectOptions {
    /// The defaults for a server: security by [`Security::Auto`], anonymous, 10 s per connection and request, no
    /// reconnect.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            security: Security::Auto,
            login: Login::Anonymous,
            allow_plain_password: false,
            identity: None,
            application_name: "tagwire client".to_owned(),
            session_name: "tagwire".to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(5),
            reconnect: false,
        }
    }
}
