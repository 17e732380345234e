//! `tagwire watch`: values as they change, in a live table or line by line.

use std::io::{self, Write as _};
use std::time::Instant;

use tagwire_model::Status;
use tagwire_ua_client::{BrowseLimits, Client, NodeClass, NodeId, print_node_id};

use crate::args::WatchArgs;
use crate::client::{Named, block_on, call_failure, connect, sample_json, target};
use crate::failure::{Exit, Failure};
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
        let client = connect(url, &args.server, true).await?;
        let tags = tags(&client, &named).await?;
        if tags.is_empty() {
            return Err(Failure::new(Exit::Failed, "there is no tag inside", "tagwire browse shows what is there"));
        }
        tokio::select! {
            result = watch(&client, &tags, args) => result?,
            _ = tokio::signal::ctrl_c() => {}
        }
        client.close().await;
        Ok(())
    })
}

/// The variables among the names, and those inside the folders among them.
async fn tags(client: &Client, named: &[Named]) -> Result<Vec<Named>, Failure> {
    let nodes: Vec<NodeId> = named.iter().map(|named| named.node.clone()).collect();
    let samples = client.read(&nodes).await.map_err(|error| call_failure(&error))?;
    let mut tags = Vec::new();
    for (named, sample) in named.iter().zip(samples) {
        if sample.status.code() == BAD_NODE_ID_UNKNOWN {
            let hint = "tagwire browse shows what is there";
            return Err(Failure::new(Exit::Failed, format!("the server has no \"{}\"", named.name), hint));
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
    Ok(tags)
}

const BAD_NODE_ID_UNKNOWN: Status = Status::BAD_NODE_ID_UNKNOWN;

/// A folder has no value (OPC UA Part 4, Table 179).
const BAD_ATTRIBUTE_ID_INVALID: Status = Status(0x8035_0000);

async fn watch(client: &Client, tags: &[Named], args: &WatchArgs) -> Result<(), Failure> {
    let style = if args.server.json { Style { is_terminal: false } } else { Style::of_stdout() };
    let mut view = View::new(style);
    for tag in tags {
        view.add(&tag.name, "");
    }
    let nodes: Vec<NodeId> = tags.iter().map(|tag| tag.node.clone()).collect();
    let mut changes = client.subscribe(&nodes, args.interval).await.map_err(|error| call_failure(&error))?;
    for (tag, status) in tags.iter().zip(changes.results()) {
        if status.is_bad() {
            let _ = writeln!(io::stderr(), "tagwire: {} cannot be watched: {status}", tag.name);
        }
    }
    let footer = [format!("{} tags of {}; Ctrl-C ends", tags.len(), client.endpoint().url())];
    let mut out = io::stdout();
    let mut n_changes = 0;
    view.draw(&mut out, &footer, Instant::now())?;
    loop {
        let due = view.due(Instant::now());
        let change = tokio::select! {
            change = changes.next() => change,
            () = async { tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()).await }, if due.is_some() => {
                view.draw(&mut out, &footer, Instant::now())?;
                continue;
            }
        };
        let Some(change) = change else {
            return Err(Failure::new(Exit::Connect, "the session is over", ""));
        };
        let Some(tag) = tags.get(change.index) else { continue };
        if args.server.json {
            writeln!(out, "{}", sample_json(&tag.name, &tag.node, &change.sample))?;
            out.flush()?;
        } else {
            let sample = &change.sample;
            view.change(&mut out, change.index, &sample.value, sample.status, sample.source_time)?;
        }
        n_changes += 1;
        if args.count == Some(n_changes) {
            view.draw(&mut out, &footer, Instant::now())?;
            return Ok(());
        }
    }
}
