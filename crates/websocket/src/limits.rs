//! The bounds a receiver sets, and the two roles.

/// Which end of the connection this is. It decides who masks (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends unmasked frames and receives masked ones.
    Server,
    /// Sends masked frames and receives unmasked ones.
    Client,
}

/// What a receiver takes at most. Going past a limit fails the connection with the close code named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of one frame as it travels; default 1 MiB. Past it: 1009.
    pub frame_bytes: usize,
    /// Bytes of one message, before and after decompression; default 1 MiB. Past it: 1009.
    pub message_bytes: usize,
    /// Empty fragments in one message, which cost the sender next to nothing; default 1024.
    /// Past it: 1008.
    pub empty_fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame_bytes: 1 << 20, message_bytes: 1 << 20, empty_fragments: 1024 }
    }
}
