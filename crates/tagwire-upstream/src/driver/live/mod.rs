//! A session that is up: what is asked; what becomes of it is in `answers`.

mod answers;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use tagwire_driver::{BoxFuture, Report, Seen};
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::{Error, Feed as Opened, NodeId, Published, SourceSample, Watched, print_node_id};
use tokio::time::{Instant, timeout};

use super::choose::Chosen;
use super::definitions::{CHECK, check};
use super::feed::{Feed, Wish};
use super::strikes::Verdict;
use super::{BEAT, SETUP, UpstreamDriver};
use crate::session::{Answer, Greeting, Session};
use crate::structure::{Ask, Types, load};

/// Publish requests under way beside one per subscription.
const SPARE_PUBLISHES: usize = 2;
/// Most publish requests under way.
const MAX_PUBLISHES: usize = 32;
/// How often namespaces are looked at while a tag's own is missing.
const NAMESPACES: Duration = Duration::from_secs(10);
/// From this level on a server is healthy, and is not left (Part 4, 6.6.2.4.2).
pub(super) const HEALTHY: u8 = 200;

/// Why a type is not asked for.
const BANNED: &str = "asking for its data type ended the session";
const BAD_SUBSCRIPTION_ID_INVALID: Status = Status(0x8028_0000);
/// Items refused alone in a row after which the others of their batch are not asked for one by one.
const MAX_ALONE: usize = 16;
/// Types that a line of the log names.
const MAX_NAMED: usize = 10;

/// A request that ended.
pub(super) enum Done {
    Opened {
        at: usize,
        epoch: u32,
        result: Result<Opened, Error>,
    },
    Watched {
        at: usize,
        epoch: u32,
        batch: Vec<u32>,
        result: Result<Vec<Result<Watched, Status>>, Error>,
    },
    Probed {
        at: usize,
        epoch: u32,
        result: Result<(), Error>,
    },
    Refreshed {
        at: usize,
        epoch: u32,
        tags: Vec<u32>,
        result: Result<Vec<SourceSample>, Error>,
    },
    Polled {
        at: usize,
        epoch: u32,
        tags: Vec<u32>,
        result: Result<Vec<SourceSample>, Error>,
    },
    /// The sign of life of the server itself.
    Level(Result<u8, Error>),
    Namespaces(Result<Greeting, Error>),
    Partner(Option<Chosen>),
    /// What was found out about types.
    Described {
        at: usize,
        epoch: u32,
        encodings: Vec<NodeId>,
        result: Result<Types, Error>,
    },
    /// Definitions that are not what they were.
    Checked(Result<Types, Error>),
    /// The answer to an explicit read: for each tag the number of its sample, and types that were learned on the way.
    Read {
        number: u64,
        at: usize,
        shape: u32,
        tags: Vec<ToldBefore>,
        result: Result<(Vec<SourceSample>, Types), Error>,
    },
    /// The answer to a write, with what methods gave back, the shapes of the devices when it was sent, and types that were
    /// learned on the way.
    Answered {
        shown: Vec<Seen>,
        shapes: Vec<u32>,
        written: Report,
        learned: Types,
    },
    /// Nothing that anybody waits for.
    Over,
}

/// A tag that is read, its place in the answer, and how many samples it had before.
pub(super) type ToldBefore = (u32, Option<usize>, u32);

/// A session that is up.
pub(super) struct Live {
    pub(super) session: Arc<dyn Session>,
    pub(super) greeting: Greeting,
    pub(super) publishes: FuturesUnordered<Answer<Published>>,
    pub(super) work: FuturesUnordered<BoxFuture<'static, Done>>,
    /// Subscriptions to be ended on the server.
    pub(super) doomed: Vec<u32>,
    acknowledged: Vec<(u32, u32)>,
    max_publishes: usize,
    /// Publish requests in place of those that may have got lost.
    n_replacements: usize,
    no_publish_before: Instant,
    next_probe: Instant,
    is_probing: bool,
    n_unanswered: u32,
    next_namespaces: Instant,
    lacks_namespace: bool,
    next_partner: Instant,
    is_comparing: bool,
    level: u8,
    /// The data types of the server, as far as they were needed.
    pub(super) types: Arc<Types>,
    /// Encodings that are asked for, which the session may not survive.
    pub(super) describing: Vec<NodeId>,
    next_check: Instant,
    is_checking: bool,
    pub(super) began: Instant,
    /// Whether its subscriptions brought anything.
    pub(super) has_heard: bool,
}

