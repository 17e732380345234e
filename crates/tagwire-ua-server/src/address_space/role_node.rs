//! The roles of the server as nodes (Part 18, 4.2 and 4.3): the well-known ones are in namespace 0, the others below the
//! same RoleSet in the server's own namespace.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use tagwire_access::{Policy, Role};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::types::NodeId;

use super::references::ordinal;
use super::{NAMESPACE_SERVER, Node, Reference, StandardNode, class};

/// The nodes of the well-known roles.
const WELL_KNOWN: [(Role, u32); Role::N_WELL_KNOWN as usize] = [
    (Role::ANONYMOUS, node::WELL_KNOWN_ROLE_ANONYMOUS),
    (Role::AUTHENTICATED, node::WELL_KNOWN_ROLE_AUTHENTICATED_USER),
    (Role::OBSERVER, node::WELL_KNOWN_ROLE_OBSERVER),
    (Role::OPERATOR, node::WELL_KNOWN_ROLE_OPERATOR),
    (Role::ENGINEER, node::WELL_KNOWN_ROLE_ENGINEER),
    (Role::SUPERVISOR, node::WELL_KNOWN_ROLE_SUPERVISOR),
    (Role::CONFIGURE_ADMIN, node::WELL_KNOWN_ROLE_CONFIGURE_ADMIN),
    (Role::SECURITY_ADMIN, node::WELL_KNOWN_ROLE_SECURITY_ADMIN),
];

/// Number of RoleType in namespace 0.
const ROLE_TYPE: u32 = 15620;
/// What precedes the name of a role in its NodeId.
const PREFIX: &str = "role:";

/// A property of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleProperty {
    /// Who holds it.
    Identities,
    /// Whether the list of applications tells those for which it does not count.
    ApplicationsExclude,
    /// The applications.
    Applications,
    /// Whether the list of endpoints tells those on which it does not count.
    EndpointsExclude,
    /// The endpoints.
    Endpoints,
    /// Whether somebody other than OPC UA clients decides about it.
    CustomConfiguration,
}

impl RoleProperty {
    /// All properties.
    pub const ALL: &[Self] = &[
        Self::Identities,
        Self::ApplicationsExclude,
        Self::Applications,
        Self::EndpointsExclude,
        Self::Endpoints,
        Self::CustomConfiguration,
    ];

    /// The BrowseName.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identities => "Identities",
            Self::ApplicationsExclude => "ApplicationsExclude",
            Self::Applications => "Applications",
            Self::EndpointsExclude => "EndpointsExclude",
            Self::Endpoints => "Endpoints",
            Self::CustomConfiguration => "CustomConfiguration",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|property| property.name() == name)
    }

    /// Whether security administrators may write it.
    pub(crate) const fn is_writable(self) -> bool {
        matches!(self, Self::ApplicationsExclude | Self::EndpointsExclude)
    }

    /// What RoleType says of it.
    pub(super) fn declaration(self) -> Option<StandardNode> {
        TABLE.declarations.get(&self).copied()
    }
}

/// A method of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleMethod {
    /// Gives the role to somebody.
    AddIdentity,
    /// Takes it away.
    RemoveIdentity,
    /// Lists an application.
    AddApplication,
    /// Takes one off the list.
    RemoveApplication,
    /// Lists an endpoint.
    AddEndpoint,
    /// Takes one off the list.
    RemoveEndpoint,
}

impl RoleMethod {
    const ALL: [Self; 6] = [
        Self::AddIdentity,
        Self::RemoveIdentity,
        Self::AddApplication,
        Self::RemoveApplication,
        Self::AddEndpoint,
        Self::RemoveEndpoint,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::AddIdentity => "AddIdentity",
            Self::RemoveIdentity => "RemoveIdentity",
            Self::AddApplication => "AddApplication",
            Self::RemoveApplication => "RemoveApplication",
            Self::AddEndpoint => "AddEndpoint",
            Self::RemoveEndpoint => "RemoveEndpoint",
        }
    }
}

/// A role of the server's own, or a property of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoleNode {
    /// The role.
    pub role: Role,
    /// The property; `None` for the role itself.
    pub property: Option<RoleProperty>,
}

impl RoleNode {
    pub(super) const fn class(self) -> u8 {
        match self.property {
            None => class::OBJECT,
            Some(_) => class::VARIABLE,
        }
    }
}

