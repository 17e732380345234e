//! Every attribute of every node (Part 3, 5), encoded as a Variant straight into the answer.

use tagwire_access::Operation;
use tagwire_hub::TagMeta;
use tagwire_model::{Access, Status, TagId};
use tagwire_ua_proto::codec::{Decode, Encode};
use tagwire_ua_proto::ids::mask::access_level::{CURRENT_READ, CURRENT_WRITE, HISTORY_READ, HISTORY_WRITE};
use tagwire_ua_proto::ids::mask::event_notifier;
use tagwire_ua_proto::ids::{attribute as attribute_id, node};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::Variant;

use crate::configuration;

use super::server_variables::{is_diagnostic_array, is_out_of_service};
use super::snapshot::write_standard_id;
use super::{
    HistoryNode, Node, Property, Rights, ServerVariables, Snapshot, StandardNode, class, role_method, role_property,
};

/// The methods of namespace 0 that Call carries out.
pub const IMPLEMENTED_METHODS: &[u32] = &[
    node::SERVER_GET_MONITORED_ITEMS,
    node::SERVER_SET_SUBSCRIPTION_DURABLE,
    node::SERVER_RESEND_DATA,
    node::SERVER_REQUEST_SERVER_STATE_CHANGE,
    ADD_ROLE,
    REMOVE_ROLE,
];

/// AddRole of the server's RoleSet.
pub(crate) const ADD_ROLE: u32 = 16301;
/// RemoveRole of the server's RoleSet.
pub(crate) const REMOVE_ROLE: u32 = 16304;

/// The one variable of namespace 0 that can be written: whether diagnostics are kept.
pub(crate) const ENABLED_FLAG: u32 = node::SERVER_SERVER_DIAGNOSTICS_ENABLED_FLAG;

/// Type numbers that head a Variant (Part 6, 5.1.2).
pub(super) mod head {
    pub(in super::super) const INT32: u8 = 6;
    pub(in super::super) const UINT32_ARRAY: u8 = 7 | 0x80;
    pub(in super::super) const NODE_ID: u8 = 17;
    pub(in super::super) const QUALIFIED_NAME: u8 = 20;
    pub(in super::super) const LOCALIZED_TEXT: u8 = 21;
}

/// What the answers depend on beside the nodes.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What the variables of the Server object tell.
    pub server: &'a dyn ServerVariables,
    /// What the user may do.
    pub rights: &'a dyn Rights,
}

