//! Pages of a segment, without their checksums: times and columns of every type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_history::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::block(data));
