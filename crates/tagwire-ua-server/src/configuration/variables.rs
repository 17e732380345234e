//! Values of the variables of push management (Part 12, 7.10.3).

use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::ApplicationType;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NodeId, UaString, Variant};

use super::nodes;
use super::transaction::Report;
use super::{Configuration, Group};
use crate::endpoints::PRODUCT_URI;
use crate::limits;
use crate::server::Server;

/// Formats of private keys that UpdateCertificate takes.
const KEY_FORMATS: [&str; 1] = [super::certificates::PEM];

/// What the server can do, in the words of Part 12, Annex D.
const CAPABILITIES: [&str; 1] = ["DA"];

impl Configuration {
    /// The value of a variable of push management; `None` for all others.
    pub(crate) fn variable(&self, id: u32, server: &Server) -> Option<Result<Variant, Status>> {
        let text = |text: &str| Variant::from(UaString::from(text));
        let texts = |all: &[&str]| Variant::from(all.iter().map(|text| UaString::from(*text)).collect::<Vec<_>>());
        Some(Ok(match id {
            node::SERVER_CONFIGURATION_SERVER_CAPABILITIES => texts(&CAPABILITIES),
            node::SERVER_CONFIGURATION_SUPPORTED_PRIVATE_KEY_FORMATS => texts(&KEY_FORMATS),
            node::SERVER_CONFIGURATION_MAX_TRUST_LIST_SIZE => (limits::MAX_TRUST_LIST_BYTES as u32).into(),
            node::SERVER_CONFIGURATION_MULTICAST_DNS_ENABLED | node::SERVER_CONFIGURATION_HAS_SECURE_ELEMENT => {
                false.into()
            }
            node::SERVER_CONFIGURATION_APPLICATION_URI => text(&server.config.application_uri),
            node::SERVER_CONFIGURATION_APPLICATION_TYPE => ApplicationType::SERVER.into(),
            node::SERVER_CONFIGURATION_PRODUCT_URI => text(PRODUCT_URI),
            nodes::APPLICATIONS_TYPES => {
                self.own.iter().map(|slot| NodeId::ns0(slot.certificate_type)).collect::<Vec<_>>().into()
            }
            nodes::USERS_TYPES => vec![NodeId::ns0(node::USER_CREDENTIAL_CERTIFICATE_TYPE)].into(),
            // A trust list has no size before it is read (Part 12, 7.8.2.1).
            nodes::APPLICATIONS_SIZE | nodes::USERS_SIZE => return Some(Err(Status::BAD_NOT_SUPPORTED)),
            nodes::APPLICATIONS_WRITABLE | nodes::USERS_WRITABLE => true.into(),
            nodes::APPLICATIONS_OPEN_COUNT => self.open_count(Group::Applications),
            nodes::USERS_OPEN_COUNT => self.open_count(Group::Users),
            nodes::APPLICATIONS_LAST_UPDATE => server.trust.last_update().into(),
            nodes::USERS_LAST_UPDATE => server.user_trust.last_update().into(),
            node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_START_TIME
                ..=node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_ERRORS => {
                let state = self.state.lock();
                // There is nothing to tell before the first transaction.
                return Some(state.last.as_ref().ok_or(Status::BAD_OUT_OF_SERVICE).and_then(|last| tell(last, id)));
            }
            _ => return None,
        }))
    }

    fn open_count(&self, group: Group) -> Variant {
        u16::try_from(self.state.lock().files.n_open(group)).unwrap_or(u16::MAX).into()
    }
}

/// One of the variables of TransactionDiagnostics.
fn tell(last: &Report, id: u32) -> Result<Variant, Status> {
    let ids = |groups: &[Group], id: fn(Group) -> u32| {
        Variant::from(groups.iter().map(|group| NodeId::ns0(id(*group))).collect::<Vec<_>>())
    };
    Ok(match id {
        node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_START_TIME => last.start.into(),
        node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_END_TIME => {
            last.end.map_or(Timestamp::NONE, |(time, _)| time).into()
        }
        node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_RESULT => {
            last.end.map(|(_, result)| result).ok_or(status::BAD_INVALID_STATE)?.into()
        }
        node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_AFFECTED_TRUST_LISTS => {
            ids(&last.trust_lists, Group::trust_list)
        }
        node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_AFFECTED_CERTIFICATE_GROUPS => ids(&last.groups, Group::id),
        _ => Variant::structures(&last.errors),
    })
}
