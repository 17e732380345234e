//! What a server offers, and which offer to take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opcua_client::transport::TransportPollResult;
use opcua_client::{AsyncSecureChannel, ClientBuilder, SessionBuilder};
use opcua_core::ResponseMessage;
use opcua_core::sync::RwLock;
use opcua_crypto::CertificateStore;
use opcua_types::{
    DateTime, EndpointDescription, GetEndpointsRequest, MessageSecurityMode, RequestHeader, StatusCode, UserTokenType,
};
use tagwire_access::Certificate;
use tagwire_model::Timestamp;

use crate::dial::Dial;
use crate::error::StatusName;
use crate::{ConnectOptions, Error, Login, Mode, Policy, Security, Url, guard, identity, limits, loader};

/// One offer of a server.
#[derive(Clone, Debug)]
pub struct Endpoint {
    description: EndpointDescription,
    policy: Option<Policy>,
    mode: Option<Mode>,
}

impl Endpoint {
    fn new(description: EndpointDescription) -> Self {
        let policy = Policy::from_uri(description.security_policy_uri.as_ref());
        let mode = match description.security_mode {
            MessageSecurityMode::None => Some(Mode::None),
            MessageSecurityMode::Sign => Some(Mode::Sign),
            MessageSecurityMode::SignAndEncrypt => Some(Mode::SignAndEncrypt),
            MessageSecurityMode::Invalid => None,
        };
        Self { description, policy, mode }
    }

    /// The policy; `None` for one that this client does not speak.
    pub const fn policy(&self) -> Option<Policy> {
        self.policy
    }

    /// The URI of the policy as the server wrote it.
    pub fn policy_uri(&self) -> &str {
        self.description.security_policy_uri.as_ref()
    }

    /// The mode; `None` for an invalid one.
    pub const fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// The address as the server wrote it, which may not be reachable from here.
    pub fn url(&self) -> &str {
        self.description.endpoint_url.as_ref()
    }

    /// How strong the server itself holds the endpoint to be, 0 to 255.
    pub const fn level(&self) -> u8 {
        self.description.security_level
    }

    /// The application URI of the server.
    pub fn application_uri(&self) -> &str {
        self.description.server.application_uri.as_ref()
    }

    /// The name of the server.
    pub fn application_name(&self) -> &str {
        self.description.server.application_name.text.as_ref()
    }

    /// The certificates, DER, of the server and its issuers; empty without.
    pub fn certificate_chain(&self) -> &[u8] {
        self.description.server_certificate.as_ref()
    }

    /// The server's certificate, where it can be read.
    pub fn certificate(&self) -> Option<Certificate> {
        Certificate::from_der(self.certificate_chain()).ok()
    }

    /// Whether peers without credentials are admitted.
    pub fn admits_anonymous(&self) -> bool {
        // A server that lists no token at all means anonymous.
        self.description.user_identity_tokens.as_ref().is_none_or(Vec::is_empty) || self.has(UserTokenType::Anonymous)
    }

    /// Whether users with a password are admitted.
    pub fn admits_users(&self) -> bool {
        self.has(UserTokenType::UserName)
    }

