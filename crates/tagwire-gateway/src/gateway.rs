//! A running server: everything that a configuration asks for, from its start to its end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex as SyncMutex, RwLock};
use tagwire_access::{
    Actor, CertificateType, FileError, Login, OwnCertificate, OwnError, OwnIdentity, OwnSettings, PasswordError,
    RoleBook, RoleError, TrustSettings, TrustStore, Users, UsersError, What, found_names, install_id,
};
use tagwire_driver::{Clock, DriverKind, Statistics, Watchdog};
use tagwire_hub::{Hub, TagMaker};
use tagwire_model::Value;
use tagwire_openopc::ItemIds;
use tagwire_ua_client::{Identity, Registration, Url};
use thiserror::Error;
use tokio::net::UnixListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::audit::{CLOSE_PATIENCE, Recorder};
use crate::changes::Changes;
use crate::config::{Config, Http, OpenOpc, Problems, Ua};
use crate::control;
use crate::data_dir::{DataDir, DataDirError};
use crate::drivers::DRIVERS;
use crate::durable::DurableFiles;
use crate::dynamic::{DynamicTags, sweep};
use crate::events::{self, LinkEvents};
use crate::expiry::Expiry;
use crate::history::{HistoryKeeper, HistoryStartError};
use crate::http;
use crate::metrics::{self, ForwardFigures, ServerFigures};
use crate::openopc::{self, CurrentPolicy};
use crate::plant::{NodeIds, Plant, PlantError};
use crate::register::{discovery_urls, keep_registered};
use crate::service_level::{DEGRADED_MAX, service_level};
use crate::system::{ServerItem, ServerTags};
use crate::trust::{USERS_FOLDER, set_rules};
use crate::ua::{MAX_KEY_WAIT, Names, UaFace, UaSetup};

/// A link whose task has not moved for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// What clients changed of roles, in the data folder.
const ROLES_FILE: &str = "roles.toml";

/// How often the server looks after itself.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// A server that runs until it is stopped or dropped.
pub struct Gateway {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    _data_dir: DataDir,
}

/// What the own certificates hold, as the configuration and this machine have it.
pub(crate) fn own_settings(config: &Config) -> OwnSettings {
    OwnSettings {
        application_name: config.server.name.clone(),
        names: config.ua.hosts.clone(),
        found_names: found_names(),
        also: crate::ua::certificates(&config.ua.security),
        ..OwnSettings::default()
    }
}

/// What the tasks of a server share.
pub(crate) struct Shared {
    pub(crate) config_path: PathBuf,
    pub(crate) kinds: &'static [&'static dyn DriverKind],
    pub(crate) hub: Arc<Hub>,
    pub(crate) plant: Mutex<Plant>,
    pub(crate) ua: UaFace,
    pub(crate) openopc_policy: CurrentPolicy,
    pub(crate) link_events: Arc<LinkEvents>,
    pub(crate) own: Arc<OwnIdentity>,
    pub(crate) own_settings: OwnSettings,
    pub(crate) users: Arc<Users>,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) user_trust: Arc<TrustStore>,
    pub(crate) recorder: Recorder,
    pub(crate) history: HistoryKeeper,
    pub(crate) dynamic: Arc<DynamicTags>,
    pub(crate) clock: Clock,
    pub(crate) name: String,
    pub(crate) application_uri: String,
    pub(crate) started: Instant,
    pub(crate) n_reloads: AtomicU64,
    pub(crate) n_stuck: AtomicUsize,
    /// Counters of the links by name, taken once a second.
    pub(crate) statistics: SyncMutex<Vec<(String, Statistics)>>,
}

