//! Reading a message within its limits.

use thrift::protocol::{
    TBinaryInputProtocol, TCompactInputProtocol, TFieldIdentifier, TInputProtocol, TListIdentifier, TMapIdentifier,
    TMessageIdentifier, TSetIdentifier, TStructIdentifier, TType,
};
use thrift::{ProtocolError, ProtocolErrorKind, TConfiguration};
use uuid::Uuid;

use crate::{Encoding, MessageError, MessageLimits};

/// Reads one message: what generated code takes its input from.
///
/// It keeps to [`MessageLimits`] and remembers the first thing that was wrong, because generated code makes an answer
/// out of it: see [`Input::failure`].
#[derive(Debug)]
pub struct Input<'a> {
    protocol: Protocol<'a>,
    /// Elements that containers may still claim. Each element takes a byte of its own at least, so that no honest
    /// message has more of them than bytes.
    elements_left: usize,
    failure: Option<MessageError>,
}

#[derive(Debug)]
enum Protocol<'a> {
    Binary(TBinaryInputProtocol<&'a [u8]>),
    Compact(TCompactInputProtocol<&'a [u8]>),
}

impl<'a> Input<'a> {
    /// Reads `message`, which is written in `encoding`.
    pub fn new(message: &'a [u8], encoding: Encoding, limits: &MessageLimits) -> Self {
        let configuration = TConfiguration::builder()
            .max_frame_size(None)
            .max_message_size(Some(message.len()))
            .max_string_size(Some(limits.string_bytes.min(message.len())))
            .max_container_size(Some(limits.elements))
            .max_recursion_depth(Some(limits.depth))
            .build()
            .expect("only a size of frames could be wrong, and none is given");
        let protocol = match encoding {
            Encoding::Binary | Encoding::OldBinary => {
                let is_strict = encoding == Encoding::Binary;
                Protocol::Binary(TBinaryInputProtocol::with_config(message, is_strict, configuration))
            }
            Encoding::Compact => Protocol::Compact(TCompactInputProtocol::with_config(message, configuration)),
        };
        Self { protocol, elements_left: message.len(), failure: None }
    }

    /// The first thing that was wrong with the message, as far as it has been read.
    pub fn failure(&self) -> Option<&MessageError> {
        self.failure.as_ref()
    }

    fn noting<T>(&mut self, result: thrift::Result<T>) -> thrift::Result<T> {
        if let Err(error) = &result
            && self.failure.is_none()
        {
            self.failure = Some(MessageError::Malformed { found: describe(error) });
        }
        result
    }

    /// Takes the elements that a container claims from those that there can be.
    fn claim(&mut self, elements: i32) -> thrift::Result<()> {
        let left = usize::try_from(elements).ok().and_then(|elements| self.elements_left.checked_sub(elements));
        let claimed = left.map(|left| self.elements_left = left).ok_or_else(|| {
            let message = format!("containers of {elements} elements and more than the message has bytes for");
            thrift::Error::Protocol(ProtocolError::new(ProtocolErrorKind::SizeLimit, message))
        });
        self.noting(claimed)
    }
}

/// What is wrong, without the names of Rust types that `thrift::Error` shows.
pub(crate) fn describe(error: &thrift::Error) -> String {
    match error {
        thrift::Error::Transport(error) if error.kind == thrift::TransportErrorKind::EndOfFile => {
            "it ends too early".to_owned()
        }
        thrift::Error::Transport(error) => error.message.clone(),
        thrift::Error::Protocol(error) => error.message.clone(),
        thrift::Error::Application(error) => error.message.clone(),
        thrift::Error::User(error) => error.to_string(),
    }
}

macro_rules! read {
    ($($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $method(&mut self, $($argument: $type),*) -> thrift::Result<$result> {
            let result = match &mut self.protocol {
                Protocol::Binary(protocol) => protocol.$method($($argument),*),
                Protocol::Compact(protocol) => protocol.$method($($argument),*),
            };
            self.noting(result)
        }
    )*};
}

macro_rules! read_container {
    ($($method:ident() -> $result:ty;)*) => {$(
        fn $method(&mut self) -> thrift::Result<$result> {
            let result = match &mut self.protocol {
                Protocol::Binary(protocol) => protocol.$method(),
                Protocol::Compact(protocol) => protocol.$method(),
            };
            let container = self.noting(result)?;
            self.claim(container.size)?;
            Ok(container)
        }
    )*};
}

impl TInputProtocol for Input<'_> {
    read! {
        read_message_begin() -> TMessageIdentifier;
        read_message_end() -> ();
        read_struct_begin() -> Option<TStructIdentifier>;
        read_struct_end() -> ();
        read_field_begin() -> TFieldIdentifier;
        read_field_end() -> ();
        read_bool() -> bool;
        read_bytes() -> Vec<u8>;
        read_i8() -> i8;
        read_i16() -> i16;
        read_i32() -> i32;
        read_i64() -> i64;
        read_double() -> f64;
        read_uuid() -> Uuid;
        read_string() -> String;
        read_list_end() -> ();
        read_set_end() -> ();
        read_map_end() -> ();
        skip_binary() -> ();
        read_byte() -> u8;
    }

    read_container! {
        read_list_begin() -> TListIdentifier;
        read_set_begin() -> TSetIdentifier;
        read_map_begin() -> TMapIdentifier;
    }

    fn skip(&mut self, field_type: TType) -> thrift::Result<()> {
        let skipped = self.skip_till_depth(field_type, SKIP_DEPTH);
        self.noting(skipped)
    }
}

/// Levels of an unknown field that are passed over; the `thrift` crate's own bound.
const SKIP_DEPTH: i8 = 64;
