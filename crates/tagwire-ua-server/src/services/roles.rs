//! The methods by which security administrators change roles (Part 18, 4.2 and 4.4).

use tagwire_access::{
    ChannelSecurity, EndpointRule, IdentityRule, Operation, Role, RoleChange, RoleError, Target, authorise,
};
use tagwire_model::Status;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{
    CallMethodRequest, CallMethodResult, EndpointType, IdentityCriteriaType, IdentityMappingRuleType,
    MessageSecurityMode,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ExtensionObject, NodeId, Structure, Variant};

use super::Context;
use crate::address_space::{
    ADD_ROLE, NAMESPACE_SERVER, Node, REMOVE_ROLE, RoleMethod, RoleProperty, role_method, role_node_id, role_of,
};
use crate::log;
use crate::rights::denied_status;

/// A call of one of these methods on this object.
pub(super) fn call(context: &Context<'_>, object: Node, call: &CallMethodRequest) -> CallMethodResult {
    match carry_out(context, object, call) {
        Ok(outputs) => CallMethodResult {
            input_argument_results: vec![Status::GOOD; call.input_arguments.len()],
            output_arguments: outputs,
            ..Default::default()
        },
        Err(Refused::Status(status_code)) => CallMethodResult { status_code, ..Default::default() },
        Err(Refused::Arguments(input_argument_results)) => {
            CallMethodResult { status_code: status::BAD_INVALID_ARGUMENT, input_argument_results, ..Default::default() }
        }
    }
}

