//! History, page by page (OPC UA Part 11).

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use opcua_client::HistoryReadAction;
use opcua_types::{
    AggregateConfiguration, ByteString, DateTime, ExtensionObject, HistoryData, HistoryReadValueId, NodeId, ObjectId,
    ReadProcessedDetails, ReadRawModifiedDetails, TimestampsToReturn,
};
use tagwire_model::{Sample, Status, Timestamp};

use crate::attribute::check_len;
use crate::error::StatusName;
use crate::{Client, Error, guard, value};

/// Values asked for per node and answer.
const VALUES_PER_PAGE: usize = 50_000;
/// Nodes asked for per request, whose pages together fit one message.
const NODES_PER_REQUEST: usize = 8;
/// Requests that are under way together.
const REQUESTS_AT_ONCE: usize = 3;

/// The history of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeHistory {
    /// Whether it could be read.
    pub status: Status,
    /// The samples, in the order of the query: newest first when its start lies after its end.
    pub samples: Vec<Sample>,
}

/// A span of time and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistorySpan {
    /// Where reading begins; [`Timestamp::NONE`] when only the end and a number of values are given.
    pub start: Timestamp,
    /// Where reading ends; before the start to read backwards, [`Timestamp::NONE`] to read `max` values on.
    pub end: Timestamp,
    /// Values per node at most; 0 for all.
    pub max: usize,
}

/// How a span is cut into intervals and each of them summed up (Part 13).
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The function, a node below the server's AggregateFunctions.
    pub function: NodeId,
    /// Length of an interval; zero for the whole span.
    pub interval: Duration,
}

impl Aggregate {
    /// The function with this name: `avg`, `min`, `max`, `count`, `TimeAverage2`, in any letter case.
    pub fn named(name: &str) -> Option<NodeId> {
        let plain = name.to_ascii_lowercase().replace(['_', '-', ' '], "");
        FUNCTIONS.iter().find(|(known, _)| *known == plain).map(|(_, id)| NodeId::from(*id))
    }

    /// The names that [`Aggregate::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.iter().map(|(name, _)| *name)
    }
}

const FUNCTIONS: &[(&str, ObjectId)] = &[
    ("average", ObjectId::AggregateFunction_Average),
    ("avg", ObjectId::AggregateFunction_Average),
    ("count", ObjectId::AggregateFunction_Count),
    ("delta", ObjectId::AggregateFunction_Delta),
    ("deltabounds", ObjectId::AggregateFunction_DeltaBounds),
    ("durationbad", ObjectId::AggregateFunction_DurationBad),
    ("durationgood", ObjectId::AggregateFunction_DurationGood),
    ("durationinstatenonzero", ObjectId::AggregateFunction_DurationInStateNonZero),
    ("durationinstatezero", ObjectId::AggregateFunction_DurationInStateZero),
    ("end", ObjectId::AggregateFunction_End),
    ("endbound", ObjectId::AggregateFunction_EndBound),
    ("first", ObjectId::AggregateFunction_Start),
    ("interpolate", ObjectId::AggregateFunction_Interpolative),
    ("interpolative", ObjectId::AggregateFunction_Interpolative),
    ("last", ObjectId::AggregateFunction_End),
    ("max", ObjectId::AggregateFunction_Maximum),
    ("maximum", ObjectId::AggregateFunction_Maximum),
    ("maximum2", ObjectId::AggregateFunction_Maximum2),
    ("maximumactualtime", ObjectId::AggregateFunction_MaximumActualTime),
    ("maximumactualtime2", ObjectId::AggregateFunction_MaximumActualTime2),
    ("min", ObjectId::AggregateFunction_Minimum),
    ("minimum", ObjectId::AggregateFunction_Minimum),
    ("minimum2", ObjectId::AggregateFunction_Minimum2),
    ("minimumactualtime", ObjectId::AggregateFunction_MinimumActualTime),
    ("minimumactualtime2", ObjectId::AggregateFunction_MinimumActualTime2),
    ("numberoftransitions", ObjectId::AggregateFunction_NumberOfTransitions),
    ("percentbad", ObjectId::AggregateFunction_PercentBad),
    ("percentgood", ObjectId::AggregateFunction_PercentGood),
    ("range", ObjectId::AggregateFunction_Range),
    ("range2", ObjectId::AggregateFunction_Range2),
    ("standarddeviationpopulation", ObjectId::AggregateFunction_StandardDeviationPopulation),
    ("standarddeviationsample", ObjectId::AggregateFunction_StandardDeviationSample),
    ("start", ObjectId::AggregateFunction_Start),
    ("startbound", ObjectId::AggregateFunction_StartBound),
    ("std", ObjectId::AggregateFunction_StandardDeviationSample),
    ("timeaverage", ObjectId::AggregateFunction_TimeAverage),
    ("timeaverage2", ObjectId::AggregateFunction_TimeAverage2),
    ("total", ObjectId::AggregateFunction_Total),
    ("total2", ObjectId::AggregateFunction_Total2),
    ("variancepopulation", ObjectId::AggregateFunction_VariancePopulation),
    ("variancesample", ObjectId::AggregateFunction_VarianceSample),
    ("worstquality", ObjectId::AggregateFunction_WorstQuality),
    ("worstquality2", ObjectId::AggregateFunction_WorstQuality2),
];

