//! Reads the generated node set into plain structures.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use opcua_nodes::{NodeSetImport, NodeSetNamespaceMapper, NodeType};
use opcua_types::{
    BinaryEncodable, ContextOwned, DataTypeDefinition, Identifier, NamespaceMap, NodeId, TimestampsToReturn, Variant,
};

use crate::layout;

/// Well-known reference types.
pub(crate) mod reference_type {
    pub(crate) const ORGANIZES: u32 = 35;
    pub(crate) const HAS_ENCODING: u32 = 38;
    pub(crate) const HAS_TYPE_DEFINITION: u32 = 40;
    pub(crate) const HAS_SUBTYPE: u32 = 45;
    pub(crate) const HAS_PROPERTY: u32 = 46;
    pub(crate) const HAS_COMPONENT: u32 = 47;
    pub(crate) const HAS_ORDERED_COMPONENT: u32 = 49;
}

pub(crate) const CLASS_OBJECT_TYPE: u8 = 8;
pub(crate) const CLASS_VARIABLE_TYPE: u8 = 16;
pub(crate) const CLASS_VARIABLE: u8 = 2;

/// One node; absent attributes have their neutral value.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) class: u8,
    pub(crate) flags: u8,
    pub(crate) access_level: u8,
    pub(crate) event_notifier: u8,
    pub(crate) browse_name: String,
    pub(crate) display_name: String,
    pub(crate) description: Option<String>,
    pub(crate) inverse_name: Option<String>,
    pub(crate) data_type: u32,
    pub(crate) value_rank: i32,
    pub(crate) dimensions: Option<Vec<u32>>,
    pub(crate) min_sampling: Option<f64>,
    /// A Variant as on the wire.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) definition: Option<DataTypeDefinition>,
}

/// All nodes by identifier and all references as (source, type, target).
pub(crate) struct NodeSet {
    pub(crate) nodes: BTreeMap<u32, Node>,
    pub(crate) references: BTreeSet<(u32, u32, u32)>,
}

impl NodeSet {
    /// Takes over everything the node set holds, or fails: nothing is left out silently.
    pub(crate) fn load() -> Result<Self, Box<dyn Error>> {
        let mut namespaces = NamespaceMap::new();
        let mut mapper = NodeSetNamespaceMapper::new(&mut namespaces);
        let set = opcua_core_namespace::CoreNamespace;
        set.register_namespaces(&mut mapper);
        let mut this = Self { nodes: BTreeMap::new(), references: BTreeSet::new() };
        for item in set.load(&mapper) {
            let id = number(item.node.as_node().node_id())?;
            for reference in &item.references {
                let (type_id, other) = (number(&reference.type_id)?, number(&reference.target_id)?);
                this.references.insert(if reference.is_forward { (id, type_id, other) } else { (other, type_id, id) });
            }
            if this.nodes.insert(id, node(&item.node)?).is_some() {
                return Err(format!("node {id} appears twice").into());
            }
        }
        for (source, type_id, target) in &this.references {
            for id in [source, type_id, target] {
                if !this.nodes.contains_key(id) {
                    return Err(format!("reference to node {id}, which is not in the set").into());
                }
            }
        }
        this.mark_declarations();
        Ok(this)
    }

    /// Puts the aggregate functions into the folders of those that the server has; the node set leaves that to servers.
    pub(crate) fn offer_aggregates(&mut self) {
        const AGGREGATE_FUNCTION_TYPE: u32 = 2340;
        const SERVER_CAPABILITIES_AGGREGATE_FUNCTIONS: u32 = 2754;
        const HISTORY_SERVER_CAPABILITIES_AGGREGATE_FUNCTIONS: u32 = 11201;
        let is_function = |(_, type_id, target): &&(u32, u32, u32)| {
            *type_id == reference_type::HAS_TYPE_DEFINITION && *target == AGGREGATE_FUNCTION_TYPE
        };
        let functions: Vec<u32> = self.references.iter().filter(is_function).map(|(source, ..)| *source).collect();
        for folder in [SERVER_CAPABILITIES_AGGREGATE_FUNCTIONS, HISTORY_SERVER_CAPABILITIES_AGGREGATE_FUNCTIONS] {
            self.references.extend(functions.iter().map(|function| (folder, reference_type::ORGANIZES, *function)));
        }
    }

    /// One line per node (`n`, id, class, name) and per reference (`r`, source, type, target).
    pub(crate) fn listing(&self) -> String {
        let nodes = self.nodes.iter().map(|(id, node)| format!("n {id} {} {}\n", node.class, node.browse_name));
        let references = self.references.iter().map(|(source, kind, target)| format!("r {source} {kind} {target}\n"));
        nodes.chain(references).collect()
    }