    /// What a client may prove to be: `anonymous`, `user`, `certificate`, `token`.
    pub fn logins(&self) -> Vec<&'static str> {
        let listed = [
            (self.admits_anonymous(), "anonymous"),
            (self.admits_users(), "user"),
            (self.has(UserTokenType::Certificate), "certificate"),
            (self.has(UserTokenType::IssuedToken), "token"),
        ];
        listed.into_iter().filter_map(|(admits, word)| admits.then_some(word)).collect()
    }

    /// Whether messages are at least signed, by a policy that this client speaks.
    pub fn is_secure(&self) -> bool {
        self.strength().is_some() && !self.is_plain()
    }

    fn has(&self, kind: UserTokenType) -> bool {
        self.description.user_identity_tokens.iter().flatten().any(|token| token.token_type == kind)
    }

    fn admits(&self, login: &Login) -> bool {
        match login {
            Login::Anonymous => self.admits_anonymous(),
            Login::User { .. } => self.admits_users(),
        }
    }

    fn is_plain(&self) -> bool {
        self.policy == Some(Policy::None) && self.mode == Some(Mode::None)
    }

    /// Policy and mode, where both are known and fit together.
    fn strength(&self) -> Option<(Mode, Policy)> {
        match (self.mode?, self.policy?) {
            (Mode::None, Policy::None) => Some((Mode::None, Policy::None)),
            (Mode::None, _) | (_, Policy::None) => None,
            pair => Some(pair),
        }
    }

    /// The description to connect with: the address dialled instead of the one the server wrote.
    pub(crate) fn description(&self, url: &Url) -> EndpointDescription {
        EndpointDescription { endpoint_url: url.to_string().into(), ..self.description.clone() }
    }
}

/// What a server offers, and what its clock showed.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The server's time in its answer; none when it told none.
    pub server_time: Timestamp,
    /// The own time when the answer was there.
    pub answered: Timestamp,
    /// How long the answer took, within which the server's time was taken.
    pub took: Duration,
}

/// Asks a server what it offers; nothing in the answer is proven.
///
/// # Errors
/// [`Error`] when nobody answers in time, or not in OPC UA.
pub async fn discover(url: &Url, timeout: Duration) -> Result<Vec<Endpoint>, Error> {
    Ok(look(url, timeout).await?.endpoints)
}

/// [`discover`] with the server's clock.
///
/// # Errors
/// As [`discover`].
pub async fn look(url: &Url, timeout: Duration) -> Result<Offer, Error> {
    let dial = Dial::new(url.clone(), timeout);
    match guard::steps("GetEndpoints", timeout, ask(&dial, url, timeout)).await {
        Ok(offer) => Ok(offer),
        Err(error) => Err(dial.explain(error)),
    }
}

async fn ask(dial: &Dial, url: &Url, timeout: Duration) -> Result<Offer, Error> {
    const WHAT: &str = "GetEndpoints";
    let channel = discovery_channel(url)?;
    let mut events = guard::call(WHAT, timeout, channel.connect_no_retry(dial)).await?;
    let request = GetEndpointsRequest {
        request_header: RequestHeader {
            timestamp: DateTime::now(),
            request_handle: channel.request_handle(),
            timeout_hint: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            ..RequestHeader::default()
        },
        endpoint_url: url.to_string().into(),
        locale_ids: None,
        profile_uris: None,
    };
    let asked = Instant::now();
    let answer = {
        let asking = guard::call(WHAT, timeout, channel.send(request, timeout));
        tokio::pin!(asking);
        loop {
            tokio::select! {
                answer = &mut asking => break answer?,
                event = events.poll() => {
                    if let TransportPollResult::Closed(status) = event {
                        return Err(Error::from_library(WHAT, timeout, status));
                    }
                }
            }
        }
    };
    let (took, answered) = (asked.elapsed(), identity::now());
    // A polite end; the server may have closed first.
    let closing = async {
        channel.close_channel().await;
        while !matches!(events.poll().await, TransportPollResult::Closed(_)) {}
    };
    let _ = tokio::time::timeout(Duration::from_millis(200), closing).await;
    match answer {
        ResponseMessage::GetEndpoints(answer) if answer.response_header.service_result.is_good() => {
            let endpoints = answer.endpoints.unwrap_or_default().into_iter().map(Endpoint::new).collect();
            let server_time = Timestamp::from_ticks(answer.response_header.timestamp.checked_ticks());
            Ok(Offer { endpoints, server_time, answered, took })
        }
        ResponseMessage::GetEndpoints(answer) => {
            Err(Error::Refused { what: WHAT, status: StatusName::of(answer.response_header.service_result) })
        }
        ResponseMessage::ServiceFault(fault) => {
            Err(Error::Refused { what: WHAT, status: StatusName::of(fault.response_header.service_result) })
        }
        _ => Err(Error::Peer("answer to GetEndpoints is that to another request".to_owned())),
    }
}

