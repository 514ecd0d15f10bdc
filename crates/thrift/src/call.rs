//! A call, as a handler gets it.

use std::net::SocketAddr;

use bytes::Bytes;
use thrift::protocol::{TInputProtocol, TMessageIdentifier, TMessageType, TOutputProtocol, TSerializable};
use thrift::{ApplicationError, ApplicationErrorKind};

use crate::input::describe;
use crate::{Encoding, Input, MessageError, MessageLimits, Output};

/// A call, as a handler gets it: the message, and what is known about it.
///
/// Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Call {
    message: Bytes,
    encoding: Encoding,
    limits: MessageLimits,
    peer: Option<SocketAddr>,
}

impl Call {
    /// The call that a message makes, from `peer` if that is known.
    ///
    /// # Errors
    ///
    /// When the message is longer than allowed, or begins like no protocol that is known here.
    pub fn new(message: Bytes, limits: MessageLimits, peer: Option<SocketAddr>) -> Result<Self, MessageError> {
        if message.len() > limits.bytes {
            return Err(MessageError::TooLong { bytes: Some(message.len()), limit: limits.bytes });
        }
        let encoding = Encoding::of(&message)?;
        Ok(Self { message, encoding, limits, peer })
    }

    /// The whole message.
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// How the message is written, and so the answer to it.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Who calls: the other end of the connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Reads the message from its beginning.
    pub fn input(&self) -> Input<'_> {
        Input::new(&self.message, self.encoding, &self.limits)
    }

    /// The method's name, whether an answer is expected, and the number that the answer has to bear.
    ///
    /// # Errors
    ///
    /// When the head of the message is malformed.
    pub fn head(&self) -> Result<TMessageIdentifier, MessageError> {
        let mut input = self.input();
        let head = input.read_message_begin().map_err(|error| MessageError::Malformed { found: describe(&error) })?;
        match head.message_type {
            TMessageType::Call | TMessageType::OneWay => Ok(head),
            answer => Err(MessageError::Malformed { found: format!("a {answer:?} where a call should be") }),
        }
    }

    /// The arguments, as a struct whose fields have the arguments' ids.
    ///
    /// # Errors
    ///
    /// When they are malformed, or a required one is missing.
    pub fn arguments<T: TSerializable>(&self) -> Result<T, MessageError> {
        let mut input = self.input();
        let read = input.read_message_begin().and_then(|_| T::read_from_in_protocol(&mut input));
        read.map_err(|error| MessageError::Malformed { found: describe(&error) })
    }

    /// The answer, as a struct whose field 0 is the result, or whose other fields are the method's exceptions.
    ///
    /// # Errors
    ///
    /// When it is nested too deeply to be written.
    pub fn reply<T: TSerializable>(&self, result: &T) -> Result<Bytes, MessageError> {
        let head = self.head()?;
        self.answer(&head, TMessageType::Reply, |output| result.write_to_out_protocol(output))
    }

    /// The answer that an exception of the protocol makes, or nothing when no answer is expected.
    ///
    /// # Errors
    ///
    /// When the head of the message is malformed.
    pub fn exception(
        &self,
        kind: ApplicationErrorKind,
        message: impl Into<String>,
    ) -> Result<Option<Bytes>, MessageError> {
        let head = self.head()?;
        if head.message_type == TMessageType::OneWay {
            return Ok(None);
        }
        let error = ApplicationError::new(kind, message);
        self.answer(&head, TMessageType::Exception, |output| {
            thrift::Error::write_application_error_to_out_protocol(&error, output)
        })
        .map(Some)
    }

    fn answer(
        &self,
        head: &TMessageIdentifier,
        kind: TMessageType,
        write: impl FnOnce(&mut Output<'_>) -> thrift::Result<()>,
    ) -> Result<Bytes, MessageError> {
        let mut answer = Vec::new();
        let mut output = Output::new(&mut answer, self.encoding);
        let head = TMessageIdentifier::new(head.name.clone(), kind, head.sequence_number);
        let written = output.write_message_begin(&head).and_then(|()| write(&mut output));
        let written = written.and_then(|()| output.write_message_end());
        drop(output);
        written.map_err(|error| MessageError::Malformed { found: describe(&error) })?;
        Ok(answer.into())
    }
}
