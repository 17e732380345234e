//! What is counted for diagnostics, per session and per subscription.

use parking_lot::Mutex;
use tagwire_ua_proto::services::{ServiceCounterDataType, SessionDiagnosticsDataType, SubscriptionDiagnosticsDataType};

/// Calls of one service.
#[derive(Clone, Copy, Debug)]
struct Counted {
    service: &'static str,
    total: u32,
    errors: u32,
}

/// Calls of the services by one session. They allocate nothing before the first is counted.
#[derive(Debug, Default)]
pub(crate) struct ServiceCounters(Mutex<Vec<Counted>>);

impl ServiceCounters {
    /// Counts a request and whether it was refused as a whole.
    pub(crate) fn count(&self, service: &'static str, failed: bool) {
        let mut counted = self.0.lock();
        let at = counted.iter().position(|counted| counted.service == service).unwrap_or_else(|| {
            counted.push(Counted { service, total: 0, errors: 0 });
            counted.len() - 1
        });
        if let Some(counted) = counted.get_mut(at) {
            counted.total = counted.total.wrapping_add(1);
            counted.errors = counted.errors.wrapping_add(u32::from(failed));
        }
    }

    pub(super) fn fill(&self, diagnostics: &mut SessionDiagnosticsDataType) {
        for Counted { service, total, errors } in self.0.lock().iter().copied() {
            let d = &mut *diagnostics;
            d.total_request_count.total_count = d.total_request_count.total_count.wrapping_add(total);
            d.total_request_count.error_count = d.total_request_count.error_count.wrapping_add(errors);
            let counter = match service {
                "Read" => &mut d.read_count,
                "HistoryRead" => &mut d.history_read_count,
                "Write" => &mut d.write_count,
                "HistoryUpdate" => &mut d.history_update_count,
                "Call" => &mut d.call_count,
                "CreateMonitoredItems" => &mut d.create_monitored_items_count,
                "ModifyMonitoredItems" => &mut d.modify_monitored_items_count,
                "SetMonitoringMode" => &mut d.set_monitoring_mode_count,
                "SetTriggering" => &mut d.set_triggering_count,
                "DeleteMonitoredItems" => &mut d.delete_monitored_items_count,
                "CreateSubscription" => &mut d.create_subscription_count,
                "ModifySubscription" => &mut d.modify_subscription_count,
                "SetPublishingMode" => &mut d.set_publishing_mode_count,
                "Publish" => &mut d.publish_count,
                "Republish" => &mut d.republish_count,
                "TransferSubscriptions" => &mut d.transfer_subscriptions_count,
                "DeleteSubscriptions" => &mut d.delete_subscriptions_count,
                "AddNodes" => &mut d.add_nodes_count,
                "AddReferences" => &mut d.add_references_count,
                "DeleteNodes" => &mut d.delete_nodes_count,
                "DeleteReferences" => &mut d.delete_references_count,
                "Browse" => &mut d.browse_count,
                "BrowseNext" => &mut d.browse_next_count,
                "TranslateBrowsePathsToNodeIds" => &mut d.translate_browse_paths_to_node_ids_count,
                "RegisterNodes" => &mut d.register_nodes_count,
                "UnregisterNodes" => &mut d.unregister_nodes_count,
                // ActivateSession, CloseSession and Cancel count among all requests only.
                _ => continue,
            };
            *counter = ServiceCounterDataType { total_count: total, error_count: errors };
        }
    }
}

/// What happened to one subscription.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SubscriptionCounters {
    pub(crate) modified: u32,
    pub(crate) enabled: u32,
    pub(crate) disabled: u32,
    pub(crate) republish_requests: u32,
    pub(crate) republished: u32,
    pub(crate) transfers_to_other_client: u32,
    pub(crate) transfers_to_same_client: u32,
    pub(crate) published: u32,
    pub(crate) data_changes: u32,
    pub(crate) events: u32,
    pub(crate) overflows: u32,
}

impl SubscriptionCounters {
    pub(super) const fn fill(&self, diagnostics: &mut SubscriptionDiagnosticsDataType) {
        diagnostics.modify_count = self.modified;
        diagnostics.enable_count = self.enabled;
        diagnostics.disable_count = self.disabled;
        diagnostics.republish_request_count = self.republish_requests;
        diagnostics.republish_message_request_count = self.republish_requests;
        diagnostics.republish_message_count = self.republished;
        diagnostics.transfer_request_count = self.transfers_to_other_client.wrapping_add(self.transfers_to_same_client);
        diagnostics.transferred_to_alt_client_count = self.transfers_to_other_client;
        diagnostics.transferred_to_same_client_count = self.transfers_to_same_client;
        diagnostics.publish_request_count = self.published;
        diagnostics.data_change_notifications_count = self.data_changes;
        diagnostics.event_notifications_count = self.events;
        diagnostics.notifications_count = self.data_changes.wrapping_add(self.events);
        diagnostics.monitoring_queue_overflow_count = self.overflows;
    }
}