/// Why nothing is changed.
enum Refused {
    Status(Status),
    /// The arguments, one by one.
    Arguments(Vec<Status>),
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// Security administrators, over channels on which nobody else listens (Part 18, 4.2.2).
fn check_rights(context: &Context<'_>) -> Result<(), Status> {
    let principal = context.principal()?;
    authorise(principal, Operation::ManageUsers, Target::Server).map_err(|denied| denied_status(&denied))?;
    match principal.origin().security {
        ChannelSecurity::Encrypted => Ok(()),
        _ => Err(status::BAD_SECURITY_MODE_INSUFFICIENT),
    }
}

fn carry_out(context: &Context<'_>, object: Node, call: &CallMethodRequest) -> Result<Vec<Variant>, Refused> {
    let method = call.method_id.as_ns0().ok_or(status::BAD_METHOD_INVALID)?;
    let is_role_set = matches!(object, Node::Standard(set) if set.id() == node::SERVER_SERVER_CAPABILITIES_ROLE_SET);
    match (method, role_of(object), role_method(method)) {
        (ADD_ROLE, ..) if is_role_set => {
            check_rights(context)?;
            let [name, namespace] = arguments(call)?;
            let name = add_role(context, name, namespace)?;
            let policy = context.server.policy();
            let role = policy.role(&name).ok_or(Status::BAD_INTERNAL_ERROR)?;
            Ok(vec![role_node_id(role, &name).into()])
        }
        (REMOVE_ROLE, ..) if is_role_set => {
            check_rights(context)?;
            let [role] = arguments(call)?;
            let Variant::NodeId(role) = role else { return Err(mismatch()) };
            let name = named_role(context, role)?;
            change(context, role, &name, &RoleChange::Remove)?;
            Ok(Vec::new())
        }
        // Clients may name the method of the role or that of its type (Part 4, 5.12.2.2).
        (_, Some(role), Some((of, method))) if of.is_none_or(|of| of == role) => {
            check_rights(context)?;
            let [argument] = arguments(call)?;
            let asked = asked_change(method, argument)?;
            let name = context.server.policy().role_name(role).unwrap_or_default().to_owned();
            change(context, &call.object_id, &name, &asked)?;
            Ok(Vec::new())
        }
        _ => Err(status::BAD_METHOD_INVALID.into()),
    }
}

fn arguments<const N: usize>(call: &CallMethodRequest) -> Result<&[Variant; N], Status> {
    let n = call.input_arguments.len();
    call.input_arguments
        .as_slice()
        .try_into()
        .map_err(|_| if n < N { status::BAD_ARGUMENTS_MISSING } else { status::BAD_TOO_MANY_ARGUMENTS })
}

fn mismatch() -> Refused {
    Refused::Arguments(vec![Status::BAD_TYPE_MISMATCH])
}

fn add_role(context: &Context<'_>, name: &Variant, namespace: &Variant) -> Result<String, Refused> {
    let text = |argument: &Variant| match argument {
        Variant::String(text) => Ok(text.as_str().to_owned()),
        _ => Err(Status::BAD_TYPE_MISMATCH),
    };
    let (name, namespace) = match (text(name), text(namespace)) {
        (Ok(name), Ok(namespace)) => (name, namespace),
        (name, namespace) => {
            return Err(Refused::Arguments(vec![
                name.err().unwrap_or(Status::GOOD),
                namespace.err().unwrap_or(Status::GOOD),
            ]));
        }
    };
    let own = context.server.address_space.namespaces().uris().get(usize::from(NAMESPACE_SERVER)).cloned();
    if !namespace.is_empty() && own.is_none_or(|own| *own != *namespace) {
        return Err(Refused::Arguments(vec![Status::GOOD, status::BAD_INVALID_ARGUMENT]));
    }
    let set = NodeId::ns0(node::SERVER_SERVER_CAPABILITIES_ROLE_SET);
    change(context, &set, &name, &RoleChange::Add)?;
    Ok(name)
}

/// The name of the role that a NodeId names.
fn named_role(context: &Context<'_>, id: &NodeId) -> Result<String, Status> {
    let snapshot = context.server.address_space.snapshot();
    let role = snapshot.resolve(id.borrowed()).and_then(role_of).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
    context.server.policy().role_name(role).map(str::to_owned).ok_or(Status::BAD_NODE_ID_UNKNOWN)
}

fn asked_change(method: RoleMethod, argument: &Variant) -> Result<RoleChange, Refused> {
    let text = || match argument {
        Variant::String(text) => Ok(text.as_str().to_owned()),
        _ => Err(mismatch()),
    };
    Ok(match method {
        RoleMethod::AddIdentity => RoleChange::AddIdentity(identity(argument)?),
        RoleMethod::RemoveIdentity => RoleChange::RemoveIdentity(identity(argument)?),
        RoleMethod::AddApplication => RoleChange::AddApplication(text()?),
        RoleMethod::RemoveApplication => RoleChange::RemoveApplication(text()?),
        RoleMethod::AddEndpoint => RoleChange::AddEndpoint(endpoint(argument)?),
        RoleMethod::RemoveEndpoint => RoleChange::RemoveEndpoint(endpoint(argument)?),
    })
}

fn structure<T: Structure>(argument: &Variant) -> Result<T, Refused> {
    let Variant::ExtensionObject(object) = argument else { return Err(mismatch()) };
    let object: &ExtensionObject = object;
    match object.decode_as::<T>() {
        Some(Ok(structure)) => Ok(structure),
        Some(Err(error)) => Err(Refused::Arguments(vec![error.status()])),
        None => Err(mismatch()),
    }
}

fn identity(argument: &Variant) -> Result<IdentityRule, Refused> {
    let rule: IdentityMappingRuleType = structure(argument)?;
    let text = rule.criteria.as_str().to_owned();
    Ok(match rule.criteria_type {
        IdentityCriteriaType::USER_NAME => IdentityRule::UserName(text),
        IdentityCriteriaType::THUMBPRINT => IdentityRule::Thumbprint(text),
        IdentityCriteriaType::X509_SUBJECT => IdentityRule::Subject(text),
        IdentityCriteriaType::APPLICATION => IdentityRule::Application(text),
        IdentityCriteriaType::ROLE | IdentityCriteriaType::GROUP_ID => return Err(status::BAD_NOT_SUPPORTED.into()),
        // Part 18, 4.4.4: the others have no criteria.
        _ if !text.is_empty() => return Err(Refused::Arguments(vec![status::BAD_INVALID_ARGUMENT])),
        IdentityCriteriaType::ANONYMOUS => IdentityRule::Anonymous,
        IdentityCriteriaType::AUTHENTICATED_USER => IdentityRule::Authenticated,
        IdentityCriteriaType::TRUSTED_APPLICATION => IdentityRule::TrustedApplication,
        _ => return Err(Refused::Arguments(vec![status::BAD_INVALID_ARGUMENT])),
    })
}

/// A rule as the property Identities shows it.
pub(crate) fn identity_rule(rule: &IdentityRule) -> IdentityMappingRuleType {
    let (criteria_type, text) = match rule {
        IdentityRule::UserName(text) => (IdentityCriteriaType::USER_NAME, text.as_str()),
        IdentityRule::Thumbprint(text) => (IdentityCriteriaType::THUMBPRINT, text.as_str()),
        IdentityRule::Subject(text) => (IdentityCriteriaType::X509_SUBJECT, text.as_str()),
        IdentityRule::Application(text) => (IdentityCriteriaType::APPLICATION, text.as_str()),
        IdentityRule::Anonymous => (IdentityCriteriaType::ANONYMOUS, ""),
        IdentityRule::Authenticated => (IdentityCriteriaType::AUTHENTICATED_USER, ""),
        IdentityRule::TrustedApplication => (IdentityCriteriaType::TRUSTED_APPLICATION, ""),
    };
    IdentityMappingRuleType { criteria_type, criteria: text.into() }
}

fn endpoint(argument: &Variant) -> Result<EndpointRule, Refused> {
    let endpoint: EndpointType = structure(argument)?;
    Ok(EndpointRule {
        url: endpoint.endpoint_url.as_str().to_owned(),
        security: match endpoint.security_mode {
            // Part 18, 4.4.2: a field with its default stands for any.
            MessageSecurityMode::INVALID => None,
            MessageSecurityMode::NONE => Some(ChannelSecurity::None),
            MessageSecurityMode::SIGN => Some(ChannelSecurity::Signed),
            MessageSecurityMode::SIGN_AND_ENCRYPT => Some(ChannelSecurity::Encrypted),
            _ => return Err(Refused::Arguments(vec![Status::BAD_OUT_OF_RANGE])),
        },
        policy: endpoint.security_policy_uri.as_str().to_owned(),
        transport: endpoint.transport_profile_uri.as_str().to_owned(),
    })
}

/// An endpoint as the property Endpoints shows it.
pub(crate) fn endpoint_rule(rule: &EndpointRule) -> EndpointType {
    EndpointType {
        endpoint_url: rule.url.as_str().into(),
        security_mode: match rule.security {
            None => MessageSecurityMode::INVALID,
            Some(ChannelSecurity::None) => MessageSecurityMode::NONE,
            Some(ChannelSecurity::Signed) => MessageSecurityMode::SIGN,
            Some(ChannelSecurity::Encrypted) => MessageSecurityMode::SIGN_AND_ENCRYPT,
        },
        security_policy_uri: rule.policy.as_str().into(),
        transport_profile_uri: rule.transport.as_str().into(),
    }
}

/// What is to be written to a property of a role: whether its list tells what is excluded.
pub(super) struct RoleWrite {
    pub(super) node: NodeId,
    pub(super) role: Role,
    pub(super) property: RoleProperty,
    pub(super) exclude: bool,
}

impl RoleWrite {
    /// Carries it out; no view of the nodes may be held.
    pub(super) fn carry_out(&self, context: &Context<'_>) -> Result<(), Status> {
        check_rights(context)?;
        let asked = match self.property {
            RoleProperty::ApplicationsExclude => RoleChange::ExcludeApplications(self.exclude),
            RoleProperty::EndpointsExclude => RoleChange::ExcludeEndpoints(self.exclude),
            _ => return Err(status::BAD_NOT_WRITABLE),
        };
        let name = context.server.policy().role_name(self.role).unwrap_or_default().to_owned();
        change(context, &self.node, &name, &asked)
    }
}

fn change(context: &Context<'_>, node: &NodeId, name: &str, change: &RoleChange) -> Result<(), Status> {
    let result = context.server.change_role(name, change, context.session);
    let status = result.as_ref().err().map_or(Status::GOOD, refusal);
    log::role_changed(context, name, change, status);
    tracing::warn!(role = name, change = change.name(), subject = change.subject(), %node, %status, "roles");
    if status.is_bad() { Err(status) } else { Ok(()) }
}

fn refusal(error: &RoleError) -> Status {
    match error {
        RoleError::Invalid => status::BAD_INVALID_ARGUMENT,
        RoleError::Exists => status::BAD_ALREADY_EXISTS,
        RoleError::NotFound => status::BAD_NOT_FOUND,
        RoleError::NoRole => Status::BAD_NODE_ID_UNKNOWN,
        RoleError::NotAllowed => status::BAD_REQUEST_NOT_ALLOWED,
        RoleError::Configured => status::BAD_NOT_SUPPORTED,
        RoleError::TooMany | RoleError::File(_) | RoleError::Content { .. } => Status::BAD_RESOURCE_UNAVAILABLE,
    }
}
