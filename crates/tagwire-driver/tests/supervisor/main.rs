//! The supervisor as its users see it: values, qualities and answers, on a simulated clock.

mod failures;
mod fake;
mod faults;
mod followed;
mod paths;
mod pushed;
mod reads;
mod reload;
mod system;
mod writes;
