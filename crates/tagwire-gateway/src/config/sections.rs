//! The sections that say who the server is and where it can be reached.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tagwire_access::Fingerprint;
use tagwire_driver::{KeyKind, Setting};

use super::key::{DriverKeys, Presence, Shape, section};
use super::link::Nested;
use super::model::ModelKeys;
use super::problem::Complaint;
use super::walk::{Field, Plain};
use super::words::suggest;

section! {
    /// Who this server is and where it keeps its files.
    pub struct Server {
        /// Name of the server, shown to OPC UA clients and in logs.
        pub name: String = Shape::One(KeyKind::Text), Presence::Default("tagwire");
        /// Folder for certificates, the trust list and the control socket; one process owns it.
        /// A relative path starts at the folder of this file.
        pub data_dir: PathBuf = Shape::One(KeyKind::Text), Presence::Default("tagwire-data");
    }
}

section! {
    /// The OPC UA server.
    pub struct Ua {
        /// Address and port, or a list of them; a host name is resolved at start.
        /// Default: all addresses (`0.0.0.0:4840` and `[::]:4840`) when `security` has no `none` and `anonymous` is `none`, else `127.0.0.1:4840`.
        pub listen: Vec<HostPort> = Shape::OneOrMore(KeyKind::Text), Presence::Depends;
        /// Security policies offered, each but `none` with the modes Sign, and Sign and Encrypt: `none`, `basic256sha256`, `aes128-sha256-rsaoaep`, `aes256-sha256-rsapss`, `ecc-nistp256-aesgcm`, `ecc-nistp384-aesgcm`, and for older clients `ecc-nistp256`, `ecc-nistp384`.
        pub security: Vec<Security> = Shape::OneOrMore(KeyKind::Text), Presence::Default("[\"basic256sha256\", \"aes128-sha256-rsaoaep\", \"aes256-sha256-rsapss\", \"ecc-nistp256-aesgcm\", \"ecc-nistp384-aesgcm\"]");
        /// What a client may do without a user name: `none`, `read` or `write`.
        pub anonymous: Anonymous = Shape::One(KeyKind::Choice(&["none", "read", "write"])), Presence::Default("none");
        /// Host names and addresses that clients use for this machine, for the certificate and for the endpoints told to clients.
        /// Default: the host name.
        pub hosts: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Depends;
        /// Whether diagnostics of single sessions and subscriptions are kept for administrators from the start; a security administrator can switch them with the variable EnabledFlag, too.
        pub diagnostics: bool = Shape::One(KeyKind::Bool), Presence::Default("false");
        /// Longest time that a durable subscription waits for its client, through restarts of the server too, in whole hours; `0h` for no durable subscriptions.
        pub durable_lifetime: Duration = Shape::One(KeyKind::Duration { min: Duration::ZERO, max: YEAR }), Presence::Default("7d");
        /// Space in MiB that durable subscriptions may take in the folder `durable` of `data_dir`; one of them takes at most a quarter.
        pub durable_mib: u32 = Shape::One(KeyKind::Integer { min: 1, max: 4096 }), Presence::Default("64");
        /// Most tags that clients may make by naming an address, as in `ns=2;s=line1.plc.40001@f32`; 0 for none.
        pub dynamic_tags: u32 = Shape::One(KeyKind::Integer { min: 0, max: 100_000 }), Presence::Default("0");
        /// Clients that the server dials and introduces itself to (Reverse Connect), as `opc.tcp://host:port`; for plants whose firewall lets connections only out.
        pub reverse_connect: Vec<ClientUrl> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Discovery servers at which the server registers itself every nine minutes, as `opc.tcp://host:port`; their certificates must be trusted, and they must trust the server's.
        pub register_at: Vec<ServerUrl> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Clients, servers and authorities that are trusted at their first contact, by the SHA-256 fingerprint of the certificate in hexadecimal digits; for plants whose trust is kept in files as the rest of the configuration.
        pub trusted_fingerprints: Vec<FingerprintKey> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Authorities whose certificates are taken although there is no current revocation list of them, by the SHA-256 fingerprint of the authority's certificate.
        pub without_revocation_list: Vec<FingerprintKey> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// URI of namespace 2, in which every tag has the NodeId `ns=2;s=<link>.<device>.<tag>`.
        pub tag_namespace: String = Shape::One(KeyKind::Text), Presence::Default("urn:tagwire:tags");
        /// URIs of further namespaces, from index 3, for tags with a `node_id` of their own.
        pub namespaces: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Companion specifications and own models whose nodes the server shows, in the order in which they need each other.
        pub model: Option<Nested> = Shape::Tables(ModelKeys::KEYS, DriverKeys::None), Presence::Optional;
    }
}

