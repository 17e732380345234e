//! Roles as clients change them (OPC UA Part 18, 4.2 to 4.4): who holds a role besides those to whom the configuration
//! and the users file give it, and where it counts.

use serde::{Deserialize, Serialize};

use crate::{ChannelSecurity, Identity, Peer};

/// By what a rule recognises those who get a role (Part 18, 4.4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityRule {
    /// A user of the users file, by name.
    UserName(String),
    /// The holder of a certificate, by its SHA-1 or SHA-256 in hexadecimal digits.
    Thumbprint(String),
    /// The holder of a certificate, by its subject.
    Subject(String),
    /// Everybody, with or without credentials.
    Anonymous,
    /// Everybody with credentials.
    Authenticated,
    /// Everybody who uses this application, which must prove to be it.
    Application(String),
    /// Everybody who uses an application that is trusted.
    TrustedApplication,
}

impl IdentityRule {
    fn covers(&self, peer: &Peer<'_>) -> bool {
        let is_digest = |text: &str, digest: &str| text.replace([':', ' '], "").eq_ignore_ascii_case(digest);
        match self {
            Self::UserName(name) => matches!(&peer.identity, Identity::User(user) if **user == **name),
            Self::Thumbprint(text) => match &peer.identity {
                Identity::Certificate(fingerprint) => {
                    is_digest(text, &fingerprint.to_string()) || is_digest(text, &peer.thumbprint_text())
                }
                _ => false,
            },
            Self::Subject(text) => !peer.subject.is_empty() && *text == peer.subject,
            Self::Anonymous => true,
            Self::Authenticated => peer.identity != Identity::Anonymous,
            Self::Application(uri) => !peer.application.is_empty() && *uri == peer.application,
            Self::TrustedApplication => !peer.application.is_empty(),
        }
    }

    /// The texts of the rule, to be bounded.
    fn text(&self) -> &str {
        match self {
            Self::UserName(text) | Self::Thumbprint(text) | Self::Subject(text) | Self::Application(text) => text,
            Self::Anonymous | Self::Authenticated | Self::TrustedApplication => "",
        }
    }

    /// Whether it says enough to recognise anybody.
    fn is_complete(&self) -> bool {
        match self {
            Self::Anonymous | Self::Authenticated | Self::TrustedApplication => true,
            _ => is_text(self.text()),
        }
    }
}

/// An endpoint that a role counts on, or does not; what is empty or absent stands for any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointRule {
    /// URL that the client used.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Protection of the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<ChannelSecurity>,
    /// URI of the security policy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// URI of the transport profile.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub transport: String,
}

impl EndpointRule {
    fn covers(&self, peer: &Peer<'_>, security: ChannelSecurity) -> bool {
        let is_any = |text: &str, seen: &str| text.is_empty() || text == seen;
        let url = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
        (self.url.is_empty() || url(&self.url) == url(peer.url))
            && self.security.is_none_or(|wanted| wanted == security)
            && is_any(&self.policy, peer.policy)
            && is_any(&self.transport, TRANSPORT)
    }
}

/// The one transport that the server has.
const TRANSPORT: &str = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary";

/// What clients set for one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedRole {
    /// Whether a client made the role.
    #[serde(default)]
    pub added: bool,
    /// Who holds it.
    #[serde(default)]
    pub identities: Vec<IdentityRule>,
    /// Applications that it counts for, or does not.
    #[serde(default)]
    pub applications: Vec<String>,
    /// Whether it counts for all applications but these.
    #[serde(default = "yes")]
    pub applications_exclude: bool,
    /// Endpoints that it counts on, or does not.
    #[serde(default)]
    pub endpoints: Vec<EndpointRule>,
    /// Whether it counts on all endpoints but these.
    #[serde(default = "yes")]
    pub endpoints_exclude: bool,
}

const fn yes() -> bool {
    true
}

impl Default for ManagedRole {
    fn default() -> Self {
        Self {
            added: false,
            identities: Vec::new(),
            applications: Vec::new(),
            applications_exclude: true,
            endpoints: Vec::new(),
            endpoints_exclude: true,
        }
    }
}

impl ManagedRole {
    /// Whether a rule gives the role to a peer.
    pub(crate) fn is_given_to(&self, peer: &Peer<'_>) -> bool {
        self.identities.iter().any(|rule| rule.covers(peer))
    }

