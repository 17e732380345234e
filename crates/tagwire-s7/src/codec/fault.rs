//! How a CPU says no: a code for one item, or an error for a whole job.

use std::fmt;

/// The code of one item in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReturnCode(pub u8);

impl ReturnCode {
    /// The item was read or written.
    pub const SUCCESS: Self = Self(0xFF);
    /// The hardware behind the address failed.
    pub const HARDWARE_FAULT: Self = Self(0x01);
    /// The CPU does not allow the access.
    pub const ACCESS_DENIED: Self = Self(0x03);
    /// The address lies outside its area or block.
    pub const ADDRESS: Self = Self(0x05);
    /// The CPU does not know the type.
    pub const TYPE_NOT_SUPPORTED: Self = Self(0x06);
    /// Type and length do not go together.
    pub const TYPE_INCONSISTENT: Self = Self(0x07);
    /// There is no such block.
    pub const NO_OBJECT: Self = Self(0x0A);

    /// What the code says, with the usual cause where users cannot guess it.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0xFF => "success",
            0x01 => "hardware fault, usually a module that is missing",
            0x03 => {
                "access denied, usually because PUT/GET access is not permitted in the protection settings of an \
                 S7-1200/1500"
            }
            0x05 => {
                "address out of range, usually the end of the data block, or a data block of an S7-1200/1500 with \
                 optimised access"
            }
            0x06 => "data type not supported",
            0x07 => "data type inconsistent",
            0x0A => {
                "object does not exist, usually a missing data block, or one of an S7-1200/1500 with optimised access"
            }
            _ => "unknown return code",
        }
    }
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "return code {} ({})", self.0, self.name())
    }
}

/// The error class and code in the header of an answer: the whole job was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeaderError(pub u16);

impl HeaderError {
    /// The CPU does not offer the service, or not to this client.
    pub const NOT_AVAILABLE: Self = Self(0x8104);
    /// A job is longer than negotiated.
    pub const PDU_SIZE: Self = Self(0x8500);
    /// An object cannot be reached.
    pub const OBJECT_ACCESS: Self = Self(0x8404);
    /// The password or the level of protection forbids it.
    pub const PROTECTED: Self = Self(0xD241);

    /// What the error says, with the usual cause where users cannot guess it.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x8104 => {
                "service not available, usually because PUT/GET access is not permitted in the protection settings of \
                 an S7-1200/1500"
            }
            0x8404 => "object cannot be accessed, usually a missing data block or one with optimised access",
            0xD240..=0xD2FF | 0xD601..=0xD6FF => "protected, usually by a password or the protection level of the CPU",
            _ => match self.0 >> 8 {
                0x81 => "application relation",
                0x82 => "object definition",
                0x83 => "no resources, usually too many connections",
                0x84 => "service processing",
                0x85 => "faulty message",
                0x87 => "access",
                _ => "unknown error",
            },
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error 0x{:04X} ({})", self.0, self.name())
    }
}
