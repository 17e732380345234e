//! How large a NodeSet2 file may be.

/// Bytes of one file; ten times the largest companion specification.
pub const MAX_FILE: usize = 64 << 20;
/// Levels of elements.
pub const MAX_DEPTH: usize = 64;
/// Equal signs in one tag, and so attributes; checking them for duplicates takes the square of their number.
pub const MAX_ATTRIBUTES: usize = 256;
/// Bytes of one text or attribute.
pub const MAX_TEXT: usize = 1 << 20;
/// Elements, texts and comments of one file.
pub const MAX_ELEMENTS: u32 = 8_000_000;
/// Nodes of all files.
pub const MAX_NODES: usize = 1_000_000;
/// Levels of values within values.
pub const MAX_VALUE_DEPTH: usize = 8;
