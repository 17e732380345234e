//! The description of configuration keys, from which the checks, the reference page and the JSON schema are made.

use tagwire_driver::{Key, KeyKind};

/// One key of one section of `tagwire.toml`.
#[derive(Clone, Copy, Debug)]
pub struct KeyDef {
    /// The key as written.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there, and what holds when it is not.
    pub presence: Presence,
    /// Sentences for the reference, one per line.
    pub doc: &'static str,
}

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A single value.
    One(KeyKind),
    /// A single value or a list of such values.
    OneOrMore(KeyKind),
    /// Two numbers in brackets, low and high.
    Range,
    /// A number, or a percentage such as `"5%"`.
    NumberOrPercent,
    /// A table with keys of its own, each with text, a number or `true` or `false`.
    Pairs,
    /// A table with these keys.
    Table(&'static [KeyDef]),
    /// Any number of tables, each with these keys and, where it says so, those of the driver.
    Tables(&'static [KeyDef], DriverKeys),
}

/// Which keys of a driver a table takes beyond its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKeys {
    /// Common and own keys of a link.
    Link,
    /// Common and own keys of a device.
    Device,
    /// Own keys of a tag.
    Tag,
    /// None: the table has nothing to do with drivers.
    None,
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Without it the table is refused.
    Required,
    /// It may be left out, and nothing takes its place.
    Optional,
    /// It may be left out, and this holds instead; text without quotes, lists in brackets.
    Default(&'static str),
    /// It may be left out, and what holds then is told in the documentation.
    Depends,
}

/// Anything a table can be checked against: own keys and driver keys alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) own: &'static [KeyDef],
    pub(crate) driver: &'a [&'static [Key]],
}

impl Known<'_> {
    pub(crate) const fn own(own: &'static [KeyDef]) -> Self {
        Self { own, driver: &[] }
    }

    pub(crate) fn find(&self, name: &str) -> Option<(&'static str, Shape)> {
        let own = self.own.iter().find(|key| key.name == name).map(|key| (key.name, key.shape));
        own.or_else(|| self.driver_key(name).map(|key| (key.name, Shape::One(key.kind))))
    }

    pub(crate) fn driver_key(&self, name: &str) -> Option<&'static Key> {
        self.driver.iter().flat_map(|keys| keys.iter()).find(|key| key.name == name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let own = self.own.iter().map(|key| key.name);
        own.chain(self.driver.iter().flat_map(|keys| keys.iter()).map(|key| key.name))
    }
}

/// Declares a struct of configuration values together with the description of its keys.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])+ pub $field:ident $(as $key:literal)?: $type:ty = $shape:expr, $presence:expr;)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: $type,)*
        }

        impl $name {
            /// The keys of this section.
            pub const KEYS: &'static [$crate::config::KeyDef] = &[
                $($crate::config::KeyDef {
                    name: $crate::config::key::key_name!($field $($key)?),
                    shape: $shape,
                    presence: $presence,
                    doc: concat!($($field_doc, "\n"),+),
                },)*
            ];

            /// Takes the values out of a checked table; whatever was refused has its default.
            pub(crate) fn take(table: &mut $crate::config::walk::Checked<'_>, report: &mut $crate::config::problem::Reporter<'_>) -> Self {
                let mut keys = Self::KEYS.iter();
                Self { $($field: table.field(keys.next(), report),)* }
            }
        }
    };
}

/// The key of a field: its own name unless another is given.
macro_rules! key_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

pub(crate) use {key_name, section};
