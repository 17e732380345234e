//! Aggregates as clients ask for them, of live values and of history (Part 13, 4.2 and 4.3).

use tagwire_history::aggregate::{Aggregate, Configuration, SettingsError};
use tagwire_model::Status;
use tagwire_ua_proto::services::AggregateConfiguration;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{Identifier, NodeId};

/// The aggregate that a node stands for.
pub(crate) fn function(node: &NodeId) -> Option<Aggregate> {
    match (node.namespace, &node.identifier) {
        (0, Identifier::Numeric(id)) => Aggregate::from_node(*id),
        _ => None,
    }
}

/// What a client wants, or the server's own configuration.
pub(crate) fn configuration(asked: &AggregateConfiguration) -> Configuration {
    if asked.use_server_capabilities_defaults {
        return Configuration::default();
    }
    Configuration {
        treat_uncertain_as_bad: asked.treat_uncertain_as_bad,
        percent_data_bad: asked.percent_data_bad,
        percent_data_good: asked.percent_data_good,
        use_sloped_extrapolation: asked.use_sloped_extrapolation,
    }
}

/// Why settings are refused.
pub(crate) const fn refused(error: SettingsError) -> Status {
    match error {
        SettingsError::Percentages => status::BAD_AGGREGATE_CONFIGURATION_REJECTED,
        SettingsError::DataType => status::BAD_AGGREGATE_INVALID_INPUTS,
    }
}
