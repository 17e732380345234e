//! Namespace 0, read in place from the table that the build script made.

use std::sync::LazyLock;

use super::layout::{self, N_SECTIONS, NO_NODE, NO_ORDINAL, NONE, RECORD_LEN};

static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/namespace0.bin"));

static RECORDS: &[[u8; RECORD_LEN]] = section(layout::RECORDS).as_chunks().0;
static INDEX: &[[u8; 2]] = section(layout::INDEX).as_chunks().0;
static FORWARD_STARTS: &[[u8; 4]] = section(layout::FORWARD_STARTS).as_chunks().0;
static FORWARD: &[[u8; 4]] = section(layout::FORWARD).as_chunks().0;
static INVERSE_STARTS: &[[u8; 4]] = section(layout::INVERSE_STARTS).as_chunks().0;
static INVERSE: &[[u8; 4]] = section(layout::INVERSE).as_chunks().0;
static REFERENCE_TYPES: &[[u8; 2]] = section(layout::REFERENCE_TYPES).as_chunks().0;
static STRINGS: &[u8] = section(layout::STRINGS);
static VALUES: &[u8] = section(layout::VALUES);

/// For each reference type, by its ordinal, itself and all its subtypes.
static SUBTYPES: LazyLock<Box<[ReferenceTypes]>> = LazyLock::new(|| {
    let mut sets = vec![ReferenceTypes::NONE; REFERENCE_TYPES.len()];
    for below in StandardNode::all().filter(|node| node.ordinal().is_some()) {
        let Some(bit) = below.ordinal() else { continue };
        let mut at = Some(below);
        while let Some(node) = at {
            if let Some(set) = node.ordinal().and_then(|ordinal| sets.get_mut(usize::from(ordinal))) {
                set.insert(bit);
            }
            at = node.supertype();
        }
    }
    sets.into_boxed_slice()
});

const fn section(number: usize) -> &'static [u8] {
    assert!(number < N_SECTIONS);
    let (pairs, _) = TABLE.as_chunks::<8>();
    let [o0, o1, o2, o3, l0, l1, l2, l3] = pairs[number];
    let (_, rest) = TABLE.split_at(u32::from_le_bytes([o0, o1, o2, o3]) as usize);
    rest.split_at(u32::from_le_bytes([l0, l1, l2, l3]) as usize).0
}

/// A node of namespace 0, by its place in the table; always within the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StandardNode(u16);

/// One reference of a node of namespace 0 to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardReference {
    /// Ordinal of the reference type.
    pub type_ordinal: u8,
    /// The node at the other end.
    pub other: StandardNode,
}

impl StandardNode {
    /// The node with a numeric identifier.
    #[inline]
    pub fn find(id: u32) -> Option<Self> {
        match u16::from_le_bytes(*INDEX.get(id as usize)?) {
            NO_NODE => None,
            position => Some(Self(position)),
        }
    }

