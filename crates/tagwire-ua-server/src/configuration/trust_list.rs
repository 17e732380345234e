//! What a trust list's file holds: the structure TrustListDataType (Part 12, 7.8.2.8), here to and from the lists.

use std::sync::Arc;

use tagwire_access::TrustList;
use tagwire_ua_proto::codec::{Decode, Encode};
use tagwire_ua_proto::services::TrustListDataType;
use tagwire_ua_proto::types::ByteString;

/// Bits of TrustListMasks (Part 12, 7.8.2.9).
const TRUSTED: u32 = 0x1;
const TRUSTED_LISTS: u32 = 0x2;
const ISSUERS: u32 = 0x4;
const ISSUER_LISTS: u32 = 0x8;
/// All parts.
pub(super) const ALL: u32 = TRUSTED | TRUSTED_LISTS | ISSUERS | ISSUER_LISTS;

/// The file of a list with the parts that `masks` names.
pub(super) fn encode(list: &TrustList, masks: u32) -> Vec<u8> {
    let part = |bit: u32, ders: &[Arc<[u8]>]| -> Vec<ByteString> {
        let named = ders.iter().filter(|_| masks & bit != 0);
        named.map(|der| ByteString::from(Arc::clone(der))).collect()
    };
    let mut out = Vec::new();
    TrustListDataType {
        specified_lists: masks & ALL,
        trusted_certificates: part(TRUSTED, &list.trusted),
        trusted_crls: part(TRUSTED_LISTS, &list.trusted_lists),
        issuer_certificates: part(ISSUERS, &list.issuers),
        issuer_crls: part(ISSUER_LISTS, &list.issuer_lists),
    }
    .encode(&mut out);
    out
}

/// Bytes of the file of a whole list.
pub(super) fn size(list: &TrustList) -> usize {
    let parts = [&list.trusted, &list.trusted_lists, &list.issuers, &list.issuer_lists];
    4 + parts.iter().map(|part| 4 + part.iter().map(|der| 4 + der.len()).sum::<usize>()).sum::<usize>()
}

/// Puts the parts that a file names in the place of those of `list`; `None` when the bytes are no trust list.
pub fn merge(list: &TrustList, file: &[u8]) -> Option<TrustList> {
    let TrustListDataType { specified_lists, trusted_certificates, trusted_crls, issuer_certificates, issuer_crls } =
        TrustListDataType::from_bytes(file).ok()?;
    let part = |bit: u32, old: &Vec<Arc<[u8]>>, new: Vec<ByteString>| -> Vec<Arc<[u8]>> {
        if specified_lists & bit == 0 { old.clone() } else { new.into_iter().map(ByteString::into_shared).collect() }
    };
    Some(TrustList {
        trusted: part(TRUSTED, &list.trusted, trusted_certificates),
        trusted_lists: part(TRUSTED_LISTS, &list.trusted_lists, trusted_crls),
        issuers: part(ISSUERS, &list.issuers, issuer_certificates),
        issuer_lists: part(ISSUER_LISTS, &list.issuer_lists, issuer_crls),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> TrustList {
        let der = |byte: u8| Arc::from([byte; 3]);
        TrustList {
            trusted: vec![der(1), der(2)],
            trusted_lists: vec![der(3)],
            issuers: vec![der(4)],
            issuer_lists: Vec::new(),
        }
    }

    #[test]
    fn a_list_survives_the_way_into_a_file_and_back() {
        let file = encode(&list(), ALL);
        assert_eq!(file.len(), size(&list()));
        assert_eq!(merge(&TrustList::default(), &file), Some(list()));
        for len in 0..file.len() {
            assert_eq!(merge(&list(), &file[..len]), None, "cut at {len}");
        }
    }

    #[test]
    fn parts_that_are_not_named_stay() {
        let mut new = list();
        new.issuers.clear();
        let merged = merge(&list(), &encode(&TrustList::default(), ISSUERS)).expect("a list");
        assert_eq!(merged, new);
        assert_eq!(merge(&list(), &encode(&TrustList::default(), 0)), Some(list()));
    }
}