impl Client {
    /// The samples as they were stored; one history per node.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn history_raw(&self, nodes: &[NodeId], span: HistorySpan) -> Result<Vec<NodeHistory>, Error> {
        let per_page = if span.max == 0 { VALUES_PER_PAGE } else { span.max.min(VALUES_PER_PAGE) };
        let action = HistoryReadAction::ReadRawModifiedDetails(ReadRawModifiedDetails {
            is_read_modified: false,
            start_time: time(span.start),
            end_time: time(span.end),
            num_values_per_node: u32::try_from(per_page).unwrap_or(u32::MAX),
            return_bounds: false,
        });
        self.history_pages(nodes, span.max, |_| action.clone()).await
    }

    /// One value per interval; one history per node.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn history_processed(
        &self,
        nodes: &[NodeId],
        span: HistorySpan,
        aggregate: &Aggregate,
    ) -> Result<Vec<NodeHistory>, Error> {
        self.history_pages(nodes, span.max, |n_nodes| {
            HistoryReadAction::ReadProcessedDetails(ReadProcessedDetails {
                start_time: time(span.start),
                end_time: time(span.end),
                processing_interval: aggregate.interval.as_secs_f64() * 1_000.0,
                aggregate_type: Some(vec![aggregate.function.clone(); n_nodes]),
                aggregate_configuration: AggregateConfiguration {
                    use_server_capabilities_defaults: true,
                    ..AggregateConfiguration::default()
                },
            })
        })
        .await
    }

    /// Asks for some nodes at a time, while the answer about others is being decoded.
    async fn history_pages(
        &self,
        nodes: &[NodeId],
        max: usize,
        action: impl Fn(usize) -> HistoryReadAction + Sync,
    ) -> Result<Vec<NodeHistory>, Error> {
        let parts: Vec<_> =
            nodes.chunks(NODES_PER_REQUEST).map(|chunk| self.history_of_few(chunk, max, &action)).collect();
        let found: Vec<Vec<NodeHistory>> = stream::iter(parts).buffered(REQUESTS_AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn history_of_few(
        &self,
        nodes: &[NodeId],
        max: usize,
        action: &(impl Fn(usize) -> HistoryReadAction + Sync),
    ) -> Result<Vec<NodeHistory>, Error> {
        let mut histories: Vec<NodeHistory> =
            nodes.iter().map(|_| NodeHistory { status: Status::GOOD, samples: Vec::new() }).collect();
        // The nodes of which more is to come, each with the point to go on from.
        let mut open: Vec<(usize, HistoryReadValueId)> =
            nodes.iter().enumerate().map(|(idx, node)| (idx, question(node, ByteString::null()))).collect();
        while !open.is_empty() {
            let questions: Vec<HistoryReadValueId> = open.iter().map(|(_, question)| question.clone()).collect();
            let call = self.session.history_read(action(open.len()), TimestampsToReturn::Both, false, &questions);
            let answers = guard::call("HistoryRead", self.timeout, call).await?;
            check_len("HistoryRead", answers.len(), open.len())?;
            let mut next = Vec::new();
            let mut unwanted = Vec::new();
            for ((idx, question), answer) in open.into_iter().zip(answers) {
                let Some(history) = histories.get_mut(idx) else { continue };
                history.status = StatusName::of(answer.status_code).0;
                let n_before = history.samples.len();
                take(&mut history.samples, answer.history_data);
                let is_full = max > 0 && history.samples.len() >= max;
                if is_full {
                    history.samples.truncate(max);
                }
                if answer.continuation_point.is_null_or_empty() || answer.status_code.is_bad() {
                    continue;
                }
                let point = HistoryReadValueId { continuation_point: answer.continuation_point, ..question };
                // A server that sends empty pages for ever is left, too.
                if is_full || history.samples.len() == n_before {
                    unwanted.push(point);
                } else {
                    next.push((idx, point));
                }
            }
            if !unwanted.is_empty() {
                let call = self.session.history_read(action(unwanted.len()), TimestampsToReturn::Both, true, &unwanted);
                let _ = guard::call("HistoryRead", self.timeout, call).await;
            }
            open = next;
        }
        Ok(histories)
    }
}

fn take(samples: &mut Vec<Sample>, data: ExtensionObject) {
    let Some(data) = data.into_inner_as::<HistoryData>() else { return };
    samples.extend(data.data_values.into_iter().flatten().map(value::to_sample));
}

fn question(node: &NodeId, continuation_point: ByteString) -> HistoryReadValueId {
    HistoryReadValueId { node_id: node.clone(), continuation_point, ..HistoryReadValueId::default() }
}

fn time(time: Timestamp) -> DateTime {
    if time.is_none() { DateTime::null() } else { DateTime::from(time.ticks()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_its_short_and_its_full_name() {
        for (name, id) in
            [("avg", 2342), ("Average", 2342), ("time_average2", 11285), ("Minimum", 2346), ("last", 2358)]
        {
            assert_eq!(Aggregate::named(name), Some(NodeId::new(0, id)), "{name}");
        }
        assert_eq!(Aggregate::named("median"), None);
        assert!(FUNCTIONS.is_sorted_by_key(|(name, _)| *name));
    }
}
