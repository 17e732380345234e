//! `tagwire browse`: what a server has.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write as _};

use serde_json::json;
use tagwire_model::{Sample, Value};
use tagwire_ua_client::{BrowseLimits, Browsed, Client, NodeClass, NodeId, StatusName, print_node_id};

use crate::args::BrowseArgs;
use crate::client::{Named, block_on, call_failure, connect, target};
use crate::command::device::find_device;
use crate::command::upstream;
use crate::failure::Failure;
use crate::nearest;
use crate::terminal::{fit, shown, width};
use tagwire_gateway::control::value_json;
use tagwire_upstream::OpcUaKind;

/// Nodes shown at most.
const MAX_NODES: usize = 1_000_000;

/// Variables whose values are shown too; more would take longer than the browsing.
const MAX_VALUES: usize = 5_000;

/// Widest column of names; longer ones push the rest of their line.
const MAX_NAME_WIDTH: usize = 40;

/// Widest column of values; longer ones are cut.
const MAX_VALUE_WIDTH: usize = 28;

/// PropertyType (OPC UA Part 6, Annex A).
const PROPERTY_TYPE: u32 = 68;

/// The Objects folder (OPC UA Part 6, Annex A).
const OBJECTS: u32 = 85;

/// A value with its unit.
struct Shown {
    sample: Sample,
    unit: Option<String>,
}

pub(crate) fn run(args: &BrowseArgs) -> Result<(), Failure> {
    let device = args.device.as_deref().map(|name| find_device(&args.config, name)).transpose()?;
    let link = device.map(|(link, _)| link);
    if let Some(link) = &link
        && link.kind != OpcUaKind::NAME
    {
        return super::controller::browse(args, link);
    }
    let (url, mut named) = target(&args.server, &args.names)?;
    if named.is_empty() {
        named.push(Named { name: "Objects".to_owned(), node: NodeId::new(0, OBJECTS) });
    }
    block_on(async {
        let client = match &link {
            Some(link) => upstream::connect(link, args.server.timeout).await?,
            None => connect(url, &args.server, false).await?,
        };
        if link.is_some() {
            for named in named.iter_mut().filter(|named| named.name.trim_start().starts_with("nsu=")) {
                named.node = upstream::node(&client, &named.name).await?;
            }
        }
        let mut out = io::stdout();
        for named in &named {
            let limits = BrowseLimits { depth: args.depth.max(1) as usize, max_nodes: MAX_NODES };
            let mut found = match client.browse(&named.node, limits).await {
                Err(error) if nearest::is_unknown(&error) => return Err(nearest::unknown(&client, &named.name).await),
                found => found.map_err(|error| call_failure(&error))?,
            };
            let n_found = found.len();
            if !args.all {
                // Who starts inside the server's own part wants to see it.
                let is_own = named.node.namespace == 0 && named.node != NodeId::new(0, OBJECTS);
                hide(&mut found, is_own, named.name.contains("._") || named.name.starts_with('_'));
            }
            let values = values(&client, &found).await;
            if args.server.json {
                for node in &found {
                    writeln!(out, "{}", node_json(node, values.get(&print_node_id(&node.node))))?;
                }
            } else {
                write_tree(&mut out, &named.node, &found, &values)?;
            }
            if found.is_empty() && !args.server.json {
                let name = shown(&named.name);
                let rest = if n_found == 0 { "" } else { " but what belongs to the server itself; --all shows it" };
                writeln!(io::stderr(), "tagwire: there is nothing in {name}{rest}")?;
            }
        }
        client.close().await;
        Ok(())
    })
}

/// Leaves out the server's own folders, tags whose names begin with an underscore, methods and properties, and all below them;
/// parents come before children.
fn hide(found: &mut Vec<Browsed>, keeps_server: bool, keeps_system: bool) {
    let mut hidden: HashSet<String> = HashSet::new();
    found.retain(|node| {
        let is_server =
            !keeps_server && (node.node.namespace == 0 || node.type_definition == NodeId::new(0, PROPERTY_TYPE));
        let is_system = !keeps_system && (node.name.starts_with('_') || node.class == NodeClass::Method);
        let hide = is_server || is_system || hidden.contains(&print_node_id(&node.parent));
        if hide {
            hidden.insert(print_node_id(&node.node));
        }
        !hide
    });
}

/// Values and units of the variables, by node, as long as they are not too many; a server that refuses is shown
/// without.
async fn values(client: &Client, found: &[Browsed]) -> HashMap<String, Shown> {
    let variables: Vec<NodeId> =
        found.iter().filter(|node| node.class == NodeClass::Variable).map(|node| node.node.clone()).collect();
    if variables.is_empty() || variables.len() > MAX_VALUES {
        return HashMap::new();
    }
    let samples = client.read(&variables).await.unwrap_or_default();
    let mut units = client.units(&variables).await.unwrap_or_default().into_iter();
    let shown = samples.into_iter().map(|sample| Shown { sample, unit: units.next().flatten() });
    variables.iter().map(print_node_id).zip(shown).collect()
}