    /// Targets of a node's forward references of one type.
    pub(crate) fn targets(&self, source: u32, type_id: u32) -> impl Iterator<Item = u32> + '_ {
        self.references.range((source, type_id, 0)..=(source, type_id, u32::MAX)).map(|(_, _, target)| *target)
    }

    /// Supertype of every type that has one.
    pub(crate) fn supertypes(&self) -> BTreeMap<u32, u32> {
        let subtypes = self.references.iter().filter(|(_, type_id, _)| *type_id == reference_type::HAS_SUBTYPE);
        subtypes.map(|(source, _, target)| (*target, *source)).collect()
    }

    /// Marks what hangs below object and variable types.
    fn mark_declarations(&mut self) {
        let is_type = |node: &Node| matches!(node.class, CLASS_OBJECT_TYPE | CLASS_VARIABLE_TYPE);
        let mut pending: Vec<u32> = self.nodes.iter().filter(|(_, node)| is_type(node)).map(|(id, _)| *id).collect();
        while let Some(id) = pending.pop() {
            use reference_type::{HAS_COMPONENT, HAS_ORDERED_COMPONENT, HAS_PROPERTY};
            let parts: Vec<u32> = [HAS_COMPONENT, HAS_ORDERED_COMPONENT, HAS_PROPERTY]
                .into_iter()
                .flat_map(|type_id| self.targets(id, type_id).collect::<Vec<_>>())
                .collect();
            for part in parts {
                if let Some(node) = self.nodes.get_mut(&part)
                    && !is_type(node)
                    && node.flags & layout::DECLARATION == 0
                {
                    node.flags |= layout::DECLARATION;
                    pending.push(part);
                }
            }
        }
    }
}

/// The numeric identifier of a node of namespace 0.
pub(crate) fn number(id: &NodeId) -> Result<u32, Box<dyn Error>> {
    match id.identifier {
        Identifier::Numeric(number) if id.namespace == 0 => Ok(number),
        _ => Err(format!("node {id} is not a numeric node of namespace 0").into()),
    }
}

/// A Variant as on the wire; `None` when it is empty.
fn encoded(value: &Variant) -> Option<Vec<u8>> {
    let context = ContextOwned::default();
    (!value.is_empty()).then(|| value.encode_to_vec(&context.context()))
}

fn node(source: &NodeType) -> Result<Node, Box<dyn Error>> {
    let base = source.as_node();
    if base.browse_name().namespace_index != 0 {
        return Err(format!("node {} has a name of another namespace", base.node_id()).into());
    }
    let mut node = Node {
        class: u8::try_from(base.node_class() as i32)?,
        browse_name: base.browse_name().name.to_string(),
        display_name: base.display_name().text.to_string(),
        description: base.description().map(|text| text.text.to_string()),
        value_rank: -1,
        ..Node::default()
    };
    let mut set = |flag: u8, is_set: bool| node.flags |= if is_set { flag } else { 0 };
    match source {
        NodeType::Object(object) => node.event_notifier = object.event_notifier().bits(),
        NodeType::ObjectType(object_type) => set(layout::IS_ABSTRACT, object_type.is_abstract()),
        NodeType::ReferenceType(reference_type) => {
            set(layout::IS_ABSTRACT, reference_type.is_abstract());
            set(layout::SYMMETRIC, reference_type.symmetric());
            node.inverse_name = reference_type.inverse_name().map(|text| text.text.to_string());
        }
        NodeType::Variable(variable) => {
            set(layout::HISTORIZING, variable.historizing());
            node.access_level = variable.access_level().bits();
            node.data_type = number(&variable.data_type())?;
            node.value_rank = variable.value_rank();
            node.dimensions = variable.array_dimensions();
            node.min_sampling = variable.minimum_sampling_interval();
            let value = variable.value(TimestampsToReturn::Neither, &Default::default(), &Default::default(), 0.0);
            node.value = value.value.as_ref().and_then(encoded);
        }
        NodeType::VariableType(variable_type) => {
            set(layout::IS_ABSTRACT, variable_type.is_abstract());
            node.data_type = number(variable_type.data_type())?;
            node.value_rank = variable_type.value_rank();
            node.dimensions = variable_type.array_dimensions();
            node.value = variable_type.value().and_then(|value| value.value.as_ref()).and_then(encoded);
        }
        NodeType::View(view) => {
            set(layout::NO_LOOPS, view.contains_no_loops());
            node.event_notifier = view.event_notifier().bits();
        }
        NodeType::DataType(data_type) => {
            set(layout::IS_ABSTRACT, data_type.is_abstract());
            node.definition = data_type.data_type_definition().cloned();
        }
        NodeType::Method(method) => set(layout::EXECUTABLE, method.executable()),
    }
    Ok(node)
}
