//! The nodes of a tag that has history: its annotations, and the configuration object of Part 11, 5.2.2. Their ids are
//! the tag's path, a dot and the names below the tag.

use tagwire_history::aggregate::Configuration;
use tagwire_model::{Status, TagId, Timestamp};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::{data_type, node};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::Variant;

use super::references::{Reference, ordinal};
use super::{Node, Snapshot};

/// A node that belongs to the history of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HistoryNode {
    /// The property with the annotations; its values are history only.
    Annotations,
    /// The object that tells how history is kept.
    Configuration,
    /// The object below it that tells how aggregates are computed unless a client says otherwise.
    Aggregates,
    /// Whether a value holds until the next one.
    Stepped,
    /// When the history begins.
    StartOfArchive,
    /// When the part begins that can be read at once: all of it can.
    StartOfOnlineArchive,
    /// Whether server times are kept.
    ServerTimestampSupported,
    /// Whether uncertain values count as bad.
    TreatUncertainAsBad,
    /// Share of bad data from which on a result is bad.
    PercentDataBad,
    /// Share of good data from which on a result is good.
    PercentDataGood,
    /// Whether values after the end lie on the line through the last two.
    UseSlopedExtrapolation,
}

use HistoryNode::{
    Aggregates, Annotations, Configuration as HaConfiguration, PercentDataBad, PercentDataGood,
    ServerTimestampSupported, StartOfArchive, StartOfOnlineArchive, Stepped, TreatUncertainAsBad,
    UseSlopedExtrapolation,
};

const CHILDREN: [HistoryNode; 5] =
    [Aggregates, Stepped, StartOfArchive, StartOfOnlineArchive, ServerTimestampSupported];
const AGGREGATE_CHILDREN: [HistoryNode; 4] =
    [TreatUncertainAsBad, PercentDataBad, PercentDataGood, UseSlopedExtrapolation];

impl HistoryNode {
    /// The name of the BrowseName, in namespace 0.
    pub const fn name(self) -> &'static str {
        match self {
            Annotations => "Annotations",
            HaConfiguration => "HA Configuration",
            Aggregates => "AggregateConfiguration",
            Stepped => "Stepped",
            StartOfArchive => "StartOfArchive",
            StartOfOnlineArchive => "StartOfOnlineArchive",
            ServerTimestampSupported => "ServerTimestampSupported",
            TreatUncertainAsBad => "TreatUncertainAsBad",
            PercentDataBad => "PercentDataBad",
            PercentDataGood => "PercentDataGood",
            UseSlopedExtrapolation => "UseSlopedExtrapolation",
        }
    }

    /// The node above; `None` for those right below the tag.
    pub(super) const fn above(self) -> Option<Self> {
        match self {
            Annotations | HaConfiguration => None,
            Aggregates | Stepped | StartOfArchive | StartOfOnlineArchive | ServerTimestampSupported => {
                Some(HaConfiguration)
            }
            TreatUncertainAsBad | PercentDataBad | PercentDataGood | UseSlopedExtrapolation => Some(Aggregates),
        }
    }

    /// The nodes below.
    pub(super) const fn below(self) -> &'static [Self] {
        match self {
            HaConfiguration => &CHILDREN,
            Aggregates => &AGGREGATE_CHILDREN,
            _ => &[],
        }
    }

    /// Whether it is an object; the others are properties.
    pub const fn is_object(self) -> bool {
        matches!(self, HaConfiguration | Aggregates)
    }

    /// The type of the node, in namespace 0.
    pub(super) const fn type_definition(self) -> u32 {
        match self {
            HaConfiguration => node::HISTORICAL_DATA_CONFIGURATION_TYPE,
            Aggregates => node::AGGREGATE_CONFIGURATION_TYPE,
            _ => node::PROPERTY_TYPE,
        }
    }

    /// The reference type from the node above.
    pub(super) fn reference_ordinal(self) -> u8 {
        ordinal(match self {
            HaConfiguration => node::HAS_HISTORICAL_CONFIGURATION,
            Aggregates => node::HAS_COMPONENT,
            _ => node::HAS_PROPERTY,
        })
    }

    /// Numeric id of the DataType in namespace 0; 0 for an object.
    pub(super) const fn data_type(self) -> u32 {
        match self {
            Annotations => data_type::ANNOTATION,
            HaConfiguration | Aggregates => 0,
            StartOfArchive | StartOfOnlineArchive => data_type::UTC_TIME,
            PercentDataBad | PercentDataGood => data_type::BYTE,
            _ => data_type::BOOLEAN,
        }
    }

    /// The path below the tag.
    pub(super) fn path(self) -> String {
        match self.above() {
            Some(above) => format!("{}.{}", above.path(), self.name()),
            None => self.name().to_owned(),
        }
    }

    /// The node whose id ends in this name, and what stands before it.
    pub(super) fn of_path(path: &str) -> Option<(&str, Self)> {
        let (above, name) = path.rsplit_once('.')?;
        let among = |nodes: &[Self]| nodes.iter().copied().find(|node| node.name() == name);
        if let Some(found) = among(&[Annotations, HaConfiguration]) {
            return Some((above, found));
        }
        let found = among(&CHILDREN).or_else(|| among(&AGGREGATE_CHILDREN))?;
        let (tag, parent) = Self::of_path(above)?;
        (found.above() == Some(parent)).then_some((tag, found))
    }

    /// The reference to it from the node above.
    pub(super) fn reference(self, tag: TagId) -> Reference {
        Reference { type_ordinal: self.reference_ordinal(), target: Node::History(tag, self) }
    }
}

impl Snapshot<'_> {
    /// Appends the value of a property of the history of a tag.
    pub(super) fn write_history_value(&self, tag: TagId, part: HistoryNode, out: &mut Vec<u8>) -> Result<(), Status> {
        let view = self.tag(tag).ok_or(status::BAD_NODE_ID_UNKNOWN)?;
        let (history, _) = self.history_of(tag).ok_or(status::BAD_NODE_ID_UNKNOWN)?;
        let defaults = Configuration::default();
        let value: Variant = match part {
            // Annotations belong to points in time; there is no current one.
            Annotations | HaConfiguration | Aggregates => Variant::Null,
            Stepped => history.is_stepped(view.path, view.value_type).into(),
            StartOfArchive | StartOfOnlineArchive => {
                // Whoever reads a property must not wait for a database.
                let local = history.local(view.path, view.value_type);
                let begin = local.map(|number| history.history().begin(number)).transpose();
                let begin = begin.map_err(|_| Status::BAD_RESOURCE_UNAVAILABLE)?.flatten();
                begin.unwrap_or(Timestamp::NONE).into()
            }
            ServerTimestampSupported => true.into(),
            TreatUncertainAsBad => defaults.treat_uncertain_as_bad.into(),
            PercentDataBad => defaults.percent_data_bad.into(),
            PercentDataGood => defaults.percent_data_good.into(),
            UseSlopedExtrapolation => defaults.use_sloped_extrapolation.into(),
        };
        value.encode(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_node_leads_back_to_it() {
        let all = [Annotations, HaConfiguration].into_iter().chain(CHILDREN).chain(AGGREGATE_CHILDREN);
        for part in all {
            let path = format!("line1.press.speed.{}", part.path());
            assert_eq!(HistoryNode::of_path(&path), Some(("line1.press.speed", part)));
        }
        assert_eq!(HistoryNode::of_path("line1.Stepped"), None);
        assert_eq!(HistoryNode::of_path("line1.HA Configuration.PercentDataBad"), None);
    }
}
