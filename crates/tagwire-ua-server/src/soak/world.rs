//! One seed's server with its clients, and what is known of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use tagwire_access::{Login, NoAudit, Peer, RoleBook, RoleSet, TrustSettings, TrustStore, Users};
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::secure::SecurityPolicy;
use tagwire_ua_proto::services::{CreateSessionResponse, MessageSecurityMode};
use tagwire_ua_proto::types::{ByteString, Identifier, NodeId};
use tokio::task::JoinHandle;

use super::client::{Asked, Client, Stage};
use super::pipe::Pipe;
use super::plant::{Plant, Secret, User, now, policy};
use super::tell;
use crate::connection::Connection;
use crate::durable::{DurableSettings, DurableStore, Stored};
use crate::listener::{OpenConnections, keep_house, serve, take_place};
use crate::quota::Usage;
use crate::server::{Orphan, Server, ServerConfig, ServerParts};
use crate::session::{Session, Token};

/// What was counted over one or many seeds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) n_steps: u64,
    pub(super) n_requests: u64,
    pub(super) n_damaged: u64,
    pub(super) n_answers: u64,
    pub(super) n_faults: u64,
    pub(super) n_messages: u64,
    pub(super) n_notifications: u64,
    pub(super) n_sessions: u64,
    pub(super) n_connections: u64,
    pub(super) n_restored: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.n_steps += other.n_steps;
        self.n_requests += other.n_requests;
        self.n_damaged += other.n_damaged;
        self.n_answers += other.n_answers;
        self.n_faults += other.n_faults;
        self.n_messages += other.n_messages;
        self.n_notifications += other.n_notifications;
        self.n_sessions += other.n_sessions;
        self.n_connections += other.n_connections;
        self.n_restored += other.n_restored;
    }
}

/// A session as its clients know it.
pub(super) struct KnownSession {
    pub(super) token: NodeId,
    pub(super) user: User,
    pub(super) is_active: bool,
    /// Activations that were sent and not answered, and perhaps never will be.
    pub(super) n_activations: usize,
    /// The connections that it may be bound to.
    pub(super) clients: Vec<usize>,
    /// Whether a damaged request may have taken any subscription.
    pub(super) may_own_all: bool,
    /// Nodes that it was shown.
    pub(super) nodes: Vec<NodeId>,
    real: Weak<Session>,
}

/// A subscription as its clients know it.
pub(super) struct Subscribed {
    pub(super) user: User,
    pub(super) items: Vec<u32>,
    pub(super) sequences: Vec<u32>,
    /// The sessions that may own it or did.
    owners: Vec<usize>,
}

impl Subscribed {
    pub(super) fn new(owner: usize, user: User) -> Self {
        Self { user, items: Vec::new(), sequences: Vec::new(), owners: vec![owner] }
    }

    pub(super) fn claim(&mut self, session: usize) {
        if !self.owners.contains(&session) {
            self.owners.push(session);
        }
    }
}

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) server: Arc<Server>,
    pub(super) plant: Plant,
    pub(super) bert_sees: Secret,
    pub(super) clients: Vec<Client>,
    pub(super) sessions: Vec<KnownSession>,
    pub(super) subscribed: BTreeMap<u32, Subscribed>,
    pub(super) points: Vec<ByteString>,
    pub(super) tally: Tally,
    kept: Arc<Memory>,
    open: Arc<OpenConnections>,
    house: JoinHandle<()>,
}

/// What is kept of durable subscriptions.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<u32, Vec<u8>>>);

impl DurableStore for Memory {
    fn keep(&self, id: u32, bytes: Vec<u8>) {
        self.0.lock().insert(id, bytes);
    }

    fn forget(&self, id: u32) {
        self.0.lock().remove(&id);
    }
}

/// What costs too much to make for each seed, and holds nothing of it.
struct Shared {
    login: Arc<Login>,
    trust: Arc<TrustStore>,
    roles: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let users = Users::open(folder.path().join("users.toml")).expect("no users");
    let trust = TrustStore::open(folder.path(), TrustSettings::default(), Arc::new(NoAudit)).expect("a folder");
    Shared {
        login: Arc::new(Login::new(Arc::new(users)).expect("memory")),
        trust: Arc::new(trust),
        roles: folder.path().join("roles.toml"),
        _folder: folder,
    }
});

