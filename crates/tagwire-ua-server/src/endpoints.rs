//! What the server offers: its description and one endpoint per security policy and mode (Part 4, 7.2 and 7.14).

use tagwire_ua_proto::secure::SecurityPolicy;
use tagwire_ua_proto::services::{
    ApplicationDescription, ApplicationType, EndpointDescription, MessageSecurityMode, UserTokenPolicy, UserTokenType,
};
use tagwire_ua_proto::types::{ByteString, LocalizedText, UaString};

use crate::server::Server;
use crate::session::ChannelFacts;

/// The one transport that this server speaks.
pub(crate) const TRANSPORT_PROFILE: &str = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary";
/// Id of the anonymous token policy.
pub(crate) const ANONYMOUS: &str = "anonymous";
/// What the id of a user name token policy begins with; the security policy that encrypts the password follows.
const USER_NAME: &str = "username_";

/// What the id of a certificate token policy begins with; the security policy of its signature follows.
const CERTIFICATE: &str = "certificate_";

/// Id of the token policy for users who sign with this security policy.
pub(crate) fn certificate_policy_id(policy: &SecurityPolicy) -> String {
    format!("{CERTIFICATE}{}", policy.name)
}

/// What the id of a token policy for an identity provider begins with; its place in the list follows, and the policy.
const ISSUED: &str = "issued_";
/// The one kind of issued token (Part 6, 6.5.3).
const JWT: &str = "http://opcfoundation.org/UA/UserToken#JWT";

/// Id of the token policy for the tokens of an identity provider.
pub(crate) fn issued_policy_id(number: usize, policy: &SecurityPolicy) -> String {
    format!("{ISSUED}{number}_{}", policy.name)
}

/// Id of the token policy for passwords that are encrypted with this security policy.
pub(crate) fn user_name_policy_id(policy: &SecurityPolicy) -> String {
    format!("{USER_NAME}{}", policy.name)
}

impl Server {
    /// The server as it describes itself to a client that used `url`.
    pub(crate) fn application(&self, url: &str, channel: &ChannelFacts) -> ApplicationDescription {
        ApplicationDescription {
            application_uri: self.config.application_uri.as_str().into(),
            product_uri: PRODUCT_URI.into(),
            application_name: LocalizedText::new(self.config.application_name.as_str()),
            application_type: ApplicationType::SERVER,
            discovery_urls: vec![self.reachable_url(url, channel).into()],
            ..Default::default()
        }
    }

    /// All endpoints, under a URL that the client can reach.
    pub(crate) fn endpoints(&self, url: &str, channel: &ChannelFacts) -> Vec<EndpointDescription> {
        let server = self.application(url, channel);
        let url = UaString::from(self.reachable_url(url, channel));
        let endpoint = |(policy, mode): &(&'static SecurityPolicy, MessageSecurityMode)| {
            let identity = self.identity(policy);
            let certificate = identity.as_ref().map(|own| ByteString::from(own.certificate().chain().as_ref()));
            (policy.is_none() || identity.is_some()).then(|| EndpointDescription {
                endpoint_url: url.clone(),
                server: server.clone(),
                server_certificate: certificate.unwrap_or_default(),
                security_mode: *mode,
                security_policy_uri: policy.uri.into(),
                user_identity_tokens: self.token_policies(policy, identity.is_some()),
                transport_profile_uri: TRANSPORT_PROFILE.into(),
                security_level: security_level(policy, *mode),
            })
        };
        self.config.security.iter().filter_map(endpoint).collect()
    }

