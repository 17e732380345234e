//! The historian as the configuration asks for it: which tags it collects, how long it keeps them, and what it tells.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tagwire_driver::Clock;
use tagwire_forward::{Forwarder, Password, Progress, Settings, Shared, Tls};
use tagwire_history::{
    Disk, Elsewhere, Historian, HistorianError, HistoryError, Moment, Options, Retention, Rule, State, Store, Wanted,
    When,
};
use tagwire_hub::{FolderId, FolderKind, Hub, Registry};
use tagwire_ua_server::{EventJournal, HistorySource, Kept as KeptAs};
use thiserror::Error;
use tokio::time::Instant;

use crate::config::{Backend, Config, History};
use crate::history_views::Views;
use crate::source_history::SourceArchive;

/// How often samples that are too old are looked for.
const RETAIN_EVERY: Duration = Duration::from_secs(600);
const TICKS_PER_SECOND: u64 = 10_000_000;

/// Why there is no historian.
#[derive(Debug, Error)]
pub enum HistoryStartError {
    /// The folder cannot be made.
    #[error("cannot make {0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// The files cannot be used.
    #[error("cannot open the history in {0}: {1}")]
    Store(PathBuf, HistoryError),
    /// Its thread cannot be used.
    #[error(transparent)]
    Historian(#[from] HistorianError),
}

/// What became of the historian since it was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HistoryNews {
    /// Nothing can be written.
    Paused(String),
    /// Samples are taken again, after so many were lost.
    Resumed,
}

/// The historian, from the first configuration that has a rule on.
pub(crate) struct HistoryKeeper {
    folder: PathBuf,
    hub: Arc<Hub>,
    clock: Clock,
    historian: ArcSwapOption<Historian>,
    journal: ArcSwapOption<EventJournal>,
    /// The database that gets every sample as well.
    postgres: Option<Settings>,
    forwarder: ArcSwapOption<Forwarder>,
    /// History that several servers share, where clients read that one.
    shared: Option<Arc<Shared>>,
    views: Arc<Views>,
    kept: Mutex<Kept>,
}

struct Kept {
    wanted: Vec<Wanted>,
    retention: Vec<Retention>,
    /// Age and number after which events may go.
    events: (Duration, u32),
    retained: Option<Instant>,
    was_running: bool,
}

impl HistoryKeeper {
    /// The historian below a data folder; it runs when the configuration has a rule or a database, or when there are
    /// files from before.
    ///
    /// # Errors
    /// [`HistoryStartError`].
    pub(crate) fn open(config: &Config, hub: Arc<Hub>, clock: Clock) -> Result<Self, HistoryStartError> {
        let folder = config.data_dir().join(&config.history.keys.folder);
        let kept = Kept {
            wanted: Vec::new(),
            retention: Vec::new(),
            events: (Duration::MAX, u32::MAX),
            retained: None,
            was_running: true,
        };
        let views = Arc::new(Views::new(&folder));
        let keeper = Self {
            folder,
            hub,
            clock,
            historian: ArcSwapOption::empty(),
            journal: ArcSwapOption::empty(),
            postgres: postgres(config),
            forwarder: ArcSwapOption::empty(),
            shared: shared(config),
            views,
            kept: Mutex::new(kept),
        };
        let is_wanted = !config.history.rules.is_empty() || config.history.postgres.is_some();
        if keeper.folder.exists() || is_wanted {
            keeper.start(&config.history)?;
        }
        Ok(keeper)
    }

    /// The historian, when there is one.
    pub(crate) fn historian(&self) -> Option<Arc<Historian>> {
        self.historian.load_full()
    }

    /// The database of the configuration that the server was started with.
    pub(crate) fn postgres(&self) -> Option<Settings> {
        self.postgres.clone()
    }

    /// How far the database has come; `None` when none gets the samples.
    pub(crate) fn forwarding(&self) -> Option<Progress> {
        self.forwarder.load().as_ref().map(|forwarder| forwarder.progress())
    }

    /// Where the history is left for commands.
    pub(crate) fn views(&self) -> Arc<Views> {
        Arc::clone(&self.views)
    }

