//! Definitions and bodies of structures from a server: any bytes are taken or refused, and a member that is written as
//! it was found is found again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tagwire_upstream::fuzz_structure(bytes));
