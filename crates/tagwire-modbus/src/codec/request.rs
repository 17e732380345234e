//! Requests: what a client asks of a device.

use std::fmt;

use super::{
    Function, MAX_READ_BITS, MAX_READ_REGISTERS, MAX_READ_WRITE_REGISTERS, MAX_WRITE_BITS, MAX_WRITE_REGISTERS,
    PduError, word,
};

/// One request. Addresses are wire offsets; register values are big-endian byte pairs; coils are packed into bytes,
/// first coil in the least significant bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Functions 1 to 4.
    Read {
        /// One of the four read functions.
        function: Function,
        /// First coil, input or register.
        start: u16,
        /// Number of them, at least 1.
        count: u16,
    },
    /// Function 5.
    WriteCoil {
        /// Which coil.
        address: u16,
        /// Its new state.
        on: bool,
    },
    /// Function 6.
    WriteRegister {
        /// Which register.
        address: u16,
        /// Its new value.
        value: u16,
    },
    /// Function 15.
    WriteCoils {
        /// First coil.
        start: u16,
        /// Number of coils.
        count: u16,
        /// Packed states, exactly as many bytes as `count` needs.
        bits: &'a [u8],
    },
    /// Function 16.
    WriteRegisters {
        /// First register.
        start: u16,
        /// Values, two bytes each.
        values: &'a [u8],
    },
    /// Function 22: the register becomes `(value & and) | (or & !and)`.
    MaskWriteRegister {
        /// Which register.
        address: u16,
        /// Bits that stay.
        and: u16,
        /// State of the bits that do not stay.
        or: u16,
    },
    /// Function 23: writes first, then reads.
    ReadWriteRegisters {
        /// First register read.
        read_start: u16,
        /// Number of registers read.
        read_count: u16,
        /// First register written.
        write_start: u16,
        /// Values written, two bytes each.
        values: &'a [u8],
    },
}

impl<'a> Request<'a> {
    /// The function of the request.
    pub const fn function(&self) -> Function {
        match self {
            Self::Read { function, .. } => *function,
            Self::WriteCoil { .. } => Function::WriteCoil,
            Self::WriteRegister { .. } => Function::WriteRegister,
            Self::WriteCoils { .. } => Function::WriteCoils,
            Self::WriteRegisters { .. } => Function::WriteRegisters,
            Self::MaskWriteRegister { .. } => Function::MaskWriteRegister,
            Self::ReadWriteRegisters { .. } => Function::ReadWriteRegisters,
        }
    }

    /// Length of the normal answer's PDU in bytes.
    pub const fn answer_len(&self) -> usize {
        match self {
            Self::Read { function: Function::ReadCoils | Function::ReadDiscreteInputs, count, .. } => {
                2 + count.div_ceil(8) as usize
            }
            Self::Read { count, .. } | Self::ReadWriteRegisters { read_count: count, .. } => 2 + 2 * *count as usize,
            Self::WriteCoil { .. }
            | Self::WriteRegister { .. }
            | Self::WriteCoils { .. }
            | Self::WriteRegisters { .. } => 5,
            Self::MaskWriteRegister { .. } => 7,
        }
    }

