//! `tagwire watch`: values as they change, in a live table or line by line, and as plots.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use tagwire_model::{Sample, Status, Value};
use tagwire_ua_client::{
    BrowseLimits, Change, Client, HistorySpan, LinkState, NodeClass, NodeId, StatusName, now, print_node_id,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::WatchArgs;
use crate::client::{Named, block_on, call_failure, connect, sample_json, target};
use crate::command::serve::Ends;
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::terminal::{Style, size};
use crate::trend::Trends;
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
    /// The plots, when there are to be any.
    trends: Option<Trends>,
    style: Style,
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
        if let Some(trends) = &mut self.trends {
            trends.push(index, &sample, now());
        }
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
            if let Some(trends) = &mut self.trends {
                trends.push(index, &dead, time);
            }
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

    /// Draws table and plots, with `footer` below them.
    fn draw(&mut self, footer: &[String]) -> io::Result<()> {
        let Some(trends) = &self.trends else { return self.view.draw(&mut self.out, footer, Instant::now()) };
        let (columns, n_lines) = size();
        // The table keeps what it needs, as long as the plots have half of the screen.
        let table = (self.tags.len() + 1).min(n_lines / 2) + footer.len() + 1;
        self.view.set_body(trends.lines((columns.saturating_sub(1), n_lines.saturating_sub(table)), now(), self.style));
        self.view.draw(&mut self.out, footer, Instant::now())
    }

    /// Shows the plots at the end, where there was no terminal to show them all the time.
    fn end(&mut self) -> io::Result<()> {
        let Some(trends) = self.trends.as_ref().filter(|_| !self.style.is_terminal) else { return Ok(()) };
        for line in trends.lines((PLOT_WIDTH, self.tags.len() * PLOT_HEIGHT + 1), now(), self.style) {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }

    /// Puts the history of the tags behind the live edge; not every server has one.
    async fn look_back(&mut self, client: &Client, nodes: &[NodeId]) {
        let Some(trends) = &mut self.trends else { return };
        // Backwards, so that the limit cuts off the oldest.
        let span = HistorySpan { start: trends.end(now()), end: trends.start(now()), max: MAX_HISTORY };
        for (index, node) in nodes.iter().enumerate().take(MAX_LOOK_BACK) {
            let Ok(found) = client.history_raw(std::slice::from_ref(node), span).await else { continue };
            if let Some(mut history) = found.into_iter().next().filter(|history| !history.status.is_bad()) {
                history.samples.sort_by_key(|sample| sample.source_time);
                trends.put_before(index, &history.samples);
            }
        }
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
    Refresh,
    CatchUp,
}

async fn watch(client: &Client, named: &[Named], args: &WatchArgs) -> Result<(), Failure> {
    let tags = tags(client, named).await?;
    let nodes: Vec<NodeId> = tags.iter().map(|tag| tag.node.clone()).collect();
    // Units only adorn; a server that cannot tell them is watched without.
    let units = client.units(&nodes).await.unwrap_or_default();
    let as_json = args.server.json;
    let style = if as_json { Style { is_terminal: false } } else { Style::of_stdout() };
    let mut view = View::new(style);
    for (idx, tag) in tags.iter().enumerate() {
        view.add(&tag.name, units.get(idx).and_then(Option::as_deref).unwrap_or_default());
    }
    let known = vec![Known::default(); tags.len()];
    let unit = |index: usize| units.get(index).and_then(Option::as_deref).unwrap_or_default();
    let plotted = tags.iter().enumerate().map(|(index, tag)| (tag.name.as_str(), unit(index)));
    let trends = args.plot.then(|| Trends::new(plotted, args.span));
    let mut screen = Screen { tags: &tags, known, view, trends, style, as_json, out: io::stdout(), n_changes: 0 };
    let is_enough = |screen: &Screen<'_>| args.count.is_some_and(|count| screen.n_changes >= count);
    let plural = if tags.len() == 1 { "" } else { "s" };
    let foot = format!("{} tag{plural} of {}; Ctrl-C ends", tags.len(), client.endpoint().url());
    let mut footer = vec![foot.clone()];

    // The first values are read, so that they come in the order of the command line.
    let first = client.read(&nodes).await.map_err(|error| call_failure(&error))?;
    if let (Some(trends), Some(sample)) = (&mut screen.trends, first.first()) {
        trends.compare_clocks(sample.server_time, now());
    }
    for (index, sample) in first.into_iter().enumerate() {
        if !is_enough(&screen) {
            screen.show(index, sample)?;
        }
    }
    screen.look_back(client, &nodes).await;
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
    screen.draw(&footer)?;
    let mut frames = tokio::time::interval(FRAME);
    while !is_enough(&screen) {
        let due = screen.view.due(Instant::now());
        let event = tokio::select! {
            change = changes.next() => Event::Change(change),
            changed = states.changed() => match changed {
                Ok(()) => Event::State(*states.borrow_and_update()),
                Err(_) => Event::State(LinkState::Closed(Status::BAD_UNEXPECTED_ERROR)),
            },
            _ = resized.recv() => Event::Refresh,
            _ = frames.tick(), if screen.trends.is_some() && style.is_terminal => Event::Refresh,
            () = until(due), if due.is_some() => Event::Draw,
            () = until(catch_up_at), if catch_up_at.is_some() => Event::CatchUp,
        };
        match event {
            Event::Draw => screen.draw(&footer)?,
            Event::Refresh => screen.view.refresh(),
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
    screen.draw(&footer)?;
    screen.end()?;
    Ok(())
}

/// How often the live edge of plots moves.
const FRAME: Duration = Duration::from_millis(500);

/// Columns, and lines per tag, of plots that no terminal limits.
const PLOT_WIDTH: usize = 100;
const PLOT_HEIGHT: usize = 10;

/// Samples of a tag's history behind the live edge, and tags that have one.
const MAX_HISTORY: usize = 10_000;
const MAX_LOOK_BACK: usize = 20;

/// Changes sorted by time at once.
const MAX_BURST: usize = 10_000;

async fn until(time: Option<Instant>) {
    if let Some(time) = time {
        tokio::time::sleep_until(time.into()).await;
    }
}
