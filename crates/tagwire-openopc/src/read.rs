//! Reading.

use std::time::Duration;

use tagwire_access::Operation;
use tagwire_model::{Status, TagId, Timestamp};

use crate::ask::Arguments;
use crate::face::Group;
use crate::items::Asker;
use crate::status::{Raised, error_text, quality};
use crate::{Face, Literal, health, value};

/// Longest wait for devices.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// Most health tags of one call.
const MAX_HEALTH: usize = 100;
/// Most items of one call.
const MAX_ITEMS: usize = 100_000;

pub(crate) const NAMES: &[&str] =
    &["tags", "group", "size", "pause", "source", "update", "timeout", "sync", "include_error", "rebuild"];

/// The rows of a read, and whether the one row stands alone.
pub(crate) async fn read(
    face: &Face,
    asker: &Asker,
    client: &str,
    asked: &Arguments<'_>,
) -> Result<(Vec<Literal>, bool), Raised> {
    let (tags, is_single) = asked.names("tags")?;
    let group = asked.text("group")?;
    if tags.len() > MAX_ITEMS {
        return Err(Raised::opc(format!("read: more than {MAX_ITEMS} items")));
    }
    if group.is_none() && matches!(asked.get("tags"), Literal::None) {
        return Err(asked.wrong("tags", "a string or a list of strings"));
    }
    let source = match asked.text("source")? {
        None | Some("hybrid") => Source::Hybrid,
        Some("device") => Source::Device,
        Some("cache") => Source::Cache,
        Some(_) => return Err(asked.wrong("source", "'cache', 'device' or 'hybrid'")),
    };
    let has_errors = asked.flag("include_error");
    let n_health = tags.iter().filter(|tag| tag.starts_with('@')).count();
    if n_health > 0 {
        if n_health < tags.len() {
            return Err(Raised::type_error("read(): health tags and OPC tags cannot be read together"));
        }
        if !asker.may(Operation::Read, "") {
            return Err(Raised::opc("read: health tags are not for everybody"));
        }
        let mut rows = Vec::new();
        for tag in tags.iter().take(MAX_HEALTH) {
            let now = (face.clock)();
            let found = health::read(tag, now).await;
            rows.push(health_row(tag, found.map(|value| (value, now)), is_single, has_errors));
        }
        return Ok((rows, is_single));
    }
    let (items, is_fresh) = match group {
        None => (tags, true),
        Some(name) => grouped(face, client, name, tags, asked)?,
    };
    if source == Source::Device || (source == Source::Hybrid && is_fresh) {
        refresh(face, asker, &items, wait(asked)?).await?;
    }
    let is_alone = is_single && group.is_none();
    let found = asker.samples(face, &items);
    let rows: Vec<Literal> =
        items.iter().zip(found).map(|(item, sample)| row(item, sample, is_alone, has_errors)).collect();
    Ok((rows, is_alone))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Cache,
    Device,
    Hybrid,
}

fn wait(asked: &Arguments<'_>) -> Result<Duration, Raised> {
    match asked.get("timeout") {
        Literal::None => Ok(Duration::from_secs(5)),
        Literal::Int(millis) if *millis >= 0 => {
            Ok(Duration::from_millis(u64::try_from(*millis).unwrap_or(u64::MAX)).min(MAX_WAIT))
        }
        _ => Err(asked.wrong("timeout", "a number of milliseconds")),
    }
}

/// The items of a group, made now where it is new, and whether it is.
fn grouped(
    face: &Face,
    client: &str,
    name: &str,
    tags: Vec<String>,
    asked: &Arguments<'_>,
) -> Result<(Vec<String>, bool), Raised> {
    let (size, rebuild) = (asked.size("size")?, asked.flag("rebuild"));
    let found = face.with(client, |client| {
        let known = client.groups.iter().find(|group| group.name == name).map(|group| group.tags.clone());
        match known {
            Some(known) if !rebuild => Ok((known, false)),
            None if tags.is_empty() => {
                Err(Raised::opc(format!("read: there is no group '{name}', and no tags are given to make it")))
            }
            known => {
                let tags = if tags.is_empty() { known.unwrap_or_default() } else { tags };
                client.set_group(Group { name: name.to_owned(), tags: tags.clone(), size })?;
                Ok((tags, true))
            }
        }
    });
    found.unwrap_or_else(|| Err(Raised::opc("read: the client was closed")))
}

/// Asks the devices of the tags that no scan keeps fresh.
async fn refresh(face: &Face, asker: &Asker, items: &[String], wait: Duration) -> Result<(), Raised> {
    if !face.hub.has_on_demand_tags() {
        return Ok(());
    }
    let tags: Vec<TagId> = items
        .iter()
        .filter_map(|item| asker.find(face, item, Operation::Read).ok())
        .filter(|tag| face.hub.registry().tag(*tag).is_some_and(|tag| tag.on_demand))
        .collect();
    if tags.is_empty() {
        return Ok(());
    }
    let refreshing = face.hub.refresh(&tags);
    tokio::time::timeout(wait, refreshing)
        .await
        .map_err(|_| Raised { class: "TimeoutError", text: "Callback: Timeout waiting for data".to_owned() })
}

fn health_row(tag: &str, found: Option<(Literal, Timestamp)>, is_alone: bool, has_errors: bool) -> Literal {
    let mut cells = if is_alone { Vec::new() } else { vec![Literal::text(tag)] };
    let is_known = found.is_some();
    match found {
        Some((value, now)) => cells.extend([value, Literal::text("Good"), value::time(now)]),
        None => cells.extend([Literal::None, Literal::text("Error"), Literal::None]),
    }
    if has_errors {
        cells.push(Literal::text(if is_known { "" } else { "unknown health tag" }));
    }
    Literal::Tuple(cells)
}

fn row(item: &str, sample: Result<tagwire_model::Sample, Status>, is_alone: bool, has_errors: bool) -> Literal {
    let mut cells = Vec::with_capacity(5);
    if !is_alone {
        cells.push(Literal::text(item));
    }
    let status = match sample {
        Ok(sample) => {
            let time = if sample.source_time.is_none() { sample.server_time } else { sample.source_time };
            cells.push(value::to_literal(&sample.value));
            cells.push(Literal::text(quality(sample.status)));
            cells.push(value::time(time));
            sample.status
        }
        Err(status) => {
            cells.extend([Literal::None, Literal::text("Error"), Literal::None]);
            status
        }
    };
    if has_errors {
        cells.push(Literal::Text(error_text(status)));
    }
    Literal::Tuple(cells)
}