    fn start(&self, history: &History) -> Result<Arc<Historian>, HistoryStartError> {
        let started = std::time::Instant::now();
        let wall = self.clock.clone();
        let clock: tagwire_history::Clock = Arc::new(move || Moment { steady: started.elapsed(), utc: wall.now() });
        let keys = &history.keys;
        let options = Options {
            commit_interval: keys.commit,
            commit_bytes: keys.commit_kib as usize * 1024,
            hot_bytes: keys.memory_mib as usize * (1 << 20),
            ..Options::default()
        };
        let disk = Disk::new(&self.folder).map_err(|error| HistoryStartError::Folder(self.folder.clone(), error))?;
        let (store, opened) = Store::open(Arc::new(disk), options, clock())
            .map_err(|error| HistoryStartError::Store(self.folder.clone(), error))?;
        for damage in &opened.damage {
            tracing::error!(%damage, "a part of the history is damaged");
        }
        tracing::info!(folder = %self.folder.display(), from_log = opened.from_log, "history is open");
        let historian = Arc::new(Historian::start(store, Arc::clone(&self.hub), clock)?);
        self.journal.store(keys.events.then(|| Arc::new(EventJournal::new(Arc::clone(&historian)))));
        if let (Some(settings), Some(keys)) = (&self.postgres, &history.postgres)
            && keys.forward
        {
            let forwarder = Forwarder::start(historian.history().clone(), settings.clone());
            self.forwarder.store(Some(Arc::new(forwarder)));
        }
        self.historian.store(Some(Arc::clone(&historian)));
        Ok(historian)
    }

    /// As clients of the OPC UA face see it under these rules; `None` while there is no historian.
    pub(crate) fn source(&self, history: &History, sources: Option<SourceArchive>) -> Option<HistorySource> {
        let rules = history.clone();
        let kept = move |path: &str| {
            rules.rule(path).map_or_else(KeptAs::default, |rule| KeptAs {
                stepped: rule.stepped,
                counts_values: rule.count_samples,
            })
        };
        let shared = self.shared.clone().map(|shared| -> Arc<dyn Elsewhere> { shared });
        // The historian gives the frame for what the sources keep, even where it keeps nothing itself.
        let historian = match (self.historian(), &sources) {
            (Some(historian), _) => historian,
            (None, None) => return None,
            (None, Some(_)) => match self.start(history) {
                Ok(historian) => historian,
                Err(error) => {
                    tracing::error!("{error}; history of sources cannot be read");
                    return None;
                }
            },
        };
        let sources = sources.map(|sources| -> Arc<dyn Elsewhere> { Arc::new(sources) });
        let source = HistorySource::new(historian, kept).with_events(self.journal.load_full());
        Some(source.with_shared(shared).with_sources(sources))
    }

    /// Collects what the rules say of the tags that there are now.
    pub(crate) fn follow(&self, history: &History) {
        let mut kept = self.kept.lock();
        kept.retention = retention(history);
        kept.events = (history.keys.events_max_age, history.keys.events_max);
        let wanted = wanted(history, &self.hub.registry());
        if wanted == kept.wanted {
            return;
        }
        let historian = match self.historian() {
            Some(historian) => historian,
            None => match self.start(history) {
                Ok(historian) => historian,
                Err(error) => return tracing::error!("{error}; no samples are kept"),
            },
        };
        match historian.collect(wanted.clone()) {
            Ok(()) => {
                tracing::info!(tags = wanted.len(), "samples are kept");
                kept.wanted = wanted;
            }
            Err(error) => tracing::error!(%error, "the former tags are kept"),
        }
    }

    /// Waits until the tags that were told last are collected.
    pub(crate) fn settle(&self) {
        // A historian that has ended has told why.
        let _ = self.historian().map(|historian| historian.call(|_, _| ()));
    }

    /// Lets old samples go when it is time, and tells what became of the historian.
    pub(crate) fn look(&self, now: Instant) -> Option<HistoryNews> {
        let historian = self.historian()?;
        let mut kept = self.kept.lock();
        let is_due = kept.retained.is_none_or(|last| now.duration_since(last) >= RETAIN_EVERY);
        if is_due {
            let (rules, events) = (kept.retention.clone(), kept.events);
            let asked = historian.run(move |store, now| retain(store, &rules, events, now));
            if asked.is_ok() {
                kept.retained = Some(now);
            }
        }
        let state = historian.history().state();
        let was_running = std::mem::replace(&mut kept.was_running, state.is_running());
        match state {
            State::Paused { why, .. } if was_running => Some(HistoryNews::Paused(why)),
            State::Running if !was_running => Some(HistoryNews::Resumed),
            _ => None,
        }
    }

