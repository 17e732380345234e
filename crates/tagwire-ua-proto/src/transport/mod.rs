//! Frames of UA-TCP (OPC UA Part 6, 7.1): connection messages, limits, and messages put together from chunks.

mod assembler;
mod error;
mod frame;
mod hello;
mod limits;
mod sequence;

pub use assembler::{Assembler, Body};
pub use error::{Fault, TransportError};
pub use frame::{ChunkKind, FRAME_HEADER_LEN, FrameHeader, MessageKind, next_frame};
pub use hello::{
    Acknowledge, ENDPOINT_URL_MAX, ErrorMessage, HELLO_FRAME_MAX, Hello, MIN_BUFFER, PROTOCOL_VERSION, REASON_MAX,
    ReverseHello,
};
pub use limits::{Limits, Negotiated};
pub use sequence::{SequenceIn, SequenceOut, SequenceRule};
