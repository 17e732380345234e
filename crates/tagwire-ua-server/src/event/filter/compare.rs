//! Comparing values of different types, and calculating with their bits (Part 4, 7.7.3).

use std::cmp::Ordering;

use tagwire_ua_proto::types::Variant;

use super::convert::{Number, id, implicit, number, rank};

/// Both values as the same type, the one of the lower rank; `None` where there is no implicit conversion, or it fails.
fn alike(a: &Variant, b: &Variant) -> Option<(Variant, Variant)> {
    if a.type_id() == b.type_id() {
        return Some((a.clone(), b.clone()));
    }
    // Arrays have no conversions.
    if a.as_array().is_some() || b.as_array().is_some() {
        return None;
    }
    if rank(a.type_id())? < rank(b.type_id())? {
        Some((a.clone(), implicit(b, a.type_id())?))
    } else {
        Some((implicit(a, b.type_id())?, b.clone()))
    }
}

/// Whether two values are equal; false where they cannot be brought to one type.
pub(super) fn equals(a: &Variant, b: &Variant) -> bool {
    match alike(a, b) {
        Some((Variant::LocalizedText(a), Variant::LocalizedText(b))) => {
            a.text == b.text && (a.locale == b.locale || a.locale.is_empty() || b.locale.is_empty())
        }
        Some((a, b)) => a == b,
        None => false,
    }
}

/// The order of two values; `None` where they have none.
pub(super) fn compare(a: &Variant, b: &Variant) -> Option<Ordering> {
    let (a, b) = alike(a, b)?;
    match (&a, &b) {
        (Variant::String(a), Variant::String(b)) => Some(a.as_str().cmp(b.as_str())),
        (Variant::DateTime(a), Variant::DateTime(b)) => Some(a.cmp(b)),
        (Variant::Guid(a), Variant::Guid(b)) => Some(a.cmp(b)),
        (Variant::LocalizedText(a), Variant::LocalizedText(b)) => Some(a.text.cmp(&b.text)),
        (Variant::QualifiedName(a), Variant::QualifiedName(b)) => Some(a.cmp(b)),
        _ => match (number(&a)?, number(&b)?) {
            (Number::Integer(a), Number::Integer(b)) => Some(a.cmp(&b)),
            (Number::Real(a), Number::Real(b)) => a.partial_cmp(&b),
            _ => None,
        },
    }
}

/// Combines the bits of two integers, brought to one type; `None` for anything else.
pub(super) fn bitwise(a: &Variant, b: &Variant, combine: fn(i128, i128) -> i128) -> Option<Variant> {
    let (a, b) = alike(a, b)?;
    let type_id = a.type_id();
    match (number(&a)?, number(&b)?) {
        (Number::Integer(a), Number::Integer(b)) if matches!(type_id, id::SBYTE..=id::UINT64 | id::STATUS_CODE) => {
            Number::Integer(combine(a, b)).to(type_id)
        }
        _ => None,
    }
}
