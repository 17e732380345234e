//! What a server may send at most.

use opcua_types::DecodingOptions;

/// Bytes of one chunk (OPC UA Part 6, 6.7.2); also what we send.
pub(crate) const MAX_CHUNK_BYTES: usize = 65_535;
/// Chunks of one message: 16 MiB together.
pub(crate) const MAX_CHUNKS: usize = 256;
/// Bytes of one message.
pub(crate) const MAX_MESSAGE_BYTES: usize = MAX_CHUNK_BYTES * MAX_CHUNKS;
/// Elements of one array, the largest that a tag can hold.
pub(crate) const MAX_ARRAY_LEN: usize = tagwire_model::ValueType::MAX_ELEMENTS as usize;
/// Bytes of one text or byte string.
pub(crate) const MAX_STRING_BYTES: usize = 4 * 1024 * 1024;
/// Elements of one array while only discovery is spoken.
pub(crate) const MAX_DISCOVERY_ARRAY_LEN: usize = 1_000;

/// Operations per request where the server names no limit.
pub(crate) const DEFAULT_OPERATIONS: usize = 1_000;
/// Operations per request, whatever the server permits.
pub(crate) const MAX_OPERATIONS: usize = 10_000;

/// Limits of the decoder for discovery, from a stranger.
pub(crate) fn discovery() -> DecodingOptions {
    DecodingOptions {
        max_message_size: 1024 * 1024,
        max_chunk_count: 16,
        max_string_length: MAX_CHUNK_BYTES,
        max_byte_string_length: MAX_CHUNK_BYTES,
        max_array_length: MAX_DISCOVERY_ARRAY_LEN,
        ..DecodingOptions::default()
    }
}
