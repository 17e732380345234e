//! What the programs of the whole-product tests share: a client over the product's own codec, whose every byte can be
//! chosen.

pub mod client;

/// What can go wrong goes to the test that started the program.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
