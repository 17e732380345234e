//! Function codes and exception codes.

use std::fmt;

use thiserror::Error;

/// The functions that this crate speaks, with their code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Function {
    /// Coils, table 0.
    ReadCoils = 1,
    /// Discrete inputs, table 1.
    ReadDiscreteInputs = 2,
    /// Holding registers, table 4.
    ReadHoldingRegisters = 3,
    /// Input registers, table 3.
    ReadInputRegisters = 4,
    /// One coil.
    WriteCoil = 5,
    /// One holding register.
    WriteRegister = 6,
    /// Several coils.
    WriteCoils = 15,
    /// Several holding registers.
    WriteRegisters = 16,
    /// Single bits of one holding register.
    MaskWriteRegister = 22,
    /// Writes holding registers, then reads some.
    ReadWriteRegisters = 23,
}

impl Function {
    /// Every function, by code.
    pub const ALL: [Self; 10] = [
        Self::ReadCoils,
        Self::ReadDiscreteInputs,
        Self::ReadHoldingRegisters,
        Self::ReadInputRegisters,
        Self::WriteCoil,
        Self::WriteRegister,
        Self::WriteCoils,
        Self::WriteRegisters,
        Self::MaskWriteRegister,
        Self::ReadWriteRegisters,
    ];

    /// Set in the function code of an exception answer.
    pub const EXCEPTION_BIT: u8 = 0x80;

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The function with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::ReadCoils,
            2 => Self::ReadDiscreteInputs,
            3 => Self::ReadHoldingRegisters,
            4 => Self::ReadInputRegisters,
            5 => Self::WriteCoil,
            6 => Self::WriteRegister,
            15 => Self::WriteCoils,
            16 => Self::WriteRegisters,
            22 => Self::MaskWriteRegister,
            23 => Self::ReadWriteRegisters,
            _ => return None,
        })
    }

    /// What the function does, in the words of the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadCoils => "read coils",
            Self::ReadDiscreteInputs => "read discrete inputs",
            Self::ReadHoldingRegisters => "read holding registers",
            Self::ReadInputRegisters => "read input registers",
            Self::WriteCoil => "write single coil",
            Self::WriteRegister => "write single register",
            Self::WriteCoils => "write multiple coils",
            Self::WriteRegisters => "write multiple registers",
            Self::MaskWriteRegister => "mask write register",
            Self::ReadWriteRegisters => "read/write multiple registers",
        }
    }
}

/// The reason of an exception answer (application protocol 1.1b3, 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exception(pub u8);

impl Exception {
    /// The device does not know the function.
    pub const ILLEGAL_FUNCTION: Self = Self(1);
    /// An address of the request does not exist.
    pub const ILLEGAL_DATA_ADDRESS: Self = Self(2);
    /// A field of the request has a value that is not allowed.
    pub const ILLEGAL_DATA_VALUE: Self = Self(3);
    /// The device failed while it worked on the request.
    pub const SERVER_DEVICE_FAILURE: Self = Self(4);
    /// The device works on it and needs a long time.
    pub const ACKNOWLEDGE: Self = Self(5);
    /// The device is busy with something else.
    pub const SERVER_DEVICE_BUSY: Self = Self(6);
    /// The device cannot do it now.
    pub const NEGATIVE_ACKNOWLEDGE: Self = Self(7);
    /// The device's memory failed a consistency check.
    pub const MEMORY_PARITY_ERROR: Self = Self(8);
    /// A gateway has no path to the device.
    pub const GATEWAY_PATH_UNAVAILABLE: Self = Self(10);
    /// A gateway got no answer from the device.
    pub const GATEWAY_TARGET_FAILED_TO_RESPOND: Self = Self(11);

    /// The reason in the words of the specification.
    pub const fn name(self) -> &'static str {
        match self.0 {
            1 => "illegal function",
            2 => "illegal data address",
            3 => "illegal data value",
            4 => "server device failure",
            5 => "acknowledge",
            6 => "server device busy",
            7 => "negative acknowledge",
            8 => "memory parity error",
            10 => "gateway path unavailable",
            11 => "gateway target device failed to respond",
            _ => "unknown exception",
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {} ({})", self.0, self.name())
    }
}

/// Why bytes are no request or no answer of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PduError {
    /// Not a single byte.
    #[error("message is empty")]
    Empty,
    /// A function that this crate does not speak.
    #[error("function {0} is not known")]
    Function(u8),
    /// Shorter or longer than its own fields say.
    #[error("message has a wrong length")]
    Length,
    /// A count of zero or above the limit, or a field with a value that is not allowed.
    #[error("message has a field with a value that is not allowed")]
    Field,
    /// The range ends beyond address 65535.
    #[error("range ends beyond address 65535")]
    Range,
}

impl PduError {
    /// The exception that a device answers to such a request.
    pub const fn exception(self) -> Exception {
        match self {
            Self::Empty | Self::Function(_) => Exception::ILLEGAL_FUNCTION,
            Self::Length | Self::Field => Exception::ILLEGAL_DATA_VALUE,
            Self::Range => Exception::ILLEGAL_DATA_ADDRESS,
        }
    }
}