impl Live {
    pub(super) fn new(session: Arc<dyn Session>, greeting: Greeting, doomed: Vec<u32>, now: Instant) -> Self {
        Self {
            session,
            level: greeting.level,
            greeting,
            publishes: FuturesUnordered::new(),
            work: FuturesUnordered::new(),
            doomed,
            acknowledged: Vec::new(),
            max_publishes: MAX_PUBLISHES,
            n_replacements: 0,
            no_publish_before: now,
            next_probe: now,
            is_probing: false,
            n_unanswered: 0,
            next_namespaces: now + NAMESPACES,
            lacks_namespace: false,
            next_partner: now,
            is_comparing: false,
            types: Arc::default(),
            describing: Vec::new(),
            next_check: now + CHECK,
            is_checking: false,
            began: now,
            has_heard: false,
        }
    }

    /// Takes over what was learned about types; what the devices show by other definitions is read once more.
    pub(super) fn learn(&mut self, learned: Types, feeds: &mut [Feed]) {
        let changed = Arc::make_mut(&mut self.types).learn(learned);
        if changed.is_empty() {
            return;
        }
        let name = |data_type: &NodeId| {
            let name = self.types.name(data_type).unwrap_or_default();
            format!("{name} ({})", print_node_id(data_type))
        };
        let names: Vec<String> = changed.iter().take(MAX_NAMED).map(name).collect();
        tracing::info!(n = changed.len(), types = %names.join(", "), "server changed the definitions of structures");
        feeds.iter_mut().for_each(Feed::redefined);
    }

    pub(super) fn acknowledge(&mut self, feed: u32, sequence: u32) {
        self.acknowledged.push((feed, sequence));
    }

    /// Keeps enough publish requests under way.
    fn publish(&mut self, n_feeds: usize, now: Instant) {
        if n_feeds == 0 || now < self.no_publish_before {
            return;
        }
        let wanted = (n_feeds + SPARE_PUBLISHES + self.n_replacements).min(self.max_publishes);
        while self.publishes.len() < wanted {
            let acknowledged = std::mem::take(&mut self.acknowledged);
            self.publishes.push(self.session.publish(acknowledged));
        }
    }

    fn spawn(&mut self, work: impl Future<Output = Done> + Send + 'static) {
        self.work.push(Box::pin(work));
    }
}

/// A request with an end.
pub(super) async fn limited<T>(limit: Duration, what: &'static str, request: Answer<T>) -> Result<T, Error> {
    timeout(limit, request).await.unwrap_or(Err(Error::Timeout { what, limit }))
}

/// What to show for a tag without a value.
const fn bad(at: usize, tag: u32, status: Status) -> Seen {
    (at, tag, Value::Null, status, Timestamp::NONE)
}

/// The quality that a failed request gives the tags it was about.
fn status_of(error: &Error) -> Status {
    error.status().unwrap_or(Status::BAD_COMMUNICATION_ERROR)
}

