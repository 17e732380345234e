//! The driver: one session with one server, or with the better one of a redundant pair.

mod choose;
mod definitions;
mod feed;
mod item;
mod live;
mod orders;
mod sequence;
mod splices;
mod storm;
mod strikes;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tagwire_driver::{
    AddressError, BoxFuture, BuildError, DeviceSettings, DeviceSpec, LinkError, LinkSettings, LinkSpec, Order,
    PushedDriver, Report, Seen,
};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_client::Error;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use crate::session::{Connector, Times};
use crate::settings::LinkKeys;
use choose::Chosen;
use feed::{Backlog, Feed};
use live::{Done, Live};
use storm::Storm;
use strikes::Strikes;

/// Longest time for a request that sets up what later runs by itself.
const SETUP: Duration = Duration::from_secs(10);
/// Longest time for a polite goodbye.
const GOODBYE: Duration = Duration::from_millis(500);
/// Longest sleep.
const BEAT: Duration = Duration::from_secs(1);

/// Times that the settings of the link and its devices give.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Common {
    connect: Duration,
    /// Shortest time for an answer of any device.
    request: Duration,
    /// Fewest attempts of any device.
    attempts: u32,
    session_timeout: Duration,
}

/// Subscriptions of a session that was lost, which the next one may take over.
#[derive(Debug)]
struct Left {
    peer: usize,
    started: Timestamp,
    namespaces: Vec<String>,
}

/// A link to OPC UA servers.
pub struct UpstreamDriver {
    connector: Box<dyn Connector>,
    /// The devices, by their number towards the supervisor.
    feeds: Vec<Feed>,
    common: Common,
    live: Option<Live>,
    left: Option<Left>,
    /// The server that was used last.
    peer: usize,
    /// The namespaces as they were first seen, which numbers in addresses refer to.
    first_namespaces: Vec<String>,
    /// Reports that were not handed over yet.
    out: VecDeque<Report>,
    traffic: (u64, u64),
    /// Types that ended a session when they were asked for.
    strikes: Strikes,
    storm: Storm,
    /// Whoever changes members of structures holds it, so that of two writes the second one knows the first.
    splicing: Arc<Mutex<()>>,
}

impl std::fmt::Debug for UpstreamDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UpstreamDriver({})", self.connector.name(self.peer))
    }
}