fn discovery_channel(url: &Url) -> Result<AsyncSecureChannel, Error> {
    let options = limits::discovery();
    let config = ClientBuilder::new()
        .application_name("tagwire client")
        .application_uri("urn:tagwire:client")
        .session_retry_limit(0)
        .max_chunk_size(limits::MAX_CHUNK_BYTES)
        .max_incoming_chunk_size(limits::MAX_CHUNK_BYTES)
        .max_chunk_count(options.max_chunk_count)
        .max_message_size(options.max_message_size)
        .into_config();
    let store = Arc::new(RwLock::new(CertificateStore::new(std::path::Path::new(""))));
    let channel = quietly(|| {
        SessionBuilder::new(&config)
            .connect_to_endpoint_directly(url.to_string().as_str())
            .and_then(|builder| builder.build_channel(store))
    })
    .map_err(|error| Error::Options(error.to_string()))?;
    *channel.encoding_context().write() = loader::context(options);
    Ok(channel)
}

/// Runs something without its log: the library reports a missing certificate as an error even where none is needed.
pub(crate) fn quietly<T>(run: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), run)
}

/// Picks the endpoint that the options ask for.
pub(crate) fn choose<'a>(endpoints: &'a [Endpoint], options: &ConnectOptions) -> Result<&'a Endpoint, Error> {
    let admitted = || endpoints.iter().filter(|endpoint| endpoint.admits(&options.login));
    let best = || {
        admitted()
            .filter(|endpoint| !endpoint.is_plain())
            .filter_map(|endpoint| Some((endpoint.strength()?, endpoint)))
            .max_by_key(
                // The server's own order counts among equal modes.
                |(strength, endpoint)| (strength.0, endpoint.level(), strength.1),
            )
    };
    let plain = || admitted().find(|endpoint| endpoint.is_plain());
    let found = match options.security {
        Security::Auto if options.url.is_loopback() && options.login == Login::Anonymous => {
            plain().or_else(|| best().map(|(_, endpoint)| endpoint))
        }
        Security::Auto | Security::Best => best().map(|(_, endpoint)| endpoint),
        Security::Exactly(policy, mode) => admitted().find(|endpoint| endpoint.strength() == Some((mode, policy))),
    };
    let endpoint = found.ok_or_else(|| Error::NoEndpoint(none_found(endpoints, options)))?;
    let is_user = matches!(options.login, Login::User { .. });
    if is_user && endpoint.is_plain() && !options.allow_plain_password {
        return Err(Error::Options("a password is not sent over a connection without security".to_owned()));
    }
    Ok(endpoint)
}

fn none_found(endpoints: &[Endpoint], options: &ConnectOptions) -> String {
    let offers: Vec<String> = endpoints
        .iter()
        .map(|endpoint| {
            let policy = endpoint.policy_uri().rsplit('#').next().unwrap_or_default().to_owned();
            let mode = endpoint.mode().map_or_else(|| "invalid".to_owned(), |mode| mode.to_string());
            let tokens = match (endpoint.admits_anonymous(), endpoint.admits_users()) {
                (true, true) => "anonymous or user",
                (true, false) => "anonymous",
                (false, true) => "user",
                (false, false) => "other logins",
            };
            format!("{policy}/{mode} for {tokens}")
        })
        .take(16)
        .collect();
    let wanted = match (options.security, &options.login) {
        (Security::Exactly(policy, mode), Login::Anonymous) => format!("{policy}/{mode} for anonymous"),
        (Security::Exactly(policy, mode), Login::User { .. }) => format!("{policy}/{mode} for a user"),
        (_, Login::Anonymous) => "security for anonymous".to_owned(),
        (_, Login::User { .. }) => "security for a user".to_owned(),
    };
    if offers.is_empty() {
        return "server offers no endpoint".to_owned();
    }
    format!("server offers no endpoint with {wanted}, but {}", offers.join(", "))
}

