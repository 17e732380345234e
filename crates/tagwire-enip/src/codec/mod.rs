//! EtherNet/IP and CIP as bytes, for both ends of the line. No I/O, no clock.
//!
//! - [`frame`]: the encapsulation (CIP Volume 2, chapter 2) and its stream reader; [`cpf`]: what a frame carries.
//! - [`path`]: where a request goes: classes, instances, symbols, elements, and the route through modules.
//! - [`message`]: one request or answer of the message router; [`packet`]: several in one.
//! - [`connection`]: Forward Open, Forward Close, Unconnected Send.
//! - [`tag`]: reading and writing tags; [`types`]: the elementary types of their values.
//! - [`symbol`], [`template`], [`identity`]: what a controller tells about itself.
//! - [`Status`]: the general and extended status of an answer.

mod bytes;
pub mod connection;
pub mod cpf;
pub mod frame;
pub mod identity;
pub mod message;
pub mod packet;
pub mod path;
mod status;
pub mod symbol;
pub mod tag;
pub mod template;
pub mod types;

pub use bytes::{CodecError, Reader};
pub(crate) use bytes::{latin1, to_latin1};
pub use status::Status;

/// Codes of the services used here (CIP Volume 1, appendix A; Logix data access).
pub mod service {
    /// All attributes of an instance.
    pub const GET_ATTRIBUTES_ALL: u8 = 0x01;
    /// Some attributes of an instance, each with its own status.
    pub const GET_ATTRIBUTE_LIST: u8 = 0x03;
    /// Several requests in one.
    pub const MULTIPLE_SERVICE_PACKET: u8 = 0x0A;
    /// One attribute.
    pub const GET_ATTRIBUTE_SINGLE: u8 = 0x0E;
    /// Elements of a tag; of a template its definition.
    pub const READ_TAG: u8 = 0x4C;
    /// Elements of a tag.
    pub const WRITE_TAG: u8 = 0x4D;
    /// Single bits of a tag; on the connection manager Forward Close.
    pub const READ_MODIFY_WRITE_TAG: u8 = 0x4E;
    /// On the connection manager: ends a connection.
    pub const FORWARD_CLOSE: u8 = 0x4E;
    /// A part of a tag; on the connection manager Unconnected Send.
    pub const READ_TAG_FRAGMENTED: u8 = 0x52;
    /// On the connection manager: passes one request on.
    pub const UNCONNECTED_SEND: u8 = 0x52;
    /// A part of a tag.
    pub const WRITE_TAG_FRAGMENTED: u8 = 0x53;
    /// On the connection manager: opens a connection of up to 511 bytes.
    pub const FORWARD_OPEN: u8 = 0x54;
    /// Attributes of many instances, beginning with one.
    pub const GET_INSTANCE_ATTRIBUTE_LIST: u8 = 0x55;
    /// On the connection manager: opens a connection of more than 511 bytes.
    pub const LARGE_FORWARD_OPEN: u8 = 0x5B;
    /// Set in the service of an answer.
    pub const ANSWER: u8 = 0x80;

    /// The name of a service that tags are served with.
    pub const fn name(code: u8) -> &'static str {
        match code & !ANSWER {
            GET_ATTRIBUTES_ALL => "get attributes all",
            GET_ATTRIBUTE_LIST => "get attribute list",
            MULTIPLE_SERVICE_PACKET => "multiple service packet",
            GET_ATTRIBUTE_SINGLE => "get attribute single",
            READ_TAG => "read tag",
            WRITE_TAG => "write tag",
            READ_MODIFY_WRITE_TAG => "read modify write tag",
            READ_TAG_FRAGMENTED => "read tag fragmented",
            WRITE_TAG_FRAGMENTED => "write tag fragmented",
            FORWARD_OPEN => "forward open",
            GET_INSTANCE_ATTRIBUTE_LIST => "get instance attribute list",
            LARGE_FORWARD_OPEN => "large forward open",
            _ => "service",
        }
    }
}

/// Codes of the classes used here.
pub mod class {
    /// Who a device is.
    pub const IDENTITY: u16 = 0x01;
    /// Takes requests apart and passes them to objects.
    pub const MESSAGE_ROUTER: u16 = 0x02;
    /// Opens connections.
    pub const CONNECTION_MANAGER: u16 = 0x06;
    /// The controller's name.
    pub const PROGRAM_NAME: u16 = 0x64;
    /// Takes requests for data tables (PCCC).
    pub const PCCC: u16 = 0x67;
    /// A tag.
    pub const SYMBOL: u16 = 0x6B;
    /// The layout of a structure.
    pub const TEMPLATE: u16 = 0x6C;
    /// The controller's clock.
    pub const WALL_CLOCK: u16 = 0x8B;
    /// Counts changes of the program: attributes 1, 2, 3, 4 and 10.
    pub const CHANGE_COUNTERS: u16 = 0xAC;
}