section! {
    /// The HTTP port for Prometheus; closed unless `listen` is given.
    pub struct Http {
        /// Address and port of `/metrics`.
        pub listen: Option<HostPort> = Shape::One(KeyKind::Text), Presence::Optional;
    }
}

section! {
    /// The OpenOPC gateway, for scripts that call `OpenOPC.open_client()` (see docs/openopc.md).
    pub struct OpenOpc {
        /// Address and port, by custom `127.0.0.1:7766`. The protocol has no user and no protection: whoever reaches the port may do what `roles` may.
        pub listen: Option<HostPort> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Roles of everybody who connects: `observer` reads, `operator` writes, too.
        pub roles: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Default("[\"observer\"]");
        /// Names of OPC servers under which scripts connect to this one, the first being its own.
        pub names: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Default("[\"Tagwire.OPC.1\"]");
        /// Clients that may live in the gateway at once.
        pub max_clients: u32 = Shape::One(KeyKind::Integer { min: 1, max: 10_000 }), Presence::Default("25");
        /// Time after which a client or a connection that does nothing is ended.
        pub idle: Duration = Shape::One(KeyKind::Duration { min: Duration::from_secs(1), max: YEAR }), Presence::Default("1h");
    }
}

section! {
    /// The audit log: who did what, as a hash-chained file in the folder `audit` of `data_dir` (see docs/security.md).
    pub struct AuditSection {
        /// Whether there is one.
        pub file: bool = Shape::One(KeyKind::Bool), Presence::Default("true");
        /// Whether writes are recorded in it.
        pub writes: bool = Shape::One(KeyKind::Bool), Presence::Default("true");
        /// Most values of one write request that are recorded one by one; of the others only their number.
        pub values: u32 = Shape::One(KeyKind::Integer { min: 1, max: 10_000 }), Presence::Default("20");
        /// Size in MiB after which a new file begins.
        pub max_file_mib: u32 = Shape::One(KeyKind::Integer { min: 1, max: 1024 }), Presence::Default("16");
        /// Age after which a new file begins.
        pub rotate_every: Duration = Shape::One(KeyKind::Duration { min: MINUTE, max: YEAR }), Presence::Default("30d");
        /// Files that are kept, the current one included; older ones are deleted.
        pub keep: u32 = Shape::One(KeyKind::Integer { min: 2, max: 100_000 }), Presence::Default("64");
        /// Longest time until a record is safe on the disk.
        pub commit: Duration = Shape::One(KeyKind::Duration { min: COMMIT_MIN, max: MINUTE }), Presence::Default("1s");
    }
}

const COMMIT_MIN: Duration = Duration::from_millis(10);
const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

section! {
    /// What the log says and how.
    pub struct Log {
        /// Least level written: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,tagwire_modbus=debug`.
        pub level: String = Shape::One(KeyKind::Text), Presence::Default("info");
        /// `text` for people, `json` for one JSON object per line.
        pub format: LogFormat = Shape::One(KeyKind::Choice(&["text", "json"])), Presence::Default("text");
    }
}

/// A host name or address with a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name, IPv4 address, or IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl HostPort {
    /// Parses `host:port` and `[v6]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.trim().rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        let plain = !host.is_empty() && !host.contains(['/', ' ', '[', ']']);
        let port = port.parse().ok()?;
        plain.then(|| Self { host: host.to_owned(), port })
    }

    /// Whether only programs on this machine can reach the address.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|addr| addr.is_loopback())
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Field for HostPort {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        let text = String::read(name, plain)?;
        Self::parse(&text).ok_or_else(|| {
            let fix = "write an address and a port, such as \"127.0.0.1:4840\" or \"[::1]:4840\"";
            Complaint::new(format!("\"{name}\" has \"{text}\", which is no address with a port"), fix)
        })
    }

    fn absent() -> Self {
        Self { host: String::new(), port: 0 }
    }
}

/// Where another server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerUrl(pub HostPort);