impl UpstreamDriver {
    /// A driver for a link whose parts passed the checks; opens nothing.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn new(link: &LinkSpec, connector: Box<dyn Connector>) -> Result<Self, BuildError> {
        let keys = LinkKeys::new(&link.address, &link.settings)?;
        let now = Instant::now();
        let feed = |device: &DeviceSpec| {
            Feed::new(device, now).map_err(|error| BuildError {
                key: "address",
                problem: error.problem,
                fix: error.fix,
            })
        };
        Ok(Self {
            connector,
            feeds: link.devices.iter().map(feed).collect::<Result<_, _>>()?,
            common: Common {
                connect: LinkSettings::default().connect_timeout,
                request: DeviceSettings::default().request_timeout,
                attempts: DeviceSettings::default().attempts,
                session_timeout: keys.session_timeout,
            },
            live: None,
            left: None,
            peer: 0,
            first_namespaces: Vec::new(),
            out: VecDeque::new(),
            traffic: (0, 0),
            strikes: Strikes::default(),
            storm: Storm::default(),
            splicing: Arc::default(),
        })
    }

    const fn times(&self) -> Times {
        // A little less than the supervisor waits, so that a server that hangs does not keep its partner from its turn.
        let connect = Duration::from_millis(self.common.connect.as_millis() as u64 / 10 * 9);
        Times { connect, request: SETUP }
    }

    /// Opens a session and goes on with what the last one left.
    async fn open(&mut self) -> Result<(), LinkError> {
        if let Some(error) = self.storm.refusal(Instant::now()) {
            return Err(error);
        }
        let Chosen { peer, session, greeting } =
            choose::connect(&*self.connector, self.times(), self.peer).await.map_err(link_error)?;
        if self.first_namespaces.is_empty() {
            self.first_namespaces.clone_from(&greeting.namespaces);
        }
        self.peer = peer;
        let now = Instant::now();
        let left = self.left.take().filter(|left| {
            left.peer == peer && left.started == greeting.started && left.namespaces == greeting.namespaces
        });
        let ids: Vec<u32> = self.feeds.iter().filter_map(Feed::id).collect();
        let mut doomed = Vec::new();
        if left.is_some() && !ids.is_empty() {
            let transfer = timeout(self.common.request * self.common.attempts, session.transfer(ids)).await;
            let results = match transfer {
                Ok(Ok(results)) => results,
                Ok(Err(error)) if is_fatal(&error) => return Err(link_error(error)),
                // A server that does not transfer gets the subscriptions anew.
                Ok(Err(_)) | Err(_) => Vec::new(),
            };
            let mut results = results.into_iter();
            for feed in self.feeds.iter_mut().filter(|feed| feed.id().is_some()) {
                let taken = results.next().and_then(Result::ok);
                let is_whole = taken.as_ref().is_some_and(|available| feed.transferred(available, now).is_ok());
                if !is_whole {
                    let old = feed.start_anew(now);
                    doomed.extend(old.filter(|_| taken.is_some()));
                }
            }
        } else {
            for feed in &mut self.feeds {
                feed.start_anew(now);
            }
        }
        for feed in &mut self.feeds {
            let is_unsure = feed.is_unsure();
            feed.interrupted();
            if std::mem::take(&mut feed.is_silent) || is_unsure {
                doomed.extend(feed.start_anew(now));
            }
        }
        tracing::debug!(peer = %self.connector.name(peer), level = greeting.level, "session with a server");
        self.live = Some(Live::new(session, greeting, doomed, now));
        Ok(())
    }

    /// Runs the session until the link fails.
    async fn serve(&mut self, reports: &mpsc::Sender<Report>, orders: &mut mpsc::Receiver<Order>) -> Error {
        loop {
            self.hand_over(reports).await;
            match self.catch_up().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => return error,
            }
            let now = Instant::now();
            self.ask(now);
            let wake = self.wake(now);
            let Some(live) = self.live.as_mut() else {
                return Error::Options("session is gone".to_owned());
            };
            let event = tokio::select! {
                Some(order) = orders.recv() => Event::Order(order),
                Some(answer) = live.publishes.next(), if !live.publishes.is_empty() => Event::Published(answer),
                Some(done) = live.work.next(), if !live.work.is_empty() => Event::Done(done),
                () = sleep_until(wake) => Event::Time,
            };
            let outcome = match event {
                Event::Order(order) => {
                    self.obey(order);
                    Ok(())
                }
                Event::Published(answer) => self.published(answer),
                Event::Done(done) => self.done(done),
                Event::Time => Ok(()),
            };
            if let Err(error) = outcome {
                return error;
            }
        }
    }

    /// Hands all reports over.
    async fn hand_over(&mut self, reports: &mpsc::Sender<Report>) {
        while !self.out.is_empty() {
            // Nothing is taken out before there is room for it, so that nothing is lost when this is dropped here.
            let Ok(permit) = reports.reserve().await else { std::future::pending().await };
            if let Some(report) = self.out.pop_front() {
                permit.send(report);
            }
        }
    }

    /// Takes the first part of any backlog; whether there was one.
    async fn catch_up(&mut self) -> Result<bool, Error> {
        let Some(at) = self.feeds.iter().position(|feed| !feed.backlog.is_empty()) else { return Ok(false) };
        let now = Instant::now();
        let (Some(feed), Some(live)) = (self.feeds.get_mut(at), self.live.as_mut()) else { return Ok(false) };
        let (number, id) = match (feed.backlog.front(), feed.id()) {
            (Some(Backlog::Missing(number)), Some(id)) => (*number, id),
            _ => {
                if let Some(Backlog::Here(notification)) = feed.backlog.pop_front() {
                    let (seen, ended) = feed.take(at, notification, &live.types, now);
                    if !seen.is_empty() {
                        self.out.push_back(Report::Samples(seen));
                    }
                    if let Some(status) = ended {
                        tracing::debug!(%status, "server ended a subscription");
                        feed.start_anew(now);
                    }
                }
                return Ok(true);
            }
        };
        let request = live.session.republish(id, number);
        let found = timeout(self.common.request * self.common.attempts, request).await;
        match found {
            // A server may answer with an empty message instead of a refusal.
            Ok(Ok(notification)) if notification.sequence == number && !notification.is_keep_alive => {
                feed.backlog.pop_front();
                live.acknowledge(id, number);
                feed.backlog.push_front(Backlog::Here(notification));
            }
            Ok(Err(error)) if is_fatal(&error) => return Err(error),
            // What is lost is lost: the subscription is made anew, and its first samples tell so.
            Ok(_) | Err(_) => {
                tracing::debug!(number, "server has a missed message no longer");
                live.doomed.extend(feed.lost(now));
            }
        }
        Ok(true)
    }

    /// Ends a session that failed; what it leaves behind may be taken over.
    fn lose(&mut self, error: &Error) {
        if let Some(live) = self.live.take() {
            let now = Instant::now();
            self.note_traffic(&live);
            self.strikes.strike(&live.describing, now);
            let is_storm = self.storm.ended((now - live.began, live.has_heard), error, now);
            if is_storm {
                let server = self.connector.name(self.peer);
                tracing::warn!(%server, %error, "sessions end as soon as they begin; the next one waits");
            }
            let Live { greeting, .. } = live;
            // What the sessions do not survive may be a message that the next one would be told again.
            let left = Left { peer: self.peer, started: greeting.started, namespaces: greeting.namespaces };
            self.left = (!is_storm).then_some(left);
        }
        // What was acknowledged must not be lost; answers to orders that the supervisor has given up harm nobody.
        self.out.retain(|report| matches!(report, Report::Samples(_)));
    }

    fn note_traffic(&mut self, live: &Live) {
        let (received, sent) = live.session.traffic();
        self.traffic = (self.traffic.0 + received, self.traffic.1 + sent);
    }
}

