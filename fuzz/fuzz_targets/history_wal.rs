//! A file of the write-ahead log, and the payload of a frame without its checksum.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_history::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::log(data));