/// Why a server cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The list of users cannot be used.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// What clients changed of roles cannot be used.
    #[error(transparent)]
    Roles(#[from] RoleError),
    /// This machine cannot check passwords.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The own key or certificate cannot be used.
    #[error(transparent)]
    Own(#[from] OwnError),
    /// A file of the trust lists cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The history cannot be kept.
    #[error(transparent)]
    History(#[from] HistoryStartError),
    /// A part of the program failed inside.
    #[error("a part of the program failed inside")]
    Inside,
    /// The control socket cannot be made.
    #[error("cannot make the control socket {path}: {source}")]
    Control {
        /// The socket.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Why a configuration was not taken over.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// It has mistakes; nothing was changed.
    #[error("{0}")]
    Config(Problems),
    /// The list of users has a mistake or cannot be read; nothing was changed.
    #[error(transparent)]
    Users(#[from] UsersError),
}

impl Gateway {
    /// Starts a server with a checked configuration: links first, so that values are there when clients come.
    ///
    /// # Errors
    /// [`StartError`]; whatever had started is stopped again.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, DRIVERS).await
    }

    async fn start_with(mut config: Config, kinds: &'static [&'static dyn DriverKind]) -> Result<Self, StartError> {
        let data_dir = DataDir::open(&config.data_dir())?;
        let clock = Clock::system(|_| {});
        let now = clock.now();
        let own_settings = own_settings(&config);
        let own = OwnIdentity::open(data_dir.path(), own_settings.clone(), now)?;
        let recorder = Recorder::open(data_dir.path(), &config.audit, clock.clone());
        let audit = recorder.audit();
        let pki = data_dir.path().join("pki");
        let trust = Arc::new(TrustStore::open(&pki, TrustSettings::default(), Arc::clone(&audit))?);
        let user_trust =
            Arc::new(TrustStore::open(&pki.join(USERS_FOLDER), TrustSettings::users(), Arc::clone(&audit))?);
        set_rules(&trust, &user_trust, &config.ua);
        let users = Arc::new(Users::open(config.resolve(&config.access.users))?);
        let role_book = Arc::new(RoleBook::open(data_dir.path().join(ROLES_FILE))?);
        // One hash of a password nobody knows takes 20 ms, in which the links can start.
        let login = tokio::task::spawn_blocking({
            let users = Arc::clone(&users);
            move || Login::new(users)
        });
        let application_uri = match own.current() {
            Some(own) => OwnCertificate::application_uri(&own).to_owned(),
            None => install_id(data_dir.path())?.application_uri(),
        };
        let hub = Arc::new(Hub::new(std::time::Instant::now()));
        let history = HistoryKeeper::open(&config, Arc::clone(&hub), clock.clone())?;
        let seed = u64::from(std::process::id()) << 32 | (now.ticks() as u64 & 0xFFFF_FFFF);
        let names = Arc::new(Names::default());
        let node_ids: Arc<dyn NodeIds> = Arc::<Names>::clone(&names);
        let identity = Identity::of(data_dir.path(), Arc::clone(&own), Arc::clone(&trust)).ok();
        let mut plant = Plant::new(Arc::clone(&hub), kinds, clock.clone(), seed, node_ids, identity, &config);
        let (config_path, name, http) = (config.path.clone(), config.server.name.clone(), config.http.clone());
        let openopc = config.openopc.clone();
        let ua_section = config.ua.clone();
        let node_sets = std::mem::take(&mut config.node_sets);
        let policy = Arc::new(config.access.policy.clone());
        let openopc_policy: CurrentPolicy = Arc::new(RwLock::new(Arc::clone(&policy)));
        let (_, errors) = plant.apply(config).await;
        report(&errors);
        let login = match login.await.map_err(|_| StartError::Inside).and_then(|login| Ok(login?)) {
            Ok(login) => Arc::new(login),
            Err(error) => {
                plant.stop().await;
                return Err(error);
            }
        };
        let mut ua = UaFace::new(UaSetup {
            name: &name,
            ua: &ua_section,
            node_sets,
            structures: &plant.running.structures.types,
            application_uri: application_uri.clone(),
            hub: Arc::clone(&hub),
            login,
            policy,
            role_book,
            trust: Arc::clone(&trust),
            user_trust: Arc::clone(&user_trust),
            own: Arc::clone(&own),
            audit,
            durable: Arc::new(DurableFiles::open(data_dir.path(), ua_section.durable_mib)),
            clock: clock.clone(),
        });
        names.give(&ua);
        ua.restore_durables();
        warn_unknown_roles(&users, &ua);
        // The first client finds the history, and what it writes is kept.
        history.follow(&plant.running.history);
        history.settle();
        ua.set_history(history.source(&plant.running.history, plant.source_archive()));
        // A client that comes back at once after a restart finds the endpoints that it knows.
        let is_known = own.current().is_some();
        if is_known {
            ua.identify(Arc::clone(&own));
        }
        // Whoever sees the server listen can give it commands.
        let commands =
            control::listen(data_dir.path()).map_err(|source| StartError::Control { path: data_dir.socket(), source });
        let listening = match commands {
            Ok(commands) => ua.listen(&ua_section.listen_or_default()).await.map(|()| commands),
            Err(error) => Err(error),
        };
        let commands = match listening {
            Ok(commands) => commands,
            Err(error) => {
                plant.stop().await;
                let _ = std::fs::remove_file(data_dir.socket());
                return Err(error);
            }
        };
        if !is_known {
            ua.identify(Arc::clone(&own));
        }
        let link_events = Arc::new(LinkEvents::new(Arc::clone(&hub), Arc::clone(ua.events())));
        link_events.follow(&plant);
        let shared = Arc::new(Shared {
            config_path,
            kinds,
            hub,
            plant: Mutex::new(plant),
            ua,
            openopc_policy,
            link_events,
            own,
            own_settings,
            users,
            trust,
            user_trust,
            recorder,
            history,
            dynamic: Arc::default(),
            clock,
            name,
            application_uri,
            started: Instant::now(),
            n_reloads: AtomicU64::new(0),
            n_stuck: AtomicUsize::new(0),
            statistics: SyncMutex::default(),
        });
        shared.dynamic.tie(&shared);
        shared.follow_dynamic(&*shared.plant.lock().await);
        let mut gateway = Self { shared, tasks: Vec::new(), _data_dir: data_dir };
        if let Err(error) = gateway.serve_others(commands, &http, &openopc, names.item_ids()).await {
            gateway.stop().await;
            return Err(error);
        }
        gateway.register(&ua_section);
        gateway.shared.tell_start();
        Ok(gateway)
    }

    /// Starts what runs beside the links and OPC UA.
    async fn serve_others(
        &mut self,
        commands: UnixListener,
        http: &Http,
        openopc: &OpenOpc,
        item_ids: Arc<ItemIds>,
    ) -> Result<(), StartError> {
        self.tasks.push(tokio::spawn(control::serve(commands, Arc::clone(&self.shared))));
        self.tasks.push(tokio::spawn(Arc::clone(&self.shared.link_events).run()));
        self.tasks.push(tokio::spawn(sweep(Arc::clone(&self.shared))));
        if let Some(listen) = &http.listen {
            let listener = tokio::net::TcpListener::bind((listen.host.as_str(), listen.port)).await;
            let listener = listener.map_err(|source| StartError::Listen { address: listen.to_string(), source })?;
            let shared = Arc::clone(&self.shared);
            let page: Arc<http::Page> = Arc::new(move |path| {
                (path == "/metrics").then(|| ("text/plain; version=0.0.4; charset=utf-8", shared.metrics()))
            });
            self.tasks.push(tokio::spawn(http::serve(listener, page)));
        }
        let (shared, audit) = (&self.shared, self.shared.recorder.audit());
        let gate =
            openopc::listen(openopc, &shared.hub, &shared.openopc_policy, audit, item_ids, &shared.clock).await?;
        if let Some((listener, face)) = gate {
            self.tasks.push(tokio::spawn(tagwire_openopc::serve(listener, face)));
        }
        let tags = ServerTags::new(&self.shared.hub, self.shared.clock.now());
        match tags {
            Ok(tags) => self.tasks.push(tokio::spawn(keep_house(Arc::clone(&self.shared), tags))),
            Err(error) => tracing::error!(%error, "the server's own tags cannot be made"),
        }
        Ok(())
    }

    /// Registers at the discovery servers that the configuration names.
    fn register(&mut self, ua: &Ua) {
        let hosts = if ua.hosts.is_empty() { found_names() } else { ua.hosts.clone() };
        let shared = &self.shared;
        let identity = Identity::of(self._data_dir.path(), Arc::clone(&shared.own), Arc::clone(&shared.trust));
        let registration = Registration {
            application_uri: shared.application_uri.clone(),
            product_uri: tagwire_ua_server::PRODUCT_URI.to_owned(),
            name: shared.name.clone(),
            discovery_urls: discovery_urls(shared.ua.addresses(), &hosts),
            capabilities: vec!["DA".to_owned()],
            is_online: true,
        };
        for address in &ua.register_at {
            let url = format!("opc.tcp://{}", address.0);
            match (url.parse::<Url>(), &identity) {
                (Ok(url), Ok(identity)) => {
                    let registering = keep_registered(url, registration.clone(), identity.clone());
                    self.tasks.push(tokio::spawn(registering));
                }
                (Err(error), _) => tracing::error!("not registered at {url}: {error}"),
                (_, Err(error)) => tracing::error!("not registered at {url}: {error}"),
            }
        }
    }

    /// The live table, for whoever runs in the same process.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.shared.hub
    }

    /// Where clients reach the server: `opc.tcp://host:port` of each address listened on.
    pub fn endpoints(&self) -> Vec<String> {
        self.shared.ua.addresses().iter().map(|address| format!("opc.tcp://{address}")).collect()
    }

    /// The fingerprint of the own certificate, once there is one; the first start makes it, which takes seconds.
    pub fn fingerprint(&self) -> Option<String> {
        self.shared.own.current().map(|own| own.certificate().fingerprint().to_string())
    }

    /// Waits for the own certificates and gives their fingerprints, those with another key than RSA first and with its name;
    /// none when there will be none.
    pub fn wait_fingerprints(&self) -> impl Future<Output = Vec<String>> + Send + use<> {
        let own = Arc::clone(&self.shared.own);
        async move {
            let waiting = tokio::task::spawn_blocking(move || (own.wait(MAX_KEY_WAIT).ok(), own.others()));
            let Ok((rsa, others)) = waiting.await else { return Vec::new() };
            let named = |own: &Arc<OwnCertificate>| format!("{} for {}", own.certificate().fingerprint(), own.kind());
            let rsa = rsa.map(|own| own.certificate().fingerprint().to_string());
            others.iter().map(named).chain(rsa).collect()
        }
    }

    /// Reads the configuration again and takes over what changed.
    ///
    /// # Errors
    /// [`ReloadError`]; then nothing was changed.
    pub async fn reload(&self) -> Result<Changes, ReloadError> {
        self.shared.reload(Actor::default()).await
    }

    /// Waits until an administrator among the clients wants the server to end; [`Self::stop`] does it then.
    pub async fn shutdown_due(&self) {
        self.shared.ua.shutdown_due().await;
    }

    /// Ends everything: clients are told, links are closed, files are released.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        self.shared.ua.stop().await;
        self.shared.plant.lock().await.stop().await;
        let shared = Arc::clone(&self.shared);
        let closed = tokio::task::spawn_blocking(move || shared.history.stop());
        if tokio::time::timeout(CLOSE_PATIENCE, closed).await.is_err() {
            tracing::error!("the history cannot be closed");
        }
        let recorder = self.shared.recorder.clone();
        recorder.record(What::ServerStopped, Actor::default(), Vec::new());
        let closed = tokio::task::spawn_blocking(move || recorder.close());
        if tokio::time::timeout(CLOSE_PATIENCE, closed).await.is_err() {
            tracing::error!("the audit log cannot be closed");
        }
        let _ = std::fs::remove_file(self._data_dir.socket());
    }
}

