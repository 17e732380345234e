//! The shape of the namespace 0 table, shared by the build script that writes it and the server that reads it.
//!
//! All numbers are little endian. The file is a header of [`N_SECTIONS`] pairs (offset, length in bytes), then:
//! - `RECORDS`: one record of [`RECORD_LEN`] bytes per node, in the order of the numeric identifiers;
//! - `INDEX`: for every identifier from 0 to the largest the position of its record as `u16`, or [`NO_NODE`];
//! - `FORWARD_STARTS`, `INVERSE_STARTS`: per node, and once more at the end, the first of its references as `u32`;
//! - `FORWARD`, `INVERSE`: references as `u32`, the position of the other node in the low 16 bits, the ordinal of the
//!   reference type above;
//! - `REFERENCE_TYPES`: per reference type, by its ordinal, the position of its node as `u16`;
//! - `STRINGS`: texts as on the wire (`i32` length, UTF-8);
//! - `VALUES`: each a `u32` length and a Variant as on the wire.

/// Number of sections.
pub(crate) const N_SECTIONS: usize = 9;
/// Section of the node records.
pub(crate) const RECORDS: usize = 0;
/// Section of the positions by identifier.
pub(crate) const INDEX: usize = 1;
/// Section of the first forward references.
pub(crate) const FORWARD_STARTS: usize = 2;
/// Section of the forward references.
pub(crate) const FORWARD: usize = 3;
/// Section of the first inverse references.
pub(crate) const INVERSE_STARTS: usize = 4;
/// Section of the inverse references.
pub(crate) const INVERSE: usize = 5;
/// Section of the reference types.
pub(crate) const REFERENCE_TYPES: usize = 6;
/// Section of the texts.
pub(crate) const STRINGS: usize = 7;
/// Section of the values.
pub(crate) const VALUES: usize = 8;

/// Length of a node record in bytes.
pub(crate) const RECORD_LEN: usize = 56;
/// Where the numeric identifier lies in a record (`u32`).
pub(crate) const ID: usize = 0;
/// Where the NodeClass lies in a record (`u8`).
pub(crate) const CLASS: usize = 4;
/// Where the flags lie in a record (`u8`).
pub(crate) const FLAGS: usize = 5;
/// Where the AccessLevel lies in a record (`u8`).
pub(crate) const ACCESS_LEVEL: usize = 6;
/// Where the EventNotifier lies in a record (`u8`).
pub(crate) const EVENT_NOTIFIER: usize = 7;
/// Where the BrowseName lies in a record (offset in `STRINGS`).
pub(crate) const BROWSE_NAME: usize = 8;
/// Where the DisplayName lies in a record (offset in `STRINGS`).
pub(crate) const DISPLAY_NAME: usize = 12;
/// Where the Description lies in a record (offset in `STRINGS` or [`NONE`]).
pub(crate) const DESCRIPTION: usize = 16;
/// Where the InverseName lies in a record (offset in `STRINGS` or [`NONE`]).
pub(crate) const INVERSE_NAME: usize = 20;
/// Where the numeric identifier of the DataType lies in a record (`u32`, 0 for none).
pub(crate) const DATA_TYPE: usize = 24;
/// Where the ValueRank lies in a record (`i32`).
pub(crate) const VALUE_RANK: usize = 28;
/// Where the ArrayDimensions lie in a record (offset in `VALUES` or [`NONE`]).
pub(crate) const DIMENSIONS: usize = 32;
/// Where the MinimumSamplingInterval lies in a record (offset in `VALUES` or [`NONE`]).
pub(crate) const MIN_SAMPLING: usize = 36;
/// Where the Value lies in a record (offset in `VALUES` or [`NONE`]).
pub(crate) const VALUE: usize = 40;
/// Where the DataTypeDefinition lies in a record (offset in `VALUES` or [`NONE`]).
pub(crate) const DEFINITION: usize = 44;
/// Where the position of the type definition lies in a record (`u16` or [`NO_NODE`]).
pub(crate) const TYPE_DEFINITION: usize = 48;
/// Where the position of the supertype lies in a record (`u16` or [`NO_NODE`]).
pub(crate) const SUPERTYPE: usize = 50;
/// Where the ordinal among the reference types lies in a record (`u8`, [`NO_ORDINAL`] for other nodes).
pub(crate) const ORDINAL: usize = 52;

/// Flag: IsAbstract.
pub(crate) const IS_ABSTRACT: u8 = 0x01;
/// Flag: Symmetric.
pub(crate) const SYMMETRIC: u8 = 0x02;
/// Flag: Executable.
pub(crate) const EXECUTABLE: u8 = 0x04;
/// Flag: Historizing.
pub(crate) const HISTORIZING: u8 = 0x08;
/// Flag: ContainsNoLoops.
pub(crate) const NO_LOOPS: u8 = 0x10;
/// Flag: the node belongs to a type, so it describes instances and is none itself.
pub(crate) const DECLARATION: u8 = 0x20;

/// Marks an absent text or value.
pub(crate) const NONE: u32 = u32::MAX;
/// Marks an absent node.
pub(crate) const NO_NODE: u16 = u16::MAX;
/// Marks a node that is no reference type.
pub(crate) const NO_ORDINAL: u8 = u8::MAX;
