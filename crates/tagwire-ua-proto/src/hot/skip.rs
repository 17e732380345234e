//! Moving past values that nobody looks at. Lengths and forms are checked, text is not.

use crate::codec::Decode;
use crate::codec::{DecodeError, Reader};
use crate::types::NodeIdRef;

/// Moves past an ExtensionObject.
///
/// # Errors
/// [`DecodeError`] when its form is wrong.
pub fn skip_extension_object(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    NodeIdRef::decode(reader)?;
    match reader.u8()? {
        0 => Ok(()),
        1 | 2 => reader.byte_string().map(|_| ()),
        _ => Err(DecodeError::Form),
    }
}

/// Moves past a LocalizedText.
///
/// # Errors
/// [`DecodeError`] when its form is wrong.
pub fn skip_localized_text(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mask = reader.u8()?;
    if mask > 3 {
        return Err(DecodeError::Form);
    }
    for _ in 0..mask.count_ones() {
        reader.byte_string()?;
    }
    Ok(())
}

/// Moves past a DiagnosticInfo.
///
/// # Errors
/// [`DecodeError`] when its form is wrong or it nests too deep.
pub fn skip_diagnostic_info(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mask = reader.u8()?;
    if mask & 0x80 != 0 {
        return Err(DecodeError::Form);
    }
    reader.bytes((mask & 0x0F).count_ones() as usize * 4)?;
    if mask & 0x10 != 0 {
        reader.byte_string()?;
    }
    if mask & 0x20 != 0 {
        reader.bytes(4)?;
    }
    if mask & 0x40 != 0 {
        reader.nested(skip_diagnostic_info)?;
    }
    Ok(())
}

/// Moves past a DataValue.
///
/// # Errors
/// [`DecodeError`] when its form is wrong or it nests too deep.
pub fn skip_data_value(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mask = reader.u8()?;
    if mask & 0xC0 != 0 {
        return Err(DecodeError::Form);
    }
    if mask & 0x01 != 0 {
        skip_variant(reader)?;
    }
    let sizes = [(0x02, 4), (0x04, 8), (0x10, 2), (0x08, 8), (0x20, 2)];
    reader.bytes(sizes.into_iter().filter(|(bit, _)| mask & bit != 0).map(|(_, size)| size).sum())?;
    Ok(())
}

/// Moves past a Variant.
///
/// # Errors
/// [`DecodeError`] when its form is wrong or it nests too deep.
pub fn skip_variant(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let head = reader.u8()?;
    let type_id = head & 0x3F;
    if head & 0x80 == 0 {
        return if head & 0x40 != 0 || type_id == 24 { Err(DecodeError::Form) } else { skip_items(type_id, 1, reader) };
    }
    if type_id == 0 {
        return Err(DecodeError::Form);
    }
    let count = reader.array_len()?.unwrap_or(0);
    skip_items(type_id, count, reader)?;
    if head & 0x40 != 0 {
        let n_dims = reader.array_len()?.unwrap_or(0);
        let mut product = 1_usize;
        for _ in 0..n_dims {
            product = product.checked_mul(reader.u32()? as usize).ok_or(DecodeError::Shape)?;
        }
        if n_dims > 0 && product != count {
            return Err(DecodeError::Shape);
        }
    }
    Ok(())
}

fn skip_items(type_id: u8, count: usize, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let size = match type_id {
        0 => return Ok(()),
        1..=3 => 1,
        4 | 5 => 2,
        6 | 7 | 10 | 19 => 4,
        8 | 9 | 11 | 13 => 8,
        14 => 16,
        _ => 0,
    };
    if size > 0 {
        return reader.bytes(count.checked_mul(size).ok_or(DecodeError::End)?).map(|_| ());
    }
    let skip_one: fn(&mut Reader<'_>) -> Result<(), DecodeError> = match type_id {
        12 | 15 | 16 | 26..=31 => |reader| reader.byte_string().map(|_| ()),
        17 => |reader| NodeIdRef::decode(reader).map(|_| ()),
        18 => |reader| crate::types::ExpandedNodeId::decode(reader).map(|_| ()),
        20 => |reader| {
            reader.u16()?;
            reader.byte_string().map(|_| ())
        },
        21 => skip_localized_text,
        22 => skip_extension_object,
        23 => |reader| reader.nested(skip_data_value),
        24 => |reader| reader.nested(skip_variant),
        25 => |reader| reader.nested(skip_diagnostic_info),
        _ => return Err(DecodeError::Form),
    };
    for _ in 0..count {
        skip_one(reader)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encode;
    use crate::types::{DataValue, DiagnosticInfo, ExpandedNodeId, ExtensionObject, LocalizedText, NodeId, Variant};

    #[test]
    fn skipping_ends_where_decoding_ends() {
        let inner: Variant = DataValue::new(vec![1.5_f64, 2.5]).value.unwrap_or_default();
        let values: Vec<Variant> = vec![
            Variant::Null,
            7_u16.into(),
            "text".into(),
            vec![1_i32, 2, 3].into(),
            vec![Variant::Null, inner, vec![NodeId::string(1, "a")].into()].into(),
            vec![DataValue::new("x"), DataValue::default()].into(),
            Box::new(DataValue::new(1.5_f32)).into(),
            vec![LocalizedText::with_locale("en", "a"), LocalizedText::default()].into(),
            vec![DiagnosticInfo { inner: Some(Box::default()), locale: Some(1), ..DiagnosticInfo::default() }].into(),
            vec![ExtensionObject::default()].into(),
            vec![ExpandedNodeId::from(NodeId::ns0(1))].into(),
        ];
        for value in values {
            let mut bytes = value.to_bytes();
            bytes.push(0xAA);
            let mut reader = Reader::new(&bytes);
            assert_eq!(skip_variant(&mut reader), Ok(()), "{value:?}");
            assert_eq!(reader.rest(), [0xAA], "{value:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(skip_variant(&mut Reader::new(&[0x98, 1, 0, 0, 0].repeat(10_000))), Err(DecodeError::Depth));
        assert_eq!(skip_variant(&mut Reader::new(&[23, 1].repeat(10_000))), Err(DecodeError::Depth));
        assert_eq!(skip_diagnostic_info(&mut Reader::new(&[0x40; 10_000])), Err(DecodeError::Depth));
    }
}