const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4840);

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let plant = Plant::new(seed);
        let kept = Arc::new(Memory::default());
        let bert_sees = Secret::Vault;
        let config = ServerConfig {
            application_name: "soak".to_owned(),
            application_uri: "urn:host:tagwire".to_owned(),
            security: vec![(SecurityPolicy::NONE, MessageSecurityMode::NONE)],
            host_names: vec!["localhost".to_owned()],
            software_version: String::new(),
            diagnostics: seed.is_multiple_of(2),
            reverse_connect: Vec::new(),
        };
        let parts = ServerParts {
            hub: Arc::clone(&plant.hub),
            address_space: plant.space(),
            login: Arc::clone(&SHARED.login),
            policy: policy(bert_sees),
            role_book: Arc::new(RoleBook::open(&SHARED.roles).expect("no file")),
            trust: Arc::clone(&SHARED.trust),
            user_trust: Arc::clone(&SHARED.trust),
            own: Vec::new(),
            audit: Arc::new(NoAudit),
            durable: DurableSettings { store: Some(Arc::<Memory>::clone(&kept)), max_hours: 2, max_bytes: 64 << 10 },
            clock: Arc::new(now),
        };
        let server = Server::new(config, parts);
        let open = Arc::new(OpenConnections::default());
        let house = tokio::spawn(keep_house(Arc::clone(&server), Arc::clone(&open)));
        Self {
            rng: Rng::with_seed(seed),
            server,
            plant,
            bert_sees,
            clients: Vec::new(),
            sessions: Vec::new(),
            subscribed: BTreeMap::new(),
            points: Vec::new(),
            tally: Tally::default(),
            kept,
            open,
            house,
        }
    }

    /// A client connects.
    pub(super) fn connect(&mut self) {
        let room = [600, 8_000, 100_000, 4_000_000][self.rng.usize(..4)];
        let (pipe, end) = Pipe::new(room);
        self.clients.push(Client::new(pipe, self.rng.u8(..6) == 0));
        self.tally.n_connections += 1;
        let (server, open) = (Arc::clone(&self.server), Arc::clone(&self.open));
        tokio::spawn(async move {
            let Some(ticket) = take_place(&server, &open).await else { return };
            let make = |server, links| Some(Connection::over(end, (ADDRESS, ADDRESS), server, links));
            serve(ADDRESS, &server, &open, ticket, make).await;
        });
    }

    /// Lets the server do everything that it can do now, takes what the clients get, and judges it.
    ///
    /// # Errors
    /// What the server did wrong.
    pub(super) async fn settle(&mut self) -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.take_answers()
    }

    pub(super) fn take_answers(&mut self) -> Result<(), String> {
        for client in 0..self.clients.len() {
            for answer in self.clients[client].take()? {
                self.judge(client, &answer)?;
            }
        }
        Ok(())
    }

    /// A session was made on this connection.
    pub(super) fn meet(&mut self, client: usize, response: &CreateSessionResponse) {
        self.tally.n_sessions += 1;
        let Identifier::Opaque(bytes) = &response.authentication_token.identifier else { return };
        let real = Token::try_from(&bytes[..]).ok().and_then(|token| self.server.sessions.find(&token));
        let number = self.sessions.len();
        let user = [User::Anonymous, User::Anna, User::Bert, User::Bert][self.rng.usize(..4)];
        tell(|| format!("  session {number} on connection {client} will be {user:?}"));
        self.sessions.push(KnownSession {
            token: response.authentication_token.clone(),
            user,
            is_active: false,
            n_activations: 0,
            clients: vec![client],
            may_own_all: false,
            nodes: Vec::new(),
            real: real.as_ref().map(Arc::downgrade).unwrap_or_default(),
        });
    }

    /// A session was activated, without a name as far as the server knows: it becomes its user's here, or nobody's when
    /// it was somebody's.
    pub(super) fn activated(&mut self, session: usize, client: usize) {
        let known = &mut self.sessions[session];
        if known.is_active {
            known.user = User::Anonymous;
            self.set_principal(session, Peer::anonymous(), RoleSet::NONE);
        }
        let known = &mut self.sessions[session];
        known.is_active = true;
        known.clients.retain(|known| *known != client);
        known.clients.push(client);
        self.log_in(session);
    }

    /// Whether the server still has the session.
    pub(super) fn is_alive(&self, session: usize) -> bool {
        self.sessions[session].real.strong_count() > 0
    }

    /// Makes the session its user's, as a log-in with a password would.
    pub(super) fn log_in(&self, session: usize) {
        let known = &self.sessions[session];
        if known.user != User::Anonymous {
            self.set_principal(session, Peer::user(known.user.name()), RoleSet::of(known.user.roles()));
        }
    }

    pub(super) fn set_principal(&self, session: usize, peer: Peer<'_>, roles: RoleSet) {
        let Some(real) = self.sessions[session].real.upgrade() else { return };
        let mut state = real.state.lock();
        let Some(before) = &state.principal else { return };
        let principal = Arc::new(self.server.policy().principal(peer, roles, before.origin()));
        state.publishing.set_principal(&principal);
        state.principal = Some(principal);
    }

    /// Whether a subscription certainly belongs to another session.
    pub(super) fn is_foreign(&self, session: usize, subscription: u32) -> bool {
        let known = self.subscribed.get(&subscription);
        !self.sessions[session].may_own_all && known.is_some_and(|known| !known.owners.contains(&session))
    }

    /// Durable subscriptions without a session come back from what is kept of them, as after a restart.
    ///
    /// # Errors
    /// What cannot be read or does not come back.
    pub(super) fn restart_durables(&mut self) -> Result<(), String> {
        self.server.keep_all_durables();
        let gone: Vec<Orphan> = {
            let mut owners = self.server.owners.lock();
            let gone: Vec<Orphan> = owners.orphans.extract_if(.., |orphan| orphan.subscription.is_durable()).collect();
            gone.iter().for_each(|orphan| drop(owners.by_subscription.remove(&orphan.subscription.id)));
            gone
        };
        for orphan in gone {
            let (id, n_items) = (orphan.subscription.id, orphan.subscription.n_items());
            drop(orphan);
            // One that takes more than its share of the disk is not kept.
            let Some(bytes) = self.kept.0.lock().remove(&id) else { continue };
            let stored = Stored::read(&bytes).map_err(|error| format!("subscription {id} cannot be read: {error}"))?;
            if stored.n_items() != n_items {
                return Err(format!("subscription {id} had {n_items} items, and {} are kept", stored.n_items()));
            }
            let n_bytes = bytes.len();
            self.server.restore(stored, n_bytes).map_err(|error| format!("subscription {id}: {error}"))?;
            self.tally.n_restored += 1;
        }
        Ok(())
    }

    /// The rules of access change for Bert: all sessions end.
    pub(super) fn change_policy(&mut self) {
        tell(|| "  the policy changes".to_owned());
        self.bert_sees = if self.bert_sees == Secret::Vault { Secret::Cellar } else { Secret::Vault };
        self.clients.iter_mut().for_each(Client::hide_all);
        self.server.set_policy(policy(self.bert_sees));
    }

    /// Everything that was asked and may be answered is answered once no device keeps the server waiting.
    ///
    /// # Errors
    /// What was not answered.
    pub(super) async fn all_is_answered(&mut self) -> Result<(), String> {
        self.plant.line.give_up();
        for client in &mut self.clients {
            client.reads = true;
        }
        self.drain().await?;
        tokio::time::sleep(Duration::from_secs(8)).await;
        self.settle().await?;
        // Publish requests wait for as long as their session lives.
        self.nothing_is_open(|_, asked| asked.response != ids::PUBLISH_RESPONSE)?;
        // Now all sessions end, and what waited in them is answered but for what came through a channel that they left.
        self.change_policy();
        self.drain().await?;
        self.nothing_is_open(|world, asked| {
            asked.session.is_some_and(|session| world.sessions[session].clients.len() == 1)
        })
    }

    /// Takes answers until none comes any more.
    async fn drain(&mut self) -> Result<(), String> {
        // As many rounds as the smallest pipe needs for the longest answer.
        for _ in 0..8_000 {
            self.settle().await?;
            let is_live = |client: &&Client| client.stage != Stage::Closed;
            if !self.clients.iter().filter(is_live).any(|client| client.pipe.has_untaken()) {
                break;
            }
        }
        Ok(())
    }

    fn nothing_is_open(&self, counts: impl Fn(&Self, &Asked) -> bool) -> Result<(), String> {
        for client in self.clients.iter().filter(|client| client.is_open() && !client.broke_frames) {
            let open = client.asked.values().find(|asked| asked.is_valid && counts(self, asked));
            if let Some(asked) = open {
                return Err(format!("{}: never answered", asked.what));
            }
        }
        Ok(())
    }

    /// Everything is given back once all clients are gone and all times are over.
    ///
    /// # Errors
    /// What was not given back.
    pub(super) async fn end(mut self) -> Result<Tally, String> {
        self.clients.iter_mut().for_each(Client::leave);
        self.settle().await?;
        let usage = self.server.usage();
        if usage.connections != 0 {
            return Err(format!("{} connections are left after all clients went", usage.connections));
        }
        // Sessions end within an hour; subscriptions that a damaged request asked for may live for decades.
        for years in [0, 0, 1, 10, 100] {
            tokio::time::advance(Duration::from_secs(3_700 + years * 366 * 86_400)).await;
            self.settle().await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let usage = self.server.usage();
        if usage != Usage::default() {
            return Err(format!("not given back: {usage:?}"));
        }
        if !self.kept.0.lock().is_empty() {
            return Err("a durable subscription is still kept".to_owned());
        }
        if let Some(tag) = self.plant.tags.iter().find(|tag| self.plant.hub.demand(tag.id).is_some()) {
            return Err(format!("{} is still watched", tag.path));
        }
        if self.sessions.iter().any(|known| known.real.strong_count() > 0) {
            return Err("a session is still in memory".to_owned());
        }
        self.house.abort();
        let _ = (&mut self.house).await;
        let server = Arc::downgrade(&self.server);
        let tally = self.tally;
        drop(self);
        tokio::task::yield_now().await;
        if server.strong_count() > 0 { Err("the server is still in memory".to_owned()) } else { Ok(tally) }
    }

    /// A client whose channel is open.
    pub(super) fn open_client(&mut self) -> Option<usize> {
        let open: Vec<usize> =
            (0..self.clients.len()).filter(|client| self.clients[*client].stage == Stage::Open).collect();
        (!open.is_empty()).then(|| open[self.rng.usize(..open.len())])
    }
}
