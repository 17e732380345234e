//! `tagwire browse`: what a server has.

use std::io::{self, Write as _};

use serde_json::json;
use tagwire_ua_client::{BrowseLimits, Browsed, NodeClass, NodeId, print_node_id};

use crate::args::BrowseArgs;
use crate::client::{Named, block_on, call_failure, connect, target};
use crate::failure::Failure;

/// Nodes shown at most.
const MAX_NODES: usize = 1_000_000;

pub(crate) fn run(args: &BrowseArgs) -> Result<(), Failure> {
    let (url, mut named) = target(&args.server, &args.names)?;
    if named.is_empty() {
        // Part 6, Annex A: the Objects folder.
        named.push(Named { name: "Objects".to_owned(), node: NodeId::new(0, 85_u32) });
    }
    block_on(async {
        let client = connect(url, &args.server, false).await?;
        let mut out = io::stdout().lock();
        for named in &named {
            let limits = BrowseLimits { depth: args.depth.max(1) as usize, max_nodes: MAX_NODES };
            let mut found = client.browse(&named.node, limits).await.map_err(|error| call_failure(&error))?;
            if !args.all && !named.name.contains("._") && !named.name.starts_with('_') {
                hide_own_tags(&mut found);
            }
            if args.server.json {
                for node in &found {
                    writeln!(out, "{}", node_json(node))?;
                }
            } else {
                write_tree(&mut out, &named.node, &found)?;
            }
        }
        client.close().await;
        Ok(())
    })
}

/// Leaves out nodes whose names begin with an underscore, and all below them; parents come before children.
fn hide_own_tags(found: &mut Vec<Browsed>) {
    let mut hidden = std::collections::HashSet::new();
    found.retain(|node| {
        let hide = node.name.starts_with('_') || hidden.contains(&print_node_id(&node.parent));
        if hide {
            hidden.insert(print_node_id(&node.node));
        }
        !hide
    });
}

fn node_json(node: &Browsed) -> serde_json::Value {
    json!({
        "node": print_node_id(&node.node),
        "parent": print_node_id(&node.parent),
        "depth": node.depth,
        "name": node.name,
        "display_name": node.display_name,
        "class": class_name(node.class),
        "type_definition": print_node_id(&node.type_definition),
    })
}

/// The nodes as an indented tree; they come breadth first, so each level is sought by its parent.
fn write_tree(out: &mut impl io::Write, root: &NodeId, found: &[Browsed]) -> io::Result<()> {
    let mut children: std::collections::HashMap<String, Vec<&Browsed>> = std::collections::HashMap::new();
    for node in found {
        children.entry(print_node_id(&node.parent)).or_default().push(node);
    }
    let mut stack: Vec<&Browsed> = children.get(&print_node_id(root)).into_iter().flatten().rev().copied().collect();
    while let Some(node) = stack.pop() {
        let indent = "  ".repeat(node.depth.saturating_sub(1));
        let sign = if node.class == NodeClass::Variable { "" } else { "/" };
        writeln!(out, "{indent}{}{sign}  {}", node.name, print_node_id(&node.node))?;
        stack.extend(children.get(&print_node_id(&node.node)).into_iter().flatten().rev().copied());
    }
    Ok(())
}

pub(crate) const fn class_name(class: NodeClass) -> &'static str {
    match class {
        NodeClass::Object => "object",
        NodeClass::Variable => "variable",
        NodeClass::Method => "method",
        NodeClass::ObjectType => "object type",
        NodeClass::VariableType => "variable type",
        NodeClass::ReferenceType => "reference type",
        NodeClass::DataType => "data type",
        NodeClass::View => "view",
        NodeClass::Unspecified => "unspecified",
    }
}
