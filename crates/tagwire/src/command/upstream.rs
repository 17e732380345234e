//! A session with an OPC UA server that the configuration names as a device.

use std::time::Duration;

use tagwire_driver::LinkSpec;
use tagwire_ua_client::{Client, Security};
use tagwire_upstream::{OpcUaKind, Times};

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
