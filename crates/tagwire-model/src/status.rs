//! Quality as OPC UA counts it, and its OPC DA form.

use std::fmt;

/// An OPC UA StatusCode: severity in bits 30-31, sub-code in bits 16-27, info bits below (Part 4, 7.39).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $konst:ident = $code:literal $name:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $konst: Self = Self($code);)*

            /// The symbolic name of the code without its info bits, when this crate knows it.
            pub fn name(self) -> Option<&'static str> {
                match self.code().0 {
                    $($code => Some($name),)*
                    _ => None,
                }
            }

            /// The code with this symbolic name, when this crate knows it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self($code)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// The value is good.
    GOOD = 0x0000_0000 "Good";
    /// The value was overridden by hand.
    GOOD_LOCAL_OVERRIDE = 0x0096_0000 "GoodLocalOverride";
    /// The operation goes on after the answer.
    GOOD_COMPLETES_ASYNCHRONOUSLY = 0x002E_0000 "GoodCompletesAsynchronously";
    /// The value was held at a limit.
    GOOD_CLAMPED = 0x0030_0000 "GoodClamped";
    /// The value is uncertain for no stated reason.
    UNCERTAIN = 0x4000_0000 "Uncertain";
    /// The source no longer updates the value.
    UNCERTAIN_LAST_USABLE_VALUE = 0x4090_0000 "UncertainLastUsableValue";
    /// The value is an initial one.
    UNCERTAIN_INITIAL_VALUE = 0x4092_0000 "UncertainInitialValue";
    /// The sensor is known to be inaccurate.
    UNCERTAIN_SENSOR_NOT_ACCURATE = 0x4093_0000 "UncertainSensorNotAccurate";
    /// The value lies outside its engineering range.
    UNCERTAIN_ENGINEERING_UNITS_EXCEEDED = 0x4094_0000 "UncertainEngineeringUnitsExceeded";
    /// Bad for no stated reason.
    BAD = 0x8000_0000 "Bad";
    /// An unexpected error happened.
    BAD_UNEXPECTED_ERROR = 0x8001_0000 "BadUnexpectedError";
    /// An internal error happened.
    BAD_INTERNAL_ERROR = 0x8002_0000 "BadInternalError";
    /// Not enough memory.
    BAD_OUT_OF_MEMORY = 0x8003_0000 "BadOutOfMemory";
    /// A resource ran out.
    BAD_RESOURCE_UNAVAILABLE = 0x8004_0000 "BadResourceUnavailable";
    /// A low level communication error happened.
    BAD_COMMUNICATION_ERROR = 0x8005_0000 "BadCommunicationError";
    /// The message could not be encoded.
    BAD_ENCODING_ERROR = 0x8006_0000 "BadEncodingError";
    /// The message could not be decoded.
    BAD_DECODING_ERROR = 0x8007_0000 "BadDecodingError";
    /// A limit of encoding was exceeded.
    BAD_ENCODING_LIMITS_EXCEEDED = 0x8008_0000 "BadEncodingLimitsExceeded";
    /// The operation timed out.
    BAD_TIMEOUT = 0x800A_0000 "BadTimeout";
    /// The server does not support the service.
    BAD_SERVICE_UNSUPPORTED = 0x800B_0000 "BadServiceUnsupported";
    /// The operation was cancelled because the application is shutting down.
    BAD_SHUTDOWN = 0x800C_0000 "BadShutdown";
    /// The server has stopped.
    BAD_SERVER_HALTED = 0x800E_0000 "BadServerHalted";
    /// Nothing to do.
    BAD_NOTHING_TO_DO = 0x800F_0000 "BadNothingToDo";
    /// Too many operations in one request.
    BAD_TOO_MANY_OPERATIONS = 0x8010_0000 "BadTooManyOperations";
    /// The user may not do this.
    BAD_USER_ACCESS_DENIED = 0x801F_0000 "BadUserAccessDenied";
    /// The source has not delivered a value yet.
    BAD_WAITING_FOR_INITIAL_DATA = 0x8032_0000 "BadWaitingForInitialData";
    /// There is no communication with the source.
    BAD_NO_COMMUNICATION = 0x8031_0000 "BadNoCommunication";
    /// The node id is not known.
    BAD_NODE_ID_UNKNOWN = 0x8034_0000 "BadNodeIdUnknown";
    /// The value may not be read.
    BAD_NOT_READABLE = 0x803A_0000 "BadNotReadable";
    /// The value may not be written.
    BAD_NOT_WRITABLE = 0x803B_0000 "BadNotWritable";
    /// The value is out of range.
    BAD_OUT_OF_RANGE = 0x803C_0000 "BadOutOfRange";
    /// The operation is not supported.
    BAD_NOT_SUPPORTED = 0x803D_0000 "BadNotSupported";
    /// The item was not found.
    BAD_NOT_FOUND = 0x803E_0000 "BadNotFound";
    /// The value has the wrong type.
    BAD_TYPE_MISMATCH = 0x8074_0000 "BadTypeMismatch";
    /// The configuration of the source is wrong.
    BAD_CONFIGURATION_ERROR = 0x8089_0000 "BadConfigurationError";
    /// The source was never connected.
    BAD_NOT_CONNECTED = 0x808A_0000 "BadNotConnected";
    /// The device reports a failure.
    BAD_DEVICE_FAILURE = 0x808B_0000 "BadDeviceFailure";
    /// The sensor reports a failure.
    BAD_SENSOR_FAILURE = 0x808C_0000 "BadSensorFailure";
    /// The source is out of service.
    BAD_OUT_OF_SERVICE = 0x808D_0000 "BadOutOfService";
    /// The state does not allow the operation.
    BAD_INVALID_STATE = 0x80AF_0000 "BadInvalidState";
    /// The range holds no data.
    BAD_NO_DATA = 0x809B_0000 "BadNoData";
    /// The write was replaced by a later one before it reached the device.
    BAD_REQUEST_CANCELLED_BY_CLIENT = 0x802C_0000 "BadRequestCancelledByClient";
}