impl Shared {
    fn tell_start(&self) {
        let endpoints: Vec<String> = self.ua.addresses().iter().map(|at| format!("opc.tcp://{at}")).collect();
        let details = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("config", self.config_path.display().to_string()),
            ("endpoints", endpoints.join(", ")),
        ];
        self.recorder.record(What::ServerStarted, Actor::default(), details);
    }

    /// Lets clients make tags of addresses where the configuration allows it; nobody looks for any where it does not.
    fn follow_dynamic(&self, plant: &Plant) {
        self.dynamic.follow(plant);
        let is_on = plant.running.ua.dynamic_tags > 0;
        self.hub.set_maker(is_on.then(|| Arc::<DynamicTags>::clone(&self.dynamic) as Arc<dyn TagMaker>));
    }

    /// Reads the configuration again and takes over what changed.
    pub(crate) async fn reload(&self, by: Actor) -> Result<Changes, ReloadError> {
        let loaded = self.load_all().await.inspect_err(|error| {
            let n_mistakes = match error {
                ReloadError::Config(problems) => problems.len(),
                ReloadError::Users(_) => 1,
            };
            let details = vec![("result", "refused".to_owned()), ("n_mistakes", n_mistakes.to_string())];
            self.recorder.record(What::Reload, by.clone(), details);
        });
        let (config, changed_users) = loaded?;
        let policy = Arc::new(config.access.policy.clone());
        if set_rules(&self.trust, &self.user_trust, &config.ua) {
            self.ua.recheck_trust();
        }
        let mut plant = self.plant.lock().await;
        let (changes, errors) = plant.apply(config).await;
        self.follow_dynamic(&plant);
        self.link_events.follow(&plant);
        self.history.follow(&plant.running.history);
        self.ua.set_history(self.history.source(&plant.running.history, plant.source_archive()));
        let semantics = plant.take_semantics();
        drop(plant);
        self.ua.tell_semantics(semantics);
        *self.openopc_policy.write() = Arc::clone(&policy);
        self.ua.set_policy(policy);
        changed_users.iter().for_each(|name| self.ua.end_sessions_of_user(name));
        warn_unknown_roles(&self.users, &self.ua);
        report(&errors);
        events::tell_reload(self.ua.events(), &changes);
        self.recorder.reloaded(by, &changes);
        self.n_reloads.fetch_add(1, Ordering::Relaxed);
        let (added, removed, changed) = changes.n_tags();
        tracing::info!(added, removed, changed, "configuration taken over");
        Ok(changes)
    }

    /// Reads the configuration again and tells what would change.
    pub(crate) async fn plan(&self) -> Result<Changes, ReloadError> {
        let config = self.load().await?;
        Ok(self.plant.lock().await.plan(&config))
    }

    /// The configuration, and the names of users who were changed or removed in their file by hand.
    async fn load_all(&self) -> Result<(Config, Vec<String>), ReloadError> {
        let config = self.load().await?;
        let users = Arc::clone(&self.users);
        let changed = tokio::task::spawn_blocking(move || users.reload()).await;
        Ok((config, changed.unwrap_or_else(|_| Ok(Vec::new()))?))
    }

    async fn load(&self) -> Result<Config, ReloadError> {
        let (path, kinds): (PathBuf, _) = (self.config_path.clone(), self.kinds);
        let loaded = tokio::task::spawn_blocking(move || Config::load(Path::new(&path), kinds)).await;
        match loaded {
            Ok(loaded) => loaded.map_err(ReloadError::Config),
            Err(_) => Err(ReloadError::Config(Problems::default())),
        }
    }

    pub(crate) fn figures(&self) -> ServerFigures {
        let usage = self.ua.usage();
        let n_tags = {
            let registry = self.hub.registry();
            registry.n_tags() - registry.n_system_tags()
        };
        ServerFigures {
            uptime_seconds: self.started.elapsed().as_secs(),
            n_tags,
            ua: usage,
            n_clock_steps: self.clock.n_steps(),
            n_stuck_links: self.n_stuck.load(Ordering::Relaxed),
            n_lost_audit_records: self.recorder.n_lost(),
            n_reloads: self.n_reloads.load(Ordering::Relaxed),
            forward: self.history.forwarding().map(|progress| ForwardFigures {
                is_connected: progress.connected,
                lag_samples: progress.lag_samples.unwrap_or_default(),
                lag_seconds: progress.lag.as_secs_f64(),
                n_sent: progress.sent,
                n_failures: progress.failures,
            }),
        }
    }

    fn metrics(&self) -> String {
        metrics::page(&self.figures(), &self.statistics.lock())
    }
}

