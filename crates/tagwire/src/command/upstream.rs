//! A session with an OPC UA server that the configuration names as a device.

use std::time::Duration;

use tagwire_driver::{AddressError, LinkSpec};
use tagwire_ua_client::{Client, NodeId, Security, parse_node_id};
use tagwire_upstream::{Address, OpcUaKind, Times};

use crate::client::{call_failure, identity};
use crate::failure::{Exit, Failure};

/// Opens a session with the server behind a link.
pub(crate) async fn connect(link: &LinkSpec, timeout: Duration) -> Result<Client, Failure> {
    if link.kind != OpcUaKind::NAME {
        let problem = format!("{} is a link of {}, not of another OPC UA server", link.name, link.kind);
        return Err(Failure::new(Exit::Usage, problem, "devices of the driver opcua are"));
    }
    let wrong = |error: tagwire_driver::BuildError| Failure::new(Exit::Config, error.problem, error.fix);
    let times = Times { connect: timeout, request: timeout };
    let plain = OpcUaKind.terms(link, None).map_err(wrong)?;
    let mut options = plain.options(0, times).map_err(|error| call_failure(&error))?;
    // On this machine nobody stands between client and server, so that no key has to be made.
    let may_do_without_key =
        options.security == Security::NONE || (options.security == Security::Auto && options.url.is_loopback());
    if !may_do_without_key {
        options.identity = Some(identity()?);
    }
    Client::connect(&options).await.map_err(|error| call_failure(&error))
}

/// The node that a text of the command line means: as addresses of tags name it, or as [`parse_node_id`] does.
pub(crate) async fn node(client: &Client, text: &str) -> Result<NodeId, Failure> {
    let wrong = |problem: String, fix: &str| Failure::new(Exit::Usage, format!("\"{text}\": {problem}"), fix);
    let Some(address) = by_uri(text)? else {
        return parse_node_id(text).map_err(|error| wrong(error.to_string(), ""));
    };
    let namespaces = client.namespace_array().await.map_err(|error| call_failure(&error))?;
    address.resolve(&namespaces, &namespaces).ok_or_else(|| {
        wrong("the server has no such namespace".to_owned(), "tagwire import server lists nodes with their URIs")
    })
}

/// A node by the URI of its namespace; `None` for a text of another form.
pub(crate) fn by_uri(text: &str) -> Result<Option<Address>, Failure> {
    if !text.trim_start().starts_with("nsu=") {
        return Ok(None);
    }
    let wrong = |error: AddressError| Failure::new(Exit::Usage, format!("\"{text}\": {}", error.problem), error.fix);
    Address::parse(text).map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_may_be_named_by_the_uri_of_its_namespace() {
        for text in ["i=85", "ns=2;s=nsu=a", "boiler.t"] {
            assert_eq!(by_uri(text).ok(), Some(None), "{text}");
        }
        let found = by_uri(" nsu=urn:press;s=Axes").ok().flatten().expect("an address");
        let namespaces = ["ua", "urn:server", "urn:press"].map(str::to_owned);
        assert_eq!(found.resolve(&namespaces, &namespaces), Some(NodeId::new(2, "Axes")));
        assert_eq!(found.resolve(&namespaces[..2], &namespaces[..2]), None);
        assert!(by_uri("nsu=urn:press").is_err());
    }
}
