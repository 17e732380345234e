//! Controllers that list their own tags: how commands ask them.

use std::future::Future;
use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::json;
use tagwire_driver::{LinkSettings, LinkSpec, PolledDriver as _};
use tagwire_enip::upload::{Leaf, Symbols};
use tagwire_enip::{EnipDriver, EnipKind, ListError};

use crate::args::BrowseArgs;
use crate::client::block_on;
use crate::command::explain_enip::DRIVER;
use crate::failure::{Exit, Failure};
use crate::terminal::shown;

/// Longest time that a whole list may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(120);
/// Most values of one tag that are listed.
pub(super) const MAX_LEAVES: usize = 100_000;

/// Asks a controller over a link of its own.
pub(super) fn ask<T, F>(link: &LinkSpec, limit: Duration, question: impl FnOnce(EnipDriver) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, ListError>>,
{
    let mut driver = EnipKind.driver(link).map_err(|error| Failure::new(Exit::Config, error.problem, error.fix))?;
    let mut answer = None;
    block_on(async {
        let no_answer = |problem: String| {
            let hint = "is the controller on, and are address and path right?";
            Failure::new(Exit::Connect, format!("{} does not answer: {problem}", link.address), hint)
        };
        let patience = LinkSettings::default().connect_timeout;
        let connected = tokio::time::timeout(patience, driver.connect()).await;
        connected
            .map_err(|_| no_answer(format!("no connection within {patience:?}")))?
            .map_err(|error| no_answer(error.to_string()))?;
        let asked = tokio::time::timeout(limit, question(driver)).await;
        let asked = asked.map_err(|_| no_answer(format!("no answer within {limit:?}")))?;
        answer = Some(asked.map_err(|error| match error {
            ListError::Link(error) => no_answer(error.to_string()),
            error => Failure::new(
                Exit::Failed,
                format!("{}: {error}", link.address),
                "the controller gives no list of its tags",
            ),
        })?);
        Ok(())
    })?;
    answer.ok_or_else(|| Failure::silent(Exit::Failed))
}

/// All tags of the first device of a link.
pub(super) fn list(link: &LinkSpec) -> Result<Symbols, Failure> {
    if link.kind != DRIVER {
        let hint = "controllers of the driver enip and servers of the driver opcua do";
        return Err(Failure::new(Exit::Usage, format!("devices of {} do not list their tags", link.kind), hint));
    }
    ask(link, LIST_TIMEOUT, |mut driver| async move { driver.list(0).await })
}

/// Whether an address begins as one of the names says; no name lets all pass.
pub(super) fn is_named(address: &str, names: &[String]) -> bool {
    let starts = |name: &String| address.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    names.is_empty() || names.iter().any(starts)
}

/// Whether one of the names is that of a member or element of a tag.
fn holds_named(address: &str, names: &[String]) -> bool {
    let is_inside = |name: &String| {
        let (start, rest) = name.split_at_checked(address.len()).unwrap_or((name, ""));
        start.eq_ignore_ascii_case(address) && rest.starts_with(['.', '['])
    };
    names.iter().any(is_inside)
}

/// `tagwire browse --device`: the tags of a controller.
pub(super) fn browse(args: &BrowseArgs, link: &LinkSpec) -> Result<(), Failure> {
    let symbols = list(link)?;
    let mut out = io::stdout().lock();
    let mut tags: Vec<_> =
        symbols.tags.iter().map(|(scope, symbol)| (scope.address(&symbol.name), scope, symbol)).collect();
    tags.sort_by(|a, b| a.0.cmp(&b.0));
    let mut n_shown = 0;
    for (address, scope, symbol) in &tags {
        let is_whole = is_named(address, &args.names);
        if !is_whole && !holds_named(address, &args.names) {
            continue;
        }
        let type_name = symbols.type_name(symbol);
        let mut leaves = symbols.leaves(scope, symbol, args.depth.max(1) as usize - 1, MAX_LEAVES);
        if !is_whole {
            leaves.retain(|leaf| is_named(&leaf.address, &args.names));
            if leaves.is_empty() {
                continue;
            }
        }
        n_shown += 1;
        if args.server.json {
            let members: Vec<_> = leaves.iter().map(member_json).collect();
            writeln!(out, "{}", json!({ "address": address, "type": type_name, "values": members }))?;
            continue;
        }
        match &leaves[..] {
            [leaf] if leaf.address == *address => writeln!(out, "{address:<40} {type_name:<20} {}", leaf.value_type)?,
            _ => {
                writeln!(out, "{address:<40} {}", shown(&type_name))?;
                for leaf in &leaves {
                    writeln!(out, "  {:<38} {:<20} {}", leaf.address, leaf.type_name, leaf.value_type)?;
                }
            }
        }
    }
    if n_shown == 0 {
        let message = format!("{} has no such tag", args.device.as_deref().unwrap_or(&link.name));
        let hint = "names are beginnings of addresses; members are listed as far down as --depth says";
        return Err(Failure::new(Exit::Failed, message, hint));
    }
    Ok(())
}

fn member_json(leaf: &Leaf) -> serde_json::Value {
    json!({ "address": leaf.address, "type": leaf.value_type.to_string(), "controller_type": leaf.type_name })
}