impl Snapshot<'_> {
    /// One attribute of a node, owned; [`Snapshot::write_attribute`] is the faster way to an answer.
    ///
    /// # Errors
    /// As [`Snapshot::write_attribute`].
    pub fn attribute(&self, node: Node, attribute: u32, context: &Context<'_>) -> Result<Variant, Status> {
        let mut bytes = Vec::new();
        self.write_attribute(node, attribute, context, &mut bytes)?;
        Variant::from_bytes(&bytes).map_err(|_| status::BAD_INTERNAL_ERROR)
    }

    /// Appends one attribute of a node, encoded as a Variant. The Value of a tag is its last value without quality and
    /// times; a service that reads tags takes them from the hub instead.
    ///
    /// # Errors
    /// `BadNodeIdUnknown` when the node is gone, `BadAttributeIdInvalid` when it has no such attribute; nothing was
    /// appended then.
    pub fn write_attribute(
        &self,
        node: Node,
        attribute: u32,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        if !self.exists(node) {
            return Err(status::BAD_NODE_ID_UNKNOWN);
        }
        match attribute {
            attribute_id::NODE_ID => {
                out.push(head::NODE_ID);
                self.write_node_id(node, out);
            }
            attribute_id::NODE_CLASS => write_i32(i32::from(node.class()), out),
            attribute_id::BROWSE_NAME => {
                out.push(head::QUALIFIED_NAME);
                self.write_browse_name(node, out);
            }
            attribute_id::DISPLAY_NAME => {
                out.push(head::LOCALIZED_TEXT);
                self.write_display_name(node, out);
            }
            attribute_id::DESCRIPTION => self.write_description(node, out),
            attribute_id::WRITE_MASK | attribute_id::USER_WRITE_MASK => Variant::UInt32(0).encode(out),
            attribute_id::ROLE_PERMISSIONS => {
                context.rights.check(Operation::ReadPermissions, node, self)?;
                Variant::structures(&context.rights.role_permissions(node, self, false)).encode(out);
            }
            attribute_id::USER_ROLE_PERMISSIONS => {
                Variant::structures(&context.rights.role_permissions(node, self, true)).encode(out);
            }
            attribute_id::ACCESS_RESTRICTIONS => {
                Variant::UInt16(context.rights.access_restrictions(node, self)).encode(out);
            }
            _ => return self.write_class_attribute(node, attribute, context, out),
        }
        Ok(())
    }

    fn write_class_attribute(
        &self,
        node: Node,
        attribute: u32,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let standard = match node {
            Node::Model(node) => return self.write_model_attribute(node, attribute, context, out),
            Node::Standard(node) => Some(node),
            _ => None,
        };
        let flag = |of: fn(StandardNode) -> bool| Variant::Boolean(standard.is_some_and(of));
        match (attribute, node.class()) {
            (attribute_id::IS_ABSTRACT, class::OBJECT_TYPE | class::VARIABLE_TYPE)
            | (attribute_id::IS_ABSTRACT, class::REFERENCE_TYPE | class::DATA_TYPE) => {
                flag(StandardNode::is_abstract).encode(out);
            }
            (attribute_id::SYMMETRIC, class::REFERENCE_TYPE) => flag(StandardNode::is_symmetric).encode(out),
            (attribute_id::INVERSE_NAME, class::REFERENCE_TYPE) => {
                write_text(standard.and_then(StandardNode::inverse_name_bytes), out)?;
            }
            (attribute_id::CONTAINS_NO_LOOPS, class::VIEW) => flag(StandardNode::contains_no_loops).encode(out),
            (attribute_id::EVENT_NOTIFIER, class::OBJECT | class::VIEW) => {
                let kept = if self.has_event_history() {
                    event_notifier::HISTORY_READ | event_notifier::HISTORY_WRITE
                } else {
                    0
                };
                let notifier = if self.is_notifier(node) { event_notifier::SUBSCRIBE_TO_EVENTS | kept } else { 0 };
                Variant::Byte(notifier).encode(out);
            }
            (attribute_id::EXECUTABLE, class::METHOD) => Variant::Boolean(is_executable(node)).encode(out),
            (attribute_id::USER_EXECUTABLE, class::METHOD) => {
                Variant::Boolean(is_executable(node) && context.rights.may(Operation::Call, node, self)).encode(out);
            }
            (attribute_id::DATA_TYPE_DEFINITION, class::DATA_TYPE) => {
                append(standard.and_then(StandardNode::definition), out)?;
            }
            (attribute_id::VALUE | attribute_id::DATA_TYPE, class::VARIABLE | class::VARIABLE_TYPE)
            | (attribute_id::VALUE_RANK | attribute_id::ARRAY_DIMENSIONS, class::VARIABLE | class::VARIABLE_TYPE) => {
                self.write_value_attribute(node, attribute, context, out)?;
            }
            (attribute_id::ACCESS_LEVEL, class::VARIABLE) => Variant::Byte(self.access_level(node)).encode(out),
            (attribute_id::USER_ACCESS_LEVEL, class::VARIABLE) => {
                Variant::Byte(self.user_access_level(node, context.rights)).encode(out);
            }
            (attribute_id::ACCESS_LEVEL_EX, class::VARIABLE) => {
                Variant::UInt32(u32::from(self.access_level(node))).encode(out);
            }
            (attribute_id::MINIMUM_SAMPLING_INTERVAL, class::VARIABLE) => self.write_min_sampling(node, out)?,
            (attribute_id::HISTORIZING, class::VARIABLE) if matches!(node, Node::Tag(_)) => {
                let is_collected = |tag| self.history().is_some_and(|history| history.is_collected(tag));
                Variant::Boolean(matches!(node, Node::Tag(tag) if is_collected(tag))).encode(out);
            }
            (attribute_id::HISTORIZING, class::VARIABLE) => flag(StandardNode::is_historizing).encode(out),
            _ => return Err(status::BAD_ATTRIBUTE_ID_INVALID),
        }
        Ok(())
    }

    fn write_description(&self, node: Node, out: &mut Vec<u8>) {
        let text = match node {
            Node::Standard(node) => {
                if write_text(node.description_bytes(), out).is_ok() {
                    return;
                }
                ""
            }
            Node::Model(node) => {
                if let Some(text) = self.model().description(node) {
                    out.push(head::LOCALIZED_TEXT);
                    return out.extend_from_slice(text);
                }
                ""
            }
            Node::Tag(tag) => {
                self.tag(tag).and_then(|tag| tag.meta.extra.as_deref()).map_or("", |extra| &extra.description)
            }
            Node::Method(_, method) => method.description(),
            Node::Folder(_) | Node::Structure(_) | Node::Property(..) | Node::History(..) => "",
            Node::Role(_) | Node::Session(_) => "",
        };
        let text = if text.is_empty() { Default::default() } else { tagwire_ua_proto::types::LocalizedText::new(text) };
        Variant::LocalizedText(text).encode(out);
    }

    /// Value, DataType, ValueRank and ArrayDimensions of a variable or variable type.
    fn write_value_attribute(
        &self,
        node: Node,
        attribute: u32,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        if attribute == attribute_id::VALUE
            && let Some((role, property)) = role_property(node)
        {
            context.server.role_property(role, property).encode(out);
            return Ok(());
        }
        match (node, attribute) {
            (Node::Standard(node), attribute_id::VALUE) => {
                if is_diagnostic_array(node.id()) && !context.server.keeps_diagnostics() {
                    return Err(status::BAD_NOT_READABLE);
                }
                if let Some(method) = configuration::user_writable(node.id()) {
                    let may = |method| context.rights.may(Operation::Call, method, self);
                    Variant::Boolean(Node::standard(method).is_some_and(may)).encode(out);
                    return Ok(());
                }
                if let Some(value) = context.server.configuration(node.id()) {
                    value?.encode(out);
                    return Ok(());
                }
                if is_out_of_service(node.id()) {
                    return Err(Status::BAD_OUT_OF_SERVICE);
                }
                if !self.write_server_variable(node.id(), context.server, out) {
                    append(node.value(), out)?;
                }
            }
            (Node::Session(node), attribute_id::VALUE) => self.session_value(node)?.encode(out),
            (Node::Property(tag, property), attribute_id::VALUE) => self.write_property(tag, property, out)?,
            (Node::History(tag, part), attribute_id::VALUE) => self.write_history_value(tag, part, out)?,
            (Node::Tag(tag), attribute_id::VALUE) => {
                let reading = self.space.hub().read(tag).ok_or(status::BAD_NODE_ID_UNKNOWN)?;
                Variant::from(&reading.to_sample().value).encode(out);
            }
            (Node::Structure(folder), attribute_id::VALUE) => {
                let sample = self.structure_sample(folder);
                if sample.value.is_none() {
                    return Err(sample.status);
                }
                sample.to_variant().encode(out);
            }
            (Node::Structure(folder), attribute_id::DATA_TYPE) => {
                let data_type = self.structure_type(folder).ok_or(Status::BAD_CONFIGURATION_ERROR)?;
                out.push(head::NODE_ID);
                self.write_node_id(data_type, out);
            }
            (_, attribute_id::DATA_TYPE) => {
                out.push(head::NODE_ID);
                match StandardNode::find(self.data_type(node)) {
                    Some(data_type) => write_standard_id(data_type, out),
                    None => out.extend_from_slice(&[0, 0]),
                }
            }
            (_, attribute_id::VALUE_RANK) => write_i32(self.value_rank(node), out),
            (Node::Standard(standard), _) if standard.dimensions().is_some() => append(standard.dimensions(), out)?,
            _ => {
                out.push(head::UINT32_ARRAY);
                match node {
                    Node::Tag(tag) => self.tag(tag).map_or(&[][..], |tag| tag.meta.value_type.dims.lens()).to_vec(),
                    // No length is known, so each dimension says so (Part 3, 5.6.2).
                    _ => vec![0_u32; usize::try_from(self.value_rank(node)).unwrap_or_default()],
                }
                .encode(out);
            }
        }
        Ok(())
    }

    /// The value of a property of a tag.
    pub(super) fn write_property(&self, tag: TagId, property: Property, out: &mut Vec<u8>) -> Result<(), Status> {
        let view = self.tag(tag).ok_or(status::BAD_NODE_ID_UNKNOWN)?;
        let current = || {
            let sample = self.space.hub().read(tag)?.to_sample();
            (!sample.status.is_bad()).then_some(sample.value)
        };
        property.write_value(view, current, out);
        Ok(())
    }

    /// Numeric id in namespace 0 of the DataType of a variable or variable type; 0 for other nodes and other namespaces.
    pub fn data_type(&self, node: Node) -> u32 {
        match node {
            Node::Standard(node) => node.data_type(),
            Node::Folder(_) | Node::Structure(_) | Node::Method(..) => 0,
            Node::Role(_) | Node::Session(_) => declaration(node).map_or(0, StandardNode::data_type),
            Node::Model(node) => match self.model().data_type(node) {
                Some(Node::Standard(data_type)) => data_type.id(),
                _ => 0,
            },
            Node::Tag(tag) => self.tag(tag).map_or(0, |tag| u32::from(tag.value_type.data_type.ua_id())),
            Node::Property(_, property) => property.data_type(),
            Node::History(_, part) => part.data_type(),
        }
    }

    /// ValueRank of a variable or variable type: -1 for a scalar, else the number of dimensions, or a wider choice
    /// below -1 and at 0 (Part 3, 5.6.2).
    pub fn value_rank(&self, node: Node) -> i32 {
        match node {
            Node::Standard(node) => node.value_rank(),
            Node::Model(node) => self.model_value_rank(node),
            Node::Property(_, property) => property.value_rank(),
            Node::Folder(_) | Node::Structure(_) | Node::Method(..) | Node::History(..) => -1,
            Node::Role(_) | Node::Session(_) => declaration(node).map_or(-1, StandardNode::value_rank),
            Node::Tag(tag) => self.tag(tag).map_or(-1, |tag| match tag.value_type.dims.rank() {
                0 => -1,
                rank => rank as i32,
            }),
        }
    }

    /// AccessLevel of a variable. Variables of namespace 0 cannot be written, whatever the node set says of instances.
    pub fn access_level(&self, node: Node) -> u8 {
        if let Some((_, property)) = role_property(node) {
            return if property.is_writable() { CURRENT_READ | CURRENT_WRITE } else { CURRENT_READ };
        }
        match node {
            Node::Standard(node) if node.is_declaration() => node.access_level(),
            Node::Standard(node) if node.id() == ENABLED_FLAG => CURRENT_READ | CURRENT_WRITE,
            Node::Standard(_) | Node::Property(..) | Node::Session(_) => CURRENT_READ,
            Node::History(_, HistoryNode::Annotations) => HISTORY_READ | HISTORY_WRITE,
            Node::History(_, part) if part.is_object() => 0,
            Node::History(..) => CURRENT_READ,
            Node::Tag(id) => {
                let history = if self.history_of(id).is_some() { HISTORY_READ | HISTORY_WRITE } else { 0 };
                self.tag(id).map_or(0, |tag| access_bits(tag.access) | history)
            }
            Node::Structure(folder) => access_bits(self.structure_access(folder)),
            Node::Model(node) => self.model_access_level(node),
            Node::Folder(_) | Node::Method(..) | Node::Role(_) => 0,
        }
    }

    /// AccessLevel of a variable less what the user may not do.
    pub fn user_access_level(&self, node: Node, rights: &dyn Rights) -> u8 {
        let mut level = self.access_level(node);
        if level & CURRENT_READ != 0 && !rights.may(Operation::Read, node, self) {
            level &= !CURRENT_READ;
        }
        if level & CURRENT_WRITE != 0 && !rights.may(Operation::Write, node, self) {
            level &= !CURRENT_WRITE;
        }
        if level & HISTORY_READ != 0 && !rights.may(Operation::HistoryRead, node, self) {
            level &= !HISTORY_READ;
        }
        let changes = [Operation::HistoryInsert, Operation::HistoryModify, Operation::HistoryDelete];
        if level & HISTORY_WRITE != 0 && !changes.into_iter().any(|change| rights.may(change, node, self)) {
            level &= !HISTORY_WRITE;
        }
        level
    }

    pub(super) fn write_min_sampling(&self, node: Node, out: &mut Vec<u8>) -> Result<(), Status> {
        const INDETERMINATE: f64 = -1.0;
        let interval = match node {
            Node::Standard(node) => return append(node.min_sampling(), out),
            Node::Tag(tag) => self.tag(tag).map_or(INDETERMINATE, |tag| min_sampling(tag.meta)),
            Node::Structure(_) => INDETERMINATE,
            Node::Folder(_) | Node::Property(..) | Node::History(..) | Node::Session(_) => 0.0,
            Node::Method(..) | Node::Role(_) | Node::Model(_) => 0.0,
        };
        Variant::Double(interval).encode(out);
        Ok(())
    }
}

