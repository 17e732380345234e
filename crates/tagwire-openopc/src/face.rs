//! The clients that live here, and what they may do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tagwire_access::{Audit, Policy, Principal};
use tagwire_hub::Hub;
use tagwire_model::Timestamp;

use crate::ItemIds;
use crate::status::Raised;

/// Most groups of one client.
const MAX_GROUPS: usize = 1_000;
/// Most items of all groups of one client together.
const MAX_GROUPED: usize = 200_000;

/// Tells what a peer may do, at the start of its connection.
pub type Rights = dyn Fn(SocketAddr) -> (Arc<Policy>, Principal) + Send + Sync;

/// How the gateway behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Names under which clients may connect to this server, the first being its own.
    pub names: Vec<String>,
    /// Clients that may live here at once.
    pub max_clients: usize,
    /// Connections at once.
    pub max_connections: usize,
    /// Time after which a client or connection that does nothing is ended.
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            names: vec!["Tagwire.OPC.1".to_owned()],
            max_clients: 25,
            max_connections: 100,
            idle: Duration::from_secs(3600),
        }
    }
}

/// The gateway: the tag table, and the clients that live in it.
pub struct Face {
    pub(crate) hub: Arc<Hub>,
    pub(crate) settings: Settings,
    pub(crate) rights: Box<Rights>,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(crate) started: Timestamp,
    pub(crate) item_ids: Arc<ItemIds>,
    clients: Mutex<HashMap<String, Client>>,
}

/// A client of OpenOPC that lives here.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) made: Timestamp,
    pub(crate) used: Timestamp,
    used_at: Instant,
    /// The server that it is connected to.
    pub(crate) server: Option<String>,
    pub(crate) groups: Vec<Group>,
}

/// Items that are read together.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    /// Items per sub-group, where it was split.
    pub(crate) size: Option<usize>,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Face({:?}, {} clients)", self.settings, self.clients.lock().len())
    }
}

/// The object that all clients of openopc2 share.
pub(crate) const SHARED: &str = "OpcDaClient";

impl Face {
    /// A gateway over a table of tags.
    pub fn new(
        hub: Arc<Hub>,
        settings: Settings,
        rights: Box<Rights>,
        audit: Arc<dyn Audit>,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        let started = clock();
        let item_ids = Arc::default();
        Self { hub, settings, rights, audit, clock, started, item_ids, clients: Mutex::default() }
    }

    /// The same with tags that have item ids of their own.
    #[must_use]
    pub fn with_item_ids(self, item_ids: Arc<ItemIds>) -> Self {
        Self { item_ids, ..self }
    }

    /// Makes a client; gives the name of its object.
    pub(crate) fn create(&self) -> Result<String, Raised> {
        let mut clients = self.clients.lock();
        clients.retain(|_, client| client.used_at.elapsed() < self.settings.idle);
        if clients.len() >= self.settings.max_clients {
            return Err(Raised::opc(format!("create_client: {} clients live here already", clients.len())));
        }
        // Whoever knows the name can use the object.
        let name = format!("obj_{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let now = (self.clock)();
        clients.insert(
            name.clone(),
            Client { made: now, used: now, used_at: Instant::now(), server: None, groups: Vec::new() },
        );
        Ok(name)
    }

    /// Uses a client; `None` when it does not live here any more.
    pub(crate) fn with<T>(&self, name: &str, run: impl FnOnce(&mut Client) -> T) -> Option<T> {
        let mut clients = self.clients.lock();
        if name == SHARED && !clients.contains_key(SHARED) {
            let now = (self.clock)();
            let made = Client { made: now, used: now, used_at: Instant::now(), server: None, groups: Vec::new() };
            clients.insert(SHARED.to_owned(), made);
        }
        let client = clients.get_mut(name)?;
        client.used = (self.clock)();
        client.used_at = Instant::now();
        Some(run(client))
    }

    /// Ends a client.
    pub(crate) fn release(&self, name: &str) {
        self.clients.lock().remove(name);
    }

    /// Whether an object of this name can be called.
    pub(crate) fn has(&self, name: &str) -> bool {
        name == SHARED || self.clients.lock().contains_key(name)
    }

    /// Name, start and last use of each client.
    pub(crate) fn list_clients(&self) -> Vec<(String, Timestamp, Timestamp)> {
        let clients = self.clients.lock();
        let mut found: Vec<_> = clients.iter().map(|(name, client)| (name.clone(), client.made, client.used)).collect();
        found.sort_by_key(|(_, made, _)| *made);
        found
    }

    /// Ends clients that were not used for long.
    pub(crate) fn tidy(&self) {
        self.clients.lock().retain(|_, client| client.used_at.elapsed() < self.settings.idle);
    }
}

impl Client {
    /// Sets a group, in place of one with its name.
    pub(crate) fn set_group(&mut self, group: Group) -> Result<(), Raised> {
        self.groups.retain(|known| known.name != group.name);
        let n_items: usize = self.groups.iter().map(|known| known.tags.len()).sum();
        if self.groups.len() >= MAX_GROUPS || n_items + group.tags.len() > MAX_GROUPED {
            return Err(Raised::opc("AddGroup: too many groups or items; remove some"));
        }
        self.groups.push(group);
        Ok(())
    }

    /// The names of groups, or of their parts where they were split.
    pub(crate) fn group_names(&self) -> Vec<String> {
        let names = |group: &Group| match group.size {
            Some(size) => {
                (0..group.tags.len().div_ceil(size.max(1))).map(|part| format!("{}.{part}", group.name)).collect()
            }
            None => vec![group.name.clone()],
        };
        self.groups.iter().flat_map(names).collect()
    }

    /// Forgets a group, or the group of which this is a part.
    pub(crate) fn remove_group(&mut self, name: &str) {
        let is_part =
            |group: &Group| group.size.is_some() && name.rsplit_once('.').is_some_and(|(of, _)| of == group.name);
        self.groups.retain(|group| group.name != name && !is_part(group));
    }
}