impl UpstreamDriver {
    /// Starts what is due.
    pub(super) fn ask(&mut self, now: Instant) {
        let Self { feeds, live, common, first_namespaces, out, connector, peer, strikes, .. } = self;
        let Some(live) = live else { return };
        let n_items = live.session.n_items_per_request();
        for (at, feed) in feeds.iter_mut().enumerate() {
            let request = feed.settings.request_timeout;
            while let Some(wish) = feed.wish(now, n_items, common.session_timeout) {
                let epoch = feed.epoch;
                let session = Arc::clone(&live.session);
                let node = |feed: &Feed, tag: u32| {
                    feed.tag(tag).and_then(|tag| tag.address.resolve(&live.greeting.namespaces, first_namespaces))
                };
                match wish {
                    Wish::Open(terms) => {
                        let limit = feed.settings.patience();
                        let asked = session.open_feed(terms);
                        live.spawn(async move {
                            Done::Opened { at, epoch, result: limited(limit, "CreateSubscription", asked).await }
                        });
                    }
                    Wish::Watch(id, batch) => {
                        let (mut items, mut known, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
                        for tag in batch {
                            match node(feed, tag).and_then(|node| feed.request(tag, node)) {
                                Some(item) => {
                                    items.push(item);
                                    known.push(tag);
                                }
                                None => unknown.push(tag),
                            }
                        }
                        if !unknown.is_empty() {
                            live.lacks_namespace = true;
                            let refusals = unknown.iter().map(|_| Err(Status::BAD_NODE_ID_UNKNOWN));
                            let seen = feed.watched(at, &unknown, refusals, now);
                            out.push_back(Report::Samples(seen));
                        }
                        if known.is_empty() {
                            continue;
                        }
                        feed.is_watching(true);
                        live.spawn(async move {
                            let result = watch(&session, id, items).await;
                            Done::Watched { at, epoch, batch: known, result }
                        });
                    }
                    Wish::Unwatch(id, items) => {
                        let asked = session.unwatch(id, items);
                        live.spawn(async move {
                            let _ = limited(SETUP, "DeleteMonitoredItems", asked).await;
                            Done::Over
                        });
                    }
                    Wish::Refresh(tags) => {
                        let (tags, nodes): (Vec<u32>, Vec<NodeId>) =
                            tags.into_iter().filter_map(|tag| Some((tag, node(feed, tag)?))).unzip();
                        let asked = session.read(nodes);
                        live.spawn(async move {
                            Done::Refreshed { at, epoch, tags, result: limited(SETUP, "Read", asked).await }
                        });
                    }
                    Wish::Poll(all) => {
                        let (mut tags, mut nodes, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
                        for tag in all {
                            match node(feed, tag) {
                                Some(node) => {
                                    tags.push(tag);
                                    nodes.push(node);
                                }
                                None => unknown.extend(
                                    feed.sharing(tag).into_iter().map(|tag| bad(at, tag, Status::BAD_NODE_ID_UNKNOWN)),
                                ),
                            }
                        }
                        if !unknown.is_empty() {
                            live.lacks_namespace = true;
                            out.push_back(Report::Samples(unknown));
                        }
                        let asked = session.read(nodes);
                        live.spawn(async move {
                            Done::Polled { at, epoch, tags, result: limited(request, "Read", asked).await }
                        });
                    }
                    Wish::Describe(wanted, is_anew) => {
                        let (mut asks, mut is_alone) = (Vec::new(), false);
                        for (tag, encoding) in wanted {
                            match (strikes.verdict(&encoding, now), node(feed, tag)) {
                                (Verdict::Banned, _) | (_, None) => {
                                    Arc::make_mut(&mut live.types).set_encoding(encoding, Err(Arc::from(BANNED)));
                                }
                                // What may have ended a session is asked for alone.
                                (Verdict::Suspect, Some(_)) if !asks.is_empty() => {}
                                (_, Some(_)) if is_alone => {}
                                (verdict, Some(variable)) => {
                                    is_alone = verdict == Verdict::Suspect;
                                    asks.push(Ask { variable, encoding });
                                }
                            }
                        }
                        let known = if is_anew { Arc::default() } else { Arc::clone(&live.types) };
                        let encodings: Vec<NodeId> = asks.iter().map(|ask| ask.encoding.clone()).collect();
                        live.describing.extend(encodings.iter().cloned());
                        live.spawn(async move {
                            let loading = Box::pin(async move { load(&*session, &known, &asks).await });
                            let result = limited(SETUP, "Read", loading).await;
                            Done::Described { at, epoch, encodings, result }
                        });
                    }
                    Wish::Probe(tag) => {
                        let nodes: Vec<NodeId> = node(feed, tag).into_iter().collect();
                        let asked = session.read(nodes);
                        live.spawn(async move {
                            let result = limited(request, "Read", asked).await.map(|_: Vec<SourceSample>| ());
                            Done::Probed { at, epoch, result }
                        });
                    }
                }
            }
        }
        if !live.doomed.is_empty() {
            let asked = live.session.close_feeds(std::mem::take(&mut live.doomed));
            live.spawn(async move {
                let _ = limited(SETUP, "DeleteSubscriptions", asked).await;
                Done::Over
            });
        }
        live.publish(feeds.iter().filter(|feed| feed.id().is_some()).count(), now);
        if !live.is_probing && now >= live.next_probe {
            live.is_probing = true;
            let asked = live.session.level();
            let limit = common.request;
            live.spawn(async move { Done::Level(limited(limit, "Read", asked).await) });
        }
        if !live.is_checking && now >= live.next_check {
            live.next_check = now + CHECK;
            let is_used = feeds.iter().any(Feed::has_members) && live.types.structures().next().is_some();
            if is_used {
                live.is_checking = true;
                let (session, known) = (Arc::clone(&live.session), Arc::clone(&live.types));
                live.spawn(async move { Done::Checked(check(&session, &known).await) });
            }
        }
        if live.lacks_namespace && now >= live.next_namespaces {
            live.next_namespaces = now + NAMESPACES;
            let asked = live.session.greet();
            live.spawn(async move { Done::Namespaces(limited(SETUP, "Read", asked).await) });
        }
        if connector.n_peers() > 1 && live.level < HEALTHY && !live.is_comparing && now >= live.next_partner {
            live.is_comparing = true;
            let times = crate::session::Times { connect: common.connect, request: SETUP };
            let looking = super::choose::best_of_others(&**connector, times, *peer);
            live.spawn(async move { Done::Partner(looking.await) });
        }
    }

    /// When to look again.
    pub(super) fn wake(&self, now: Instant) -> Instant {
        let feeds = self.feeds.iter().filter_map(Feed::wake);
        let own = self.live.as_ref().map(|live| {
            let probe = (!live.is_probing).then_some(live.next_probe);
            let publish = (live.no_publish_before > now).then_some(live.no_publish_before);
            let namespaces = live.lacks_namespace.then_some(live.next_namespaces);
            let check = (!live.is_checking).then_some(live.next_check);
            [probe, publish, namespaces, check]
        });
        let earliest = feeds.chain(own.into_iter().flatten().flatten()).min();
        earliest.map_or(now + BEAT, |at| at.min(now + BEAT))
    }
}

/// Watches items; a batch that is refused as a whole is cut until the items that spoil it are alone.
async fn watch(
    session: &Arc<dyn Session>,
    feed: u32,
    items: Vec<tagwire_ua_client::FeedItem>,
) -> Result<Vec<Result<Watched, Status>>, Error> {
    let n_items = items.len();
    let mut results = Vec::with_capacity(n_items);
    let mut parts = vec![items];
    let mut n_alone = 0;
    while let Some(mut part) = parts.pop() {
        let asked = session.watch(feed, part.clone());
        match limited(SETUP, "CreateMonitoredItems", asked).await {
            Ok(found) => {
                n_alone = 0;
                results.extend(found);
            }
            Err(error @ Error::Refused { status, .. }) if status.0.code() == BAD_SUBSCRIPTION_ID_INVALID => {
                return Err(error);
            }
            Err(Error::Refused { status, .. }) if part.len() == 1 || n_alone >= MAX_ALONE => {
                n_alone += 1;
                results.extend(part.iter().map(|_| Err(status.0)));
            }
            Err(Error::Refused { .. }) => {
                let second = part.split_off(part.len() / 2);
                parts.push(second);
                parts.push(part);
            }
            Err(error) => return Err(error),
        }
    }
    if results.len() == n_items { Ok(results) } else { Err(Error::Peer("items without results".to_owned())) }
}
