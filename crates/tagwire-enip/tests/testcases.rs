//! Conversations byte by byte, one folder of `testcases/` each.

use std::path::Path;

use tagwire_driver::testing::converse;
use tagwire_enip::{EnipDriver, EnipKind};

#[tokio::test(start_paused = true)]
async fn every_conversation_goes_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testcases");
    let n =
        converse(&EnipKind, &root, &|link, connector| Box::new(EnipDriver::new(link, connector).expect("a driver")))
            .await;
    assert!(n >= 6, "{n} conversations");
}
