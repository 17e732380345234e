//! Views: the history as it is at one moment, in folders that commands open beside the running server.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tagwire_history::{Historian, HistoryError};
use tokio::time::Instant;

use crate::control::Answer;

/// The folder of the views, below that of the history, so that files can be shared.
const FOLDER: &str = "views";
/// Most views that wait for their commands.
const MAX_WAITING: usize = 8;
/// Time in which a command must have opened its view.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a command freezes a history that no server uses.
pub fn view_of_command(history: &Path) -> PathBuf {
    history.join(FOLDER).join(format!("command-{}", std::process::id()))
}

/// Removes what processes left that ended before they had opened their view.
pub fn clear_views(history: &Path) {
    let Ok(entries) = fs::read_dir(history.join(FOLDER)) else { return };
    for entry in entries.flatten() {
        remove_unused(&entry.path());
    }
}

/// Removes a view unless a process opens it at present; whether it is gone.
fn remove_unused(view: &Path) -> bool {
    let is_used = File::open(view.join("lock")).is_ok_and(|lock| lock.try_lock().is_err());
    !is_used && fs::remove_dir_all(view).is_ok() || !view.exists()
}

/// Views that the server made and no command has opened yet.
#[derive(Debug)]
pub(crate) struct Views {
    history: PathBuf,
    made: Mutex<(u64, Vec<(PathBuf, Instant)>)>,
}

impl Views {
    /// No views yet of the history in this folder; those of an earlier server are removed.
    pub(crate) fn new(history: &Path) -> Self {
        clear_views(history);
        // The command may run elsewhere.
        let history = std::path::absolute(history).unwrap_or_else(|_| history.to_owned());
        Self { history, made: Mutex::new((0, Vec::new())) }
    }

    /// Makes a view; blocks on the disk.
    pub(crate) fn make(&self, historian: &Historian) -> Answer {
        let Some(view) = self.place() else {
            return Answer::refused("too many commands read the history at once", "try again in a minute");
        };
        let path = view.clone();
        let frozen = match historian.call(move |store, now| store.freeze_into(&path, now)) {
            Ok(frozen) => frozen.and_then(tagwire_history::Frozen::finish),
            Err(error) => return Answer::refused(error.to_string(), "try again later"),
        };
        match frozen {
            Ok(folder) => Answer::good(json!({ "folder": folder })),
            Err(error) => {
                let _ = fs::remove_dir_all(&view);
                refused(&error)
            }
        }
    }

    fn place(&self) -> Option<PathBuf> {
        let mut made = self.made.lock();
        let now = Instant::now();
        made.1.retain(|(view, since)| {
            let is_late = now.duration_since(*since) >= PATIENCE;
            view.exists() && !(is_late && remove_unused(view))
        });
        if made.1.len() >= MAX_WAITING {
            return None;
        }
        made.0 += 1;
        let view = self.history.join(FOLDER).join(format!("server-{}-{}", std::process::id(), made.0));
        // One that is there belongs to a process of the same number that died.
        let _ = fs::remove_dir_all(&view);
        fs::create_dir_all(&view).ok()?;
        made.1.push((view.clone(), now));
        Some(view)
    }
}

fn refused(error: &HistoryError) -> Answer {
    Answer::refused(error.to_string(), "see the log of the server, and whether the disk is full")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_processes_that_died_are_removed_and_those_in_use_stay() {
        let folder = tempfile::tempdir().expect("folder");
        let views = folder.path().join(FOLDER);
        for name in ["dead", "used"] {
            fs::create_dir_all(views.join(name)).expect("folder");
            fs::write(views.join(name).join("lock"), "").expect("file");
        }
        let lock = File::options().write(true).open(views.join("used/lock")).expect("file");
        lock.lock().expect("locked");
        clear_views(folder.path());
        assert!(!views.join("dead").exists() && views.join("used").exists());
        drop(lock);
        clear_views(folder.path());
        assert!(!views.join("used").exists());
    }
}
