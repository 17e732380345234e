//! Registration at discovery servers, so that clients find this server without its address.

use std::net::SocketAddr;
use std::time::Duration;

use tagwire_ua_client::{ConnectOptions, Error, Identity, Registration, Url, register};

/// Pause after a registration; discovery servers forget a server that is silent for longer (Part 4, 5.5.5).
const AGAIN: Duration = Duration::from_secs(9 * 60);
/// Pause after a failure.
const RETRY: Duration = Duration::from_secs(30);

/// Registers at one discovery server for as long as it runs; what changes goes to the log, and nothing else does.
pub(crate) async fn keep_registered(url: Url, registration: Registration, identity: Identity) {
    let options = ConnectOptions { identity: Some(identity), ..ConnectOptions::new(url.clone()) };
    let mut last: Option<Result<(), String>> = None;
    loop {
        let outcome = register(&registration, &options).await.map_err(|error| sentence(&error));
        if last.as_ref() != Some(&outcome) {
            match &outcome {
                Ok(()) => tracing::info!("registered at the discovery server {url}"),
                Err(problem) => tracing::warn!("not registered at the discovery server {url}: {problem}"),
            }
        }
        let pause = if outcome.is_ok() { AGAIN } else { RETRY };
        last = Some(outcome);
        tokio::time::sleep(pause).await;
    }
}

/// What is wrong, and what to do where something can be done here.
fn sentence(error: &Error) -> String {
    match error {
        Error::Untrusted(refusal) => match refusal.fingerprint {
            Some(fingerprint) => format!("{error}; {}", refusal.reason.advice(fingerprint)),
            None => error.to_string(),
        },
        Error::Distrusted { fingerprint, .. } => {
            format!("{error}; there, the certificate {fingerprint} must be trusted")
        }
        _ => error.to_string(),
    }
}

/// Where clients reach the server: each address listened on, an address that means all by the names of this machine.
pub(crate) fn discovery_urls(listening: &[SocketAddr], hosts: &[String]) -> Vec<String> {
    let mut urls = Vec::new();
    for address in listening {
        let names = if address.ip().is_unspecified() { hosts.to_vec() } else { vec![address.ip().to_string()] };
        for name in names {
            let bracketed = if name.contains(':') { format!("[{name}]") } else { name };
            let url = format!("opc.tcp://{bracketed}:{}", address.port());
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_all_is_told_by_name() {
        let hosts = ["press".to_owned(), "fd00::1".to_owned()];
        let listening = ["0.0.0.0:4840", "[::]:4840", "10.0.0.1:4841"].map(|text| text.parse().expect(text));
        let urls = discovery_urls(&listening, &hosts);
        assert_eq!(urls, ["opc.tcp://press:4840", "opc.tcp://[fd00::1]:4840", "opc.tcp://10.0.0.1:4841"]);
    }
}
