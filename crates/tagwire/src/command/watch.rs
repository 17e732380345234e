//! `tagwire watch`: values as they change, in a live table or line by line.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use tagwire_model::{Sample, Status, Value};
use tagwire_ua_client::{BrowseLimits, Change, Client, LinkState, NodeClass, NodeId, StatusName, now, print_node_id};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::WatchArgs;
use crate::client::{Named, block_on, call_failure, connect, sample_json, target};
use crate::command::serve::Ends;
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::terminal::Style;
use crate::view::View;

/// Tags watched at most.
const MAX_TAGS: usize = 100_000;

/// Levels below a folder in which tags are sought.
const MAX_DEPTH: usize = 16;

/// PropertyType (OPC UA Part 6, Annex A).
const PROPERTY_TYPE: u32 = 68;

pub(crate) fn run(args: &WatchArgs) -> Result<(), Failure> {
    let (url, named) = target(&args.server, &args.names)?;
    block_on(async {
        let mut ends = Ends::new()?;
        let client = tokio::select! {
            client = connect(url, &args.server, true) => client?,
            () = ends.next() => return Ok(()),
        };
        let result = tokio::select! {
            result = watch(&client, &named, args) => result,
            () = ends.next() => Ok(()),
        };
        client.close().await;
        result
    })
}

/// The variables among the names, and those inside the folders among them.
async fn tags(client: &Client, named: &[Named]) -> Result<Vec<Named>, Failure> {
    let nodes: Vec<NodeId> = named.iter().map(|named| named.node.clone()).collect();
    let samples = client.read(&nodes).await.map_err(|error| call_failure(&error))?;
    let mut tags = Vec::new();
    for (named, sample) in named.iter().zip(samples) {
        if sample.status.code() == Status::BAD_NODE_ID_UNKNOWN {
            return Err(nearest::unknown(client, &named.name).await);
        }
        if sample.status.code() != BAD_ATTRIBUTE_ID_INVALID {
            tags.push(named.clone());
            continue;
        }
        let limits = BrowseLimits { depth: MAX_DEPTH, max_nodes: MAX_TAGS };
        let found = client.browse(&named.node, limits).await.map_err(|error| call_failure(&error))?;
        let is_tag = |node: &tagwire_ua_client::Browsed| {
            let system = node.name.starts_with('_') && !named.name.contains("._");
            node.class == NodeClass::Variable && node.type_definition != NodeId::new(0, PROPERTY_TYPE) && !system
        };
        tags.extend(found.into_iter().filter(is_tag).map(|node| {
            let text = print_node_id(&node.node);
            let name = text.strip_prefix("ns=2;s=").unwrap_or(&text).to_owned();
            Named { name, node: node.node }
        }));
    }
    tags.truncate(MAX_TAGS);
    if tags.is_empty() {
        return Err(Failure::new(Exit::Failed, "there is no tag inside", "tagwire browse shows what is there"));
    }
    Ok(tags)
}

/// A folder has no value (OPC UA Part 4, Table 179).
pub(crate) const BAD_ATTRIBUTE_ID_INVALID: Status = Status(0x8035_0000);

/// What is known of one tag.
#[derive(Clone, Default)]
struct Known {
    last: Option<Sample>,
    /// Whether the connection was lost since the last sample.
    is_lost: bool,
}

/// The tags as they are shown.
struct Screen<'a> {
    tags: &'a [Named],
    known: Vec<Known>,
    view: View,
    as_json: bool,
    out: io::Stdout,
    n_changes: u64,
}

impl Screen<'_> {
    /// Shows a sample, unless it is what is shown already.
    fn show(&mut self, index: usize, sample: Sample) -> io::Result<()> {
        let (Some(tag), Some(known)) = (self.tags.get(index), self.known.get_mut(index)) else { return Ok(()) };
        let is_old = !known.is_lost && known.last.as_ref().is_some_and(|last| is_same(last, &sample));
        if is_old {
            return Ok(());
        }
        self.n_changes += 1;
        known.is_lost = false;
        if self.as_json {
            writeln!(self.out, "{}", sample_json(&tag.name, &tag.node, &sample))?;
            self.out.flush()?;
        } else {
            self.view.change(&mut self.out, index, &sample.value, sample.status, sample.source_time)?;
        }
        known.last = Some(sample);
        Ok(())
    }

    /// Shows that no value is live any more.
    fn lose(&mut self) -> io::Result<()> {
        let time = now();
        for (index, (tag, known)) in self.tags.iter().zip(&mut self.known).enumerate() {
            known.is_lost = true;
            let value = known.last.as_ref().map_or(Value::Null, |last| last.value.clone());
            let dead = Sample { value, status: Status::BAD_NO_COMMUNICATION, source_time: time, server_time: time };
            if self.as_json {
                writeln!(self.out, "{}", sample_json(&tag.name, &tag.node, &dead))?;
            } else {
                self.view.change(&mut self.out, index, &dead.value, dead.status, dead.source_time)?;
            }
        }
        self.out.flush()
    }

    /// Says something that is no value; beside the table, where there is one.
    fn say(&mut self, text: &str) -> io::Result<()> {
        if self.as_json { writeln!(io::stderr(), "tagwire: {text}") } else { self.view.remark(&mut self.out, text) }
    }

    /// Reads what has not come by itself since the connection was lost.
    async fn catch_up(&mut self, client: &Client) -> Result<bool, Failure> {
        let missing: Vec<usize> =
            self.known.iter().enumerate().filter(|(_, known)| known.is_lost).map(|(idx, _)| idx).collect();
        let nodes: Vec<NodeId> =
            missing.iter().filter_map(|idx| self.tags.get(*idx)).map(|tag| tag.node.clone()).collect();
        let Ok(samples) = client.read(&nodes).await else { return Ok(false) };
        for (index, sample) in missing.into_iter().zip(samples) {
            self.show(index, sample)?;
        }
        Ok(true)
    }
}