    /// The security policy of passwords and signatures of users on an endpoint: its own, and on the endpoint without security the
    /// RSA one that the operator offers and most clients speak (Part 4, 7.41).
    pub(crate) fn token_policy(&self, endpoint: &'static SecurityPolicy) -> &'static SecurityPolicy {
        if !endpoint.is_none() {
            return endpoint;
        }
        let basic = SecurityPolicy::BASIC256_SHA256;
        let is_rsa = |policy: &&SecurityPolicy| !policy.is_none() && policy.curve().is_none();
        let mut offered = self.config.security.iter().map(|(policy, _)| *policy).filter(is_rsa);
        if offered.clone().any(|policy| policy == basic) { basic } else { offered.next().unwrap_or(basic) }
    }

    /// Passwords are encrypted and users sign on every endpoint, without security too (Part 4, 7.41).
    fn token_policies(&self, endpoint: &'static SecurityPolicy, has_certificate: bool) -> Vec<UserTokenPolicy> {
        let mut policies = Vec::new();
        if self.policy().admits_anonymous() {
            policies.push(UserTokenPolicy {
                policy_id: ANONYMOUS.into(),
                token_type: UserTokenType::ANONYMOUS,
                ..Default::default()
            });
        }
        if has_certificate {
            let secret = self.token_policy(endpoint);
            let tokens = [
                (user_name_policy_id(secret), UserTokenType::USER_NAME),
                (certificate_policy_id(secret), UserTokenType::CERTIFICATE),
            ];
            policies.extend(tokens.map(|(id, token_type)| UserTokenPolicy {
                policy_id: id.into(),
                token_type,
                security_policy_uri: secret.uri.into(),
                ..Default::default()
            }));
            let rules = self.policy();
            policies.extend(rules.issuers().iter().enumerate().map(|(number, issuer)| UserTokenPolicy {
                policy_id: issued_policy_id(number, secret).into(),
                token_type: UserTokenType::ISSUED_TOKEN,
                issued_token_type: JWT.into(),
                issuer_endpoint_url: issuer_endpoint(&issuer.url, &issuer.audience).into(),
                security_policy_uri: secret.uri.into(),
            }));
        }
        policies
    }

    /// The URL of the server by its first name and address, for clients that never asked for it.
    pub(crate) fn own_url(&self, addresses: &[std::net::SocketAddr]) -> String {
        let port = addresses.first().map_or(4840, std::net::SocketAddr::port);
        let host = self.config.host_names.first().map_or("localhost", String::as_str);
        format!("opc.tcp://{host}:{port}/")
    }

    /// Whether a URL names this machine, as far as it knows its names.
    pub(crate) fn is_own_url(&self, url: &str) -> bool {
        self.is_own_host(authority(url).0)
    }

    fn is_own_host(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<std::net::IpAddr>().is_ok()
            || self.config.host_names.iter().any(|name| name.eq_ignore_ascii_case(bare))
    }

    /// The URL that the client used when it names this machine, else the address that the client reached.
    fn reachable_url(&self, url: &str, channel: &ChannelFacts) -> String {
        let (host, port) = authority(url);
        let is_ours = self.is_own_host(host);
        if is_ours && let Some(port) = port {
            format!("opc.tcp://{host}:{port}/")
        } else if is_ours && !host.is_empty() {
            format!("opc.tcp://{host}:{}/", channel.local.port())
        } else {
            format!("opc.tcp://{}/", channel.local)
        }
    }
}

/// Host and port of a URL.
fn authority(url: &str) -> (&str, Option<u16>) {
    let asked = url.strip_prefix("opc.tcp://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    match asked.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (asked, None),
    }
}

/// Where a client gets a token, as JSON (Part 6, 6.5.3.2).
fn issuer_endpoint(url: &str, audience: &str) -> String {
    serde_json::json!({ "ua:resourceId": audience, "ua:authorityUrl": url }).to_string()
}

/// What names the product, whoever runs it.
pub const PRODUCT_URI: &str = "urn:tagwire:server";

/// A rank that clients choose by: the higher the better (Part 4, 7.14). Encryption counts for more than the policy.
fn security_level(policy: &SecurityPolicy, mode: MessageSecurityMode) -> u8 {
    let step = match mode {
        MessageSecurityMode::SIGN_AND_ENCRYPT => 100,
        MessageSecurityMode::SIGN => 50,
        _ => 0,
    };
    policy.strength.saturating_add(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_outranks_a_signature_and_no_security_is_last() {
        let (pss, aes128) = (SecurityPolicy::AES256_SHA256_RSA_PSS, SecurityPolicy::AES128_SHA256_RSA_OAEP);
        let levels = [
            security_level(pss, MessageSecurityMode::SIGN_AND_ENCRYPT),
            security_level(aes128, MessageSecurityMode::SIGN_AND_ENCRYPT),
            security_level(pss, MessageSecurityMode::SIGN),
            security_level(aes128, MessageSecurityMode::SIGN),
            security_level(SecurityPolicy::NONE, MessageSecurityMode::NONE),
        ];
        assert!(levels.is_sorted_by(|better, worse| better > worse), "{levels:?}");
        assert_eq!(levels.last(), Some(&0));
    }
}