    /// All nodes, in the order of their identifiers.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..RECORDS.len() as u16).map(Self)
    }

    #[inline]
    fn record(self) -> &'static [u8; RECORD_LEN] {
        &RECORDS[usize::from(self.0)]
    }

    #[inline]
    fn u32_at(self, at: usize) -> u32 {
        let record = self.record();
        u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
    }

    #[inline]
    fn node_at(self, at: usize) -> Option<Self> {
        let record = self.record();
        Some(u16::from_le_bytes([record[at], record[at + 1]])).filter(|position| *position != NO_NODE).map(Self)
    }

    #[inline]
    fn has_flag(self, flag: u8) -> bool {
        self.record()[layout::FLAGS] & flag != 0
    }

    /// The numeric identifier.
    #[inline]
    pub fn id(self) -> u32 {
        self.u32_at(layout::ID)
    }

    /// NodeClass as its bit (Part 3, 8.29).
    #[inline]
    pub fn class(self) -> u8 {
        self.record()[layout::CLASS]
    }

    /// IsAbstract of a type.
    pub fn is_abstract(self) -> bool {
        self.has_flag(layout::IS_ABSTRACT)
    }

    /// Symmetric of a reference type.
    pub fn is_symmetric(self) -> bool {
        self.has_flag(layout::SYMMETRIC)
    }

    /// ContainsNoLoops of a view.
    pub fn contains_no_loops(self) -> bool {
        self.has_flag(layout::NO_LOOPS)
    }

    /// Executable of a method, as the node set has it.
    pub fn is_executable(self) -> bool {
        self.has_flag(layout::EXECUTABLE)
    }

    /// Historizing of a variable.
    pub fn is_historizing(self) -> bool {
        self.has_flag(layout::HISTORIZING)
    }

    /// Whether the node belongs to a type and so is no instance itself.
    pub fn is_declaration(self) -> bool {
        self.has_flag(layout::DECLARATION)
    }

    /// EventNotifier of an object or view.
    pub fn event_notifier(self) -> u8 {
        self.record()[layout::EVENT_NOTIFIER]
    }

    /// AccessLevel of a variable, as the node set has it.
    pub fn access_level(self) -> u8 {
        self.record()[layout::ACCESS_LEVEL]
    }

    /// The name of the BrowseName, encoded as a String.
    #[inline]
    pub fn browse_name_bytes(self) -> &'static [u8] {
        string_at(self.u32_at(layout::BROWSE_NAME)).unwrap_or(NULL_STRING)
    }

    /// The name of the BrowseName.
    pub fn browse_name(self) -> &'static str {
        let name = self.browse_name_bytes().split_at_checked(4).map_or(&[][..], |(_, name)| name);
        std::str::from_utf8(name).unwrap_or_default()
    }

    /// The text of the DisplayName, encoded as a String.
    #[inline]
    pub fn display_name_bytes(self) -> &'static [u8] {
        string_at(self.u32_at(layout::DISPLAY_NAME)).unwrap_or(NULL_STRING)
    }

    /// The text of the Description, encoded as a String.
    pub fn description_bytes(self) -> Option<&'static [u8]> {
        string_at(self.u32_at(layout::DESCRIPTION))
    }

    /// The text of the InverseName of a reference type, encoded as a String.
    pub fn inverse_name_bytes(self) -> Option<&'static [u8]> {
        string_at(self.u32_at(layout::INVERSE_NAME))
    }

    /// Numeric identifier of the DataType of a variable or variable type.
    pub fn data_type(self) -> u32 {
        self.u32_at(layout::DATA_TYPE)
    }

    /// ValueRank of a variable or variable type.
    pub fn value_rank(self) -> i32 {
        self.u32_at(layout::VALUE_RANK) as i32
    }

    /// ArrayDimensions as an encoded Variant.
    pub fn dimensions(self) -> Option<&'static [u8]> {
        value_at(self.u32_at(layout::DIMENSIONS))
    }

    /// MinimumSamplingInterval as an encoded Variant.
    pub fn min_sampling(self) -> Option<&'static [u8]> {
        value_at(self.u32_at(layout::MIN_SAMPLING))
    }

    /// Value as an encoded Variant; every variable has one.
    pub fn value(self) -> Option<&'static [u8]> {
        value_at(self.u32_at(layout::VALUE))
    }

    /// DataTypeDefinition as an encoded Variant.
    pub fn definition(self) -> Option<&'static [u8]> {
        value_at(self.u32_at(layout::DEFINITION))
    }

    /// The type that an object or variable is an instance of.
    #[inline]
    pub fn type_definition(self) -> Option<Self> {
        self.node_at(layout::TYPE_DEFINITION)
    }

    /// The type that a type is derived from.
    #[inline]
    pub fn supertype(self) -> Option<Self> {
        self.node_at(layout::SUPERTYPE)
    }

    /// Whether this type is `ancestor` or derived from it.
    pub fn is_subtype_of(self, ancestor: Self) -> bool {
        std::iter::successors(Some(self), |node| node.supertype()).any(|node| node == ancestor)
    }

    /// The ordinal of a reference type; `None` for all other nodes.
    #[inline]
    pub fn ordinal(self) -> Option<u8> {
        Some(self.record()[layout::ORDINAL]).filter(|ordinal| *ordinal != NO_ORDINAL)
    }

    /// The number of reference types, whose ordinals are all smaller.
    pub fn n_reference_types() -> u8 {
        REFERENCE_TYPES.len() as u8
    }

    /// References to (`forward`) or from other nodes of namespace 0.
    #[inline]
    pub fn references(self, forward: bool) -> StandardReferences {
        let (starts, entries) = if forward { (FORWARD_STARTS, FORWARD) } else { (INVERSE_STARTS, INVERSE) };
        let at = usize::from(self.0);
        let (start, end) = (u32::from_le_bytes(starts[at]) as usize, u32::from_le_bytes(starts[at + 1]) as usize);
        StandardReferences(entries.get(start..end).unwrap_or_default())
    }
}

