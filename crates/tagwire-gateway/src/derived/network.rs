//! Which derived tag needs which: an order in which each comes behind what it needs.

use std::collections::HashMap;

use crate::config::{Derived, Work};

/// The paths that a derived tag depends on, and the path besides its own whose value it sets.
pub(crate) fn points(derived: &Derived) -> (Vec<&str>, Option<&str>) {
    let mut needs: Vec<&str> = derived.inputs.iter().map(|(_, path)| path.as_str()).collect();
    needs.extend(derived.reset.as_deref());
    let mut sets = None;
    if let Work::Link { output, trigger, .. } = &derived.work {
        needs.extend(trigger.as_deref());
        sets = Some(output.as_str());
    }
    (needs, sets)
}

/// The places of derived tags, each behind those that it needs.
///
/// # Errors
/// The places along a circle, beginning and ending with the same.
pub(crate) fn order(list: &[Derived]) -> Result<Vec<usize>, Vec<usize>> {
    let mut makers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, derived) in list.iter().enumerate() {
        makers.entry(&derived.name).or_default().push(at);
        if let Some(output) = points(derived).1 {
            makers.entry(output).or_default().push(at);
        }
    }
    let needs: Vec<Vec<usize>> = list
        .iter()
        .map(|derived| points(derived).0.iter().filter_map(|path| makers.get(path)).flatten().copied().collect())
        .collect();
    let mut state = vec![Mark::New; list.len()];
    let mut order = Vec::with_capacity(list.len());
    for start in 0..list.len() {
        // Depth first without recursion: a chain may be as long as the list.
        let mut way: Vec<(usize, usize)> = Vec::new();
        if state[start] == Mark::New {
            state[start] = Mark::OnTheWay;
            way.push((start, 0));
        }
        while let Some((at, next)) = way.last_mut() {
            match needs[*at].get(*next).copied() {
                Some(needed) => {
                    *next += 1;
                    match state[needed] {
                        Mark::New => {
                            state[needed] = Mark::OnTheWay;
                            way.push((needed, 0));
                        }
                        Mark::OnTheWay => {
                            let from = way.iter().position(|(at, _)| *at == needed).unwrap_or(0);
                            return Err(way[from..].iter().map(|(at, _)| *at).chain([needed]).collect());
                        }
                        Mark::Done => {}
                    }
                }
                None => {
                    state[*at] = Mark::Done;
                    order.push(*at);
                    way.pop();
                }
            }
        }
    }
    Ok(order)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnTheWay,
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(tags: &[(&str, &[&str])]) -> Vec<Derived> {
        let derived = |(name, inputs): &(&str, &[&str])| Derived {
            name: (*name).to_owned(),
            inputs: inputs.iter().map(|input| ("x".to_owned(), (*input).to_owned())).collect(),
            ..Derived::sample()
        };
        tags.iter().map(derived).collect()
    }

    #[test]
    fn each_comes_behind_what_it_needs() {
        let list = list(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &["plc"]), ("d", &[])]);
        assert_eq!(order(&list), Ok(vec![2, 1, 0, 3]));
    }

    #[test]
    fn circles_are_found_however_long_they_are() {
        assert_eq!(order(&list(&[("a", &["a"])])), Err(vec![0, 0]));
        assert_eq!(order(&list(&[("x", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])])), Err(vec![1, 2, 3, 1]));
        let names: Vec<String> = (0..50_000).map(|n| format!("t{n}")).collect();
        let long: Vec<(&str, Vec<&str>)> =
            names.iter().enumerate().map(|(n, name)| (name.as_str(), vec![names[(n + 1) % 50_000].as_str()])).collect();
        let long: Vec<(&str, &[&str])> = long.iter().map(|(name, inputs)| (*name, inputs.as_slice())).collect();
        assert_eq!(order(&list(&long)).map_err(|circle| circle.len()), Err(50_001));
    }

    #[test]
    fn a_link_closes_a_circle_through_the_tag_that_it_writes() {
        let mut tags = list(&[("calc.sum", &["plc.out"]), ("calc.copy", &["calc.sum"])]);
        tags[1].work = Work::Link { output: "plc.out".to_owned(), on: crate::config::LinkOn::Change, trigger: None };
        assert!(order(&tags).is_err());
    }
}