impl Field for ServerUrl {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        let text = String::read(name, plain)?;
        let address = text.strip_prefix("opc.tcp://").map(|rest| rest.trim_end_matches('/'));
        address.and_then(HostPort::parse).map(Self).ok_or_else(|| {
            let fix = "write the server's address and port, such as \"opc.tcp://10.0.0.7:4840\"";
            Complaint::new(format!("\"{name}\" has \"{text}\", which is no URL of a server"), fix)
        })
    }

    fn absent() -> Self {
        Self(HostPort::absent())
    }
}

/// Where a client waits for the server's connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientUrl(pub HostPort);

impl Field for ClientUrl {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        let text = String::read(name, plain)?;
        let address = text.strip_prefix("opc.tcp://").map(|rest| rest.trim_end_matches('/'));
        address.and_then(HostPort::parse).map(Self).ok_or_else(|| {
            let fix = "write the client's address and port, such as \"opc.tcp://10.0.0.7:4841\"";
            Complaint::new(format!("\"{name}\" has \"{text}\", which is no URL of a waiting client"), fix)
        })
    }

    fn absent() -> Self {
        Self(HostPort::absent())
    }
}

/// The fingerprint of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FingerprintKey(pub Fingerprint);

impl Field for FingerprintKey {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        let text = String::read(name, plain)?;
        text.parse().map(Self).map_err(|_| {
            let fix = "write the 64 hexadecimal digits that tagwire trust list shows after SHA-256";
            Complaint::new(format!("\"{name}\" has \"{text}\", which is no fingerprint"), fix)
        })
    }

    fn absent() -> Self {
        Self(Fingerprint([0; 32]))
    }
}

/// A choice of words in the file as an enum in the program.
macro_rules! choices {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl $name {
            /// Every choice, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in the configuration.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl Field for $name {
            fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
                let Plain::One(Setting::Text(text)) = plain else { return Ok(Self::absent()) };
                let found = Self::ALL.iter().copied().find(|choice| choice.word() == text);
                found.ok_or_else(|| {
                    Complaint::new(format!("\"{name}\" does not know \"{text}\""), suggest(&text, &[$($word),*]))
                })
            }

            fn absent() -> Self {
                Self::ALL[0]
            }
        }
    };
}

pub(crate) use choices;

choices! {
    /// An OPC UA security policy.
    Security {
        /// Neither signed nor encrypted.
        None = "none",
        /// RSA with SHA-256 and AES-256.
        Basic256Sha256 = "basic256sha256",
        /// RSA with SHA-256 and AES-128.
        Aes128Sha256RsaOaep = "aes128-sha256-rsaoaep",
        /// RSA-PSS with SHA-256 and AES-256.
        Aes256Sha256RsaPss = "aes256-sha256-rsapss",
        /// NIST P-256 with AES-128-GCM.
        EccNistP256AesGcm = "ecc-nistp256-aesgcm",
        /// NIST P-384 with AES-256-GCM.
        EccNistP384AesGcm = "ecc-nistp384-aesgcm",
        /// NIST P-256 with AES-128-CBC, which the one with AES-GCM replaces.
        EccNistP256 = "ecc-nistp256",
        /// NIST P-384 with AES-256-CBC, which the one with AES-GCM replaces.
        EccNistP384 = "ecc-nistp384",
    }
}

choices! {
    /// What a client may do without a user name.
    Anonymous {
        /// Not even log in.
        None = "none",
        /// Browse, read and subscribe.
        Read = "read",
        /// Write as well.
        Write = "write",
    }
}

choices! {
    /// The form of a log line.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

impl Ua {
    /// Where to listen: as written, or the default that fits the security.
    pub fn listen_or_default(&self) -> Vec<HostPort> {
        if !self.listen.is_empty() {
            return self.listen.clone();
        }
        let at = |host: &str| HostPort { host: host.to_owned(), port: 4840 };
        if self.security.contains(&Security::None) || self.anonymous != Anonymous::None {
            vec![at("127.0.0.1")]
        } else {
            vec![at("0.0.0.0"), at("::")]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_read_back_what_they_print() {
        for text in ["127.0.0.1:4840", "[::1]:4840", "plant-a:502"] {
            assert_eq!(HostPort::parse(text).expect(text).to_string(), text);
        }
        for text in ["", "4840", ":4840", "::1:4840", "host:", "host:70000", "opc.tcp://host:4840"] {
            assert_eq!(HostPort::parse(text), None, "{text}");
        }
    }
}