fn node_json(node: &Browsed, shown: Option<&Shown>) -> serde_json::Value {
    let mut object = json!({
        "node": print_node_id(&node.node),
        "parent": print_node_id(&node.parent),
        "depth": node.depth,
        "name": node.name,
        "display_name": node.display_name,
        "class": node.kind(),
        "type_definition": print_node_id(&node.type_definition),
    });
    if let (Some(fields), Some(Shown { sample, unit })) = (object.as_object_mut(), shown) {
        fields.insert("value".to_owned(), value_json(&sample.value));
        fields.insert("type".to_owned(), json!(sample.value.value_type().map(|kind| kind.to_string())));
        fields.insert("unit".to_owned(), json!(unit));
        fields.insert("status".to_owned(), json!(StatusName::plain(sample.status)));
    }
    object
}

/// One line of the tree, in columns.
struct Line {
    name: String,
    kind: String,
    value: String,
    node: String,
}

/// The nodes as an indented tree; they come breadth first, so each level is sought by its parent.
fn write_tree(
    out: &mut impl io::Write,
    root: &NodeId,
    found: &[Browsed],
    values: &HashMap<String, Shown>,
) -> io::Result<()> {
    let mut children: HashMap<String, Vec<&Browsed>> = HashMap::new();
    for node in found {
        children.entry(print_node_id(&node.parent)).or_default().push(node);
    }
    let mut lines: Vec<Line> = Vec::with_capacity(found.len());
    let mut stack: Vec<&Browsed> = children.get(&print_node_id(root)).into_iter().flatten().rev().copied().collect();
    while let Some(node) = stack.pop() {
        let id = print_node_id(&node.node);
        let sign = match node.class {
            NodeClass::Variable => "",
            NodeClass::Method => "()",
            _ => "/",
        };
        let name = format!("{}{}{sign}", "  ".repeat(node.depth.saturating_sub(1)), shown(&node.name));
        let (kind, value) = values.get(&id).map(kind_and_value).unwrap_or_default();
        stack.extend(children.get(&id).into_iter().flatten().rev().copied());
        lines.push(Line { name, kind, value, node: shown(&id).into_owned() });
    }
    let widest =
        |text: fn(&Line) -> &str| lines.iter().map(|line| width(text(line))).max().unwrap_or(0).min(MAX_NAME_WIDTH);
    let (name, kind, value) = (widest(|line| &line.name), widest(|line| &line.kind), widest(|line| &line.value));
    for line in &lines {
        let columns = [(&line.name, name), (&line.kind, kind), (&line.value, value)];
        let cells: Vec<String> =
            columns.iter().filter(|(_, width)| *width > 0).map(|(text, width)| padded(text, *width)).collect();
        writeln!(out, "{}  {}", cells.join("  "), line.node)?;
    }
    out.flush()
}

/// Type and value of a variable for people; instead of a bad value what is wrong with it.
fn kind_and_value(Shown { sample, unit }: &Shown) -> (String, String) {
    let kind = sample.value.value_type().map_or_else(String::new, |kind| kind.to_string());
    if sample.status.is_bad() {
        return (kind, StatusName::plain(sample.status));
    }
    let unit = unit.as_deref().map_or_else(String::new, |unit| format!(" {unit}"));
    let value = match &sample.value {
        Value::Null => String::new(),
        value => value.to_string(),
    };
    let room = MAX_VALUE_WIDTH.saturating_sub(width(&unit));
    let value = shown(&value).into_owned();
    let value = if width(&value) > room { fit(&value, room) } else { value };
    (kind, format!("{value}{}", shown(&unit)))
}

fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_ua_client::parse_node_id;

    fn node(id: &str, parent: &str, name: &str, type_definition: u32) -> Browsed {
        Browsed {
            node: parse_node_id(id).expect(id),
            parent: parse_node_id(parent).expect(parent),
            depth: 1,
            name_namespace: 0,
            name: name.to_owned(),
            display_name: name.to_owned(),
            class: NodeClass::Object,
            type_definition: NodeId::new(0, type_definition),
        }
    }

    #[test]
    fn what_belongs_to_the_server_is_left_out() {
        let all = vec![
            node("i=2253", "i=85", "Server", 0),
            node("boiler", "i=85", "boiler", 61),
            node("_System", "i=85", "_System", 61),
            node("i=2256", "i=2253", "ServerStatus", 0),
            node("_System.uptime", "_System", "uptime", 63),
            node("boiler.t", "boiler", "t", 63),
            node("boiler.t.EURange", "boiler.t", "EURange", PROPERTY_TYPE),
        ];
        let names = |keeps_server, keeps_system| {
            let mut found = all.clone();
            hide(&mut found, keeps_server, keeps_system);
            found.into_iter().map(|node| node.name).collect::<Vec<_>>()
        };
        assert_eq!(names(false, false), ["boiler", "t"]);
        assert_eq!(names(false, true), ["boiler", "_System", "uptime", "t"]);
        assert_eq!(names(true, false), ["Server", "boiler", "ServerStatus", "t", "EURange"]);
    }
}
