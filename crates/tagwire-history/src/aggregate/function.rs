//! Which aggregates there are: names, nodes, data types.

use tagwire_model::{DataType, ValueType};

/// Which values an aggregate takes (Part 13, Table 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Integers and floating point numbers.
    Numbers,
    /// Numbers and Booleans.
    NumbersAndBooleans,
    /// Every scalar: what cannot be interpolated is held.
    Scalars,
    /// Everything.
    All,
}

/// The type of the values that an aggregate gives (Part 13, Table 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// The type of the samples.
    Source,
    /// A Double.
    Double,
    /// An Int32 that is never negative.
    Count,
    /// A Duration: a Double in milliseconds.
    Duration,
    /// A StatusCode.
    Status,
}

/// How far before the first interval samples must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// The latest sample before the span, whatever its status: it tells that the data start earlier.
    Latest,
    /// From the latest sample before the span whose status counts as good.
    LatestUsable,
    /// From the second latest sample before the span whose status counts as good, to extrapolate along a line.
    SecondUsable,
}

macro_rules! aggregates {
    ($($(#[$doc:meta])* $name:ident = $node:literal, $takes:ident, $gives:ident;)*) => {
        /// A standard aggregate (Part 13, 5.4.3.4 to 5.4.3.40).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Aggregate {
            $($(#[$doc])* $name,)*
        }

        impl Aggregate {
            /// All of them, in the order of the standard.
            pub const ALL: [Self; 37] = [$(Self::$name,)*];

            /// The numeric id of its node in namespace 0.
            pub const fn node(self) -> u32 {
                match self {
                    $(Self::$name => $node,)*
                }
            }

            /// Its BrowseName.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The type of its values.
            pub const fn result_type(self) -> ResultType {
                match self {
                    $(Self::$name => ResultType::$gives,)*
                }
            }

            const fn takes(self) -> Takes {
                match self {
                    $(Self::$name => Takes::$takes,)*
                }
            }
        }
    };
}

aggregates! {
    /// The value at the start of the interval, from the good values around it.
    Interpolative = 2341, Scalars, Source;
    /// The mean of the good values.
    Average = 2342, Numbers, Double;
    /// The time-weighted mean along straight lines between good values.
    TimeAverage = 2343, Numbers, Double;
    /// The time-weighted mean with simple bounds: bad stretches are left out.
    TimeAverage2 = 11285, Numbers, Double;
    /// The time integral in value times seconds, bad values bridged.
    Total = 2344, Numbers, Double;
    /// The time integral in value times seconds with simple bounds: bad stretches are left out.
    Total2 = 11304, Numbers, Double;
    /// The smallest good value.
    Minimum = 2346, Numbers, Source;
    /// The largest good value.
    Maximum = 2347, Numbers, Source;
    /// The smallest good value, at its own time.
    MinimumActualTime = 2348, Numbers, Source;
    /// The largest good value, at its own time.
    MaximumActualTime = 2349, Numbers, Source;
    /// The largest less the smallest good value.
    Range = 2350, Numbers, Source;
    /// The smallest good value, bounds included.
    Minimum2 = 11286, Numbers, Source;
    /// The largest good value, bounds included.
    Maximum2 = 11287, Numbers, Source;
    /// The smallest good value, bounds included, at its own time.
    MinimumActualTime2 = 11305, Numbers, Source;
    /// The largest good value, bounds included, at its own time.
    MaximumActualTime2 = 11306, Numbers, Source;
    /// The largest less the smallest good value, bounds included.
    Range2 = 11288, Numbers, Source;
    /// How many annotations there are.
    AnnotationCount = 2351, All, Count;
    /// How many good values there are.
    Count = 2352, All, Count;
    /// How long the value was zero.
    DurationInStateZero = 11307, NumbersAndBooleans, Duration;
    /// How long the value was not zero.
    DurationInStateNonZero = 11308, NumbersAndBooleans, Duration;
    /// How often the value changed.
    NumberOfTransitions = 2355, NumbersAndBooleans, Count;
    /// The earliest value.
    Start = 2357, All, Source;
    /// The latest value.
    End = 2358, All, Source;
    /// The latest less the earliest good value.
    Delta = 2359, Numbers, Source;
    /// The value at the start of the interval, from simple bounds.
    StartBound = 11505, All, Source;
    /// The value at the end of the interval, from simple bounds.
    EndBound = 11506, All, Source;
    /// The value at the end less the value at the start of the interval, from simple bounds.
    DeltaBounds = 11507, Numbers, Source;
    /// How long the value was good.
    DurationGood = 2360, All, Duration;
    /// How long the value was bad.
    DurationBad = 2361, All, Duration;
    /// How much of the interval was good, in percent.
    PercentGood = 2362, All, Double;
    /// How much of the interval was bad, in percent.
    PercentBad = 2363, All, Double;
    /// The worst status of the values.
    WorstQuality = 2364, All, Status;
    /// The worst status of the values, bounds included.
    WorstQuality2 = 11292, All, Status;
    /// The standard deviation of a sample of the data, with n - 1.
    StandardDeviationSample = 11426, Numbers, Double;
    /// The square of `StandardDeviationSample`.
    VarianceSample = 11428, Numbers, Double;
    /// The standard deviation of all the data, with n.
    StandardDeviationPopulation = 11427, Numbers, Double;
    /// The square of `StandardDeviationPopulation`.
    VariancePopulation = 11429, Numbers, Double;
}

impl Aggregate {
    /// The aggregate with this numeric node id in namespace 0.
    pub fn from_node(node: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregate| aggregate.node() == node)
    }

    /// The aggregate with this BrowseName, whatever the case of its letters.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregate| aggregate.name().eq_ignore_ascii_case(name))
    }

    /// Whether it can be computed from values of this type (Part 13, Table 13).
    pub fn accepts(self, value_type: ValueType) -> bool {
        let data_type = value_type.data_type;
        match self.takes() {
            Takes::Numbers => value_type.is_scalar() && data_type.is_number(),
            Takes::NumbersAndBooleans => {
                value_type.is_scalar() && (data_type.is_number() || data_type == DataType::Boolean)
            }
            Takes::Scalars => value_type.is_scalar(),
            Takes::All => true,
        }
    }

    /// How far before the first interval samples must be read for exact results.
    ///
    /// `sloped_extrapolation` is the setting of [`Configuration`](super::Configuration).
    pub fn lead(self, sloped_extrapolation: bool) -> Lead {
        match self {
            Self::Interpolative | Self::TimeAverage | Self::Total if sloped_extrapolation => Lead::SecondUsable,
            Self::Interpolative | Self::TimeAverage | Self::Total | Self::NumberOfTransitions => Lead::LatestUsable,
            _ => Lead::Latest,
        }
    }

    /// Whether partial intervals are marked.
    pub(super) const fn marks_partial(self) -> bool {
        !matches!(self, Self::Interpolative | Self::Average)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_nodes_lead_back_to_the_aggregate() {
        for aggregate in Aggregate::ALL {
            assert_eq!(Aggregate::from_node(aggregate.node()), Some(aggregate));
            assert_eq!(Aggregate::from_name(&aggregate.name().to_lowercase()), Some(aggregate));
        }
        assert_eq!(Aggregate::from_node(2345), None);
        assert_eq!(Aggregate::from_node(2353), None);
    }

    #[test]
    fn text_is_counted_and_held_but_never_averaged() {
        let text = ValueType::scalar(DataType::String);
        for aggregate in [Aggregate::Count, Aggregate::Interpolative, Aggregate::End, Aggregate::PercentGood] {
            assert!(aggregate.accepts(text), "{}", aggregate.name());
        }
        for aggregate in [Aggregate::Average, Aggregate::Minimum, Aggregate::NumberOfTransitions] {
            assert!(!aggregate.accepts(text), "{}", aggregate.name());
        }
        assert!(Aggregate::DurationInStateZero.accepts(ValueType::scalar(DataType::Boolean)));
        assert!(!Aggregate::TimeAverage.accepts(ValueType::scalar(DataType::Boolean)));
    }
}
