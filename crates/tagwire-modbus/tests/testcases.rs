//! Conversations byte by byte: each folder of `testcases/` holds a configuration, the bytes on the wire and what a user
//! sees.

use std::path::Path;

use tagwire_driver::testing::converse;
use tagwire_modbus::{ModbusDriver, ModbusKind};

#[tokio::test(start_paused = true)]
async fn every_conversation_goes_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testcases");
    let n_cases = converse(&ModbusKind, &root, &|link, connector| {
        Box::new(ModbusDriver::new(link, connector).expect("a driver"))
    });
    assert!(n_cases.await >= 10, "cases are missing");
}
