//! The audit log as the configuration asks for it, and the records that the gateway itself makes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tagwire_access::audit::Head;
use tagwire_access::{Actor, Audit, AuditEvent, AuditLog, AuditSettings, NoAudit, What};
use tagwire_driver::Clock;

use crate::changes::Changes;
use crate::config::{AuditSection, Config};
use crate::control::Answer;

/// The folder of the audit log inside a data folder.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("audit")
}

/// Where everything that happens is recorded.
#[derive(Clone)]
pub(crate) struct Recorder {
    log: Option<Arc<AuditLog>>,
    clock: Clock,
}

impl Recorder {
    /// Opens the log, which nothing but a lack of threads can prevent; without one the server runs on and says so.
    pub(crate) fn open(data_dir: &Path, section: &AuditSection, clock: Clock) -> Self {
        let settings = AuditSettings {
            max_file_bytes: u64::from(section.max_file_mib) << 20,
            rotate_every: section.rotate_every,
            keep: u64::from(section.keep),
            commit: section.commit,
            write_items: section.writes.then_some(section.values as usize),
        };
        let now = clock.clone();
        let open = || AuditLog::open(&folder(data_dir), settings, Arc::new(move || now.now()));
        let log = section.file.then(open).and_then(|log| {
            log.inspect_err(|error| tracing::error!(%error, "there is no audit log")).ok().map(Arc::new)
        });
        Self { log, clock }
    }

    /// Where the parts of the server report.
    pub(crate) fn audit(&self) -> Arc<dyn Audit> {
        match &self.log {
            Some(log) => Arc::<AuditLog>::clone(log),
            None => Arc::new(NoAudit),
        }
    }

    /// Makes a record.
    pub(crate) fn record(&self, what: What, actor: Actor, details: Vec<(&'static str, String)>) {
        if let Some(log) = &self.log {
            log.record(AuditEvent { time: self.clock.now(), what, actor, details: Box::new(details) });
        }
    }

    /// Records a reload.
    pub(crate) fn reloaded(&self, by: Actor, changes: &Changes) {
        /// Most links named.
        const MAX_LINKS: usize = 20;
        let (added, removed, changed) = changes.n_tags();
        let names: Vec<&str> = changes.links.iter().take(MAX_LINKS).map(|link| link.name.as_str()).collect();
        let mut details = vec![
            ("result", "done".to_owned()),
            ("tags", format!("{added} added, {removed} removed, {changed} changed")),
            ("n_links", changes.links.len().to_string()),
        ];
        if !names.is_empty() {
            details.push(("links", names.join(", ")));
        }
        if !changes.needs_restart.is_empty() {
            details.push(("needs_restart", changes.needs_restart.join(", ")));
        }
        self.record(What::Reload, by, details);
    }

    /// Has everything so far on the disk; blocks.
    fn flush(&self) -> Option<Head> {
        self.log.as_ref().and_then(|log| log.flush())
    }

    /// Records lost since the start.
    pub(crate) fn n_lost(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.n_lost())
    }

    /// Writes what waits, and ends; blocks.
    pub(crate) fn close(&self) {
        if let Some(log) = &self.log {
            log.close();
        }
    }

    /// The command that has everything written, so that it can be read from the files.
    pub(crate) async fn flush_answer(&self) -> Answer {
        if self.log.is_none() {
            return Answer::refused("the server keeps no audit log", "set [audit] file = true");
        }
        let recorder = self.clone();
        match tokio::task::spawn_blocking(move || recorder.flush()).await {
            Ok(Some(head)) => Answer::good(json!({ "head": head.to_string() })),
            _ => Answer::refused("the audit log cannot be written", "see the log of the server; is the disk full?"),
        }
    }
}

/// What a command does while no server runs, recorded as if one ran.
pub(crate) fn offline<T>(config: &Config, work: impl FnOnce(&Recorder) -> T) -> T {
    let recorder = Recorder::open(&config.data_dir(), &config.audit, Clock::system(|_| {}));
    let done = work(&recorder);
    recorder.close();
    done
}

/// The longest that the end of the server waits for the disk.
pub(crate) const CLOSE_PATIENCE: Duration = Duration::from_secs(10);
