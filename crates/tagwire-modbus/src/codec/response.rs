//! Answers: what a device says to a request.

use std::fmt;

use super::{Exception, Function, PduError, word};

/// One answer. Register values are big-endian byte pairs; coils are packed, first coil in the least significant bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// Functions 1 to 4 and 23.
    Data {
        /// The function that was asked for.
        function: Function,
        /// Packed bits or register bytes.
        data: &'a [u8],
    },
    /// Functions 5 and 6 repeat address and value, functions 15 and 16 address and count.
    Written {
        /// The function that was asked for.
        function: Function,
        /// First address written.
        start: u16,
        /// Value (5: 0xFF00 or 0, 6: the register) or count (15, 16).
        value: u16,
    },
    /// Function 22 repeats its request.
    Masked {
        /// Which register.
        address: u16,
        /// Bits that stayed.
        and: u16,
        /// State of the others.
        or: u16,
    },
    /// The device refused.
    Exception {
        /// Code of the function that was asked for, without the exception bit.
        function: u8,
        /// Why.
        exception: Exception,
    },
}

impl<'a> Response<'a> {
    /// Appends the PDU; `data` longer than 255 bytes cannot be said and is a fault of the caller.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Data { function, data } => {
                out.extend_from_slice(&[function.code(), data.len() as u8]);
                out.extend_from_slice(data);
            }
            Self::Written { function, start, value } => {
                out.push(function.code());
                out.extend_from_slice(&start.to_be_bytes());
                out.extend_from_slice(&value.to_be_bytes());
            }
            Self::Masked { address, and, or } => {
                out.push(Function::MaskWriteRegister.code());
                [address, and, or].into_iter().for_each(|field| out.extend_from_slice(&field.to_be_bytes()));
            }
            Self::Exception { function, exception } => {
                out.extend_from_slice(&[function | Function::EXCEPTION_BIT, exception.0]);
            }
        }
    }

    /// Reads a PDU; lengths must agree with the fields.
    ///
    /// # Errors
    /// [`PduError`] says what is wrong.
    pub fn decode(pdu: &'a [u8]) -> Result<Self, PduError> {
        let (&code, body) = pdu.split_first().ok_or(PduError::Empty)?;
        if code & Function::EXCEPTION_BIT != 0 {
            let [exception] = *body else { return Err(PduError::Length) };
            let function = code & !Function::EXCEPTION_BIT;
            return Ok(Self::Exception { function, exception: Exception(exception) });
        }
        let function = Function::from_code(code).ok_or(PduError::Function(code))?;
        let exactly = |len: usize| if body.len() == len { Ok(()) } else { Err(PduError::Length) };
        let field = |idx: usize| word(body, idx * 2).ok_or(PduError::Length);
        match function {
            Function::ReadCoils
            | Function::ReadDiscreteInputs
            | Function::ReadHoldingRegisters
            | Function::ReadInputRegisters
            | Function::ReadWriteRegisters => {
                let (&count, data) = body.split_first().ok_or(PduError::Length)?;
                let bits = matches!(function, Function::ReadCoils | Function::ReadDiscreteInputs);
                if data.len() != usize::from(count) {
                    return Err(PduError::Length);
                }
                if count == 0 || !(bits || count.is_multiple_of(2)) {
                    return Err(PduError::Field);
                }
                Ok(Self::Data { function, data })
            }
            Function::WriteCoil | Function::WriteRegister | Function::WriteCoils | Function::WriteRegisters => {
                exactly(4)?;
                Ok(Self::Written { function, start: field(0)?, value: field(1)? })
            }
            Function::MaskWriteRegister => {
                exactly(6)?;
                Ok(Self::Masked { address: field(0)?, and: field(1)?, or: field(2)? })
            }
        }
    }
}

/// One line for the decode trace, with wire offsets.
impl fmt::Display for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Data { function, data } => write!(f, "{}: {} bytes", function.name(), data.len()),
            Self::Written { function, start, value } => write!(f, "{} at {start}: {value}", function.name()),
            Self::Masked { address, and, or } => {
                let name = Function::MaskWriteRegister.name();
                write!(f, "{name} at {address}: and {and:04X}, or {or:04X}")
            }
            Self::Exception { function, exception } => write!(f, "function {function}: {exception}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [(&[u8], Response<'static>); 7] = [
        (&[1, 3, 0xCD, 0x6B, 5], Response::Data { function: Function::ReadCoils, data: &[0xCD, 0x6B, 5] }),
        (
            &[3, 6, 2, 0x2B, 0, 0, 0, 0x64],
            Response::Data { function: Function::ReadHoldingRegisters, data: &[2, 0x2B, 0, 0, 0, 0x64] },
        ),
        (&[4, 2, 0, 10], Response::Data { function: Function::ReadInputRegisters, data: &[0, 10] }),
        (&[5, 0, 0xAC, 0xFF, 0], Response::Written { function: Function::WriteCoil, start: 0xAC, value: 0xFF00 }),
        (&[16, 0, 1, 0, 2], Response::Written { function: Function::WriteRegisters, start: 1, value: 2 }),
        (&[22, 0, 4, 0, 0xF2, 0, 0x25], Response::Masked { address: 4, and: 0xF2, or: 0x25 }),
        (&[0x83, 2], Response::Exception { function: 3, exception: Exception::ILLEGAL_DATA_ADDRESS }),
    ];

    #[test]
    fn golden_answers_encode_and_decode() {
        for (bytes, response) in GOLDEN {
            let mut out = Vec::new();
            response.encode(&mut out);
            assert_eq!(out, bytes, "{response}");
            assert_eq!(Response::decode(bytes), Ok(response));
        }
    }

    #[test]
    fn malformed_answers_are_refused() {
        let cases: [&[u8]; 8] = [&[], &[3], &[3, 4, 0, 0], &[3, 1, 0], &[3, 0], &[0x83], &[0x83, 2, 0], &[99, 0]];
        for bytes in cases {
            assert!(Response::decode(bytes).is_err(), "{bytes:02X?}");
        }
    }
}