fn min_sampling(tag: &TagMeta) -> f64 {
    const INDETERMINATE: f64 = -1.0;
    match tag.scan_ms {
        0 if tag.is_system => 0.0,
        0 => INDETERMINATE,
        scan_ms => f64::from(scan_ms),
    }
}

/// AccessLevel bits of a tag.
fn access_bits(access: Access) -> u8 {
    (if access.read { CURRENT_READ } else { 0 }) | (if access.write { CURRENT_WRITE } else { 0 })
}

/// Whether a method changes roles.
pub(crate) fn is_role_management(id: u32) -> bool {
    matches!(id, ADD_ROLE | REMOVE_ROLE) || role_method(id).is_some()
}

/// What the types of namespace 0 say of a property of a role or of a session's diagnostics.
fn declaration(node: Node) -> Option<StandardNode> {
    if let Node::Session(node) = node {
        return node.declaration();
    }
    role_property(node).and_then(|(_, property)| property.declaration())
}

/// Whether a method can be called: those of types only describe, and of the others only some are implemented.
fn is_executable(node: Node) -> bool {
    match node {
        Node::Standard(node) => {
            let is_implemented = IMPLEMENTED_METHODS.contains(&node.id())
                || configuration::is_method(node.id())
                || role_method(node.id()).is_some();
            node.is_executable() && (node.is_declaration() || is_implemented)
        }
        node => matches!(node, Node::Method(..)),
    }
}

pub(super) fn write_i32(value: i32, out: &mut Vec<u8>) {
    out.push(head::INT32);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn append(encoded: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Status> {
    out.extend_from_slice(encoded.ok_or(status::BAD_ATTRIBUTE_ID_INVALID)?);
    Ok(())
}

/// Appends a LocalizedText from its encoded text.
fn write_text(text: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Status> {
    const TEXT_ONLY: u8 = 0x02;
    let text = text.ok_or(status::BAD_ATTRIBUTE_ID_INVALID)?;
    out.extend_from_slice(&[head::LOCALIZED_TEXT, TEXT_ONLY]);
    out.extend_from_slice(text);
    Ok(())
}
