//! How large chunks and messages may be.

use super::{Acknowledge, Hello, PROTOCOL_VERSION};

/// The limits that this side sets itself. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest chunk to receive, at least 8192.
    pub receive_buffer: u32,
    /// Largest chunk to send, at least 8192.
    pub send_buffer: u32,
    /// Largest message to receive; not 0.
    pub max_message: u32,
    /// Most chunks of a message to receive; not 0.
    pub max_chunks: u32,
}

/// 64 KiB chunks and 16 MiB messages.
impl Default for Limits {
    fn default() -> Self {
        Self { receive_buffer: 65_536, send_buffer: 65_536, max_message: 16 << 20, max_chunks: 4096 }
    }
}

/// What holds on a connection after both sides have said what they can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Largest chunk that may arrive.
    pub receive_buffer: usize,
    /// Largest chunk that may be sent.
    pub send_buffer: usize,
    /// Largest message that may arrive.
    pub max_receive_message: usize,
    /// Most chunks of a message that may arrive.
    pub max_receive_chunks: usize,
    /// Largest message that may be sent.
    pub max_send_message: usize,
    /// Most chunks of a message that may be sent.
    pub max_send_chunks: usize,
}

impl Limits {
    /// The answer to a Hello, and what then holds for the server.
    pub fn answer(&self, hello: &Hello<'_>) -> (Acknowledge, Negotiated) {
        let acknowledge = Acknowledge {
            protocol_version: PROTOCOL_VERSION,
            receive_buffer: self.receive_buffer.min(hello.send_buffer),
            send_buffer: self.send_buffer.min(hello.receive_buffer),
            max_message: self.max_message,
            max_chunks: self.max_chunks,
        };
        let negotiated = self.negotiated(&acknowledge, hello.max_message, hello.max_chunks);
        (acknowledge, negotiated)
    }

    /// What holds for the client after the answer of the server.
    pub fn after(&self, acknowledge: &Acknowledge) -> Negotiated {
        // The names in the answer are those of the server: what it sends is what is received here.
        let mirrored = Acknowledge {
            receive_buffer: self.receive_buffer.min(acknowledge.send_buffer),
            send_buffer: self.send_buffer.min(acknowledge.receive_buffer),
            ..*acknowledge
        };
        self.negotiated(&mirrored, acknowledge.max_message, acknowledge.max_chunks)
    }

    fn negotiated(&self, buffers: &Acknowledge, peer_max_message: u32, peer_max_chunks: u32) -> Negotiated {
        let or_any = |limit: u32| if limit == 0 { usize::MAX } else { limit as usize };
        Negotiated {
            receive_buffer: buffers.receive_buffer as usize,
            send_buffer: buffers.send_buffer as usize,
            max_receive_message: self.max_message as usize,
            max_receive_chunks: self.max_chunks as usize,
            max_send_message: or_any(peer_max_message),
            max_send_chunks: or_any(peer_max_chunks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_buffer_counts_in_each_direction() {
        let hello = Hello {
            protocol_version: 99,
            receive_buffer: 8192,
            send_buffer: 100_000,
            max_message: 0,
            max_chunks: 7,
            endpoint_url: "",
        };
        let (acknowledge, server) = Limits::default().answer(&hello);
        assert_eq!(
            (acknowledge.protocol_version, acknowledge.receive_buffer, acknowledge.send_buffer),
            (0, 65_536, 8192)
        );
        assert!(acknowledge.max_message > 0 && acknowledge.max_chunks > 0);
        assert_eq!((server.receive_buffer, server.send_buffer), (65_536, 8192));
        assert_eq!((server.max_send_message, server.max_send_chunks), (usize::MAX, 7));
        let client_limits = Limits { receive_buffer: 8192, send_buffer: 100_000, ..Limits::default() };
        let client = client_limits.after(&acknowledge);
        assert_eq!((client.receive_buffer, client.send_buffer), (server.send_buffer, server.receive_buffer));
        assert_eq!(client.max_send_message, server.max_receive_message);
    }
}
