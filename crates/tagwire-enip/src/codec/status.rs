//! What an answer's status says (CIP Volume 1, appendix B; Logix data access).

use std::fmt;

/// General status, and the first word of the extended one where there is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// 0 for success.
    pub general: u8,
    /// Tells more about some general statuses.
    pub extended: Option<u16>,
}

impl Status {
    /// All is well.
    pub const SUCCESS: Self = Self::new(0x00);
    /// A connection cannot be opened, or a route not be followed; the extended status says why.
    pub const CONNECTION_FAILURE: Self = Self::new(0x01);
    /// The device lacks room.
    pub const RESOURCE_UNAVAILABLE: Self = Self::new(0x02);
    /// A segment of the path is wrong: a tag's name has an error in it.
    pub const PATH_SEGMENT_ERROR: Self = Self::new(0x04);
    /// The path leads to nothing: there is no such tag.
    pub const PATH_UNKNOWN: Self = Self::new(0x05);
    /// There is more data than fits the answer.
    pub const PARTIAL: Self = Self::new(0x06);
    /// The connection is not open.
    pub const CONNECTION_LOST: Self = Self::new(0x07);
    /// The object does not have the service.
    pub const SERVICE_UNSUPPORTED: Self = Self::new(0x08);
    /// An attribute has a value that it cannot have.
    pub const INVALID_ATTRIBUTE: Self = Self::new(0x09);
    /// An attribute of a list failed.
    pub const ATTRIBUTE_LIST_ERROR: Self = Self::new(0x0A);
    /// The state of the device does not allow it.
    pub const STATE_CONFLICT: Self = Self::new(0x0C);
    /// The value may not be written.
    pub const PRIVILEGE_VIOLATION: Self = Self::new(0x0F);
    /// The answer does not fit.
    pub const REPLY_TOO_LARGE: Self = Self::new(0x11);
    /// The request has too little data.
    pub const NOT_ENOUGH_DATA: Self = Self::new(0x13);
    /// The attribute does not exist.
    pub const ATTRIBUTE_UNSUPPORTED: Self = Self::new(0x14);
    /// The request has too much data.
    pub const TOO_MUCH_DATA: Self = Self::new(0x15);
    /// The object does not exist.
    pub const OBJECT_MISSING: Self = Self::new(0x16);
    /// One of several requests failed.
    pub const EMBEDDED_ERROR: Self = Self::new(0x1E);
    /// The length of the path does not fit the path.
    pub const PATH_SIZE: Self = Self::new(0x26);
    /// As the extended status says.
    pub const GENERAL_ERROR: Self = Self::new(0xFF);

    /// Extended status of [`Status::GENERAL_ERROR`]: beyond the end of the tag.
    pub const BEYOND_END: u16 = 0x2105;
    /// Extended status of [`Status::GENERAL_ERROR`]: the type is not that of the tag.
    pub const TYPE_MISMATCH: u16 = 0x2107;

    /// A general status alone.
    pub const fn new(general: u8) -> Self {
        Self { general, extended: None }
    }

    /// A general status with an extended one.
    pub const fn extended(general: u8, extended: u16) -> Self {
        Self { general, extended: Some(extended) }
    }

    /// Whether all is well.
    pub const fn is_success(self) -> bool {
        self.general == 0
    }

    const fn general_text(self) -> &'static str {
        match self.general {
            0x00 => "success",
            0x01 => "connection failure",
            0x02 => "resource unavailable",
            0x03 => "invalid parameter",
            0x04 => "path segment error",
            0x05 => "no such tag",
            0x06 => "only a part of the data fits",
            0x07 => "connection lost",
            0x08 => "service not supported",
            0x09 => "invalid attribute value",
            0x0A => "attribute list error",
            0x0B => "already in that state",
            0x0C => "object state conflict",
            0x0D => "object already exists",
            0x0E => "attribute cannot be set",
            0x0F => "privilege violation",
            0x10 => "device state conflict",
            0x11 => "answer too large",
            0x12 => "fragmentation of a primitive value",
            0x13 => "not enough data",
            0x14 => "attribute not supported",
            0x15 => "too much data",
            0x16 => "object does not exist",
            0x1A => "routing failure, request too large",
            0x1B => "routing failure, answer too large",
            0x1C => "missing attribute in a list",
            0x1E => "embedded service error",
            0x1F => "vendor specific error",
            0x20 => "invalid parameter",
            0x25 => "key does not match",
            0x26 => "path size does not fit",
            0x27 => "unexpected attribute",
            0x28 => "invalid member",
            0x29 => "member cannot be set",
            0xFB => "message port not supported",
            0xFF => "general error",
            _ => "status not known",
        }
    }

    const fn extended_text(self) -> Option<&'static str> {
        Some(match (self.general, self.extended) {
            (0x01, Some(0x0100)) => "connection in use",
            (0x01, Some(0x0103)) => "transport not supported",
            (0x01, Some(0x0106)) => "ownership conflict",
            (0x01, Some(0x0107)) => "connection not found",
            (0x01, Some(0x0108)) => "connection type not supported",
            (0x01, Some(0x0109)) => "connection size not supported",
            (0x01, Some(0x0111)) => "packet interval not supported",
            (0x01, Some(0x0113)) => "out of connections",
            (0x01, Some(0x0119)) => "module is not owned",
            (0x01, Some(0x0203)) => "connection timed out",
            (0x01, Some(0x0204)) => "module does not answer",
            (0x01, Some(0x0205)) => "parameter error in unconnected send",
            (0x01, Some(0x0301)) => "no buffer memory",
            (0x01, Some(0x0311)) => "port not available",
            (0x01, Some(0x0312)) => "link address not valid",
            (0x01, Some(0x0315)) => "segment in path not valid",
            (0x01, Some(0x0318)) => "link address to itself not valid",
            (0xFF, Some(0x2101)) => "keyswitch does not allow it",
            (0xFF, Some(0x2102)) => "access control",
            (0xFF, Some(0x2104)) => "offset is beyond the end of the tag",
            (0xFF, Some(0x2105)) => "number of elements is beyond the end of the tag",
            (0xFF, Some(0x2107)) => "type is not that of the tag",
            _ => return None,
        })
    }
}

/// In words, with the numbers that a manual lists.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.extended_text(), self.extended) {
            (Some(text), Some(extended)) => write!(f, "{text} (status 0x{:02X}, 0x{extended:04X})", self.general),
            (None, Some(extended)) => {
                write!(f, "{} (status 0x{:02X}, 0x{extended:04X})", self.general_text(), self.general)
            }
            _ => write!(f, "{} (status 0x{:02X})", self.general_text(), self.general),
        }
    }
}