/// The references of one node in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardReferences(&'static [[u8; 4]]);

impl StandardReferences {
    /// The number of references.
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// One reference.
    #[inline]
    pub fn reference(self, idx: usize) -> Option<StandardReference> {
        let entry = u32::from_le_bytes(*self.0.get(idx)?);
        Some(StandardReference { type_ordinal: (entry >> 16) as u8, other: StandardNode(entry as u16) })
    }

    /// The references before the one to a node, and those from it on.
    pub fn split_before(self, id: u32) -> (Self, Self) {
        let at = self.iter().position(|reference| reference.other.id() == id).unwrap_or(self.len());
        let (before, after) = self.0.split_at(at);
        (Self(before), Self(after))
    }

    /// All references.
    pub fn iter(self) -> impl Iterator<Item = StandardReference> {
        (0..self.len()).filter_map(move |idx| self.reference(idx))
    }
}

const NULL_STRING: &[u8] = &[0xFF; 4];

#[inline]
fn string_at(at: u32) -> Option<&'static [u8]> {
    if at == NONE {
        return None;
    }
    let rest = STRINGS.get(at as usize..)?;
    let len = u32::from_le_bytes(*rest.first_chunk()?) as usize;
    rest.get(..4 + len)
}

#[inline]
fn value_at(at: u32) -> Option<&'static [u8]> {
    if at == NONE {
        return None;
    }
    let rest = VALUES.get(at as usize..)?;
    let len = u32::from_le_bytes(*rest.first_chunk()?) as usize;
    rest.get(4..4 + len)
}

/// A set of reference types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceTypes([u128; 2]);

impl ReferenceTypes {
    /// Every reference type.
    pub const ALL: Self = Self([u128::MAX; 2]);
    /// No reference type.
    pub const NONE: Self = Self([0; 2]);

    /// One reference type, perhaps with its subtypes; `None` when `node` is no reference type.
    pub fn of(node: StandardNode, with_subtypes: bool) -> Option<Self> {
        let ordinal = node.ordinal()?;
        if with_subtypes { SUBTYPES.get(usize::from(ordinal)).copied() } else { Some(Self::one(ordinal)) }
    }

    /// The reference type with this ordinal.
    #[inline]
    pub const fn one(ordinal: u8) -> Self {
        let mut set = Self::NONE;
        set.insert(ordinal);
        set
    }

    /// Adds the reference type with this ordinal.
    #[inline]
    pub const fn insert(&mut self, ordinal: u8) {
        self.0[(ordinal >> 7) as usize] |= 1 << (ordinal & 127);
    }

    /// Whether the type with this ordinal belongs to the set.
    #[inline]
    pub const fn contains(self, ordinal: u8) -> bool {
        self.0[(ordinal >> 7) as usize] >> (ordinal & 127) & 1 != 0
    }
}

/// The reference type with an ordinal.
#[inline]
pub fn reference_type(ordinal: u8) -> Option<StandardNode> {
    REFERENCE_TYPES.get(usize::from(ordinal)).map(|position| StandardNode(u16::from_le_bytes(*position)))
}
