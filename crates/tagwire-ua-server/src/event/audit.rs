//! Audit events (Part 4, 6.5; Part 5, 6.4.3).