impl Dial {
    /// Puts the system's words in the place of the library's status, when dialling itself failed.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match self.problem() {
            Some(problem) => Error::Unreachable { url: self.url().to_string(), problem },
            None => match error {
                Error::Lost(status) if status.0.0 == StatusCode::BadConnectionClosed.bits() => {
                    Error::Peer(format!("{} closed the connection before it spoke OPC UA", self.url()))
                }
                other => other,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua_types::UserTokenPolicy;

    fn endpoint(policy: &str, mode: MessageSecurityMode, level: u8, tokens: &[UserTokenType]) -> Endpoint {
        let token = |kind: &UserTokenType| UserTokenPolicy { token_type: *kind, ..UserTokenPolicy::default() };
        Endpoint::new(EndpointDescription {
            security_policy_uri: format!("http://opcfoundation.org/UA/SecurityPolicy#{policy}").into(),
            security_mode: mode,
            security_level: level,
            user_identity_tokens: Some(tokens.iter().map(token).collect()),
            ..EndpointDescription::default()
        })
    }

    fn offers() -> Vec<Endpoint> {
        use MessageSecurityMode::{None, Sign, SignAndEncrypt};
        use UserTokenType::{Anonymous, UserName};
        vec![
            endpoint("None", None, 0, &[Anonymous]),
            endpoint("Basic128Rsa15", SignAndEncrypt, 200, &[Anonymous, UserName]),
            endpoint("Basic256Sha256", Sign, 120, &[Anonymous, UserName]),
            endpoint("Basic256Sha256", SignAndEncrypt, 100, &[Anonymous, UserName]),
            endpoint("Aes256_Sha256_RsaPss", SignAndEncrypt, 110, &[UserName]),
            endpoint("Aes256_Sha256_RsaPss", None, 255, &[Anonymous, UserName]),
        ]
    }

    #[test]
    fn takes_the_strongest_offer_and_never_one_weaker_than_asked_for() {
        let user = Login::User { name: "anna".to_owned(), password: "secret".to_owned() };
        let sign = Security::Exactly(Policy::Basic256Sha256, Mode::Sign);
        let absent = Security::Exactly(Policy::Aes128Sha256RsaOaep, Mode::Sign);
        for (host, security, login, expected) in [
            ("localhost", Security::Auto, Login::Anonymous, Some(0)),
            ("localhost", Security::Auto, user.clone(), Some(4)),
            ("plc1", Security::Auto, Login::Anonymous, Some(3)),
            ("plc1", Security::Best, user.clone(), Some(4)),
            ("plc1", sign, user.clone(), Some(2)),
            ("plc1", absent, user.clone(), None),
            ("plc1", Security::NONE, user, None),
            ("plc1", Security::NONE, Login::Anonymous, Some(0)),
        ] {
            let offers = offers();
            let options = ConnectOptions { security, login, ..ConnectOptions::new(host.parse().expect("url")) };
            let found =
                choose(&offers, &options).ok().and_then(|found| offers.iter().position(|e| std::ptr::eq(e, found)));
            assert_eq!(found, expected, "{host} {security:?} {:?}", options.login);
        }
    }

    #[test]
    fn a_server_without_security_is_named_and_not_fallen_for() {
        let offers = &offers()[..1];
        let options = ConnectOptions::new("plc1".parse().expect("url"));
        let error = choose(offers, &options).expect_err("refused").to_string();
        assert_eq!(error, "server offers no endpoint with security for anonymous, but None/none for anonymous");
        assert_eq!(choose(&[], &options).expect_err("refused").to_string(), "server offers no endpoint");
    }
}
