//! A plugin, and what it says of itself.

use std::ffi::c_void;
use std::path::Path;

use crate::canvas::Canvas;
use crate::error::Error;
use crate::event::Event;
use crate::instance::Instance;
use crate::object::Object;
use crate::request::{Reason, Request};
use crate::stream::{Delivery, Stream};
use crate::window::Window;

/// What a browser shows of a plugin, and chooses it by.
///
/// QtWebKit prefers, of several plugins for a type, the first by `name`.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Short, and the plugin's own.
    pub name: &'static str,
    /// A sentence.
    pub description: &'static str,
    /// Such as `1.0`.
    pub version: &'static str,
    /// What it is there for.
    pub mime: &'static [Mime],
}

/// A type of data that a plugin is there for.
#[derive(Clone, Copy, Debug)]
pub struct Mime {
    /// In lower case, such as `application/x-demo`.
    pub name: &'static str,
    /// Of files, without the dot.
    pub extensions: &'static [&'static str],
    /// A few words. QtWebKit takes no plugin for a type without them, so the plugin's name stands in when they are missing.
    pub description: &'static str,
}

impl Info {
    /// `type:extension,extension:description;…`, as `NP_GetMIMEDescription` answers. The two characters that divide the
    /// parts are replaced by spaces within a description.
    pub fn mime_description(&self) -> String {
        let plain = |text: &str| text.replace([':', ';', '\0'], " ");
        let one = |mime: &Mime| {
            let description = if mime.description.is_empty() { self.name } else { mime.description };
            format!("{}:{}:{}", mime.name, mime.extensions.join(","), plain(description))
        };
        self.mime.iter().map(one).collect::<Vec<_>>().join(";")
    }
}

/// What a page says of a new instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The type, of those in [`Info::mime`].
    pub mime: String,
    /// The element's attributes, and the `param` elements in an `object`; in the page's order.
    pub attributes: Vec<(String, String)>,
    /// Whether it is the whole page rather than a part.
    pub full_page: bool,
    /// What the last instance at this address left.
    pub saved: Option<Vec<u8>>,
}

impl Start {
    /// The first attribute of this name, in upper or lower case.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A plugin: one value of this type for each instance in a page.
///
/// All methods are called on the browser's main thread. They may be called while another one runs, when that one has
/// called a script; so there is no `&mut self`.
pub trait Plugin: Sized + 'static {
    /// What the plugin says of itself.
    const INFO: Info;

    /// Whether an instance wants a window of its own rather than be painted into the page. QtWebKit, and other engines
    /// of late, have none to give.
    fn wants_window(_start: &Start) -> bool {
        false
    }

    /// The plugin was loaded; called once, before any instance.
    ///
    /// # Errors
    /// The browser does not use the plugin then. It does not look for another one either.
    fn initialize() -> Result<(), Error> {
        Ok(())
    }

    /// The plugin is unloaded, after its last instance. QtWebKit never calls it.
    fn shutdown() {}

    /// A page has an element for the plugin.
    ///
    /// # Errors
    /// The page shows no plugin then.
    fn new(instance: &Instance, start: &Start) -> Result<Self, Error>;

    /// The page has removed the instance; what is returned, the next instance at the same address may get. All that
    /// belongs to the instance still works here.
    fn destroy(&self, _instance: &Instance) -> Option<Vec<u8>> {
        None
    }

    /// What scripts see of the element.
    fn scriptable(&self) -> Option<Object> {
        None
    }

    /// What a form around the element sends.
    fn form_value(&self) -> Option<String> {
        None
    }

    /// The instance has got its place, or another one.
    fn window_changed(&self, _instance: &Instance, _window: &Window) {}

    /// A windowless instance is to be painted.
    fn paint(&self, _instance: &Instance, _canvas: &Canvas) {}

    /// The user does something; whether the plugin has dealt with it.
    fn event(&self, _instance: &Instance, _event: &Event) -> bool {
        false
    }

    /// The page is printed. `platform` is the platform's print data (`NPPrint`'s `platformPrint`); of an instance within
    /// a page, `window` says where on the paper. Whether the plugin has printed, which counts for a full page alone.
    fn print(&self, _instance: &Instance, _window: Option<&Window>, _platform: *mut c_void) -> bool {
        false
    }

    /// Data begin to come.
    ///
    /// # Errors
    /// The browser drops the stream then, as it does unless this is overridden.
    fn stream_open(&self, _instance: &Instance, _stream: &Stream) -> Result<Delivery, Error> {
        Err(Error::Unsupported("NPP_NewStream"))
    }

    /// How many bytes the plugin would take now. At 0 the browser asks again later.
    fn stream_ready(&self, _instance: &Instance, _stream: &Stream) -> u32 {
        1 << 20
    }

    /// Some data have come; how many bytes were taken.
    ///
    /// # Errors
    /// The browser drops the stream then.
    fn stream_data(&self, _instance: &Instance, _stream: &Stream, _offset: u64, data: &[u8]) -> Result<usize, Error> {
        Ok(data.len())
    }

    /// The data are in a file now, which is the browser's; `None` when it could not be written.
    fn stream_file(&self, _instance: &Instance, _stream: &Stream, _path: Option<&Path>) {}

    /// No more data come.
    fn stream_end(&self, _instance: &Instance, _stream: &Stream, _reason: Reason) {}

    /// A request of the plugin's has ended.
    fn url_notify(&self, _instance: &Instance, _request: Request, _url: &str, _reason: Reason) {}
}

#[cfg(test)]
mod tests {
    use super::{Info, Mime};

    #[test]
    fn a_mime_description_has_its_three_parts() {
        let info = Info {
            name: "Name",
            description: "",
            version: "",
            mime: &[
                Mime { name: "a/b", extensions: &["x", "y"], description: "one: two; three" },
                Mime { name: "c/d", extensions: &[], description: "" },
            ],
        };
        assert_eq!(info.mime_description(), "a/b:x,y:one  two  three;c/d::Name");
    }
}
