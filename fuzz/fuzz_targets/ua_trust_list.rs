//! The file of a trust list as a certificate manager writes it: decoded, put together with a list, and checked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_access::TrustList;
use tagwire_ua_server::merge_trust_list;

fuzz_target!(|data: &[u8]| {
    let Some(list) = merge_trust_list(&TrustList::default(), data) else { return };
    // What the file holds outweighs what was there before.
    if data.first() == Some(&0x0F) {
        let before = TrustList { trusted: vec![[1, 2, 3].into()], ..TrustList::default() };
        assert_eq!(merge_trust_list(&before, data).as_ref(), Some(&list));
    }
    if let Ok(checked) = list.check() {
        assert!(checked.authorities().len() <= list.trusted.len() + list.issuers.len());
    }
    let _ = list.without("da39a3ee5e6b4b0d3255bfef95601890afd80709", true);
});
