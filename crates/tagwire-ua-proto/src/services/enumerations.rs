//! Enumerations: 32-bit numbers with names (OPC UA Part 6, 5.2.4).

use crate::codec::{Decode, DecodeError, Encode, Reader};
use crate::types::Variant;

macro_rules! enumerations {
    ($($(#[$meta:meta])* $name:ident { $($konst:ident = $value:literal $text:literal,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(pub i32);

            impl $name {
                $(
                    #[doc = concat!("`", $text, "`")]
                    pub const $konst: Self = Self($value);
                )*

                /// Every number that has a name, with that name.
                pub const ALL: &'static [(Self, &'static str)] = &[$((Self($value), $text),)*];

                /// The name of the number; `None` when the specification gives it none.
                pub fn name(self) -> Option<&'static str> {
                    Self::ALL.iter().find(|(known, _)| *known == self).map(|(_, name)| *name)
                }

                /// Whether the specification knows the number.
                pub fn is_known(self) -> bool {
                    self.name().is_some()
                }
            }

            impl Encode for $name {
                #[inline]
                fn encode(&self, out: &mut Vec<u8>) {
                    self.0.encode(out);
                }
            }

            impl<'a> Decode<'a> for $name {
                #[inline]
                fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                    reader.i32().map(Self)
                }
            }

            impl From<$name> for Variant {
                fn from(value: $name) -> Self {
                    Self::Int32(value.0)
                }
            }
        )*
    };
}