/// Limit bits of a StatusCode that qualifies a value (Part 4, 7.39.1).
impl Status {
    /// Marks the info bits as those of a data value.
    pub const INFO_DATA_VALUE: u32 = 0x0000_0400;
    /// The value is at its low limit.
    pub const LIMIT_LOW: u32 = 0x0000_0100;
    /// The value is at its high limit.
    pub const LIMIT_HIGH: u32 = 0x0000_0200;
    /// The value cannot change.
    pub const LIMIT_CONSTANT: u32 = 0x0000_0300;
    /// Values were lost in the queue that this sample came through.
    pub const OVERFLOW: u32 = 0x0000_0080;

    /// Bit for a value whose meaning changed, as its range or unit (Part 8, 6.3.3).
    pub const SEMANTICS_CHANGED: u32 = 0x0000_4000;

    /// Whether severity is Good.
    pub const fn is_good(self) -> bool {
        self.0 >> 30 == 0
    }

    /// Whether severity is Uncertain.
    pub const fn is_uncertain(self) -> bool {
        self.0 >> 30 == 1
    }

    /// Whether severity is Bad.
    pub const fn is_bad(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// The code without info bits.
    pub const fn code(self) -> Self {
        Self(self.0 & 0xFFFF_0000)
    }

    /// This code with data value info bits added.
    pub const fn with_info(self, bits: u32) -> Self {
        Self(self.0 | Self::INFO_DATA_VALUE | bits)
    }

    /// The OPC DA quality word of this status (OPC UA Part 8, Annex A.3).
    pub const fn da_quality(self) -> DaQuality {
        let limit = ((self.0 >> 8) & 0x3) as u16;
        let limit = if self.0 & Self::INFO_DATA_VALUE != 0 { limit } else { 0 };
        let word = match self.code() {
            Self::GOOD_LOCAL_OVERRIDE => 0xD8,
            Self::UNCERTAIN_LAST_USABLE_VALUE => 0x44,
            Self::UNCERTAIN_SENSOR_NOT_ACCURATE => 0x50,
            Self::UNCERTAIN_ENGINEERING_UNITS_EXCEEDED => 0x54,
            Self::BAD_CONFIGURATION_ERROR => 0x04,
            Self::BAD_NOT_CONNECTED => 0x08,
            Self::BAD_DEVICE_FAILURE => 0x0C,
            Self::BAD_SENSOR_FAILURE => 0x10,
            Self::BAD_NO_COMMUNICATION | Self::BAD_COMMUNICATION_ERROR | Self::BAD_TIMEOUT => 0x18,
            Self::BAD_OUT_OF_SERVICE => 0x1C,
            Self::BAD_WAITING_FOR_INITIAL_DATA => 0x20,
            code if code.is_good() => 0xC0,
            code if code.is_uncertain() => 0x40,
            _ => 0x00,
        };
        DaQuality(word | limit)
    }
}

/// The name, or the hexadecimal code where the name is not known.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

/// The 16-bit quality word of OPC DA: `QQSSSSLL` in the low byte, vendor bits above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DaQuality(pub u16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn da_quality_follows_the_mapping_table() {
        assert_eq!(Status::GOOD.da_quality().0, 0xC0);
        assert_eq!(Status::GOOD_LOCAL_OVERRIDE.da_quality().0, 0xD8);
        assert_eq!(Status::BAD_NOT_CONNECTED.da_quality().0, 0x08);
        assert_eq!(Status::BAD_NO_COMMUNICATION.da_quality().0, 0x18);
        assert_eq!(Status::BAD_OUT_OF_SERVICE.da_quality().0, 0x1C);
        assert_eq!(Status::GOOD.with_info(Status::LIMIT_HIGH).da_quality().0, 0xC2);
    }

    #[test]
    fn names_ignore_info_bits() {
        assert_eq!(Status::GOOD.with_info(Status::LIMIT_LOW).to_string(), "Good");
        assert_eq!(Status(0x8123_0000).to_string(), "0x81230000");
        assert_eq!(Status::from_name("BadNoData"), Some(Status::BAD_NO_DATA));
        assert_eq!(Status::from_name("bad"), None);
    }
}
