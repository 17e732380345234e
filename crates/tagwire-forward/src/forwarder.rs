//! The task that sends.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tagwire_history::History;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::feed::{Feed, Position, Step};
use crate::lag::Lag;
use crate::send::{Sent, Session};
use crate::{ForwardError, Settings};

/// How often it looks whether something came.
const LOOK: Duration = Duration::from_millis(100);

/// How far the forwarding has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where to: host, port and database.
    pub place: String,
    /// Whether there is a session at present.
    pub connected: bool,
    /// Whether samples that the log has let go are read from the store at present.
    pub filling: bool,
    /// All samples below this number are in the database, as far as is known.
    pub number: u64,
    /// Samples on the disk that are not in the database; not known before the first session.
    pub lag_samples: Option<u64>,
    /// How long the oldest of them has waited, as far as this process knows.
    pub lag: Duration,
    /// Samples sent since the start, again ones included.
    pub sent: u64,
    /// Samples since the start that the tables have no place for: their times are none that PostgreSQL takes.
    pub refused: u64,
    /// Sessions lost or refused since the start.
    pub failures: u64,
    /// The last failure in words, with what to do about it; empty while everything is well.
    pub trouble: String,
}

#[derive(Debug, Default)]
struct State {
    progress: Progress,
    lag: Lag,
}

/// The running task. Dropping it stops it; what was not sent then is sent after the next start.
#[derive(Debug)]
pub struct Forwarder {
    state: Arc<Mutex<State>>,
    history: History,
    started: Instant,
    task: JoinHandle<()>,
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        // A transaction that is cut off has not happened, or has happened with its position.
        self.task.abort();
    }
}

impl Forwarder {
    /// Starts to send the samples of a store; to be called within a runtime.
    pub fn start(history: History, settings: Settings) -> Self {
        let place = settings.place();
        let state = State { progress: Progress { place, ..Progress::default() }, lag: Lag::default() };
        let state = Arc::new(Mutex::new(state));
        let started = Instant::now();
        let worker = Worker {
            // The database cannot know more than was there when the process before this one ended.
            most: history.durable_up_to(),
            history: history.clone(),
            settings: Arc::new(settings),
            state: Arc::clone(&state),
            backoff: Backoff::new(fastrand::Rng::new()),
            started,
        };
        Self { state, history, started, task: tokio::spawn(worker.run()) }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        let durable = self.history.durable_up_to();
        let mut state = self.state.lock();
        let number = state.progress.number;
        let lag = state.lag.age(self.started.elapsed(), number);
        let known = state.progress.lag_samples.is_some();
        let lag_samples = known.then(|| durable.saturating_sub(number));
        Progress { lag_samples, lag, ..state.progress.clone() }
    }
}

struct Worker {
    history: History,
    settings: Arc<Settings>,
    state: Arc<Mutex<State>>,
    backoff: Backoff,
    started: Instant,
    /// No higher number was sent ever.
    most: u64,
}

impl Worker {
    async fn run(mut self) {
        let mut feed: Option<Feed> = None;
        loop {
            let ended = self.session(&mut feed).await;
            let Err(error) = ended else { continue };
            let wait = self.backoff.failed();
            self.tell(&error, wait);
            let end = Instant::now() + wait;
            // The age of what waits is known only when it is looked at.
            while Instant::now() < end {
                tokio::time::sleep_until(end.min(Instant::now() + LOOK * 10)).await;
                self.mark();
            }
        }
    }

    fn mark(&self) {
        self.state.lock().lag.mark(self.started.elapsed(), self.history.durable_up_to());
    }

    fn tell(&self, error: &ForwardError, wait: Duration) {
        let mut words = error.to_string();
        if !error.remedy().is_empty() {
            words = format!("{words}; {}", error.remedy());
        }
        let mut state = self.state.lock();
        let progress = &mut state.progress;
        progress.connected = false;
        progress.failures += 1;
        if progress.trouble != words {
            tracing::warn!(again_in = ?wait, "samples are not forwarded: {words}");
            progress.trouble = words;
        }
    }

    fn tell_connected(&self) {
        let mut state = self.state.lock();
        let progress = &mut state.progress;
        if !progress.connected {
            tracing::info!(place = %progress.place, "samples are forwarded");
        }
        progress.connected = true;
        progress.trouble.clear();
    }

    /// Sends until something fails.
    async fn session(&mut self, kept: &mut Option<Feed>) -> Result<(), ForwardError> {
        let history = self.history.clone();
        let identity = blocking(move || history.identity()).await??;
        let (mut session, found) = Session::open(&self.settings, identity).await?;
        let mut position = found;
        if position.number > self.most {
            tracing::warn!("the database knows more of this history than there is; all of it is sent again");
            position = Position::default();
            session.go_to((found, position)).await?;
        }
        let mut feed = match kept.take() {
            Some(mut feed) => {
                feed.go_to(position);
                feed
            }
            None => Feed::new(self.history.clone(), position),
        };
        self.arrive(position, Sent::default());
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.mark();
            let batch = self.settings.batch;
            let (back, step) = blocking(move || {
                let step = feed.next(batch);
                (feed, step)
            })
            .await?;
            feed = back;
            let step = step?;
            if let Step::Samples { next, .. } | Step::Changes { next, .. } | Step::Move(next) = &step {
                self.most = self.most.max(next.number);
            }
            let sent = match step {
                Step::Nothing => {
                    self.tell_connected();
                    ticks.tick().await;
                    if session.is_closed() {
                        *kept = Some(feed);
                        return Err(ForwardError::Unreachable {
                            place: self.settings.place(),
                            why: "the session has ended".to_owned(),
                        });
                    }
                    continue;
                }
                Step::Samples { samples, next } => {
                    let is_again = position.fill.is_some();
                    let sent = session.samples(&self.history, samples, is_again, (position, next)).await;
                    sent.map(|sent| (sent, next))
                }
                Step::Changes { changes, next } => {
                    let done = session.changes(&self.history, &changes, (position, next)).await;
                    done.map(|()| (Sent::default(), next))
                }
                Step::Move(next) => session.go_to((position, next)).await.map(|()| (Sent::default(), next)),
            };
            match sent {
                Ok((sent, next)) => {
                    position = next;
                    self.arrive(position, sent);
                    self.tell_connected();
                    self.backoff.succeeded();
                }
                Err(error) => {
                    *kept = Some(feed);
                    return Err(error);
                }
            }
        }
    }

    fn arrive(&self, position: Position, sent: Sent) {
        let mut state = self.state.lock();
        let progress = &mut state.progress;
        progress.number = position.number;
        progress.filling = position.fill.is_some();
        progress.lag_samples = Some(0);
        progress.sent += sent.samples;
        progress.refused += sent.refused;
    }
}

/// Does what waits for the disk where waiting is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ForwardError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ForwardError::Inside)
}
