//! Values of the properties of a tag.

use tagwire_hub::TagView;
use tagwire_model::{Curve, Scaling, Value};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::services::{EUInformation, EnumValueType, Range};
use tagwire_ua_proto::types::{LocalizedText, Variant, VariantItems};

use super::Property;
use super::units::{self, Unit};

/// UnitId where the unit is not one of the UNECE table (Part 8, 5.6.3.3).
const UNIT_NOT_KNOWN: i32 = -1;

fn state(name: &str) -> Variant {
    Variant::LocalizedText(LocalizedText::new(name))
}

/// The name of a tag's value; no text when it has none.
fn name_of(tag: TagView<'_>, value: Option<Value>) -> Variant {
    let states = tag.meta.extra.as_deref().and_then(|extra| extra.states.as_ref());
    let number = value.and_then(|value| i64::try_from(value.as_i128()?).ok());
    let name = states.zip(number).and_then(|(states, number)| states.name(number));
    Variant::LocalizedText(name.map_or_else(LocalizedText::default, LocalizedText::new))
}

impl Property {
    /// Appends the value, encoded as a Variant; null when the tag lacks the property. `current` is the tag's value.
    pub(super) fn write_value(self, tag: TagView<'_>, current: impl FnOnce() -> Option<Value>, out: &mut Vec<u8>) {
        let value = match self {
            Self::ValueAsText => Some(name_of(tag, current())),
            _ => self.value(tag),
        };
        value.unwrap_or_default().encode(out);
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
            Self::FalseState => Some(state(extra.states.as_ref()?.name(0)?)),
            Self::TrueState => Some(state(extra.states.as_ref()?.name(1)?)),
            Self::EnumStrings => {
                let names = extra.states.as_ref()?.iter().map(|(_, name)| LocalizedText::new(name));
                Some(Variant::from(VariantItems::LocalizedText(names.collect())))
            }
            Self::EnumValues => {
                let states = extra.states.as_ref()?.iter().map(|(value, name)| EnumValueType {
                    value,
                    display_name: LocalizedText::new(name),
                    description: LocalizedText::default(),
                });
                Some(Variant::structures(&states.collect::<Vec<_>>()))
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
