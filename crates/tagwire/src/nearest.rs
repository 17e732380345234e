//! What a name may have meant that the server does not know.

use tagwire_ua_client::{BrowseLimits, Client, Error, NodeId, StatusName, parse_node_id};

use crate::failure::{Exit, Failure};

/// Children of a folder looked at; a larger folder is not cheap to search.
const MAX_CHILDREN: usize = 20_000;

/// Steps of a name looked at.
const MAX_STEPS: usize = 16;

/// The failure that a server does not have a node of this name.
pub(crate) async fn unknown(client: &Client, name: &str) -> Failure {
    Failure::new(Exit::Failed, format!("the server has no \"{name}\""), hint(client, name).await)
}

/// What to type instead of an unknown name.
pub(crate) async fn hint(client: &Client, name: &str) -> String {
    match nearest(client, name).await {
        Some(nearest) => format!("did you mean {nearest}? tagwire browse shows what is there"),
        None => "tagwire browse shows what is there".to_owned(),
    }
}

/// Whether an error says that the server does not know the node.
pub(crate) fn is_unknown(error: &Error) -> bool {
    error
        .status()
        .is_some_and(|status| matches!(StatusName::plain(status).as_str(), "BadNodeIdUnknown" | "BadNodeIdInvalid"))
}

/// Follows the name from folder to folder and mends the steps that lead nowhere; `None` where a step is like none of
/// those that exist.
async fn nearest(client: &Client, name: &str) -> Option<String> {
    if name.contains('=') {
        return None;
    }
    // Part 6, Annex A: the Objects folder.
    let mut folder = NodeId::new(0, 85_u32);
    let mut found = String::new();
    for step in name.split('.').take(MAX_STEPS) {
        let limits = BrowseLimits { depth: 1, max_nodes: MAX_CHILDREN };
        let children = client.browse(&folder, limits).await.ok()?;
        let child = children.iter().find(|child| child.name == step).or_else(|| {
            let near = children.iter().filter(|child| child.node.namespace != 0);
            let ranked = near.map(|child| (distance(step, &child.name), child));
            let best = ranked.min_by_key(|(distance, _)| *distance)?;
            (best.0 <= (step.chars().count() / 3).max(1)).then_some(best.1)
        })?;
        if !found.is_empty() {
            found.push('.');
        }
        found.push_str(&child.name);
        folder = child.node.clone();
    }
    // The name must be one that can be typed, which only the path of a tag is.
    (found != name && parse_node_id(&found).ok()? == folder).then_some(found)
}

/// Letters to add, drop, change or swap with their neighbour until both are equal, letter case aside.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let mut best = (above[j + 1] + 1).min(row[j] + 1).min(above[j] + usize::from(from != to));
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn the_distance_counts_the_slips_of_a_typist() {
        for (a, b, expected) in [
            ("temperature", "temperature", 0),
            ("tempreature", "temperature", 1),
            ("Temperature", "temperature", 0),
            ("temprature", "temperature", 1),
            ("layer", "layers", 1),
            ("", "abc", 3),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