/// A role that nobody knows gives no right, and may be a slip of the pen.
fn warn_unknown_roles(users: &Users, ua: &UaFace) {
    let known = ua.roles();
    for (user, role) in users.unknown_roles(|role| known.iter().any(|known| known == role)) {
        tracing::warn!(%user, %role, "the users file gives a role that is not there");
    }
}

fn report(errors: &[PlantError]) {
    for error in errors {
        tracing::error!("{error}");
    }
}

/// Once a second: the clock, the own certificate, stuck links, counters, the server's own tags.
async fn keep_house(shared: Arc<Shared>, mut tags: ServerTags) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watchdogs = std::collections::HashMap::new();
    let mut n_steps = shared.clock.n_steps();
    let mut expiries: std::collections::HashMap<CertificateType, Expiry> = std::collections::HashMap::new();
    loop {
        ticks.tick().await;
        shared.clock.watch();
        let before = std::mem::replace(&mut n_steps, shared.clock.n_steps());
        if before != n_steps {
            events::tell_clock_step(shared.ua.events());
        }
        for own in shared.own.all() {
            let expiry = expiries.entry(own.kind()).or_default();
            if let Some(notice) = expiry.check(own.certificate(), shared.clock.now()) {
                tracing::warn!("{}; tagwire trust renew issues another, tagwire doctor tells more", notice.text);
                events::tell_expiry(shared.ua.events(), &notice);
            }
        }
        if let Some(news) = shared.history.look(Instant::now()) {
            events::tell_history(shared.ua.events(), &news);
        }
        let now = shared.clock.now();
        if shared.trust.end_terms(now) | shared.user_trust.end_terms(now) {
            shared.ua.recheck_trust();
        }
        // A reload holds the plant for as long as it takes; the round is left out then.
        if let Ok(plant) = shared.plant.try_lock() {
            watch_links(&shared, &plant, &mut watchdogs);
        }
        let figures = shared.figures();
        tags.publish(shared.clock.now(), |item| value_of(item, &shared, &figures));
    }
}

