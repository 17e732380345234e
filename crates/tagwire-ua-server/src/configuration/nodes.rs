//! The nodes of push management in namespace 0.

use tagwire_ua_proto::ids::node;

pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP as APPLICATIONS;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_CERTIFICATE_TYPES as APPLICATIONS_TYPES;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST as APPLICATIONS_LIST;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_LAST_UPDATE_TIME as APPLICATIONS_LAST_UPDATE;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_OPEN_COUNT as APPLICATIONS_OPEN_COUNT;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_SIZE as APPLICATIONS_SIZE;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_USER_WRITABLE as APPLICATIONS_USER_WRITABLE;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_WRITABLE as APPLICATIONS_WRITABLE;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP as USERS;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_CERTIFICATE_TYPES as USERS_TYPES;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST as USERS_LIST;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_LAST_UPDATE_TIME as USERS_LAST_UPDATE;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_OPEN_COUNT as USERS_OPEN_COUNT;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_SIZE as USERS_SIZE;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_USER_WRITABLE as USERS_USER_WRITABLE;
pub(super) use node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_WRITABLE as USERS_WRITABLE;

use node::SERVER_CONFIGURATION as CONFIGURATION;

/// A method of push management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    CreateSigningRequest,
    UpdateCertificate,
    ApplyChanges,
    CancelChanges,
    GetRejectedList,
    Open(Group),
    Close(Group),
    Read(Group),
    Write(Group),
    GetPosition(Group),
    SetPosition(Group),
    OpenWithMasks(Group),
    CloseAndUpdate(Group),
    AddCertificate(Group),
    RemoveCertificate(Group),
}

/// A certificate group with its trust list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Applications: the own certificates, and whom the server trusts.
    Applications,
    /// Which users' certificates are trusted; users have no certificate of this server.
    Users,
}

impl Group {
    pub(super) const ALL: [Self; 2] = [Self::Applications, Self::Users];

    /// The group's node.
    pub(super) const fn id(self) -> u32 {
        match self {
            Self::Applications => APPLICATIONS,
            Self::Users => USERS,
        }
    }

    /// The node of its trust list.
    pub(super) const fn trust_list(self) -> u32 {
        match self {
            Self::Applications => APPLICATIONS_LIST,
            Self::Users => USERS_LIST,
        }
    }
}

/// What a method is called on, its own id there, and the id that its type declares.
struct Row(Method, u32, u32, u32);

macro_rules! of_configuration {
    ($method:ident, $own:ident, $declared:ident) => {
        Row(Method::$method, CONFIGURATION, node::$own, node::$declared)
    };
}

macro_rules! of_lists {
    ($method:ident, $of_applications:ident, $of_users:ident, $declared:ident) => {
        [
            Row(Method::$method(Group::Applications), APPLICATIONS_LIST, node::$of_applications, node::$declared),
            Row(Method::$method(Group::Users), USERS_LIST, node::$of_users, node::$declared),
        ]
    };
}

#[rustfmt::skip]
static OF_CONFIGURATION: [Row; 5] = [
    of_configuration!(CreateSigningRequest, SERVER_CONFIGURATION_CREATE_SIGNING_REQUEST, SERVER_CONFIGURATION_TYPE_CREATE_SIGNING_REQUEST),
    of_configuration!(UpdateCertificate, SERVER_CONFIGURATION_UPDATE_CERTIFICATE, SERVER_CONFIGURATION_TYPE_UPDATE_CERTIFICATE),
    of_configuration!(ApplyChanges, SERVER_CONFIGURATION_APPLY_CHANGES, SERVER_CONFIGURATION_TYPE_APPLY_CHANGES),
    of_configuration!(CancelChanges, SERVER_CONFIGURATION_CANCEL_CHANGES, SERVER_CONFIGURATION_TYPE_CANCEL_CHANGES),
    of_configuration!(GetRejectedList, SERVER_CONFIGURATION_GET_REJECTED_LIST, SERVER_CONFIGURATION_TYPE_GET_REJECTED_LIST),
];

#[rustfmt::skip]
static OF_LISTS: [[Row; 2]; 10] = [
    of_lists!(Open, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_OPEN, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_OPEN, FILE_TYPE_OPEN),
    of_lists!(Close, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_CLOSE, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_CLOSE, FILE_TYPE_CLOSE),
    of_lists!(Read, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_READ, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_READ, FILE_TYPE_READ),
    of_lists!(Write, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_WRITE, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_WRITE, FILE_TYPE_WRITE),
    of_lists!(GetPosition, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_GET_POSITION, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_GET_POSITION, FILE_TYPE_GET_POSITION),
    of_lists!(SetPosition, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_SET_POSITION, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_SET_POSITION, FILE_TYPE_SET_POSITION),
    of_lists!(OpenWithMasks, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_OPEN_WITH_MASKS, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_OPEN_WITH_MASKS, TRUST_LIST_TYPE_OPEN_WITH_MASKS),
    of_lists!(CloseAndUpdate, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_CLOSE_AND_UPDATE, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_CLOSE_AND_UPDATE, TRUST_LIST_TYPE_CLOSE_AND_UPDATE),
    of_lists!(AddCertificate, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_ADD_CERTIFICATE, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_ADD_CERTIFICATE, TRUST_LIST_TYPE_ADD_CERTIFICATE),
    of_lists!(RemoveCertificate, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_REMOVE_CERTIFICATE, SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_REMOVE_CERTIFICATE, TRUST_LIST_TYPE_REMOVE_CERTIFICATE),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    OF_CONFIGURATION.iter().chain(OF_LISTS.iter().flatten())
}

impl Method {
    /// The method with an id, its own or the one that the type declares, on an object; and its own id.
    pub(super) fn find(object: u32, id: u32) -> Option<(Self, u32)> {
        let is_meant = |row: &&Row| row.1 == object && (row.2 == id || row.3 == id);
        rows().find(is_meant).map(|row| (row.0, row.2))
    }
}

/// Whether `id` is that of a method on one of the objects of push management.
pub(crate) fn is_method(id: u32) -> bool {
    rows().any(|row| row.2 == id)
}

/// The method that a user must be able to call for a trust list to be writable for that user, by the variable that
/// tells so.
pub(crate) const fn user_writable(id: u32) -> Option<u32> {
    match id {
        APPLICATIONS_USER_WRITABLE => {
            Some(node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_APPLICATION_GROUP_TRUST_LIST_CLOSE_AND_UPDATE)
        }
        USERS_USER_WRITABLE => {
            Some(node::SERVER_CONFIGURATION_CERTIFICATE_GROUPS_DEFAULT_USER_TOKEN_GROUP_TRUST_LIST_CLOSE_AND_UPDATE)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::address_space::{StandardNode, class};

    use super::*;

    #[test]
    fn every_method_is_below_its_object_and_bears_the_name_of_its_declaration() {
        for Row(method, object, own, declared) in rows() {
            let [object, own, declared] = [*object, *own, *declared].map(|id| StandardNode::find(id).expect("a node"));
            assert_eq!((own.class(), declared.class()), (class::METHOD, class::METHOD), "{method:?}");
            assert_eq!(own.browse_name(), declared.browse_name(), "{method:?}");
            assert!(object.references(true).iter().any(|reference| reference.other == own), "{method:?}");
            assert!(format!("{method:?}").starts_with(own.browse_name()), "{method:?}");
        }
    }
}
