//! Bits of masks.

/// Bits of the attribute AccessLevel (Part 3, 8.57).
pub mod access_level {
    /// The value can be read.
    pub const CURRENT_READ: u8 = 0x01;
    /// The value can be written.
    pub const CURRENT_WRITE: u8 = 0x02;
    /// History can be read.
    pub const HISTORY_READ: u8 = 0x04;
    /// History can be changed.
    pub const HISTORY_WRITE: u8 = 0x08;
    /// Events are raised when the meaning of the value changes.
    pub const SEMANTIC_CHANGE: u8 = 0x10;
    /// The StatusCode can be written.
    pub const STATUS_WRITE: u8 = 0x20;
    /// The source time can be written.
    pub const TIMESTAMP_WRITE: u8 = 0x40;
}

/// Bits of the attribute EventNotifier (Part 3, 8.59).
pub mod event_notifier {
    /// The node can be subscribed to for events.
    pub const SUBSCRIBE_TO_EVENTS: u8 = 0x01;
    /// The history of events can be read.
    pub const HISTORY_READ: u8 = 0x04;
    /// The history of events can be changed.
    pub const HISTORY_WRITE: u8 = 0x08;
}

/// Which fields of a reference Browse returns (Part 4, 5.9.2.2).
pub mod browse_result {
    /// The type of the reference.
    pub const REFERENCE_TYPE: u32 = 0x01;
    /// Its direction.
    pub const IS_FORWARD: u32 = 0x02;
    /// NodeClass of the target.
    pub const NODE_CLASS: u32 = 0x04;
    /// BrowseName of the target.
    pub const BROWSE_NAME: u32 = 0x08;
    /// DisplayName of the target.
    pub const DISPLAY_NAME: u32 = 0x10;
    /// Type definition of the target.
    pub const TYPE_DEFINITION: u32 = 0x20;
    /// Everything.
    pub const ALL: u32 = 0x3F;
}

/// Which diagnostics a request asks for (Part 4, 7.32).
pub mod return_diagnostics {
    /// Symbolic id of the service result.
    pub const SERVICE_SYMBOLIC_ID: u32 = 0x0001;
    /// Text of the service result.
    pub const SERVICE_LOCALIZED_TEXT: u32 = 0x0002;
    /// Additional information on the service result.
    pub const SERVICE_ADDITIONAL_INFO: u32 = 0x0004;
    /// Inner code of the service result.
    pub const SERVICE_INNER_STATUS: u32 = 0x0008;
    /// Inner diagnostics of the service result.
    pub const SERVICE_INNER_DIAGNOSTICS: u32 = 0x0010;
    /// Symbolic id of each operation.
    pub const OPERATION_SYMBOLIC_ID: u32 = 0x0020;
    /// Text of each operation.
    pub const OPERATION_LOCALIZED_TEXT: u32 = 0x0040;
    /// Additional information on each operation.
    pub const OPERATION_ADDITIONAL_INFO: u32 = 0x0080;
    /// Inner code of each operation.
    pub const OPERATION_INNER_STATUS: u32 = 0x0100;
    /// Inner diagnostics of each operation.
    pub const OPERATION_INNER_DIAGNOSTICS: u32 = 0x0200;
}