fn is_same(a: &Sample, b: &Sample) -> bool {
    a.status == b.status && a.source_time == b.source_time && a.value.same_as(&b.value)
}

/// What `watch` waits for.
enum Event {
    Change(Option<Change>),
    State(LinkState),
    Draw,
    Resized,
    CatchUp,
}

async fn watch(client: &Client, named: &[Named], args: &WatchArgs) -> Result<(), Failure> {
    let tags = tags(client, named).await?;
    let nodes: Vec<NodeId> = tags.iter().map(|tag| tag.node.clone()).collect();
    // Units only adorn; a server that cannot tell them is watched without.
    let units = client.units(&nodes).await.unwrap_or_default();
    let as_json = args.server.json;
    let mut view = View::new(if as_json { Style { is_terminal: false } } else { Style::of_stdout() });
    for (idx, tag) in tags.iter().enumerate() {
        view.add(&tag.name, units.get(idx).and_then(Option::as_deref).unwrap_or_default());
    }
    let known = vec![Known::default(); tags.len()];
    let mut screen = Screen { tags: &tags, known, view, as_json, out: io::stdout(), n_changes: 0 };
    let is_enough = |screen: &Screen<'_>| args.count.is_some_and(|count| screen.n_changes >= count);
    let plural = if tags.len() == 1 { "" } else { "s" };
    let foot = format!("{} tag{plural} of {}; Ctrl-C ends", tags.len(), client.endpoint().url());
    let mut footer = vec![foot.clone()];

    // The first values are read, so that they come in the order of the command line.
    let first = client.read(&nodes).await.map_err(|error| call_failure(&error))?;
    for (index, sample) in first.into_iter().enumerate() {
        if !is_enough(&screen) {
            screen.show(index, sample)?;
        }
    }
    let mut states = client.states();
    let mut resized = signal(SignalKind::window_change())?;
    let mut changes = client.subscribe(&nodes, args.interval).await.map_err(|error| call_failure(&error))?;
    for (tag, status) in tags.iter().zip(changes.results()) {
        if status.is_bad() {
            let _ = writeln!(io::stderr(), "tagwire: {} cannot be watched: {}", tag.name, StatusName::plain(*status));
        }
    }
    let mut is_lost = false;
    let mut catch_up_at: Option<Instant> = None;
    screen.view.draw(&mut screen.out, &footer, Instant::now())?;
    while !is_enough(&screen) {
        let due = screen.view.due(Instant::now());
        let event = tokio::select! {
            change = changes.next() => Event::Change(change),
            changed = states.changed() => match changed {
                Ok(()) => Event::State(*states.borrow_and_update()),
                Err(_) => Event::State(LinkState::Closed(Status::BAD_UNEXPECTED_ERROR)),
            },
            _ = resized.recv() => Event::Resized,
            () = until(due), if due.is_some() => Event::Draw,
            () = until(catch_up_at), if catch_up_at.is_some() => Event::CatchUp,
        };
        match event {
            Event::Draw => screen.view.draw(&mut screen.out, &footer, Instant::now())?,
            Event::Resized => screen.view.refresh(),
            Event::Change(None) => return Err(Failure::new(Exit::Connect, "the session is over", "")),
            Event::Change(Some(change)) => {
                // One notification holds the changes tag by tag; a person reads them by time.
                let mut burst = vec![change];
                burst.extend(std::iter::from_fn(|| changes.try_next()).take(MAX_BURST));
                burst.sort_by_key(|change| change.sample.source_time);
                for change in burst {
                    if !is_enough(&screen) {
                        screen.show(change.index, change.sample)?;
                    }
                }
            }
            Event::State(LinkState::Reconnecting(_)) if !is_lost => {
                is_lost = true;
                catch_up_at = None;
                let text = format!("connection lost at {}, trying again", now());
                screen.say(&text)?;
                screen.lose()?;
                footer = vec![text, foot.clone()];
            }
            Event::State(LinkState::Connected) if is_lost => {
                is_lost = false;
                catch_up_at = Some(Instant::now() + (args.interval * 2).max(Duration::from_secs(1)));
                screen.say(&format!("connected again at {}", now()))?;
                footer = vec![foot.clone()];
            }
            Event::State(LinkState::Closed(status)) => {
                let text = format!("the session is over: {}", StatusName::plain(status));
                return Err(Failure::new(Exit::Connect, text, ""));
            }
            Event::State(_) => {}
            Event::CatchUp => {
                let is_done = screen.catch_up(client).await?;
                catch_up_at = (!is_done).then(|| Instant::now() + Duration::from_secs(1));
            }
        }
    }
    screen.view.draw(&mut screen.out, &footer, Instant::now())?;
    Ok(())
}

/// Changes sorted by time at once.
const MAX_BURST: usize = 10_000;

async fn until(time: Option<Instant>) {
    if let Some(time) = time {
        tokio::time::sleep_until(time.into()).await;
    }
}
