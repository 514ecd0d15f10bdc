//! Addresses: requests with notification, cookies, proxies.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

use crate::abi::constants::{NPNURLVCookie, NPNURLVProxy, NPRES_DONE, NPRES_NETWORK_ERR, NPRES_USER_BREAK};
use crate::abi::types::NPReason;
use crate::browser::{self, slot};
use crate::error::Error;
use crate::instance::Instance;
use crate::strings;
use crate::trace;

/// A request that was made; [`crate::Plugin::url_notify`] and [`crate::Stream::request`] name it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request(u32);

impl Request {
    /// Reads what the browser hands back.
    pub(crate) fn read(data: *mut c_void) -> Option<Self> {
        u32::try_from(data.addr()).ok().filter(|number| *number != 0).map(Self)
    }

    fn data(self) -> *mut c_void {
        ptr::without_provenance_mut(self.0 as usize)
    }
}

/// Why a request or a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All has arrived.
    Done,
    /// The network failed, or there is nothing at that address.
    Network,
    /// The user, the page or the plugin has stopped it.
    Stopped,
    /// A number that the ABI does not know.
    Other(NPReason),
}

impl Reason {
    pub(crate) fn read(reason: NPReason) -> Self {
        match reason {
            NPRES_DONE => Self::Done,
            NPRES_NETWORK_ERR => Self::Network,
            NPRES_USER_BREAK => Self::Stopped,
            other => Self::Other(other),
        }
    }

    pub(crate) fn code(self) -> NPReason {
        match self {
            Self::Done => NPRES_DONE,
            Self::Network => NPRES_NETWORK_ERR,
            Self::Stopped => NPRES_USER_BREAK,
            Self::Other(other) => other,
        }
    }
}

impl Instance {
    fn next_request(&self) -> Request {
        let number = self.0.last_request.get().checked_add(1).unwrap_or(1);
        self.0.last_request.set(number);
        Request(number)
    }

    /// Fetches an address, relative to the page. Without a `target` the data come as a stream to the plugin; with one, they
    /// are shown in that frame (`_self`, `_blank`, …). Either way [`crate::Plugin::url_notify`] follows.
    ///
    /// # Errors
    /// [`Error::Browser`] when the browser refuses the address.
    pub fn get_url(&self, url: &str, target: Option<&str>) -> Result<Request, Error> {
        let npp = self.npp()?;
        let get = slot!(geturlnotify, "NPN_GetURLNotify");
        let (address, frame) = (strings::to_c(url)?, target.map(strings::to_c).transpose()?);
        let request = self.next_request();
        // SAFETY: the instance is alive, the texts outlive the call.
        let code = unsafe { get(npp, address.as_ptr(), pointer(frame.as_ref()), request.data()) };
        trace::outgoing(format_args!("NPN_GetURLNotify({url:?}, {target:?}, {request:?}) = {code}"));
        Error::check("NPN_GetURLNotify", code)?;
        Ok(request)
    }

    /// Sends `body` to an address; the rest is as in [`Instance::get_url`].
    ///
    /// # Errors
    /// [`Error::Browser`] when the browser refuses the address.
    pub fn post_url(&self, url: &str, target: Option<&str>, content_type: &str, body: &[u8]) -> Result<Request, Error> {
        let npp = self.npp()?;
        let post = slot!(posturlnotify, "NPN_PostURLNotify");
        let (address, frame) = (strings::to_c(url)?, target.map(strings::to_c).transpose()?);
        if content_type.contains(['\r', '\n', '\0']) {
            return Err(Error::Other("a content type is one line".to_owned()));
        }
        // The ABI wants the headers in front of the body.
        let mut data = format!("Content-Type: {content_type}\nContent-Length: {}\n\n", body.len()).into_bytes();
        data.extend_from_slice(body);
        let length = u32::try_from(data.len()).map_err(|_| Error::TooLarge(data.len()))?;
        let request = self.next_request();
        // SAFETY: as in `get_url`; there are `length` bytes.
        let code = unsafe {
            post(npp, address.as_ptr(), pointer(frame.as_ref()), length, data.as_ptr().cast(), 0, request.data())
        };
        trace::outgoing(format_args!("NPN_PostURLNotify({url:?}, {target:?}, {length} bytes, {request:?}) = {code}"));
        Error::check("NPN_PostURLNotify", code)?;
        Ok(request)
    }

    /// The cookies that a request to this address would carry.
    ///
    /// # Errors
    /// [`Error::Browser`] when there are none, or the browser does not say.
    pub fn cookies(&self, url: &str) -> Result<String, Error> {
        self.known_of(NPNURLVCookie, url)
    }

    /// The proxy for this address, such as `DIRECT` or `PROXY host:8080`.
    ///
    /// # Errors
    /// [`Error::Browser`] when the browser does not say.
    pub fn proxy(&self, url: &str) -> Result<String, Error> {
        self.known_of(NPNURLVProxy, url)
    }

    fn known_of(&self, variable: c_int, url: &str) -> Result<String, Error> {
        let npp = self.npp()?;
        let get = slot!(getvalueforurl, "NPN_GetValueForURL");
        let address = strings::to_c(url)?;
        let (mut value, mut length): (*mut c_char, u32) = (ptr::null_mut(), 0);
        // SAFETY: the instance is alive, the browser writes both places.
        let code = unsafe { get(npp, variable, address.as_ptr(), &raw mut value, &raw mut length) };
        trace::outgoing(format_args!("NPN_GetValueForURL({variable}, {url:?}) = {code}, {length} bytes"));
        Error::check("NPN_GetValueForURL", code)?;
        if value.is_null() {
            return Ok(String::new());
        }
        // SAFETY: `length` bytes at `value`, which are ours to free.
        unsafe {
            let text = std::slice::from_raw_parts(value.cast::<u8>(), length as usize);
            let text = String::from_utf8_lossy(text).into_owned();
            browser::free(value);
            Ok(text)
        }
    }

    /// Sets a cookie for an address, in the form of a `Set-Cookie` header's value.
    ///
    /// # Errors
    /// [`Error::Browser`] when the browser refuses.
    pub fn set_cookie(&self, url: &str, cookie: &str) -> Result<(), Error> {
        let npp = self.npp()?;
        let set = slot!(setvalueforurl, "NPN_SetValueForURL");
        let (address, text) = (strings::to_c(url)?, strings::to_c(cookie)?);
        let length = u32::try_from(cookie.len()).map_err(|_| Error::TooLarge(cookie.len()))?;
        // SAFETY: the instance is alive, the texts outlive the call.
        let code = unsafe { set(npp, NPNURLVCookie, address.as_ptr(), text.as_ptr(), length) };
        trace::outgoing(format_args!("NPN_SetValueForURL({NPNURLVCookie}, {url:?}, {length} bytes) = {code}"));
        Error::check("NPN_SetValueForURL", code)
    }
}

fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}
