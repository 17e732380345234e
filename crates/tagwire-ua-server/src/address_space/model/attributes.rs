//! What the nodes of models answer, encoded as Variants straight into the answer.

use tagwire_access::Operation;
use tagwire_model::{Status, TagId};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::mask::access_level::CURRENT_READ;
use tagwire_ua_proto::ids::{attribute as attribute_id, node as ids};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::Variant;

use super::super::attributes::{append, head, write_i32};
use super::super::{Context, Node, Property, Snapshot, StandardNode, class};
use super::{Model, ModelNode};
use crate::node_set::flag;

/// Most dimensions shown of a variable whose file gives none a length.
const MAX_RANK: usize = 16;

impl Model {
    /// The Description as on the wire.
    pub(in super::super) fn description(&self, node: ModelNode) -> Option<&[u8]> {
        self.bytes(self.record(node).description)
    }

    fn has_flag(&self, node: ModelNode, flag: u8) -> bool {
        self.record(node).flags & flag != 0
    }

    /// The node that this one is a property of.
    fn owner(&self, node: ModelNode) -> Option<ModelNode> {
        let ordinal = StandardNode::find(ids::HAS_PROPERTY).and_then(StandardNode::ordinal)?;
        let mut owners = self.references(node, false).iter().filter(|reference| reference.type_ordinal == ordinal);
        match owners.next()?.target {
            Node::Model(owner) => Some(owner),
            _ => None,
        }
    }

    fn is_property(&self, node: ModelNode) -> bool {
        matches!(self.type_definition(node), Some(Node::Standard(definition)) if definition.id() == ids::PROPERTY_TYPE)
    }
}

