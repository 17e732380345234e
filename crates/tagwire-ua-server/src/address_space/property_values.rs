//! Values of the properties of a tag.

use tagwire_hub::TagView;
use tagwire_model::{Curve, Scaling};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::services::{EUInformation, Range};
use tagwire_ua_proto::types::{LocalizedText, Variant};

use super::Property;
use super::units::{self, Unit};

/// UnitId where the unit is not one of the UNECE table (Part 8, 5.6.3.3).
const UNIT_NOT_KNOWN: i32 = -1;

impl Property {
    /// Appends the value, encoded as a Variant; null when the tag lacks the property.
    pub(super) fn write_value(self, tag: TagView<'_>, out: &mut Vec<u8>) {
        self.value(tag).unwrap_or_default().encode(out);
    }

    fn value(self, tag: TagView<'_>) -> Option<Variant> {
        let text = |text: &str| Some(Variant::from(text));
        match self {
            Self::Address => return text(tag.address),
            Self::RawDataType => {
                let raw_type = tag.extra.as_ref().and_then(|extra| extra.raw_type).unwrap_or(tag.value_type);
                return text(&raw_type.to_string());
            }
            _ => {}
        }
        let extra = tag.extra.as_deref()?;
        match self {
            Self::EuRange => {
                let range = extra.eu_range?;
                Some(Variant::structure(&Range { low: range.low, high: range.high }))
            }
            Self::EngineeringUnits => {
                let known = Unit::find(&extra.unit);
                Some(Variant::structure(&EUInformation {
                    namespace_uri: known.as_ref().map(|_| units::NAMESPACE_URI).into(),
                    unit_id: known.as_ref().map_or(UNIT_NOT_KNOWN, Unit::id),
                    display_name: LocalizedText::new(&*extra.unit),
                    description: LocalizedText::new(known.map_or(&*extra.unit, |unit| unit.name)),
                }))
            }
            Self::Description => text(&extra.description),
            Self::ScalingUnits => text(&extra.unit),
            _ => self.scaling_value(extra.scaling.as_ref()?),
        }
    }

    fn scaling_value(self, scaling: &Scaling) -> Option<Variant> {
        Some(match self {
            Self::ScalingType => Variant::from(match scaling.curve() {
                Curve::Linear => "Linear",
                Curve::SquareRoot => "Square Root",
            }),
            Self::ScalingRawLow => scaling.raw_range().0.into(),
            Self::ScalingRawHigh => scaling.raw_range().1.into(),
            Self::ScalingScaledDataType => Variant::from(scaling.data_type().name()),
            Self::ScalingScaledLow => scaling.scaled_range().0.into(),
            Self::ScalingScaledHigh => scaling.scaled_range().1.into(),
            Self::ScalingClampLow => scaling.clamp().low.into(),
            Self::ScalingClampHigh => scaling.clamp().high.into(),
            Self::ScalingNegateValue => scaling.negates().into(),
            _ => return None,
        })
    }
}
