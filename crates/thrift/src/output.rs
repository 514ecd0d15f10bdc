//! Writing a message.

use thrift::protocol::{
    TBinaryOutputProtocol, TCompactOutputProtocol, TFieldIdentifier, TListIdentifier, TMapIdentifier,
    TMessageIdentifier, TOutputProtocol, TSetIdentifier, TStructIdentifier,
};
use uuid::Uuid;

use crate::Encoding;

/// Writes one message: what generated code writes to.
#[derive(Debug)]
pub struct Output<'a>(Protocol<'a>);

#[derive(Debug)]
enum Protocol<'a> {
    Binary(TBinaryOutputProtocol<&'a mut Vec<u8>>),
    Compact(TCompactOutputProtocol<&'a mut Vec<u8>>),
}

impl<'a> Output<'a> {
    /// Appends to `message` what is written, in `encoding`.
    pub fn new(message: &'a mut Vec<u8>, encoding: Encoding) -> Self {
        Self(match encoding {
            Encoding::Binary => Protocol::Binary(TBinaryOutputProtocol::new(message, true)),
            Encoding::OldBinary => Protocol::Binary(TBinaryOutputProtocol::new(message, false)),
            Encoding::Compact => Protocol::Compact(TCompactOutputProtocol::new(message)),
        })
    }
}

macro_rules! write {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {$(
        fn $method(&mut self, $($argument: $type),*) -> thrift::Result<()> {
            match &mut self.0 {
                Protocol::Binary(protocol) => protocol.$method($($argument),*),
                Protocol::Compact(protocol) => protocol.$method($($argument),*),
            }
        }
    )*};
}

impl TOutputProtocol for Output<'_> {
    write! {
        write_message_begin(identifier: &TMessageIdentifier);
        write_message_end();
        write_struct_begin(identifier: &TStructIdentifier);
        write_struct_end();
        write_field_begin(identifier: &TFieldIdentifier);
        write_field_end();
        write_field_stop();
        write_bool(value: bool);
        write_bytes(value: &[u8]);
        write_i8(value: i8);
        write_i16(value: i16);
        write_i32(value: i32);
        write_i64(value: i64);
        write_double(value: f64);
        write_uuid(value: &Uuid);
        write_string(value: &str);
        write_list_begin(identifier: &TListIdentifier);
        write_list_end();
        write_set_begin(identifier: &TSetIdentifier);
        write_set_end();
        write_map_begin(identifier: &TMapIdentifier);
        write_map_end();
        flush();
        write_byte(value: u8);
    }
}