    /// Appends the PDU. Counts are taken from the fields; the caller keeps them within the protocol's limits.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.function().code());
        match *self {
            Self::Read { start, count, .. } => words(out, [start, count]),
            Self::WriteCoil { address, on } => words(out, [address, if on { 0xFF00 } else { 0 }]),
            Self::WriteRegister { address, value } => words(out, [address, value]),
            Self::WriteCoils { start, count, bits } => {
                words(out, [start, count]);
                out.push(bits.len() as u8);
                out.extend_from_slice(bits);
            }
            Self::WriteRegisters { start, values } => {
                words(out, [start, (values.len() / 2) as u16]);
                out.push(values.len() as u8);
                out.extend_from_slice(values);
            }
            Self::MaskWriteRegister { address, and, or } => words(out, [address, and, or]),
            Self::ReadWriteRegisters { read_start, read_count, write_start, values } => {
                words(out, [read_start, read_count, write_start, (values.len() / 2) as u16]);
                out.push(values.len() as u8);
                out.extend_from_slice(values);
            }
        }
    }

    /// Reads a PDU and checks every field and limit.
    ///
    /// # Errors
    /// [`PduError`] says what is wrong; its `exception` is what a device answers.
    pub fn decode(pdu: &'a [u8]) -> Result<Self, PduError> {
        let (&code, body) = pdu.split_first().ok_or(PduError::Empty)?;
        let function = Function::from_code(code).ok_or(PduError::Function(code))?;
        let field = |idx: usize| word(body, idx * 2).ok_or(PduError::Length);
        let exactly = |len: usize| if body.len() == len { Ok(()) } else { Err(PduError::Length) };
        match function {
            Function::ReadCoils
            | Function::ReadDiscreteInputs
            | Function::ReadHoldingRegisters
            | Function::ReadInputRegisters => {
                exactly(4)?;
                let (start, count) = (field(0)?, field(1)?);
                let bits = matches!(function, Function::ReadCoils | Function::ReadDiscreteInputs);
                check_range(start, count, if bits { MAX_READ_BITS } else { MAX_READ_REGISTERS })?;
                Ok(Self::Read { function, start, count })
            }
            Function::WriteCoil => {
                exactly(4)?;
                let on = match field(1)? {
                    0 => false,
                    0xFF00 => true,
                    _ => return Err(PduError::Field),
                };
                Ok(Self::WriteCoil { address: field(0)?, on })
            }
            Function::WriteRegister => {
                exactly(4)?;
                Ok(Self::WriteRegister { address: field(0)?, value: field(1)? })
            }
            Function::WriteCoils => {
                let (start, count) = (field(0)?, field(1)?);
                check_range(start, count, MAX_WRITE_BITS)?;
                let bits = counted(body, 4, usize::from(count.div_ceil(8)))?;
                Ok(Self::WriteCoils { start, count, bits })
            }
            Function::WriteRegisters => {
                let (start, count) = (field(0)?, field(1)?);
                check_range(start, count, MAX_WRITE_REGISTERS)?;
                Ok(Self::WriteRegisters { start, values: counted(body, 4, usize::from(count) * 2)? })
            }
            Function::MaskWriteRegister => {
                exactly(6)?;
                Ok(Self::MaskWriteRegister { address: field(0)?, and: field(1)?, or: field(2)? })
            }
            Function::ReadWriteRegisters => {
                let (read_start, read_count, write_start, count) = (field(0)?, field(1)?, field(2)?, field(3)?);
                check_range(read_start, read_count, MAX_READ_REGISTERS)?;
                check_range(write_start, count, MAX_READ_WRITE_REGISTERS)?;
                let values = counted(body, 8, usize::from(count) * 2)?;
                Ok(Self::ReadWriteRegisters { read_start, read_count, write_start, values })
            }
        }
    }
}

fn words<const N: usize>(out: &mut Vec<u8>, fields: [u16; N]) {
    fields.into_iter().for_each(|field| out.extend_from_slice(&field.to_be_bytes()));
}

fn check_range(start: u16, count: u16, limit: u16) -> Result<(), PduError> {
    if count == 0 || count > limit {
        return Err(PduError::Field);
    }
    if u32::from(start) + u32::from(count) > 0x1_0000 { Err(PduError::Range) } else { Ok(()) }
}

/// The data after a byte count at `at`, when both count and data have exactly the length wanted.
fn counted(body: &[u8], at: usize, len: usize) -> Result<&[u8], PduError> {
    let count = usize::from(*body.get(at).ok_or(PduError::Length)?);
    let data = body.get(at + 1..).ok_or(PduError::Length)?;
    if count == len && data.len() == len { Ok(data) } else { Err(PduError::Length) }
}