enumerations! {
    /// What an application can be (Part 4, 7.4).
    ApplicationType {
        SERVER = 0 "Server",
        CLIENT = 1 "Client",
        CLIENT_AND_SERVER = 2 "ClientAndServer",
        DISCOVERY_SERVER = 3 "DiscoveryServer",
    }

    /// How messages are protected (Part 4, 7.20).
    MessageSecurityMode {
        INVALID = 0 "Invalid",
        NONE = 1 "None",
        SIGN = 2 "Sign",
        SIGN_AND_ENCRYPT = 3 "SignAndEncrypt",
    }

    /// Kind of a user token (Part 4, 7.43).
    UserTokenType {
        ANONYMOUS = 0 "Anonymous",
        USER_NAME = 1 "UserName",
        CERTIFICATE = 2 "Certificate",
        ISSUED_TOKEN = 3 "IssuedToken",
    }

    /// Whether a channel is opened or its token renewed (Part 4, 5.6.2).
    SecurityTokenRequestType {
        ISSUE = 0 "Issue",
        RENEW = 1 "Renew",
    }

    /// Class of a node (Part 3, 8.29).
    NodeClass {
        UNSPECIFIED = 0 "Unspecified",
        OBJECT = 1 "Object",
        VARIABLE = 2 "Variable",
        METHOD = 4 "Method",
        OBJECT_TYPE = 8 "ObjectType",
        VARIABLE_TYPE = 16 "VariableType",
        REFERENCE_TYPE = 32 "ReferenceType",
        DATA_TYPE = 64 "DataType",
        VIEW = 128 "View",
    }

    /// Which references to follow (Part 4, 7.5).
    BrowseDirection {
        FORWARD = 0 "Forward",
        INVERSE = 1 "Inverse",
        BOTH = 2 "Both",
        INVALID = 3 "Invalid",
    }

    /// Which times the client wants (Part 4, 7.40).
    TimestampsToReturn {
        SOURCE = 0 "Source",
        SERVER = 1 "Server",
        BOTH = 2 "Both",
        NEITHER = 3 "Neither",
        INVALID = 4 "Invalid",
    }

    /// Whether an item samples and reports (Part 4, 7.23).
    MonitoringMode {
        DISABLED = 0 "Disabled",
        SAMPLING = 1 "Sampling",
        REPORTING = 2 "Reporting",
    }

    /// Which part of a value must change to count (Part 4, 7.10).
    DataChangeTrigger {
        STATUS = 0 "Status",
        STATUS_VALUE = 1 "StatusValue",
        STATUS_VALUE_TIMESTAMP = 2 "StatusValueTimestamp",
    }

    /// How a deadband is given (Part 4, 7.22.2).
    DeadbandType {
        NONE = 0 "None",
        ABSOLUTE = 1 "Absolute",
        PERCENT = 2 "Percent",
    }

    /// Operator of a filter element (Part 4, 7.7.3).
    FilterOperator {
        EQUALS = 0 "Equals",
        IS_NULL = 1 "IsNull",
        GREATER_THAN = 2 "GreaterThan",
        LESS_THAN = 3 "LessThan",
        GREATER_THAN_OR_EQUAL = 4 "GreaterThanOrEqual",
        LESS_THAN_OR_EQUAL = 5 "LessThanOrEqual",
        LIKE = 6 "Like",
        NOT = 7 "Not",
        BETWEEN = 8 "Between",
        IN_LIST = 9 "InList",
        AND = 10 "And",
        OR = 11 "Or",
        CAST = 12 "Cast",
        IN_VIEW = 13 "InView",
        OF_TYPE = 14 "OfType",
        RELATED_TO = 15 "RelatedTo",
        BITWISE_AND = 16 "BitwiseAnd",
        BITWISE_OR = 17 "BitwiseOr",
    }

    /// What was done to history (Part 11, 6.8).
    HistoryUpdateType {
        INSERT = 1 "Insert",
        REPLACE = 2 "Replace",
        UPDATE = 3 "Update",
        DELETE = 4 "Delete",
    }

    /// What to do to history (Part 11, 6.8.3).
    PerformUpdateType {
        INSERT = 1 "Insert",
        REPLACE = 2 "Replace",
        UPDATE = 3 "Update",
        REMOVE = 4 "Remove",
    }

    /// State of a server (Part 5, 12.6).
    ServerState {
        RUNNING = 0 "Running",
        FAILED = 1 "Failed",
        NO_CONFIGURATION = 2 "NoConfiguration",
        SUSPENDED = 3 "Suspended",
        SHUTDOWN = 4 "Shutdown",
        TEST = 5 "Test",
        COMMUNICATION_FAULT = 6 "CommunicationFault",
        UNKNOWN = 7 "Unknown",
    }

    /// Kind of redundancy (Part 5, 12.5).
    RedundancySupport {
        NONE = 0 "None",
        COLD = 1 "Cold",
        WARM = 2 "Warm",
        HOT = 3 "Hot",
        TRANSPARENT = 4 "Transparent",
        HOT_AND_MIRRORED = 5 "HotAndMirrored",
    }

    /// Kind of a structure (Part 3, 8.49).
    StructureType {
        STRUCTURE = 0 "Structure",
        STRUCTURE_WITH_OPTIONAL_FIELDS = 1 "StructureWithOptionalFields",
        UNION = 2 "Union",
        STRUCTURE_WITH_SUBTYPED_VALUES = 3 "StructureWithSubtypedValues",
        UNION_WITH_SUBTYPED_VALUES = 4 "UnionWithSubtypedValues",
    }

    /// Scale of an axis (Part 8, 5.6.7).
    AxisScaleEnumeration {
        LINEAR = 0 "Linear",
        LOG = 1 "Log",
        LN = 2 "Ln",
    }

    /// By what a user is recognised (Part 18, 4.4.3).
    IdentityCriteriaType {
        USER_NAME = 1 "UserName",
        THUMBPRINT = 2 "Thumbprint",
        ROLE = 3 "Role",
        GROUP_ID = 4 "GroupId",
        ANONYMOUS = 5 "Anonymous",
        AUTHENTICATED_USER = 6 "AuthenticatedUser",
        APPLICATION = 7 "Application",
        X509_SUBJECT = 8 "X509Subject",
        TRUSTED_APPLICATION = 9 "TrustedApplication",
    }
}

impl MessageSecurityMode {
    /// Whether messages are signed.
    pub const fn signs(self) -> bool {
        matches!(self, Self::SIGN | Self::SIGN_AND_ENCRYPT)
    }

    /// Whether messages are encrypted.
    pub const fn encrypts(self) -> bool {
        matches!(self, Self::SIGN_AND_ENCRYPT)
    }
}

impl TimestampsToReturn {
    /// Whether the source time is wanted.
    #[inline]
    pub const fn source(self) -> bool {
        matches!(self, Self::SOURCE | Self::BOTH)
    }

    /// Whether the server time is wanted.
    #[inline]
    pub const fn server(self) -> bool {
        matches!(self, Self::SERVER | Self::BOTH)
    }
}
