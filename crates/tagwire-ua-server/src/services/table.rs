//! From the type of a request to its handler.

use tagwire_model::Status;
use tagwire_ua_proto::ids::encoding as ids;

use super::{
    Context, Flow, attribute, browse, discovery, history, history_update, method, monitored_item, session,
    subscription, write,
};

/// What a service wants of the session that the request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionNeed {
    /// No session.
    None,
    /// A session, activated or not.
    Made,
    /// An activated session on this channel.
    Activated,
}

/// Handles a request: reads it from the whole message body after the type id, and appends the response.
pub(crate) type Handler = fn(&mut Context<'_>, &[u8], &mut Vec<u8>) -> Result<Flow, Status>;

/// One row of the table.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) need: SessionNeed,
    pub(crate) handler: Handler,
}

macro_rules! services {
    ($($request:ident $name:literal $need:ident $handler:path;)*) => {
        /// The service that takes requests of this type; `None` for every other type.
        pub(crate) fn service(request: u32) -> Option<&'static Service> {
            Some(match request {
                $(ids::$request => &Service { name: $name, need: SessionNeed::$need, handler: $handler },)*
                _ => return None,
            })
        }
    };
}

services! {
    READ_REQUEST "Read" Activated attribute::read;
    WRITE_REQUEST "Write" Activated write::write;
    PUBLISH_REQUEST "Publish" Activated subscription::publish;
    FIND_SERVERS_REQUEST "FindServers" None discovery::find_servers;
    GET_ENDPOINTS_REQUEST "GetEndpoints" None discovery::endpoints;
    CREATE_SESSION_REQUEST "CreateSession" None session::create;
    ACTIVATE_SESSION_REQUEST "ActivateSession" Made session::activate;
    CLOSE_SESSION_REQUEST "CloseSession" Made session::close;
    CANCEL_REQUEST "Cancel" Activated session::cancel;
    BROWSE_REQUEST "Browse" Activated browse::browse;
    BROWSE_NEXT_REQUEST "BrowseNext" Activated browse::browse_next;
    TRANSLATE_BROWSE_PATHS_TO_NODE_IDS_REQUEST "TranslateBrowsePathsToNodeIds" Activated browse::translate;
    REGISTER_NODES_REQUEST "RegisterNodes" Activated browse::register;
    UNREGISTER_NODES_REQUEST "UnregisterNodes" Activated browse::unregister;
    HISTORY_READ_REQUEST "HistoryRead" Activated history::read;
    HISTORY_UPDATE_REQUEST "HistoryUpdate" Activated history_update::update;
    CALL_REQUEST "Call" Activated method::call;
    CREATE_MONITORED_ITEMS_REQUEST "CreateMonitoredItems" Activated monitored_item::create;
    MODIFY_MONITORED_ITEMS_REQUEST "ModifyMonitoredItems" Activated monitored_item::modify;
    SET_MONITORING_MODE_REQUEST "SetMonitoringMode" Activated monitored_item::set_mode;
    SET_TRIGGERING_REQUEST "SetTriggering" Activated monitored_item::set_triggering;
    DELETE_MONITORED_ITEMS_REQUEST "DeleteMonitoredItems" Activated monitored_item::delete;
    CREATE_SUBSCRIPTION_REQUEST "CreateSubscription" Activated subscription::create;
    MODIFY_SUBSCRIPTION_REQUEST "ModifySubscription" Activated subscription::modify;
    SET_PUBLISHING_MODE_REQUEST "SetPublishingMode" Activated subscription::set_publishing_mode;
    REPUBLISH_REQUEST "Republish" Activated subscription::republish;
    TRANSFER_SUBSCRIPTIONS_REQUEST "TransferSubscriptions" Activated subscription::transfer;
    DELETE_SUBSCRIPTIONS_REQUEST "DeleteSubscriptions" Activated subscription::delete;
    ADD_NODES_REQUEST "AddNodes" Activated unsupported;
    ADD_REFERENCES_REQUEST "AddReferences" Activated unsupported;
    DELETE_NODES_REQUEST "DeleteNodes" Activated unsupported;
    DELETE_REFERENCES_REQUEST "DeleteReferences" Activated unsupported;
}

fn unsupported(_: &mut Context<'_>, _: &[u8], _: &mut Vec<u8>) -> Result<Flow, Status> {
    Err(Status::BAD_SERVICE_UNSUPPORTED)
}
