//! The log that is written: a queue and a thread.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tagwire_model::Timestamp;

use super::chain::{self, Head};
use super::queue::{Queue, Work};
use super::store::{Found, Medium, Store, Wrap};
use super::{Audit, AuditEvent, Details, Fields, What};

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Bytes after which a new file begins.
    pub max_file_bytes: u64,
    /// Age after which a new file begins.
    pub rotate_every: Duration,
    /// Files that are kept, the current one included.
    pub keep: u64,
    /// Longest time until a record is safe on the disk.
    pub commit: Duration,
    /// Most items of a Write request that are noted one by one; `None` leaves writes out.
    pub write_items: Option<usize>,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            max_file_bytes: 16 << 20,
            rotate_every: Duration::from_secs(30 * 86_400),
            keep: 64,
            commit: Duration::from_secs(1),
            write_items: Some(100),
        }
    }
}

/// How long a failing disk is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// Longest wait for the disk of whoever asks for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of records that are written at once.
const CHUNK: usize = 1 << 20;

/// Wall time.
pub(super) type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The audit log of a folder. Dropping it writes what waits.
pub struct AuditLog {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
    write_items: Option<usize>,
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditLog").field("n_lost", &self.n_lost()).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// Starts to write below `folder`. A folder that cannot be used is tried again and again: the log says so, events
    /// beyond the queue are counted, and nobody else is kept from work.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(folder: &Path, settings: AuditSettings, clock: WallClock) -> io::Result<Self> {
        fn plain(file: std::fs::File) -> Box<dyn Medium> {
            Box::new(file)
        }
        Self::open_on(folder, settings, clock, plain)
    }

    pub(super) fn open_on(folder: &Path, settings: AuditSettings, clock: WallClock, wrap: Wrap) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let write_items = settings.write_items;
        let writer = Writer {
            folder: folder.to_owned(),
            settings,
            clock,
            wrap,
            queue: Arc::clone(&queue),
            store: None,
            head: Head::START,
            waiting: Vec::new(),
            rotate_at: None,
            commit_at: None,
            n_lost: 0,
            n_suppressed: 0,
            trouble: None,
        };
        let thread = std::thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)), write_items })
    }

    /// Events lost because the log could not keep up or the disk failed.
    pub fn n_lost(&self) -> u64 {
        self.queue.n_lost()
    }

    /// Waits until everything so far is on the disk; the end of the chain, or `None` when the disk fails.
    pub fn flush(&self) -> Option<Head> {
        self.queue.ask(PATIENCE)
    }

    /// Writes what waits, and ends.
    pub fn close(&self) {
        self.queue.close();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Audit for AuditLog {
    fn record(&self, event: AuditEvent) {
        self.queue.push(event);
    }

    fn write_items(&self) -> Option<usize> {
        self.write_items
    }
}

/// Numbers as fields.
struct Numbers<'a>(&'a [(&'static str, u64)]);

impl Details for Numbers<'_> {
    fn write(&self, fields: &mut Fields<'_>) {
        for (key, number) in self.0 {
            fields.field(key).number(number);
        }
    }
}

/// The thread of a log.
struct Writer {
    folder: PathBuf,
    settings: AuditSettings,
    clock: WallClock,
    wrap: Wrap,
    queue: Arc<Queue>,
    store: Option<Store>,
    head: Head,
    /// Records that are not in the file yet.
    waiting: Vec<u8>,
    rotate_at: Option<Instant>,
    commit_at: Option<Instant>,
    n_lost: u64,
    n_suppressed: u64,
    /// What the disk says, told once.
    trouble: Option<String>,
}

impl Writer {
    fn run(mut self) {
        loop {
            if let Err(error) = self.ready() {
                self.tell(&error);
                if !self.queue.pause(RETRY) {
                    continue;
                }
                // The last attempt: what is left is lost.
                if self.ready().is_err() {
                    let n_events = self.queue.take(None).events.len();
                    tracing::error!(n_events, "the audit log ends without its last records: {error}");
                    return;
                }
            }
            let work = self.queue.take(self.commit_at);
            let (asked, is_closing) = (work.asked, work.is_closing);
            self.write(work);
            let is_due = self.commit_at.is_some_and(|at| Instant::now() >= at);
            let is_safe = (is_due || asked.is_some() || is_closing).then(|| self.commit());
            if let Some(number) = asked {
                self.queue.answer(number, is_safe.unwrap_or_default().then_some(self.head));
            }
            if is_closing {
                tracing::info!("audit log ends with record {}", self.head);
                return;
            }
        }
    }

    /// Opens the log where it is not open, and writes what could not be written before.
    fn ready(&mut self) -> io::Result<()> {
        if self.store.is_none() {
            let (store, found) = Store::open(&self.folder, self.wrap)?;
            self.opened(store, &found);
        }
        self.drain()
    }

    fn tell(&mut self, error: &io::Error) {
        let text = error.to_string();
        if self.trouble.as_ref() != Some(&text) {
            tracing::error!(folder = %self.folder.display(), "the audit log cannot be written, it is tried again: {text}");
            self.trouble = Some(text);
        }
    }

    fn opened(&mut self, store: Store, found: &Found) {
        let now = (self.clock)();
        self.head = found.head;
        self.store = Some(store);
        let age = found.begun.map_or(0, |begun| now.ticks_since(begun).max(0));
        let age = Duration::from_micros(age as u64 / 10);
        self.rotate_at = Instant::now().checked_add(self.settings.rotate_every.saturating_sub(age));
        if found.begun.is_none() {
            self.header();
        }
        if found.n_cut > 0 {
            tracing::warn!(bytes = found.n_cut, "an unfinished record at the end of the audit log was cut off");
            self.own(What::LogRepaired, &Numbers(&[("cut_bytes", found.n_cut)]));
        }
        if let Some((first, last)) = found.gap {
            tracing::error!(
                first,
                last,
                "the audit log lacks records that were in it; tagwire audit verify shows where"
            );
            self.own(What::LogGap, &Numbers(&[("first", first), ("last", last)]));
        }
        tracing::info!("audit log goes on after record {}", self.head);
    }

    /// A record of the log itself.
    fn own(&mut self, what: What, details: &dyn Details) {
        chain::seal(&mut self.head, (self.clock)(), what, None, details, &mut self.waiting);
        self.commit_at.get_or_insert_with(|| Instant::now() + self.settings.commit);
    }

    fn header(&mut self) {
        let Some(store) = &self.store else { return };
        let fields = [("version", 1), ("file", store.number()), ("oldest", store.oldest(self.settings.keep))];
        self.own(What::LogFile, &Numbers(&fields));
    }

    /// Puts the records that wait into the file.
    fn drain(&mut self) -> io::Result<()> {
        if let (Some(store), false) = (&mut self.store, self.waiting.is_empty()) {
            store.append(&self.waiting)?;
            self.waiting.clear();
            self.waiting.shrink_to(2 * CHUNK);
        }
        Ok(())
    }

    fn write(&mut self, work: Work) {
        self.n_lost += work.n_lost;
        self.n_suppressed += work.n_suppressed;
        if !work.events.is_empty() || self.n_lost > 0 || self.n_suppressed > 0 {
            self.commit_at.get_or_insert_with(|| Instant::now() + self.settings.commit);
        }
        for event in work.events {
            self.make_room();
            let AuditEvent { time, what, actor, details } = event;
            chain::seal(&mut self.head, time, what, Some(&actor), &*details, &mut self.waiting);
            if self.waiting.len() >= CHUNK && self.trouble.is_none() {
                self.drain_or_tell();
            }
        }
        self.drain_or_tell();
    }

    fn drain_or_tell(&mut self) -> bool {
        match self.drain() {
            Ok(()) => true,
            Err(error) => {
                self.tell(&error);
                false
            }
        }
    }

    /// Begins a new file when the current one is full or old.
    fn make_room(&mut self) {
        let Some(store) = &self.store else { return };
        let is_full = store.len() + self.waiting.len() as u64 >= self.settings.max_file_bytes;
        let is_old = self.rotate_at.is_some_and(|at| Instant::now() >= at);
        if (is_full || is_old)
            && self.trouble.is_none()
            && self.drain_or_tell()
            && let Err(error) = self.rotate()
        {
            self.tell(&error);
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(store) = &mut self.store else { return Ok(()) };
        store.rotate()?;
        tracing::info!("audit log begins another file after record {}", self.head);
        self.rotate_at = Instant::now().checked_add(self.settings.rotate_every);
        self.header();
        self.drain()?;
        let (Some(store), head) = (&mut self.store, self.head) else { return Ok(()) };
        // The header that does without the old files is safe before they go.
        store.commit(head)?;
        store.prune(store.oldest(self.settings.keep))
    }

    /// Tells what was lost, and has everything on the disk.
    fn commit(&mut self) -> bool {
        let n_lost = std::mem::take(&mut self.n_lost);
        if n_lost > 0 {
            tracing::warn!(n_lost, "the audit log could not keep up and lost records");
            self.own(What::LogLost, &Numbers(&[("count", n_lost)]));
        }
        let n_suppressed = std::mem::take(&mut self.n_suppressed);
        if n_suppressed > 0 {
            self.own(What::LogSuppressed, &Numbers(&[("count", n_suppressed)]));
        }
        let was_dirty = self.commit_at.take().is_some();
        if !self.drain_or_tell() {
            return false;
        }
        let (Some(store), head, true) = (&mut self.store, self.head, was_dirty) else { return true };
        match store.commit(head) {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("the audit log is written again");
                }
                true
            }
            Err(error) => {
                self.commit_at = Some(Instant::now() + RETRY);
                self.tell(&error);
                false
            }
        }
    }
}