/// One line for the decode trace, with wire offsets.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function().name())?;
        match *self {
            Self::Read { start, count, .. } => write!(f, " at {start}, count {count}"),
            Self::WriteCoil { address, on } => write!(f, " at {address}: {}", u8::from(on)),
            Self::WriteRegister { address, value } => write!(f, " at {address}: {value}"),
            Self::WriteCoils { start, count, .. } => write!(f, " at {start}, count {count}"),
            Self::WriteRegisters { start, values } => write!(f, " at {start}, count {}", values.len() / 2),
            Self::MaskWriteRegister { address, and, or } => write!(f, " at {address}: and {and:04X}, or {or:04X}"),
            Self::ReadWriteRegisters { read_start, read_count, write_start, values } => {
                let n_written = values.len() / 2;
                write!(f, " read at {read_start}, count {read_count}, write at {write_start}, count {n_written}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the application protocol specification, clauses 6.1 to 6.17.
    const GOLDEN: [(&[u8], Request<'static>); 10] = [
        (&[1, 0, 0x13, 0, 0x13], Request::Read { function: Function::ReadCoils, start: 0x13, count: 0x13 }),
        (&[2, 0, 0xC4, 0, 0x16], Request::Read { function: Function::ReadDiscreteInputs, start: 0xC4, count: 0x16 }),
        (&[3, 0, 0x6B, 0, 3], Request::Read { function: Function::ReadHoldingRegisters, start: 0x6B, count: 3 }),
        (&[4, 0, 8, 0, 1], Request::Read { function: Function::ReadInputRegisters, start: 8, count: 1 }),
        (&[5, 0, 0xAC, 0xFF, 0], Request::WriteCoil { address: 0xAC, on: true }),
        (&[6, 0, 1, 0, 3], Request::WriteRegister { address: 1, value: 3 }),
        (&[15, 0, 0x13, 0, 10, 2, 0xCD, 1], Request::WriteCoils { start: 0x13, count: 10, bits: &[0xCD, 1] }),
        (&[16, 0, 1, 0, 2, 4, 0, 10, 1, 2], Request::WriteRegisters { start: 1, values: &[0, 10, 1, 2] }),
        (&[22, 0, 4, 0, 0xF2, 0, 0x25], Request::MaskWriteRegister { address: 4, and: 0xF2, or: 0x25 }),
        (
            &[23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 255, 0, 255, 0, 255],
            Request::ReadWriteRegisters {
                read_start: 3,
                read_count: 6,
                write_start: 14,
                values: &[0, 255, 0, 255, 0, 255],
            },
        ),
    ];

    #[test]
    fn golden_requests_encode_and_decode() {
        for (bytes, request) in GOLDEN {
            let mut out = Vec::new();
            request.encode(&mut out);
            assert_eq!(out, bytes, "{request}");
            assert_eq!(Request::decode(bytes), Ok(request));
        }
    }

    #[test]
    fn every_truncation_of_a_request_is_refused() {
        for (bytes, _) in GOLDEN {
            for len in 0..bytes.len() {
                assert!(Request::decode(&bytes[..len]).is_err(), "{bytes:02X?} cut to {len}");
            }
            assert_eq!(Request::decode(&[bytes, &[0]].concat()), Err(PduError::Length));
        }
    }

    #[test]
    fn limits_and_ranges_are_checked() {
        let cases: [(&[u8], PduError); 8] = [
            (&[], PduError::Empty),
            (&[7], PduError::Function(7)),
            (&[3, 0, 0, 0, 0], PduError::Field),
            (&[3, 0, 0, 0, 126], PduError::Field),
            (&[1, 0, 0, 0x07, 0xD1], PduError::Field),
            (&[3, 0xFF, 0xFF, 0, 2], PduError::Range),
            (&[5, 0, 0, 0x12, 0x34], PduError::Field),
            (&[16, 0, 0, 0, 2, 2, 0, 0], PduError::Length),
        ];
        for (bytes, error) in cases {
            assert_eq!(Request::decode(bytes), Err(error), "{bytes:02X?}");
        }
    }
}
