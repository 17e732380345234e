//! EtherNet/IP: the driver of Logix controllers, the address lens and a controller simulator, on one sans-IO codec.
//!
//! - [`codec`]: encapsulation, CIP requests and answers, for both ends of the line.

pub mod codec;