    /// Whether the role counts for the application and on the endpoint that a peer uses.
    pub(crate) fn counts_for(&self, peer: &Peer<'_>, security: ChannelSecurity) -> bool {
        // Without a proof the application can be any, the excluded ones among them.
        let is_listed = match peer.application {
            "" => self.applications_exclude && !self.applications.is_empty(),
            uri => self.applications.iter().any(|listed| listed == uri),
        };
        is_listed != self.applications_exclude
            && self.endpoints.iter().any(|rule| rule.covers(peer, security)) != self.endpoints_exclude
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One change that a client asks for, of the role with this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChange {
    /// Makes a role.
    Add,
    /// Removes a role that a client made.
    Remove,
    /// Gives the role to somebody.
    AddIdentity(IdentityRule),
    /// Takes it away.
    RemoveIdentity(IdentityRule),
    /// Lists an application.
    AddApplication(String),
    /// Takes one off the list.
    RemoveApplication(String),
    /// Lists an endpoint.
    AddEndpoint(EndpointRule),
    /// Takes one off the list.
    RemoveEndpoint(EndpointRule),
    /// Whether the list of applications tells those for which the role does not count.
    ExcludeApplications(bool),
    /// Whether the list of endpoints tells those on which the role does not count.
    ExcludeEndpoints(bool),
}

impl RoleChange {
    /// Whether nobody can have fewer rights because of it.
    pub const fn only_widens(&self) -> bool {
        matches!(self, Self::Add | Self::AddIdentity(_))
    }

    /// What it does, as the audit log names it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Add => "role added",
            Self::Remove => "role removed",
            Self::AddIdentity(_) => "identity added",
            Self::RemoveIdentity(_) => "identity removed",
            Self::AddApplication(_) => "application added",
            Self::RemoveApplication(_) => "application removed",
            Self::AddEndpoint(_) => "endpoint added",
            Self::RemoveEndpoint(_) => "endpoint removed",
            Self::ExcludeApplications(true) => "listed applications excluded",
            Self::ExcludeApplications(false) => "other applications excluded",
            Self::ExcludeEndpoints(true) => "listed endpoints excluded",
            Self::ExcludeEndpoints(false) => "other endpoints excluded",
        }
    }

    /// What it is about, as the audit log shows it.
    pub fn subject(&self) -> String {
        match self {
            Self::AddIdentity(rule) | Self::RemoveIdentity(rule) => format!("{rule:?}"),
            Self::AddApplication(uri) | Self::RemoveApplication(uri) => uri.clone(),
            Self::AddEndpoint(rule) | Self::RemoveEndpoint(rule) => {
                let security = rule.security.map_or("any", ChannelSecurity::name);
                format!("{} {} {}", rule.url, rule.policy, security)
            }
            _ => String::new(),
        }
    }

    /// Whether its texts are such as can be stored.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Self::AddIdentity(rule) => rule.is_complete(),
            Self::AddApplication(uri) => is_text(uri),
            Self::AddEndpoint(rule) => {
                *rule != EndpointRule::default()
                    && [&rule.url, &rule.policy, &rule.transport]
                        .into_iter()
                        .all(|text| text.is_empty() || is_text(text))
            }
            _ => true,
        }
    }

    /// Carries it out; false when there is nothing to remove, or when it is there already.
    pub(crate) fn apply(&self, to: &mut ManagedRole) -> bool {
        fn add<T: PartialEq + Clone>(list: &mut Vec<T>, one: &T) -> bool {
            let is_new = !list.contains(one);
            if is_new {
                list.push(one.clone());
            }
            is_new
        }
        fn remove<T: PartialEq>(list: &mut Vec<T>, one: &T) -> bool {
            let before = list.len();
            list.retain(|known| known != one);
            list.len() < before
        }
        match self {
            Self::Add | Self::Remove => true,
            Self::AddIdentity(rule) => add(&mut to.identities, rule),
            Self::RemoveIdentity(rule) => remove(&mut to.identities, rule),
            Self::AddApplication(uri) => add(&mut to.applications, uri),
            Self::RemoveApplication(uri) => remove(&mut to.applications, uri),
            Self::AddEndpoint(rule) => add(&mut to.endpoints, rule),
            Self::RemoveEndpoint(rule) => remove(&mut to.endpoints, rule),
            Self::ExcludeApplications(exclude) => {
                to.applications_exclude = *exclude;
                true
            }
            Self::ExcludeEndpoints(exclude) => {
                to.endpoints_exclude = *exclude;
                true
            }
        }
    }
}

/// Longest text of a rule in bytes.
const MAX_TEXT: usize = 1024;

fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether a role can have this name: such as a NodeId and a line of a list can show.
pub(crate) fn is_role_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ');
    (1..=64).contains(&name.len()) && name.trim() == name && name != "admin" && name.chars().all(is_plain)
}