impl Snapshot<'_> {
    /// The model's table.
    pub(crate) const fn model(&self) -> &Model {
        &self.space.model
    }

    /// The tag whose value a node shows: a tag's own node, or a variable of a model that is bound to it.
    #[inline]
    pub fn value_tag(&self, node: Node) -> Option<TagId> {
        match node {
            Node::Tag(tag) => Some(tag),
            Node::Model(node) => self.registry.find_tag(self.model().bound(node)?.as_bytes()),
            _ => None,
        }
    }

    /// Range and unit of a bound variable are those of the tag, where the tag has any: they describe the same value.
    pub(crate) fn bound_property(&self, node: ModelNode) -> Option<(TagId, Property)> {
        if !self.model().has_bound() {
            return None;
        }
        let (0, name) = self.model().browse_name(node) else { return None };
        let property = Property::from_name(name)?;
        let tag = self.value_tag(Node::Model(self.model().owner(node)?))?;
        property.exists(self.tag(tag)?).then_some((tag, property))
    }

    /// Whether the node is a type, or describes what instances of a type have.
    pub(crate) fn is_of_a_type(&self, node: ModelNode) -> bool {
        !matches!(node.class(), class::OBJECT | class::VARIABLE | class::METHOD | class::VIEW)
            || self.model().is_declaration(node)
    }

    /// Appends an attribute that not every class has.
    pub(in super::super) fn write_model_attribute(
        &self,
        node: ModelNode,
        attribute: u32,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let model = self.model();
        let record = model.record(node);
        let flag = |flag: u8| Variant::Boolean(model.has_flag(node, flag));
        match (attribute, node.class()) {
            (attribute_id::IS_ABSTRACT, class::OBJECT_TYPE | class::VARIABLE_TYPE)
            | (attribute_id::IS_ABSTRACT, class::REFERENCE_TYPE | class::DATA_TYPE) => {
                flag(flag::IS_ABSTRACT).encode(out);
            }
            (attribute_id::SYMMETRIC, class::REFERENCE_TYPE) => flag(flag::SYMMETRIC).encode(out),
            (attribute_id::INVERSE_NAME, class::REFERENCE_TYPE) => {
                let name = model.bytes(record.inverse_name).ok_or(status::BAD_ATTRIBUTE_ID_INVALID)?;
                out.push(head::LOCALIZED_TEXT);
                out.extend_from_slice(name);
            }
            (attribute_id::CONTAINS_NO_LOOPS, class::VIEW) => flag(flag::NO_LOOPS).encode(out),
            (attribute_id::EVENT_NOTIFIER, class::OBJECT | class::VIEW) => Variant::Byte(0).encode(out),
            // The methods of a model have nobody who could carry them out.
            (attribute_id::EXECUTABLE | attribute_id::USER_EXECUTABLE, class::METHOD) => {
                let is_executable = model.is_declaration(node) && model.has_flag(node, flag::EXECUTABLE);
                Variant::Boolean(is_executable && attribute == attribute_id::EXECUTABLE).encode(out);
            }
            (attribute_id::DATA_TYPE_DEFINITION, class::DATA_TYPE) => append(model.bytes(record.definition), out)?,
            (attribute_id::VALUE, class::VARIABLE) => self.write_model_value(node, out)?,
            (attribute_id::VALUE, class::VARIABLE_TYPE) => append(model.bytes(record.value), out)?,
            (attribute_id::DATA_TYPE, class::VARIABLE | class::VARIABLE_TYPE) => {
                out.push(head::NODE_ID);
                match self.model_data_type(node) {
                    Some(data_type) => self.write_node_id(data_type, out),
                    None => out.extend_from_slice(&[0, 0]),
                }
            }
            (attribute_id::VALUE_RANK, class::VARIABLE | class::VARIABLE_TYPE) => {
                write_i32(self.value_rank(Node::Model(node)), out);
            }
            (attribute_id::ARRAY_DIMENSIONS, class::VARIABLE | class::VARIABLE_TYPE) => {
                self.write_dimensions(node, out)
            }
            (attribute_id::ACCESS_LEVEL, class::VARIABLE) => {
                Variant::Byte(self.access_level(Node::Model(node))).encode(out);
            }
            (attribute_id::USER_ACCESS_LEVEL, class::VARIABLE) => {
                Variant::Byte(self.user_access_level(Node::Model(node), context.rights)).encode(out);
            }
            (attribute_id::ACCESS_LEVEL_EX, class::VARIABLE) => {
                Variant::UInt32(u32::from(self.access_level(Node::Model(node)))).encode(out);
            }
            (attribute_id::MINIMUM_SAMPLING_INTERVAL, class::VARIABLE) => match self.value_tag(Node::Model(node)) {
                Some(tag) => self.write_min_sampling(Node::Tag(tag), out)?,
                None => Variant::Double(record.min_sampling.ok_or(status::BAD_ATTRIBUTE_ID_INVALID)?).encode(out),
            },
            (attribute_id::HISTORIZING, class::VARIABLE) => Variant::Boolean(false).encode(out),
            _ => return Err(status::BAD_ATTRIBUTE_ID_INVALID),
        }
        Ok(())
    }

    fn write_model_value(&self, node: ModelNode, out: &mut Vec<u8>) -> Result<(), Status> {
        let model = self.model();
        if let Some(path) = model.bound(node) {
            let tag = self.registry.find_tag(path.as_bytes()).ok_or(Status::BAD_OUT_OF_SERVICE)?;
            let reading = self.space.hub().read(tag).ok_or(Status::BAD_OUT_OF_SERVICE)?;
            Variant::from(&reading.to_sample().value).encode(out);
            return Ok(());
        }
        if let Some((tag, property)) = self.bound_property(node) {
            return self.write_property(tag, property, out);
        }
        match model.bytes(model.record(node).value) {
            Some(value) => out.extend_from_slice(value),
            None if model.is_declaration(node) || model.is_property(node) => Variant::Null.encode(out),
            // Nothing gives the variable a value, which is what this code says (Part 8, Table A.2).
            None => return Err(Status::BAD_NOT_CONNECTED),
        }
        Ok(())
    }

    /// The data type, or that of the tag where the model leaves it open.
    fn model_data_type(&self, node: ModelNode) -> Option<Node> {
        let data_type = self.model().data_type(node)?;
        let is_open = matches!(data_type, Node::Standard(standard) if standard.is_abstract());
        let tag = if is_open { self.value_tag(Node::Model(node)) } else { None };
        tag.and_then(|tag| Node::standard(self.data_type(Node::Tag(tag)))).or(Some(data_type))
    }

    /// ValueRank, or that of the tag where the model leaves it open.
    pub(in super::super) fn model_value_rank(&self, node: ModelNode) -> i32 {
        let rank = self.model().value_rank(node);
        let tag = if rank < -1 || rank == 0 { self.value_tag(Node::Model(node)) } else { None };
        tag.map_or(rank, |tag| self.value_rank(Node::Tag(tag)))
    }

    fn write_dimensions(&self, node: ModelNode, out: &mut Vec<u8>) {
        let model = self.model();
        if let Some(tag) = self.value_tag(Node::Model(node)).and_then(|tag| self.tag(tag)) {
            Variant::from(tag.meta.value_type.dims.lens().to_vec()).encode(out);
        } else if let Some(dimensions) = model.bytes(model.record(node).dimensions) {
            out.extend_from_slice(dimensions);
        } else {
            // No length is known, so each dimension says so (Part 3, 5.6.2).
            let rank = usize::try_from(model.value_rank(node)).unwrap_or_default().min(MAX_RANK);
            Variant::from(vec![0_u32; rank]).encode(out);
        }
    }

    pub(in super::super) fn model_access_level(&self, node: ModelNode) -> u8 {
        match self.value_tag(Node::Model(node)) {
            Some(tag) => self.access_level(Node::Tag(tag)),
            None if node.class() != class::VARIABLE => 0,
            None if self.model().is_declaration(node) => self.model().record(node).access_level,
            None => CURRENT_READ,
        }
    }

    /// The tag that decides who may use the node: the one whose value, range or unit it shows.
    pub(crate) fn tag_behind(&self, node: ModelNode) -> Option<TagId> {
        self.value_tag(Node::Model(node)).or_else(|| self.bound_property(node).map(|(tag, _)| tag))
    }

    /// Whether every user who has a session may see and read the node, as with the types of namespace 0.
    pub(crate) fn is_public(&self, node: ModelNode, operation: Operation) -> bool {
        matches!(operation, Operation::Browse | Operation::Read) && self.is_of_a_type(node)
    }
}