    /// Whether samples are lost at present.
    pub(crate) fn is_paused(&self) -> bool {
        self.historian().is_some_and(|historian| !historian.history().state().is_running())
    }

    /// Writes what waits and releases the files; blocks until that is done.
    pub(crate) fn stop(&self) {
        self.forwarder.store(None);
        if let Some(historian) = self.historian.swap(None)
            && let Err(error) = historian.stop()
        {
            tracing::error!(%error, "the history cannot be closed in good order");
        }
    }
}

/// The database of a configuration.
pub(crate) fn postgres(config: &Config) -> Option<Settings> {
    let keys = config.history.postgres.as_ref()?;
    let password = match (&keys.password_env, &keys.password_file) {
        (Some(name), _) => Password::Environment(name.clone()),
        (None, Some(file)) => Password::File(config.resolve(file)),
        (None, None) => Password::None,
    };
    Some(Settings {
        url: keys.url.clone(),
        password,
        tls: if keys.tls { Tls::Trusting(config.resolve(&keys.ca_file)) } else { Tls::Off },
        schema: keys.schema.clone(),
        prefix: keys.table_prefix.clone().unwrap_or_default(),
        timescale: keys.timescale,
        batch: keys.batch as usize,
        node: config.server.name.clone(),
    })
}

fn shared(config: &Config) -> Option<Arc<Shared>> {
    let is_wanted = config.history.keys.backend == Backend::Postgres;
    is_wanted.then(|| postgres(config).map(Shared::start)).flatten().map(Arc::new)
}

/// Lets go what is too old.
fn retain(store: &mut Store, rules: &[Retention], (max_age, most): (Duration, u32), now: Moment) {
    let before = now.utc.saturating_add_ticks(-ticks(max_age));
    if let Err(error) = store.retain_events(before, u64::from(most)) {
        tracing::error!(%error, "events that are too old stay");
    }
    if rules.is_empty() {
        return;
    }
    match store.retain(rules, now) {
        Ok(retained) if retained.bytes > 0 => {
            tracing::info!(bytes = retained.bytes, "samples that were too old are gone")
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "samples that are too old stay"),
    }
}

/// The whole seconds of a duration, in ticks of 100 ns.
fn ticks(age: Duration) -> i64 {
    i64::try_from(age.as_secs().saturating_mul(TICKS_PER_SECOND)).unwrap_or(i64::MAX)
}

fn retention(history: &History) -> Vec<Retention> {
    let rule = |rule: &crate::config::HistoryRule| Retention {
        patterns: rule.paths.clone(),
        max_age: rule.max_age.map(ticks),
        max_bytes: rule.max_mib.map(|mib| u64::from(mib) << 20),
    };
    if history.rules.iter().all(|rule| rule.max_age.is_none() && rule.max_mib.is_none()) {
        return Vec::new();
    }
    history.rules.iter().map(rule).collect()
}

/// The tags that the rules cover; those of the server itself are never among them.
fn wanted(history: &History, registry: &Registry) -> Vec<Wanted> {
    let mut groups: HashMap<(FolderId, u32), u32> = HashMap::new();
    let mut wanted = Vec::new();
    for (tag, view) in registry.tags().filter(|(_, view)| !view.is_system) {
        let Some(rule) = history.rule(view.path) else { continue };
        let group = *groups
            .entry((view.folder, view.scan_ms))
            .or_insert_with(|| scan_group(registry, view.folder, view.scan_ms));
        let range = view.extra.as_deref().and_then(|extra| extra.eu_range);
        wanted.push(Wanted {
            tag,
            path: view.path.into(),
            value_type: view.value_type,
            group: Some(group),
            rule: Rule { when: rule.every.map_or(When::Change, When::Cyclic), deadband: rule.deadband.in_units(range) },
        });
    }
    wanted
}

/// Tags of one device with one scan time are read together. The number is the same after each start.
fn scan_group(registry: &Registry, folder: FolderId, scan_ms: u32) -> u32 {
    let mut at = folder;
    while let Some(folder) = registry.folder(at) {
        if folder.kind == FolderKind::Device || at == FolderId::ROOT {
            break;
        }
        at = folder.parent;
    }
    let mut hasher = DefaultHasher::new();
    (registry.folder(at).map(|folder| &*folder.path), scan_ms).hash(&mut hasher);
    // The highest number stands for no group.
    hasher.finish() as u32 & 0x7FFF_FFFF
}
