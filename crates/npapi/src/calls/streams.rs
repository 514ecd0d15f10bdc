//! The functions that the browser calls for a stream.

use std::ffi::{c_char, c_void};
use std::path::Path;

use super::call;
use crate::abi::constants::{
    NPERR_GENERIC_ERROR, NPERR_INVALID_INSTANCE_ERROR, NPERR_INVALID_PARAM, NPERR_NO_ERROR, NPVERS_HAS_RESPONSE_HEADERS,
};
use crate::abi::types::{NPBool, NPError, NPMIMEType, NPP, NPReason, NPStream};
use crate::plugin::Plugin;
use crate::request::Reason;
use crate::{browser, guard, strings};

pub(super) unsafe extern "C" fn new_stream<P: Plugin>(
    npp: NPP,
    mime: NPMIMEType,
    stream: *mut NPStream,
    seekable: NPBool,
    delivery: *mut u16,
) -> NPError {
    if stream.is_null() || delivery.is_null() {
        return NPERR_INVALID_PARAM;
    }
    // SAFETY: the browser calls with an instance of this plugin, and a stream that stays until NPP_DestroyStream.
    unsafe {
        call::<P, _>("NPP_NewStream", npp, NPERR_INVALID_INSTANCE_ERROR, |plugin, instance| {
            let version = browser::table().map_or(0, |table| table.version);
            let headers = version >= NPVERS_HAS_RESPONSE_HEADERS;
            let opened = instance.0.streams.open(npp, stream, mime, seekable != 0, headers);
            let answer = guard::catch(format_args!("stream_open"), || plugin.stream_open(instance, &opened));
            match answer {
                Ok(Ok(wanted)) => {
                    delivery.write(wanted.code());
                    NPERR_NO_ERROR
                }
                refused => {
                    instance.0.streams.close(stream);
                    refused.map_or(NPERR_GENERIC_ERROR, |answer| answer.map_or_else(|error| error.code(), |_| 0))
                }
            }
        })
    }
}

pub(super) unsafe extern "C" fn write_ready<P: Plugin>(npp: NPP, stream: *mut NPStream) -> i32 {
    // SAFETY: as in `new_stream`.
    unsafe {
        call::<P, _>("NPP_WriteReady", npp, 0, |plugin, instance| {
            let Some(stream) = instance.0.streams.find(stream) else { return 0 };
            i32::try_from(plugin.stream_ready(instance, &stream)).unwrap_or(i32::MAX)
        })
    }
}

pub(super) unsafe extern "C" fn write<P: Plugin>(
    npp: NPP,
    stream: *mut NPStream,
    offset: i32,
    length: i32,
    buffer: *mut c_void,
) -> i32 {
    // SAFETY: as in `new_stream`, with `length` bytes in the buffer.
    unsafe {
        call::<P, _>("NPP_Write", npp, -1, |plugin, instance| {
            let (Some(stream), Ok(length)) = (instance.0.streams.find(stream), usize::try_from(length)) else {
                return -1;
            };
            let data = if buffer.is_null() { &[] } else { std::slice::from_raw_parts(buffer.cast::<u8>(), length) };
            // The ABI's offset runs over at 2 GiB; as an unsigned number it lasts for 4.
            let offset = u64::from(offset.cast_unsigned());
            match plugin.stream_data(instance, &stream, offset, data) {
                Ok(taken) => i32::try_from(taken.min(data.len())).unwrap_or(i32::MAX),
                Err(_) => -1,
            }
        })
    }
}

pub(super) unsafe extern "C" fn stream_as_file<P: Plugin>(npp: NPP, stream: *mut NPStream, path: *const c_char) {
    // SAFETY: as in `new_stream`, with a text or null.
    unsafe {
        call::<P, _>("NPP_StreamAsFile", npp, (), |plugin, instance| {
            let Some(stream) = instance.0.streams.find(stream) else { return };
            let path = strings::from_c(path);
            plugin.stream_file(instance, &stream, path.as_deref().map(Path::new));
        });
    }
}

pub(super) unsafe extern "C" fn destroy_stream<P: Plugin>(
    npp: NPP,
    stream: *mut NPStream,
    reason: NPReason,
) -> NPError {
    // SAFETY: as in `new_stream`.
    unsafe {
        call::<P, _>("NPP_DestroyStream", npp, NPERR_INVALID_INSTANCE_ERROR, |plugin, instance| {
            // One that was refused is not known any more.
            if let Some(stream) = instance.0.streams.close(stream) {
                plugin.stream_end(instance, &stream, Reason::read(reason));
            }
            NPERR_NO_ERROR
        })
    }
}
