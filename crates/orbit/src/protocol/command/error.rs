//! What can be wrong with a frame or a command. No text quotes what the client sent, which may
//! hold a token or a message.

use std::fmt;

use crate::protocol::json::JsonError;

/// Why a whole frame is refused. The connection is to be ended with
/// [`Disconnect::BAD_REQUEST`](crate::protocol::Disconnect::BAD_REQUEST).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes are not UTF-8.
    NotUtf8 {
        /// How many bytes were good.
        valid_up_to: usize,
    },
    /// The frame holds more commands than it may.
    TooManyCommands {
        /// The most that a frame may hold.
        limit: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { valid_up_to } => {
                write!(f, "the frame is not UTF-8 from byte {valid_up_to} on")
            }
            Self::TooManyCommands { limit } => {
                write!(f, "too many commands: a frame may hold {limit}")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// Why one command is refused.
///
/// With an `id`, it can be answered with error 107
/// ([`BAD_REQUEST`](crate::protocol::ErrorCode::BAD_REQUEST)); without one there is nothing to
/// answer to, and the connection is to be ended with
/// [`Disconnect::BAD_REQUEST`](crate::protocol::Disconnect::BAD_REQUEST).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// The id of the command, where it could be made out and is not 0.
    pub id: Option<u32>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The line is not one JSON value.
    Json(JsonError),
    /// Arrays and objects nest deeper than they may.
    TooDeep {
        /// The deepest nesting allowed.
        limit: usize,
    },
    /// The line is JSON, and a value in it is not of the type that the protocol has there: a
    /// string for a number, a number too large or below zero.
    WrongType {
        /// Where in the line the value ends, in bytes from 1.
        column: usize,
    },
    /// The command has an id and no method.
    NoMethod,
    /// The command has more than one method, or a method or the id twice.
    Ambiguous,
    /// The method needs a reply, and the command has no id above 0 to tie it to.
    NoId,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "command {id}: {}", self.problem),
            None => write!(f, "command: {}", self.problem),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::TooDeep { limit } => {
                write!(f, "arrays and objects nest deeper than {limit} levels")
            }
            Self::WrongType { column } => {
                write!(f, "the value that ends at column {column} is not of the type expected")
            }
            Self::NoMethod => f.write_str("no method: send one beside the id"),
            Self::Ambiguous => f.write_str("more than one method or id: send one of each"),
            Self::NoId => f.write_str("no id: send one above 0, to tie the reply to"),
        }
    }
}

impl std::error::Error for CommandError {}
