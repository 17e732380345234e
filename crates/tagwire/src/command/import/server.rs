//! `tagwire import server`: a tag list of what another OPC UA server has.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::json;
use tagwire_ua_client::{BrowseLimits, NodeId, parse_node_id};
use tagwire_upstream::{Found, Tree, tree};

use super::write::structure_tables;
use crate::args::ImportServerArgs;
use crate::client::{block_on, call_failure};
use crate::command::device::find_device;
use crate::command::upstream;
use crate::failure::{Exit, Failure};

/// Nodes looked at, at most.
const MAX_NODES: usize = 1_000_000;
/// Longest wait for an answer; big servers take their time to browse.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The Objects folder (OPC UA Part 6, Annex A).
const OBJECTS: u32 = 85;
/// Nodes left out that are named.
const MAX_NAMED: usize = 20;

pub(crate) fn run(args: &ImportServerArgs) -> Result<(), Failure> {
    // What is wrong with the text is told before anybody is asked.
    if let Some(text) = &args.start
        && upstream::by_uri(text)?.is_none()
    {
        parse_node_id(text).map_err(|error| Failure::new(Exit::Usage, format!("\"{text}\": {error}"), ""))?;
    }
    if let Some(path) = args.output.as_ref().filter(|path| !args.overwrite && path.exists()) {
        return Err(super::is_there(path, "file with --output"));
    }
    let (link, _) = find_device(&args.config.config, &args.device)?;
    block_on(async {
        let client = upstream::connect(&link, TIMEOUT).await?;
        let start = match &args.start {
            Some(text) => upstream::node(&client, text).await?,
            None => NodeId::new(0, OBJECTS),
        };
        let limits = BrowseLimits { depth: args.depth.max(1) as usize, max_nodes: MAX_NODES };
        let found = tree(&client, &start, limits).await.map_err(|error| call_failure(&error))?;
        client.close().await;
        write(args, &found)
    })
}

fn write(args: &ImportServerArgs, found: &Tree) -> Result<(), Failure> {
    let mut list = String::from("name,address,type,access\n");
    found.tags.iter().for_each(|tag| list.push_str(&row(tag)));
    if args.config.json {
        let tags: Vec<_> = found
            .tags
            .iter()
            .map(|tag| {
                json!({"name": tag.name, "address": tag.address.to_string(), "type": tag.value_type.to_string(),
                    "access": access(tag)})
            })
            .collect();
        let left_out: Vec<_> =
            found.left_out.iter().map(|left| json!({"what": left.name, "why": left.reason})).collect();
        let answer = json!({"tags": tags, "left_out": left_out, "structures": found.structures});
        writeln!(io::stdout(), "{answer}")?;
    } else if args.output.is_none() {
        io::stdout().write_all(list.as_bytes())?;
    }
    if let Some(path) = &args.output {
        std::fs::write(path, &list).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()), "choose another file")
        })?;
        let n_tags = found.tags.len();
        writeln!(io::stderr(), "{n_tags} tags are in {}; name it as tags_csv of the device", path.display())?;
    }
    if !found.structures.is_empty() && !args.config.json {
        writeln!(io::stderr(), "these groups are structures; write below the device for clients to see them as such:")?;
        io::stderr().write_all(structure_tables(&found.structures).as_bytes())?;
    }
    if !found.left_out.is_empty() {
        writeln!(io::stderr(), "{} nodes and members cannot be tags:", found.left_out.len())?;
        for left in found.left_out.iter().take(MAX_NAMED) {
            writeln!(io::stderr(), "  {}: {}", left.name, left.reason)?;
        }
        if found.left_out.len() > MAX_NAMED {
            writeln!(io::stderr(), "  and {} more; --json names them all", found.left_out.len() - MAX_NAMED)?;
        }
    }
    Ok(())
}

fn access(tag: &Found) -> &'static str {
    if tag.is_writable { "rw" } else { "ro" }
}

fn row(tag: &Found) -> String {
    let address = tag.address.to_string();
    let value_type = tag.value_type.to_string();
    format!("{},{},{},{}\n", cell(&tag.name), cell(&address), cell(&value_type), access(tag))
}

/// A cell as CSV wants it.
fn cell(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::{DataType, Dims, ValueType};
    use tagwire_upstream::Address;

    #[test]
    fn a_row_is_what_the_tag_lists_of_the_configuration_hold() {
        let tag = Found {
            name: "press.profile".to_owned(),
            address: Address::parse("nsu=urn:a;s=say \"x,y\"").expect("an address"),
            value_type: ValueType { data_type: DataType::Int16, dims: Dims::new(&[2, 5]).expect("dims") },
            is_writable: true,
        };
        assert_eq!(row(&tag), "press.profile,\"nsu=urn:a;s=say \"\"x,y\"\"\",\"i16[2,5]\",rw\n");
    }
}
