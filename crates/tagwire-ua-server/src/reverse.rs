//! Reverse Connect: the server dials listed clients, so that a firewall need only let connections out (Part 6, 7.1.3).

use std::sync::Arc;
use std::time::Duration;

use tagwire_ua_proto::transport::ReverseHello;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::connection::Connection;
use crate::listener::{OpenConnections, serve, take_place};
use crate::server::Server;

/// Longest wait for a client to accept a connection.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// Wait after a connection that was used, or before the second attempt.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Keeps one connection to a client open, for as long as the server runs. `client` is a host with a port.
pub(crate) async fn keep_dialling(client: String, server: Arc<Server>, open: Arc<OpenConnections>, own_url: String) {
    let mut wait = FIRST_WAIT;
    let mut is_known = false;
    loop {
        let dialled = timeout(DIAL_TIMEOUT, TcpStream::connect(&client)).await;
        match dialled {
            Ok(Ok(stream)) => {
                let was_used = run(stream, &server, &open, &own_url).await;
                if was_used || !is_known {
                    tracing::info!(client, used = was_used, "connection that the server opened to a client has ended");
                }
                is_known = !was_used;
                wait = if was_used { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
            }
            failed => {
                if !is_known {
                    let reason = match failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => "no answer".to_owned(),
                    };
                    tracing::warn!(client, reason, "a client that the server is to connect to cannot be reached");
                }
                is_known = true;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        sleep(wait.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
    }
}

/// Introduces the server to the client and serves it; returns whether the client made a session.
async fn run(stream: TcpStream, server: &Arc<Server>, open: &Arc<OpenConnections>, own_url: &str) -> bool {
    let Ok(peer) = stream.peer_addr() else { return false };
    let Some(ticket) = take_place(server, open).await else { return false };
    let mut hello = Vec::new();
    ReverseHello { server_uri: &server.config.application_uri, endpoint_url: own_url }.write(&mut hello);
    let make = |server, links| Connection::new(stream, peer, server, links).map(|connection| connection.saying(&hello));
    serve(peer, server, open, ticket, make).await
}
