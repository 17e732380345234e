//! Accepting connections, each in a task of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tagwire_access::PeerCheck;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::connection::{Connection, Links, Stream};
use crate::quota::Ticket;
use crate::reverse::keep_dialling;
use crate::server::Server;

/// How often sessions and subscriptions without a connection are looked after.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

/// Rounds of housekeeping after which the trust lists are looked at for changes made by hand.
const RECHECK_EVERY: u32 = 10;

/// The server's listening sockets. The server runs until this is dropped.
pub struct Listener {
    tasks: Vec<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
}

impl Listener {
    /// Listens on all addresses, or on none when one cannot be had.
    ///
    /// # Errors
    /// The address that cannot be had, and why.
    pub async fn bind(server: &Arc<Server>, addresses: &[SocketAddr]) -> Result<Self, (SocketAddr, std::io::Error)> {
        let mut sockets = Vec::new();
        for address in addresses {
            sockets.push(TcpListener::bind(address).await.map_err(|error| (*address, error))?);
        }
        let addresses: Vec<SocketAddr> = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let open = Arc::new(OpenConnections::default());
        let mut tasks: Vec<JoinHandle<()>> = sockets
            .into_iter()
            .map(|socket| tokio::spawn(accept(socket, Arc::clone(server), Arc::clone(&open))))
            .collect();
        let own_url = server.own_url(&addresses);
        for client in server.config.reverse_connect.clone() {
            let (server, open) = (Arc::clone(server), Arc::clone(&open));
            tasks.push(tokio::spawn(keep_dialling(client, server, open, own_url.clone())));
        }
        tasks.push(tokio::spawn(keep_house(Arc::clone(server), open)));
        Ok(Self { tasks, addresses })
    }

    /// The addresses listened on, with the ports that were chosen.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub(crate) async fn keep_house(server: Arc<Server>, open: Arc<OpenConnections>) {
    let mut generation = server.trust.generation();
    let mut user_generation = server.user_trust.generation();
    let mut identity_generation = server.identity_generation();
    let mut rounds_to_recheck = RECHECK_EVERY;
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => rounds_to_recheck = rounds_to_recheck.saturating_sub(1),
            () = server.trust_rechecked() => rounds_to_recheck = 0,
        }
        server.keep_house();
        if rounds_to_recheck == 0 && !server.configuration.holds(server.millis()) {
            rounds_to_recheck = RECHECK_EVERY;
            let current = server.trust.generation();
            if current != generation {
                generation = current;
                open.close_untrusted(&server);
            }
            let current = server.user_trust.generation();
            if current != user_generation {
                user_generation = current;
                server.end_sessions_of_distrusted_users();
            }
            let current = server.identity_generation();
            if current != identity_generation {
                identity_generation = current;
                open.close_outdated(current);
            }
        }
    }
}

async fn accept(socket: TcpListener, server: Arc<Server>, open: Arc<OpenConnections>) {
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                let Some(ticket) = take_place(&server, &open).await else {
                    tracing::warn!(%peer, "connection refused: too many connections");
                    continue;
                };
                tokio::spawn(run(stream, peer, Arc::clone(&server), Arc::clone(&open), ticket));
            }
            // Out of descriptors or aborted by the peer: neither gets better at once.
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// A place for one more connection. When all are taken, the oldest connection without a session gives way
/// (Part 4, 5.6.2.1).
pub(crate) async fn take_place(server: &Arc<Server>, open: &OpenConnections) -> Option<Ticket> {
    if let Some(ticket) = server.quota.connection() {
        return Some(ticket);
    }
    open.close_oldest_idle();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if let Some(ticket) = server.quota.connection() {
            return Some(ticket);
        }
    }
    None
}

async fn run(stream: TcpStream, peer: SocketAddr, server: Arc<Server>, open: Arc<OpenConnections>, ticket: Ticket) {
    serve(peer, &server, &open, ticket, |server, links| Connection::new(stream, peer, server, links)).await;
}

/// Runs a connection to its end; returns whether a session lived on it.
pub(crate) async fn serve<S: Stream>(
    peer: SocketAddr,
    server: &Arc<Server>,
    open: &OpenConnections,
    ticket: Ticket,
    make: impl FnOnce(Arc<Server>, Links) -> Option<Connection<S>>,
) -> bool {
    let links = Links {
        has_session: Arc::new(AtomicBool::new(false)),
        close: Arc::new(Notify::new()),
        certificate: Arc::default(),
        identity_generation: server.identity_generation(),
    };
    let number = open.enter(links.clone());
    let connection = make(Arc::clone(server), links);
    // A panic must end this connection and nothing else.
    let task = tokio::spawn(async move {
        match connection {
            Some(mut connection) => connection.run().await,
            None => false,
        }
    });
    let was_used = task.await;
    if was_used.as_ref().is_err_and(tokio::task::JoinError::is_panic) {
        tracing::error!(%peer, "the task of a connection panicked; the connection is closed");
    }
    open.leave(number);
    drop(ticket);
    was_used.unwrap_or_default()
}

/// The connections that are open, in the order in which they came.
#[derive(Default)]
pub(crate) struct OpenConnections {
    state: Mutex<(u64, BTreeMap<u64, Links>)>,
}

impl OpenConnections {
    fn enter(&self, links: Links) -> u64 {
        let mut state = self.state.lock();
        state.0 += 1;
        let number = state.0;
        state.1.insert(number, links);
        number
    }

    fn leave(&self, number: u64) {
        self.state.lock().1.remove(&number);
    }

    /// Closes connections and sessions of clients that are not trusted any more (Part 12, 7.8.2.5).
    fn close_untrusted(&self, server: &Server) {
        let known: Vec<Links> = self.state.lock().1.values().cloned().collect();
        for links in known {
            let Some(certificate) = links.certificate.get() else { continue };
            if server.trust.verify_peer(certificate.chain(), &PeerCheck::default(), server.now()).is_err() {
                server.end_sessions_of(certificate);
                links.close.notify_one();
            }
        }
    }

    /// Closes channels that were opened with a certificate of the server that is not in use any more.
    fn close_outdated(&self, identity_generation: u64) {
        let state = self.state.lock();
        let is_outdated = |links: &&Links| links.identity_generation < identity_generation;
        let with_security = state.1.values().filter(|links| links.certificate.get().is_some());
        with_security.filter(is_outdated).for_each(|links| links.close.notify_one());
    }

    fn close_oldest_idle(&self) {
        let mut state = self.state.lock();
        let idle = state.1.iter().find(|(_, links)| !links.has_session.load(Ordering::Relaxed));
        if let Some((number, links)) = idle.map(|(number, links)| (*number, links.clone())) {
            links.close.notify_one();
            state.1.remove(&number);
        }
    }
}
