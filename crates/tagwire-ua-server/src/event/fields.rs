//! The fields that events can have, numbered once from the type hierarchy of namespace 0 (Part 3, 4.7).

use std::collections::HashMap;
use std::sync::LazyLock;

use tagwire_ua_proto::ids::node;

use crate::address_space::{Node, ReferenceTypes, StandardNode, class};

/// How deep a field may lie below its event type; the deepest of the specification has three levels.
const MAX_LEVELS: usize = 4;

/// A field, by the path of its browse names, whichever types declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(u16);

/// One declared field.
struct Declared {
    path: Box<[&'static str]>,
    /// The node that declares it first.
    node: StandardNode,
}

struct Table {
    declared: Vec<Declared>,
    by_path: HashMap<Box<[&'static str]>, Field>,
    /// The fields that a type declares itself, in their order.
    own: HashMap<StandardNode, Vec<Field>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

impl Table {
    fn new() -> Self {
        let mut table = Self { declared: Vec::new(), by_path: HashMap::new(), own: HashMap::new() };
        let aggregates = StandardNode::find(node::AGGREGATES).and_then(|node| ReferenceTypes::of(node, true));
        let Some(aggregates) = aggregates else { return table };
        for event_type in StandardNode::all().filter(|node| is_event_type(*node)) {
            let mut own = Vec::new();
            table.walk(event_type, &mut Vec::new(), aggregates, &mut own);
            own.sort_unstable();
            own.dedup();
            table.own.insert(event_type, own);
        }
        table
    }

    fn walk(
        &mut self,
        from: StandardNode,
        path: &mut Vec<&'static str>,
        aggregates: ReferenceTypes,
        own: &mut Vec<Field>,
    ) {
        for reference in from.references(true).iter() {
            let child = reference.other;
            let is_field = matches!(child.class(), class::OBJECT | class::VARIABLE);
            if !is_field || !aggregates.contains(reference.type_ordinal) || path.len() == MAX_LEVELS {
                continue;
            }
            path.push(child.browse_name());
            let known = self.by_path.get(path.as_slice()).copied();
            let field = known.unwrap_or_else(|| {
                let field = Field(self.declared.len() as u16);
                self.declared.push(Declared { path: path.as_slice().into(), node: child });
                self.by_path.insert(path.as_slice().into(), field);
                field
            });
            own.push(field);
            self.walk(child, path, aggregates, own);
            path.pop();
        }
    }
}

impl Field {
    /// The field at a path of names in namespace 0; `None` when no event type has it.
    pub fn find(path: &[&str]) -> Option<Self> {
        let by_path: &HashMap<Box<[&str]>, Self> = &TABLE.by_path;
        by_path.get(path).copied()
    }

    /// Names from the event type down to the field.
    pub fn path(self) -> &'static [&'static str] {
        TABLE.declared.get(usize::from(self.0)).map_or(&[], |declared| &declared.path)
    }

    /// The node that declares the field.
    pub fn declaration(self) -> Option<StandardNode> {
        TABLE.declared.get(usize::from(self.0)).map(|declared| declared.node)
    }

    /// Whether events of a type have the field.
    pub fn belongs_to(self, event_type: StandardNode) -> bool {
        std::iter::successors(Some(event_type), |node| node.supertype())
            .any(|node| TABLE.own.get(&node).is_some_and(|own| own.binary_search(&self).is_ok()))
    }
}

/// Whether a node is BaseEventType or derived from it.
pub(crate) fn is_event_type(node: StandardNode) -> bool {
    node.class() == class::OBJECT_TYPE
        && StandardNode::find(node::BASE_EVENT_TYPE).is_some_and(|base| node.is_subtype_of(base))
}

/// The event type that a node stands for.
pub(crate) fn event_type(node: Option<Node>) -> Option<StandardNode> {
    match node {
        Some(Node::Standard(node)) if is_event_type(node) => Some(node),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_of(id: u32) -> StandardNode {
        StandardNode::find(id).expect("a type")
    }

    #[test]
    fn fields_belong_to_their_type_and_all_below() {
        let base = type_of(node::BASE_EVENT_TYPE);
        let audit = type_of(node::AUDIT_WRITE_UPDATE_EVENT_TYPE);
        for name in ["EventId", "EventType", "SourceNode", "SourceName", "Time", "ReceiveTime", "Message", "Severity"] {
            let field = Field::find(&[name]).expect(name);
            assert!(field.belongs_to(base) && field.belongs_to(audit), "{name}");
            assert_eq!(field.path(), [name]);
        }
        let new_value = Field::find(&["NewValue"]).expect("declared");
        assert!(new_value.belongs_to(audit) && !new_value.belongs_to(base));
        assert_eq!(Field::find(&["Nothing"]), None);
        assert_eq!(Field::find(&[]), None);
    }

    #[test]
    fn a_field_can_lie_below_another() {
        let id = Field::find(&["EnabledState", "Id"]).expect("of conditions");
        assert!(id.belongs_to(type_of(node::CONDITION_TYPE)) && !id.belongs_to(type_of(node::BASE_EVENT_TYPE)));
    }
}
