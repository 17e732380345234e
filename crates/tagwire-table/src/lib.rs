//! History as tables.