/// What happened.
enum Event {
    Order(Order),
    Published(Result<tagwire_ua_client::Published, Error>),
    Done(Done),
    Time,
}

/// Whether an error ends the session; a refusal never does, because whoever refuses is there (a clock that differs must
/// not make a storm of reconnections).
const fn is_fatal(error: &Error) -> bool {
    !matches!(error, Error::Refused { .. } | Error::Timeout { .. })
}

fn link_error(error: Error) -> LinkError {
    match error {
        Error::Peer(problem) => LinkError::Protocol(problem),
        error => LinkError::Transport(std::io::Error::other(error.to_string())),
    }
}

impl PushedDriver for UpstreamDriver {
    fn run<'a>(
        &'a mut self,
        reports: mpsc::Sender<Report>,
        orders: &'a mut mpsc::Receiver<Order>,
    ) -> BoxFuture<'a, LinkError> {
        Box::pin(async move {
            if self.live.is_none()
                && let Err(error) = self.open().await
            {
                return error;
            }
            if reports.send(Report::Connected).await.is_err() {
                std::future::pending::<()>().await;
            }
            let error = self.serve(&reports, orders).await;
            if matches!(error, Error::Timeout { .. }) {
                // The patience of the devices is used up already, whatever a new session may bring.
                let silent = self.feeds.iter().enumerate().flat_map(|(at, feed)| feed.all(at, Status::BAD_TIMEOUT));
                self.out.push_back(Report::Samples(silent.collect()));
                self.hand_over(&reports).await;
            }
            self.lose(&error);
            link_error(error)
        })
    }

    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        match self.feeds.get_mut(index) {
            Some(feed) => {
                // Answers about items are told by numbers that change now.
                let old = if feed.is_unsure() { feed.start_anew(Instant::now()) } else { None };
                if let Some(live) = &mut self.live {
                    live.doomed.extend(old);
                }
                let samples = self.out.iter_mut().filter_map(|report| match report {
                    Report::Samples(samples) => Some(samples),
                    _ => None,
                });
                let mut waiting: Vec<&mut Vec<Seen>> = samples.collect();
                let of_device = waiting.iter().flat_map(|samples| samples.iter()).filter(|(at, ..)| *at == index);
                let untold: Vec<u32> = of_device.map(|(_, tag, ..)| *tag).collect();
                feed.set_tags(device, &untold)?;
                waiting.iter_mut().for_each(|samples| samples.retain(|(at, ..)| *at != index));
                Ok(())
            }
            None => {
                self.feeds.push(Feed::new(device, Instant::now())?);
                Ok(())
            }
        }
    }

    fn set_common(&mut self, link: &LinkSettings, devices: &[DeviceSettings]) {
        self.common.connect = link.connect_timeout;
        let asked = || devices.iter().filter(|device| device.enabled && !device.simulated);
        let request = asked().map(|device| device.request_timeout).min();
        self.common.request = request.unwrap_or_else(|| DeviceSettings::default().request_timeout);
        self.common.attempts = asked().map(|device| device.attempts).min().unwrap_or(1).max(1);
        let now = Instant::now();
        for (feed, settings) in self.feeds.iter_mut().zip(devices) {
            let old = feed.set_settings(settings, now);
            if let Some(live) = &mut self.live {
                live.doomed.extend(old);
            }
        }
    }

    fn disconnect(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.left = None;
            let Some(live) = self.live.take() else { return };
            self.note_traffic(&live);
            let Live { session, publishes, work, .. } = live;
            drop((publishes, work));
            let now = Instant::now();
            for feed in &mut self.feeds {
                feed.start_anew(now);
            }
            // The session ends politely only when nobody else holds it.
            let _ = timeout(GOODBYE, session.close()).await;
        })
    }

    fn echoes_writes(&self) -> bool {
        true
    }

    fn can_read(&self) -> bool {
        true
    }

    fn traffic(&self) -> (u64, u64) {
        let (received, sent) = self.live.as_ref().map_or((0, 0), |live| live.session.traffic());
        (self.traffic.0 + received, self.traffic.1 + sent)
    }
}
