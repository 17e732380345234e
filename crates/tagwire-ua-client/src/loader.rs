//! Structures from the wire, read no further than their bytes have arrived.

use std::io::{Cursor, Read};
use std::sync::Arc;

use opcua_types::type_loader::{ByteStringBody, TypeLoaderCollection, XmlBody};
use opcua_types::{
    ByteString, Context, ContextOwned, DecodingOptions, DynEncodable, EncodingResult, Error, GeneratedTypeLoader,
    NamespaceMap, NodeId, TypeLoader,
};

use crate::shape;

/// Loads the few structures that this client uses and keeps all others as bytes.
///
/// The library's own loaders allocate the length that the peer claims, and accept a body that is longer than what was
/// decoded from it; this one reads what is there, checks its shape, and demands that it is used up.
pub(crate) struct BoundedLoader;

impl TypeLoader for BoundedLoader {
    fn load_from_xml(
        &self,
        node_id: &NodeId,
        _stream: &mut opcua_types::xml::XmlStreamReader<&mut dyn Read>,
        _ctx: &Context<'_>,
        name: &str,
    ) -> Option<EncodingResult<Box<dyn DynEncodable>>> {
        // Nothing here understands XML bodies, so that reading one would only cost time.
        Some(Ok(Box::new(XmlBody::new(Vec::new(), node_id.clone(), name.to_owned()))))
    }

    fn load_from_binary(
        &self,
        node_id: &NodeId,
        stream: &mut dyn Read,
        ctx: &Context<'_>,
        length: Option<usize>,
    ) -> Option<EncodingResult<Box<dyn DynEncodable>>> {
        Some(load(node_id, stream, ctx, length))
    }
}

fn load(
    node_id: &NodeId,
    stream: &mut dyn Read,
    ctx: &Context<'_>,
    length: Option<usize>,
) -> EncodingResult<Box<dyn DynEncodable>> {
    let length = length.ok_or_else(|| Error::decoding("structure without a length"))?;
    let mut body = Vec::new();
    stream.take(length as u64).read_to_end(&mut body)?;
    if body.len() != length {
        return Err(Error::decoding("structure is longer than its message"));
    }
    let standard_id = if node_id.namespace == 0 { node_id.as_u32() } else { None };
    let is_known = match standard_id.map(|id| shape::check_structure(id, &body)) {
        Some(Ok(is_known)) => is_known,
        Some(Err(misshapen)) => return Err(Error::decoding(misshapen.to_string())),
        None => false,
    };
    let mut cursor = Cursor::new(body.as_slice());
    let decoded =
        if is_known { GeneratedTypeLoader.load_from_binary(node_id, &mut cursor, ctx, Some(length)) } else { None };
    let Some(decoded) = decoded else {
        return Ok(Box::new(ByteStringBody::new(ByteString::from(body), node_id.clone())));
    };
    let decoded = decoded?;
    if cursor.position() != length as u64 {
        return Err(Error::decoding("structure is shorter than its length"));
    }
    Ok(decoded)
}

/// A decoding context with this loader alone.
pub(crate) fn context(options: DecodingOptions) -> ContextOwned {
    let mut loaders = TypeLoaderCollection::new_empty();
    loaders.add(Arc::new(BoundedLoader));
    ContextOwned::new(NamespaceMap::new(), loaders, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua_types::{BinaryDecodable, BinaryEncodable, ExtensionObject, Range, Variant};

    fn decode(bytes: &[u8]) -> EncodingResult<ExtensionObject> {
        let context = context(crate::limits::discovery());
        ExtensionObject::decode(&mut Cursor::new(bytes), &context.context())
    }

    fn encoded() -> Vec<u8> {
        let owned = context(crate::limits::discovery());
        let object = ExtensionObject::from_message(Range { low: 1.0, high: 2.0 });
        object.encode_to_vec(&owned.context())
    }

    #[test]
    fn a_known_structure_is_decoded_and_an_unknown_one_kept_as_bytes() {
        let known = decode(&encoded()).expect("decodes");
        assert!(known.inner_as::<Range>().is_some());
        let unknown = decode(&[1, 5, 9, 0, 1, 2, 0, 0, 0, 0xAA, 0xBB]).expect("decodes");
        let body = unknown.inner_as::<ByteStringBody>().expect("bytes");
        assert_eq!(body.raw_body().as_ref(), &[0xAA, 0xBB]);
    }

    #[test]
    fn a_length_that_lies_is_refused_without_being_allocated() {
        // Nine bytes that claim 2 GiB.
        assert!(decode(&[1, 5, 9, 0, 1, 0xFF, 0xFF, 0xFF, 0x7F]).is_err());
        assert!(decode(&[1, 0, 9, 0, 2, 0xFF, 0xFF, 0xFF, 0x7F]).is_err(), "XML body");
        let mut longer = encoded();
        let at = longer.len();
        longer.extend([0, 0, 0]);
        let length_at = 5;
        let body_len = u8::try_from(at - length_at - 4).expect("short");
        assert_eq!(longer[length_at], body_len);
        longer[length_at] = body_len + 3;
        assert!(decode(&longer).is_err(), "body longer than what it holds");
        let mut shorter = encoded();
        shorter[length_at] = body_len - 1;
        assert!(decode(&shorter).is_err(), "body shorter than what it holds");
    }

    #[test]
    fn arrays_that_claim_more_than_the_limit_are_refused() {
        let owned = context(crate::limits::discovery());
        // An array of Int32 with 2^31 - 1 elements.
        let bytes = [0x86, 0xFF, 0xFF, 0xFF, 0x7F, 1, 0, 0, 0];
        assert!(Variant::decode(&mut Cursor::new(&bytes[..]), &owned.context()).is_err());
    }
}
