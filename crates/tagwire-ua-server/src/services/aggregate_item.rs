//! Monitored items that report an aggregate (Part 4, 7.22.4; Part 13, 4.3).

use tagwire_history::aggregate::{Aggregate, Settings};
use tagwire_model::{Status, Timestamp, ValueType};
use tagwire_ua_proto::services::{AggregateConfiguration, AggregateFilter, AggregateFilterResult};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::ExtensionObject;

use crate::aggregates::{configuration, function, refused};
use crate::limits;
use crate::subscription::Aggregation;

/// An aggregate that passed the checks.
pub(crate) struct AggregatePlan {
    pub(crate) aggregation: Aggregation,
    pub(crate) result: ExtensionObject,
    /// The slowest sampling that serves the intervals, in milliseconds.
    pub(crate) max_sampling_ms: u32,
}

/// Reads a filter for a tag whose values have this type; `None` for a filter of another kind.
///
/// The past is not looked at: intervals begin now, or at a time to come.
pub(crate) fn plan(
    filter: &ExtensionObject,
    value_type: Option<ValueType>,
    now: Timestamp,
) -> Option<Result<AggregatePlan, Status>> {
    let filter = filter.decode_as::<AggregateFilter>()?;
    Some(filter.map_err(|error| error.status()).and_then(|filter| checked(&filter, value_type, now)))
}

fn checked(filter: &AggregateFilter, value_type: Option<ValueType>, now: Timestamp) -> Result<AggregatePlan, Status> {
    let value_type = value_type.ok_or(status::BAD_FILTER_NOT_ALLOWED)?;
    // Annotations exist in history only.
    let aggregate = function(&filter.aggregate_type).filter(|aggregate| *aggregate != Aggregate::AnnotationCount);
    let aggregate = aggregate.ok_or(status::BAD_AGGREGATE_NOT_SUPPORTED)?;
    let asked = &filter.aggregate_configuration;
    let configuration = configuration(asked);
    let start = filter.start_time.max(now);
    let interval = revise_interval(filter.processing_interval);
    // The table tells each change, so that a value holds until the next one.
    let settings = Settings { aggregate, configuration, stepped: true, value_type, annotations: None };
    let ticks = (interval * Timestamp::TICKS_PER_MILLISECOND as f64) as i64;
    let aggregation = Aggregation::new(settings, start, ticks).map_err(refused)?;
    let result = AggregateFilterResult {
        revised_start_time: start,
        revised_processing_interval: interval,
        revised_aggregate_configuration: AggregateConfiguration {
            use_server_capabilities_defaults: asked.use_server_capabilities_defaults,
            treat_uncertain_as_bad: configuration.treat_uncertain_as_bad,
            percent_data_bad: configuration.percent_data_bad,
            percent_data_good: configuration.percent_data_good,
            use_sloped_extrapolation: configuration.use_sloped_extrapolation,
        },
    };
    Ok(AggregatePlan { aggregation, result: ExtensionObject::new(&result), max_sampling_ms: (interval / 2.0) as u32 })
}

/// A whole number of milliseconds that the server can keep to.
fn revise_interval(asked: f64) -> f64 {
    if asked > 0.0 {
        asked.clamp(limits::MIN_PROCESSING_INTERVAL_MS, limits::MAX_PROCESSING_INTERVAL_MS).round()
    } else {
        limits::DEFAULT_PROCESSING_INTERVAL_MS
    }
}

#[cfg(test)]
mod tests {
    use tagwire_model::DataType;
    use tagwire_ua_proto::types::NodeId;

    use super::*;

    fn filter(node: u32, interval: f64, good: u8, bad: u8) -> ExtensionObject {
        ExtensionObject::new(&AggregateFilter {
            start_time: Timestamp::NONE,
            aggregate_type: NodeId::ns0(node),
            processing_interval: interval,
            aggregate_configuration: AggregateConfiguration {
                percent_data_good: good,
                percent_data_bad: bad,
                ..AggregateConfiguration::default()
            },
        })
    }

    fn refused(filter: &ExtensionObject, data_type: DataType) -> Option<Status> {
        plan(filter, Some(ValueType::scalar(data_type)), Timestamp::from_ticks(5)).and_then(|plan| plan.err())
    }

    #[test]
    fn what_cannot_be_computed_is_refused_for_its_reason() {
        let average = filter(2342, 1000.0, 100, 100);
        assert_eq!(refused(&average, DataType::Float), None);
        assert_eq!(refused(&average, DataType::String), Some(status::BAD_AGGREGATE_INVALID_INPUTS));
        assert_eq!(
            refused(&filter(2351, 1000.0, 100, 100), DataType::Float),
            Some(status::BAD_AGGREGATE_NOT_SUPPORTED)
        );
        assert_eq!(refused(&filter(85, 1000.0, 100, 100), DataType::Float), Some(status::BAD_AGGREGATE_NOT_SUPPORTED));
        let gap = filter(2342, 1000.0, 20, 30);
        assert_eq!(refused(&gap, DataType::Float), Some(status::BAD_AGGREGATE_CONFIGURATION_REJECTED));
        assert!(matches!(plan(&average, None, Timestamp::NONE), Some(Err(status::BAD_FILTER_NOT_ALLOWED))));
    }

    #[test]
    fn any_interval_is_revised_into_a_usable_one() {
        for (asked, revised) in [
            (0.0, limits::DEFAULT_PROCESSING_INTERVAL_MS),
            (-5.0, limits::DEFAULT_PROCESSING_INTERVAL_MS),
            (f64::NAN, limits::DEFAULT_PROCESSING_INTERVAL_MS),
            (1e-9, limits::MIN_PROCESSING_INTERVAL_MS),
            (f64::INFINITY, limits::MAX_PROCESSING_INTERVAL_MS),
            (2500.4, 2500.0),
        ] {
            assert_eq!(revise_interval(asked), revised, "{asked}");
        }
    }
}