fn watch_links(
    shared: &Shared,
    plant: &Plant,
    watchdogs: &mut std::collections::HashMap<tagwire_hub::LinkId, (Watchdog, bool)>,
) {
    let now = Instant::now();
    let mut statistics = Vec::with_capacity(plant.running.links.len());
    let mut n_stuck = 0;
    for link in &plant.running.links {
        let (id, name) = {
            let link = link.lock();
            (link.id, link.name.clone())
        };
        let Some(handle) = plant.handles.get(&id) else { continue };
        let (watchdog, was_stuck) = watchdogs.entry(id).or_insert_with(|| (Watchdog::new(now), false));
        let is_stuck = watchdog.check(handle.heartbeat(), now) > STUCK_AFTER;
        if is_stuck && !*was_stuck {
            tracing::error!(link = %name, "the link's task does not move any more");
            events::tell_stuck(shared.ua.events(), &name, true);
        } else if *was_stuck && !is_stuck {
            tracing::info!(link = %name, "the link's task moves again");
            events::tell_stuck(shared.ua.events(), &name, false);
        }
        *was_stuck = is_stuck;
        n_stuck += usize::from(is_stuck);
        statistics.push((name, handle.statistics()));
    }
    watchdogs.retain(|id, _| plant.handles.contains_key(id));
    shared.n_stuck.store(n_stuck, Ordering::Relaxed);
    let level = service_level(statistics.iter().map(|(_, link)| link));
    shared.ua.set_service_level(if shared.history.is_paused() { level.min(DEGRADED_MAX) } else { level });
    *shared.statistics.lock() = statistics;
}

fn value_of(item: ServerItem, shared: &Shared, figures: &ServerFigures) -> Value {
    let count = |n: usize| Value::UInt32(u32::try_from(n).unwrap_or(u32::MAX));
    match item {
        ServerItem::Name => Value::text(&shared.name),
        ServerItem::Version => Value::text(env!("CARGO_PKG_VERSION")),
        ServerItem::ProjectPath => Value::text(&shared.config_path.to_string_lossy()),
        ServerItem::Uptime => Value::UInt32(figures.uptime_seconds as u32),
        ServerItem::ClientCount => count(figures.ua.sessions),
        ServerItem::SubscriptionCount => count(figures.ua.subscriptions),
        ServerItem::ActiveTagCount => count(figures.ua.items),
        ServerItem::TotalTagCount => count(figures.n_tags),
        ServerItem::ClockSteps => Value::UInt32(figures.n_clock_steps as u32),
        ServerItem::StuckLinks => count(figures.n_stuck_links),
        ServerItem::Reloads => Value::UInt32(figures.n_reloads as u32),
    }
}
