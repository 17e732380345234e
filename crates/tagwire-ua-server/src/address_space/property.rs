//! The properties of a tag: those of Part 8, and its configuration as Kepware's property tags show it
//! (gateway-behaviour B-45). Their ids are the tag's path, a dot and the property's name; no tag can be in the way,
//! because a path cannot be a tag and a folder at once.

use tagwire_hub::TagView;
use tagwire_model::DataType;
use tagwire_ua_proto::ids::{data_type, node};

use super::NAMESPACE_TAGS;

macro_rules! properties {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $namespace:expr, $data_type:expr;)*) => {
        /// A property of a tag.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Property {
            $($(#[$doc])* $variant,)*
        }

        impl Property {
            /// All properties, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name within the tag.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Namespace of the BrowseName.
            pub const fn name_namespace(self) -> u16 {
                match self {
                    $(Self::$variant => $namespace,)*
                }
            }

            /// Numeric id of the DataType in namespace 0.
            pub const fn data_type(self) -> u32 {
                match self {
                    $(Self::$variant => $data_type,)*
                }
            }
        }
    };
}

properties! {
    /// Normal range (Part 8, 5.3.2.3).
    EuRange = "EURange", 0, data_type::RANGE;
    /// Unit of measurement (Part 8, 5.3.2.3).
    EngineeringUnits = "EngineeringUnits", 0, data_type::EU_INFORMATION;
    /// Name of false (Part 8, 5.3.3.2).
    FalseState = "FalseState", 0, data_type::LOCALIZED_TEXT;
    /// Name of true (Part 8, 5.3.3.2).
    TrueState = "TrueState", 0, data_type::LOCALIZED_TEXT;
    /// Names of the numbers from 0 on (Part 8, 5.3.3.3).
    EnumStrings = "EnumStrings", 0, data_type::LOCALIZED_TEXT;
    /// Numbers with their names (Part 8, 5.3.3.4).
    EnumValues = "EnumValues", 0, data_type::ENUM_VALUE_TYPE;
    /// Name of the current value (Part 8, 5.3.3.4).
    ValueAsText = "ValueAsText", 0, data_type::LOCALIZED_TEXT;
    /// Address in the driver's syntax.
    Address = "_Address", NAMESPACE_TAGS, data_type::STRING;
    /// What the tag is.
    Description = "_Description", NAMESPACE_TAGS, data_type::STRING;
    /// Type of the value in the device.
    RawDataType = "_RawDataType", NAMESPACE_TAGS, data_type::STRING;
    /// `Linear` or `Square Root`.
    ScalingType = "_ScalingType", NAMESPACE_TAGS, data_type::STRING;
    /// Low end in the device.
    ScalingRawLow = "_ScalingRawLow", NAMESPACE_TAGS, data_type::DOUBLE;
    /// High end in the device.
    ScalingRawHigh = "_ScalingRawHigh", NAMESPACE_TAGS, data_type::DOUBLE;
    /// Type of the scaled value.
    ScalingScaledDataType = "_ScalingScaledDataType", NAMESPACE_TAGS, data_type::STRING;
    /// Scaled low end.
    ScalingScaledLow = "_ScalingScaledLow", NAMESPACE_TAGS, data_type::DOUBLE;
    /// Scaled high end.
    ScalingScaledHigh = "_ScalingScaledHigh", NAMESPACE_TAGS, data_type::DOUBLE;
    /// Whether the value is held at the low end.
    ScalingClampLow = "_ScalingClampLow", NAMESPACE_TAGS, data_type::BOOLEAN;
    /// Whether the value is held at the high end.
    ScalingClampHigh = "_ScalingClampHigh", NAMESPACE_TAGS, data_type::BOOLEAN;
    /// Whether the sign is turned.
    ScalingNegateValue = "_ScalingNegateValue", NAMESPACE_TAGS, data_type::BOOLEAN;
    /// Unit of the scaled value.
    ScalingUnits = "_ScalingUnits", NAMESPACE_TAGS, data_type::STRING;
}

/// The variable type of a tag whose values have names (Part 8, 5.3.3); `None` for any other.
pub(super) fn discrete_type(tag: TagView<'_>) -> Option<u32> {
    let states = tag.meta.extra.as_deref()?.states.as_ref()?;
    let data_type = tag.value_type.data_type;
    let is_unsigned = matches!(data_type, DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64);
    Some(match data_type {
        DataType::Boolean => node::TWO_STATE_DISCRETE_TYPE,
        _ if is_unsigned && states.is_counted() => node::MULTI_STATE_DISCRETE_TYPE,
        _ => node::MULTI_STATE_VALUE_DISCRETE_TYPE,
    })
}

impl Property {
    /// The property with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|property| property.name() == name)
    }

    /// ValueRank: -1 for a scalar, 1 for a list.
    pub const fn value_rank(self) -> i32 {
        match self {
            Self::EnumStrings | Self::EnumValues => 1,
            _ => -1,
        }
    }

    /// Whether a tag has this property.
    pub fn exists(self, tag: TagView<'_>) -> bool {
        let extra = tag.extra.as_deref();
        match self {
            Self::EuRange => extra.is_some_and(|extra| extra.eu_range.is_some()),
            Self::EngineeringUnits => extra.is_some_and(|extra| !extra.unit.is_empty()),
            Self::FalseState | Self::TrueState => discrete_type(tag) == Some(node::TWO_STATE_DISCRETE_TYPE),
            Self::EnumStrings => discrete_type(tag) == Some(node::MULTI_STATE_DISCRETE_TYPE),
            Self::EnumValues | Self::ValueAsText => discrete_type(tag) == Some(node::MULTI_STATE_VALUE_DISCRETE_TYPE),
            Self::Address => !tag.address.is_empty(),
            Self::Description => extra.is_some_and(|extra| !extra.description.is_empty()),
            Self::RawDataType => !tag.is_system,
            Self::ScalingUnits => extra.is_some_and(|extra| extra.scaling.is_some() && !extra.unit.is_empty()),
            _ => extra.is_some_and(|extra| extra.scaling.is_some()),
        }
    }

    /// The properties that a tag has, one bit each by their place in [`Property::ALL`].
    pub fn set_of(tag: TagView<'_>) -> u32 {
        let bits = Self::ALL.iter().enumerate().filter(|(_, property)| property.exists(tag));
        bits.fold(0, |set, (place, _)| set | 1 << place)
    }
}
