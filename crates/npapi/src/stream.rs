//! Data that the browser brings.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::ptr;
use std::rc::Rc;

use crate::abi::constants::{NP_ASFILE, NP_ASFILEONLY, NP_NORMAL, NP_SEEK};
use crate::abi::types::{NPByteRange, NPP, NPStream};
use crate::browser::slot;
use crate::error::Error;
use crate::request::{Reason, Request};
use crate::strings;
use crate::trace;

/// How a plugin wants a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// As it comes.
    #[default]
    Normal,
    /// Only the parts that [`Stream::read`] asks for; when the server allows it.
    Seek,
    /// As it comes, and as a file at the end.
    AsFile,
    /// As a file at the end.
    AsFileOnly,
}

impl Delivery {
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::Normal => NP_NORMAL,
            Self::Seek => NP_SEEK,
            Self::AsFile => NP_ASFILE,
            Self::AsFileOnly => NP_ASFILEONLY,
        }
    }
}

/// A stream to the plugin. Clones are the same stream; one that has ended answers [`Error::Gone`].
#[derive(Clone)]
pub struct Stream(Rc<Inner>);

struct Inner {
    npp: NPP,
    /// Null once the stream has ended.
    pointer: Cell<*mut NPStream>,
    url: String,
    mime: String,
    headers: Option<String>,
    length: Option<u32>,
    modified: Option<u32>,
    seekable: bool,
    request: Option<Request>,
}

impl Stream {
    /// Where the data come from.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// What the data are, such as `text/plain`.
    pub fn mime(&self) -> &str {
        &self.0.mime
    }

    /// The response's status line and headers, in engines that hand them over.
    pub fn headers(&self) -> Option<&str> {
        self.0.headers.as_deref()
    }

    /// How many bytes there are, when that is known beforehand.
    pub fn length(&self) -> Option<u32> {
        self.0.length
    }

    /// When the data were changed last, in seconds since 1970.
    pub fn modified(&self) -> Option<u32> {
        self.0.modified
    }

    /// Whether [`Delivery::Seek`] would work.
    pub fn is_seekable(&self) -> bool {
        self.0.seekable
    }

    /// The request that this is the answer of; `None` for the element's own `src` or `data`.
    pub fn request(&self) -> Option<Request> {
        self.0.request
    }

    /// Asks for parts of a stream in [`Delivery::Seek`]: each an offset in bytes, from the end when negative, and a length.
    ///
    /// # Errors
    /// [`Error::Gone`]; [`Error::Browser`] when the stream cannot be read out of order.
    pub fn read(&self, ranges: &[(i32, u32)]) -> Result<(), Error> {
        let pointer = self.pointer()?;
        let read = slot!(requestread, "NPN_RequestRead");
        let mut list: Vec<_> =
            ranges.iter().map(|&(offset, length)| NPByteRange { offset, length, next: ptr::null_mut() }).collect();
        let first = list.as_mut_ptr();
        for index in 1..list.len() {
            // SAFETY: both elements are in the list, which is not moved any more.
            unsafe { (*first.add(index - 1)).next = first.add(index) };
        }
        let first = if list.is_empty() { ptr::null_mut() } else { first };
        // SAFETY: the stream is alive; the browser copies the list.
        let code = unsafe { read(pointer, first) };
        trace::outgoing(format_args!("NPN_RequestRead({ranges:?}) = {code}"));
        Error::check("NPN_RequestRead", code)
    }

    /// Ends the stream before its end.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Browser`]
    pub fn close(&self, reason: Reason) -> Result<(), Error> {
        let pointer = self.pointer()?;
        let destroy = slot!(destroystream, "NPN_DestroyStream");
        // SAFETY: stream and instance are alive; the browser answers with NPP_DestroyStream.
        let code = unsafe { destroy(self.0.npp, pointer, reason.code()) };
        trace::outgoing(format_args!("NPN_DestroyStream({reason:?}) = {code}"));
        Error::check("NPN_DestroyStream", code)
    }

    fn pointer(&self) -> Result<*mut NPStream, Error> {
        let pointer = self.0.pointer.get();
        if pointer.is_null() { Err(Error::Gone) } else { Ok(pointer) }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Stream({:?})", self.0.url)
    }
}

/// The open streams of an instance.
#[derive(Default)]
pub(crate) struct Streams(RefCell<HashMap<*mut NPStream, Stream>>);

impl Streams {
    /// Notes a stream that the browser opens.
    ///
    /// # Safety
    /// `pointer` is a living stream of the instance `npp`, and `mime` as for [`strings::from_c`].
    pub(crate) unsafe fn open(
        &self,
        npp: NPP,
        pointer: *mut NPStream,
        mime: *const std::ffi::c_char,
        seekable: bool,
        has_headers: bool,
    ) -> Stream {
        // SAFETY: the caller's word. Before version 0.17 a stream ends in front of its headers, so that no reference to
        // the whole is made.
        let stream = unsafe {
            let headers = if has_headers { strings::from_c((*pointer).headers) } else { None };
            Stream(Rc::new(Inner {
                npp,
                pointer: Cell::new(pointer),
                url: strings::from_c((*pointer).url).unwrap_or_default(),
                mime: strings::from_c(mime).unwrap_or_default(),
                headers,
                length: Some((*pointer).end).filter(|end| *end != 0),
                modified: Some((*pointer).lastmodified).filter(|time| *time != 0),
                seekable,
                request: Request::read((*pointer).notifyData),
            }))
        };
        self.0.borrow_mut().insert(pointer, stream.clone());
        stream
    }

    pub(crate) fn find(&self, pointer: *mut NPStream) -> Option<Stream> {
        self.0.borrow().get(&pointer).cloned()
    }

    /// The stream has ended.
    pub(crate) fn close(&self, pointer: *mut NPStream) -> Option<Stream> {
        let stream = self.0.borrow_mut().remove(&pointer)?;
        stream.0.pointer.set(ptr::null_mut());
        Some(stream)
    }

    pub(crate) fn clear(&self) {
        for stream in self.0.take().into_values() {
            stream.0.pointer.set(ptr::null_mut());
        }
    }
}
