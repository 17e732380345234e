//! Registration of a server at a discovery server (OPC UA Part 4, 5.5.5 and 5.5.6).

use opcua_core::ResponseMessage;
use opcua_types::{
    ApplicationType, ExtensionObject, MdnsDiscoveryConfiguration, RegisterServer2Request, RegisterServerRequest,
    RegisteredServer, StatusCode, UAString,
};

use crate::channel::Channel;
use crate::error::StatusName;
use crate::{ConnectOptions, Endpoint, Error, Login, Security, discover, endpoint};

/// What a discovery server is told about a server.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The application URI, the one in its certificate.
    pub application_uri: String,
    /// The URI of the product.
    pub product_uri: String,
    /// The name for people.
    pub name: String,
    /// Where clients reach it.
    pub discovery_urls: Vec<String>,
    /// What it can do, such as `DA` (Part 12, Annex D).
    pub capabilities: Vec<String>,
    /// Whether it can be reached; `false` takes the registration back.
    pub is_online: bool,
}

/// Registers at the server of `options`, over the best security that it offers; over none only on this machine. The
/// newer service is tried first.
///
/// # Errors
/// [`Error`]; the caller tries again later.
pub async fn register(registration: &Registration, options: &ConnectOptions) -> Result<(), Error> {
    let endpoints = discover(&options.url, options.connect_timeout).await?;
    let is_secure = endpoints.iter().any(Endpoint::is_secure);
    let security = match options.security {
        Security::Auto if is_secure => Security::Best,
        other => other,
    };
    // Nobody logs in, so that it does not matter who may.
    let options = ConnectOptions { security, login: Login::Anonymous, ..options.clone() };
    let endpoint = endpoint::choose(&endpoints, &options)?;
    let mut channel = Channel::open(&options, endpoint).await?;
    let outcome = match newer(&mut channel, registration).await {
        Err(Error::Refused { status, .. }) if is_unknown(status) => older(&mut channel, registration).await,
        outcome => outcome,
    };
    channel.close().await;
    outcome
}

/// Whether a server answers so to a service that it does not have.
fn is_unknown(status: StatusName) -> bool {
    [StatusCode::BadServiceUnsupported, StatusCode::BadNotImplemented, StatusCode::BadNotSupported]
        .iter()
        .any(|known| status.0.0 == known.bits())
}

async fn newer(channel: &mut Channel, registration: &Registration) -> Result<(), Error> {
    const WHAT: &str = "RegisterServer2";
    let multicast = MdnsDiscoveryConfiguration {
        mdns_server_name: registration.name.as_str().into(),
        server_capabilities: Some(texts(&registration.capabilities)),
    };
    let request = RegisterServer2Request {
        request_header: channel.header(),
        server: described(registration),
        discovery_configuration: Some(vec![ExtensionObject::from_message(multicast)]),
    };
    match channel.ask(WHAT, request).await? {
        ResponseMessage::RegisterServer2(answer) => done(WHAT, answer.response_header.service_result),
        other => unexpected(WHAT, &other),
    }
}

async fn older(channel: &mut Channel, registration: &Registration) -> Result<(), Error> {
    const WHAT: &str = "RegisterServer";
    let request = RegisterServerRequest { request_header: channel.header(), server: described(registration) };
    match channel.ask(WHAT, request).await? {
        ResponseMessage::RegisterServer(answer) => done(WHAT, answer.response_header.service_result),
        other => unexpected(WHAT, &other),
    }
}

fn described(registration: &Registration) -> RegisteredServer {
    RegisteredServer {
        server_uri: registration.application_uri.as_str().into(),
        product_uri: registration.product_uri.as_str().into(),
        server_names: Some(vec![registration.name.as_str().into()]),
        server_type: ApplicationType::Server,
        gateway_server_uri: UAString::null(),
        discovery_urls: Some(texts(&registration.discovery_urls)),
        semaphore_file_path: UAString::null(),
        is_online: registration.is_online,
    }
}

fn texts(texts: &[String]) -> Vec<UAString> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

fn done(what: &'static str, status: StatusCode) -> Result<(), Error> {
    if status.is_good() { Ok(()) } else { Err(Error::Refused { what, status: StatusName::of(status) }) }
}

fn unexpected(what: &'static str, answer: &ResponseMessage) -> Result<(), Error> {
    match answer {
        ResponseMessage::ServiceFault(fault) => done(what, fault.response_header.service_result),
        _ => Err(Error::Peer(format!("answer to {what} is that to another request"))),
    }
}
