//! The address space, page by page.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use opcua_types::{
    BrowseDescription, BrowseDirection, BrowseResult, ByteString, NodeId, ReferenceDescription, ReferenceTypeId,
};

use crate::attribute::check_len;
use crate::{Client, Error, guard};

pub use opcua_types::NodeClass;

/// References asked for per node and answer.
const REFERENCES_PER_PAGE: u32 = 1_000;
/// References of one node that are looked at; what lies beyond is left out.
const MAX_REFERENCES: usize = 1_000_000;
/// HasEventSource (Part 3, 7.17).
const HAS_EVENT_SOURCE: u32 = 36;
/// HasNotifier (Part 3, 7.18).
const HAS_NOTIFIER: u32 = 48;

/// Fields of a reference: all of them.
const ALL_FIELDS: u32 = 0x3F;

/// Where browsing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrowseLimits {
    /// Levels below the first node; 1 gives its children.
    pub depth: usize,
    /// Nodes in the answer at most; what lies beyond is left out.
    pub max_nodes: usize,
}

impl Default for BrowseLimits {
    fn default() -> Self {
        Self { depth: 1, max_nodes: 100_000 }
    }
}

/// A node found below another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Browsed {
    /// The node.
    pub node: NodeId,
    /// The node it was found under.
    pub parent: NodeId,
    /// Levels below the first node, from 1.
    pub depth: usize,
    /// Namespace of the browse name.
    pub name_namespace: u16,
    /// The browse name.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// What kind of node it is.
    pub class: NodeClass,
    /// The type of an object or variable; null for others.
    pub type_definition: NodeId,
}

impl Browsed {
    /// What kind of node it is, in words for people.
    pub const fn kind(&self) -> &'static str {
        match self.class {
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
}

impl Client {
    /// The nodes below `node` over hierarchical references, each once, parents before children, breadth first.
    ///
    /// A node that the server refuses to browse has no children; only the first node's refusal is an error.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn browse(&self, node: &NodeId, limits: BrowseLimits) -> Result<Vec<Browsed>, Error> {
        let mut found: Vec<Browsed> = Vec::new();
        let mut seen: HashSet<NodeId> = HashSet::from([node.clone()]);
        let mut level = vec![node.clone()];
        for depth in 1..=limits.depth {
            let mut next = Vec::new();
            for parents in level.chunks(self.batches.browse.max(1)) {
                let questions: Vec<BrowseDescription> = parents.iter().map(question).collect();
                let call = self.session.browse(&questions, REFERENCES_PER_PAGE, None);
                let answers = guard::call("Browse", self.timeout, call).await?;
                check_len("Browse", answers.len(), parents.len())?;
                for (parent, answer) in parents.iter().zip(answers) {
                    if depth == 1 && answer.status_code.is_bad() {
                        return Err(Error::from_library("Browse", self.timeout, answer.status_code));
                    }
                    self.take_pages(parent, depth, answer, limits.max_nodes, &mut seen, &mut found, &mut next).await?;
                    if found.len() >= limits.max_nodes {
                        return Ok(found);
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            level = next;
        }
        Ok(found)
    }

    /// Takes the references of one node, asking for further pages; a continuation point that is not needed any more is
    /// given back.
    #[expect(clippy::too_many_arguments, reason = "the state of one walk, used in one place")]
    async fn take_pages(
        &self,
        parent: &NodeId,
        depth: usize,
        mut answer: BrowseResult,
        max_nodes: usize,
        seen: &mut HashSet<NodeId>,
        found: &mut Vec<Browsed>,
        next: &mut Vec<NodeId>,
    ) -> Result<(), Error> {
        let mut pages = Pages::default();
        loop {
            let references = answer.references.take().unwrap_or_default();
            let goes_on = pages.take(&references);
            for reference in references {
                // A node on another server cannot be browsed here.
                if reference.node_id.server_index != 0 || found.len() >= max_nodes {
                    continue;
                }
                // Who tells events about whom is a second tree over the same nodes.
                let is_event_path = [HAS_EVENT_SOURCE, HAS_NOTIFIER]
                    .iter()
                    .any(|id| reference.reference_type_id == NodeId::new(0, *id));
                if is_event_path {
                    continue;
                }
                let node = reference.node_id.node_id;
                if !seen.insert(node.clone()) {
                    continue;
                }
                next.push(node.clone());
                found.push(Browsed {
                    node,
                    parent: parent.clone(),
                    depth,
                    name_namespace: reference.browse_name.namespace_index,
                    name: reference.browse_name.name.as_ref().to_owned(),
                    display_name: reference.display_name.text.as_ref().to_owned(),
                    class: reference.node_class,
                    type_definition: reference.type_definition.node_id,
                });
            }
            let point: ByteString = std::mem::take(&mut answer.continuation_point);
            if point.is_null_or_empty() {
                return Ok(());
            }
            let is_last = found.len() >= max_nodes || !goes_on;
            let call = self.session.browse_next(is_last, std::slice::from_ref(&point));
            let told = guard::call("BrowseNext", self.timeout, call).await;
            if is_last {
                return Ok(());
            }
            let Some(page) = told?.into_iter().next() else {
                return Err(Error::Peer("answer to BrowseNext holds no result".to_owned()));
            };
            if page.status_code.is_bad() {
                return Err(Error::from_library("BrowseNext", self.timeout, page.status_code));
            }
            answer = page;
        }
    }
}

/// The references of one node so far, over all pages.
#[derive(Default)]
struct Pages {
    /// A hash of each reference, because a million of them in full would be large.
    known: HashSet<u64>,
    hasher: RandomState,
}

impl Pages {
    /// Takes note of a page; whether to ask for the next one, which a server that repeats itself may offer for ever.
    fn take(&mut self, references: &[ReferenceDescription]) -> bool {
        let n_before = self.known.len();
        for reference in references {
            let target = &reference.node_id;
            let key =
                (&reference.reference_type_id, &target.node_id, target.server_index, target.namespace_uri.as_ref());
            self.known.insert(self.hasher.hash_one(key));
        }
        self.known.len() > n_before && self.known.len() < MAX_REFERENCES
    }
}

fn question(node: &NodeId) -> BrowseDescription {
    BrowseDescription {
        node_id: node.clone(),
        browse_direction: BrowseDirection::Forward,
        reference_type_id: ReferenceTypeId::HierarchicalReferences.into(),
        include_subtypes: true,
        node_class_mask: 0,
        result_mask: ALL_FIELDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(targets: std::ops::Range<u32>) -> Vec<ReferenceDescription> {
        let reference = |id| ReferenceDescription { node_id: NodeId::new(2, id).into(), ..Default::default() };
        targets.map(reference).collect()
    }

    #[test]
    fn pages_end_with_the_first_one_that_brings_nothing_new_or_with_too_many_references() {
        let mut pages = Pages::default();
        assert!(pages.take(&page(0..3)));
        assert!(pages.take(&page(2..4)), "a part of it is new");
        assert!(!pages.take(&page(0..3)), "a page from before");
        assert!(!Pages::default().take(&[]), "an empty one");
        let mut pages = Pages::default();
        let n_pages = (0..).take_while(|n| pages.take(&page(n * 1_000..(n + 1) * 1_000))).count();
        assert_eq!(n_pages, MAX_REFERENCES / 1_000 - 1);
    }
}