/// What namespace 0 has of roles, by number.
struct Table {
    properties: HashMap<u32, (Role, RoleProperty)>,
    methods: HashMap<u32, (Option<Role>, RoleMethod)>,
    declarations: HashMap<RoleProperty, StandardNode>,
    /// The references of every role of the server's own to the methods, which belong to the type.
    shared: Box<[Reference]>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        properties: HashMap::new(),
        methods: HashMap::new(),
        declarations: HashMap::new(),
        shared: Box::default(),
    };
    let mut shared = Vec::new();
    let owners = WELL_KNOWN.iter().map(|(role, id)| (Some(*role), *id)).chain([(None, ROLE_TYPE)]);
    for (role, id) in owners {
        let Some(owner) = StandardNode::find(id) else { continue };
        for reference in owner.references(true).iter() {
            let child = reference.other;
            let name = child.browse_name();
            if let Some(property) = RoleProperty::from_name(name).filter(|_| child.class() == class::VARIABLE) {
                match role {
                    Some(role) => drop(table.properties.insert(child.id(), (role, property))),
                    None => drop(table.declarations.insert(property, child)),
                }
            }
            let method = RoleMethod::ALL.into_iter().find(|method| method.name() == name);
            if let Some(method) = method.filter(|_| child.class() == class::METHOD) {
                table.methods.insert(child.id(), (role, method));
                if role.is_none() {
                    let type_ordinal = ordinal(node::HAS_COMPONENT);
                    shared.push(Reference { type_ordinal, target: Node::Standard(child) });
                }
            }
        }
    }
    table.shared = shared.into_boxed_slice();
    table
});

/// The references of a role of the server's own to its methods.
pub(super) fn shared_methods() -> &'static [Reference] {
    &TABLE.shared
}

/// The type of roles.
pub(super) fn role_type() -> Option<Node> {
    Node::standard(ROLE_TYPE)
}

/// The method of a role that a node of namespace 0 is, and of which role; of none when it is the type's.
pub(crate) fn role_method(id: u32) -> Option<(Option<Role>, RoleMethod)> {
    TABLE.methods.get(&id).copied()
}

/// The property of a role that a node is.
pub(crate) fn role_property(node: Node) -> Option<(Role, RoleProperty)> {
    match node {
        Node::Standard(node) => TABLE.properties.get(&node.id()).copied(),
        Node::Role(RoleNode { role, property }) => Some((role, property?)),
        _ => None,
    }
}

/// The role that a node is.
pub(crate) fn role_of(node: Node) -> Option<Role> {
    match node {
        Node::Standard(node) => WELL_KNOWN.iter().find(|(_, id)| *id == node.id()).map(|(role, _)| *role),
        Node::Role(RoleNode { role, property: None }) => Some(role),
        _ => None,
    }
}

/// The names of the server's own roles.
#[derive(Debug, Default)]
pub struct OwnRoles(Vec<(Role, Arc<str>)>);

impl OwnRoles {
    /// Those of a policy.
    pub(crate) fn of(policy: &Policy) -> Self {
        let own = policy.roles().filter(|role| role.bit() >= Role::N_WELL_KNOWN);
        Self(own.filter_map(|role| Some((role, Arc::from(policy.role_name(role)?)))).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn node(&self, idx: usize) -> Option<Node> {
        self.0.get(idx).map(|(role, _)| Node::Role(RoleNode { role: *role, property: None }))
    }

    pub(super) fn name(&self, role: Role) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == role).map(|(_, name)| &**name)
    }

    /// The node of a text such as `role:panel` or `role:panel.Identities`.
    pub(super) fn find(&self, text: &str) -> Option<Node> {
        let name = text.strip_prefix(PREFIX)?;
        let (name, property) = match name.split_once('.') {
            Some((name, property)) => (name, Some(RoleProperty::from_name(property)?)),
            None => (name, None),
        };
        let (role, _) = self.0.iter().find(|(_, known)| **known == *name)?;
        Some(Node::Role(RoleNode { role: *role, property }))
    }

    pub(super) fn node_id(&self, node: RoleNode) -> NodeId {
        let name = self.name(node.role).unwrap_or_default();
        match node.property {
            None => NodeId::string(NAMESPACE_SERVER, format!("{PREFIX}{name}")),
            Some(property) => NodeId::string(NAMESPACE_SERVER, format!("{PREFIX}{name}.{}", property.name())),
        }
    }
}

/// The NodeId of a role of this name and number.
pub(crate) fn role_node_id(role: Role, name: &str) -> NodeId {
    match WELL_KNOWN.iter().find(|(known, _)| *known == role) {
        Some((_, id)) => NodeId::ns0(*id),
        None => NodeId::string(NAMESPACE_SERVER, format!("{PREFIX}{name}")),
    }
}
