//! The plugin that the host loads: it notes what it is told, and does what a script asks for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::path::Path;
use std::time::Duration;

use planet_npapi::{
    Delivery, Error, Exception, Info, Instance, Key, Mime, Object, Plugin, Reason, Request, Scriptable, Start, Stream,
    Value, Window,
};

thread_local! {
    /// What the plugin was told, on the thread of the test.
    static TOLD: RefCell<Vec<String>> = RefCell::default();
    /// The last instance, for tests that do what a plugin would.
    static LAST: RefCell<Option<Instance>> = const { RefCell::new(None) };
    static STREAM: RefCell<Option<Stream>> = const { RefCell::new(None) };
}

/// Notes a line.
pub(crate) fn tell(line: impl Into<String>) {
    TOLD.with_borrow_mut(|told| told.push(line.into()));
}

/// The lines since the last call.
pub(crate) fn told() -> Vec<String> {
    TOLD.take()
}

/// The instance that was made last on this thread.
pub(crate) fn last() -> Instance {
    LAST.with_borrow(Clone::clone).unwrap()
}

/// The stream that was opened last on this thread.
pub(crate) fn last_stream() -> Stream {
    STREAM.with_borrow(Clone::clone).unwrap()
}

/// Lets go of what the two hold.
pub(crate) fn forget() {
    LAST.take();
    STREAM.take();
}

pub(crate) struct Test {
    object: Object,
    delivery: Delivery,
}

/// An object whose properties may be anything, other objects too.
pub(crate) struct Bag {
    properties: RefCell<HashMap<String, Value>>,
}

impl Drop for Bag {
    fn drop(&mut self) {
        tell("bag dropped");
    }
}

impl Bag {
    pub(crate) fn export(instance: &Instance) -> Result<Object, Error> {
        Object::export(instance, Self { properties: RefCell::default() })
    }
}

impl Scriptable for Bag {
    fn has_method(&self, name: &Key) -> bool {
        name.as_str().is_some_and(|name| ["bag", "fail", "panic", "timer", "run", "count"].contains(&name))
    }

    fn call(&self, instance: &Instance, name: &Key, arguments: &[Value]) -> Result<Value, Exception> {
        match name.as_str() {
            Some("bag") => Ok(Self::export(instance)?.into()),
            Some("fail") => Err("zero \0 byte".into()),
            Some("panic") => panic!("as asked"),
            Some("timer") => {
                let callback = arguments[0].as_object().ok_or("no function")?.clone();
                instance.start_timer(Duration::from_millis(1), true, move |_| {
                    let _ = callback.call("count", &[]);
                })?;
                Ok(Value::Undefined)
            }
            Some("run") => Ok(arguments[0].as_object().ok_or("no object")?.call("count", &[])?),
            Some("count") => {
                tell(format!("count {}", arguments.len()));
                Ok(Value::Int(1))
            }
            _ => Err("no such method".into()),
        }
    }

    fn has_property(&self, name: &Key) -> bool {
        *name == 7 || name.as_str().is_some_and(|name| self.properties.borrow().contains_key(name))
    }

    fn get(&self, _: &Instance, name: &Key) -> Result<Value, Exception> {
        let value = name.as_str().and_then(|name| self.properties.borrow().get(name).cloned());
        value.or((*name == 7).then_some(Value::Int(7))).ok_or_else(|| format!("there is no {name}").into())
    }

    fn set(&self, _: &Instance, name: &Key, value: Value) -> Result<(), Exception> {
        let name = name.as_str().ok_or("names only")?.to_owned();
        self.properties.borrow_mut().insert(name, value);
        Ok(())
    }

    fn remove(&self, _: &Instance, name: &Key) -> Result<(), Exception> {
        let removed = name.as_str().and_then(|name| self.properties.borrow_mut().remove(name));
        removed.map(drop).ok_or_else(|| format!("there is no {name}").into())
    }

    fn keys(&self) -> Vec<Key> {
        self.properties.borrow().keys().map(|name| Key::from(name.as_str())).chain([Key::from(7)]).collect()
    }
}

impl Plugin for Test {
    const INFO: Info = Info {
        name: "Test",
        description: "Notes what it is told",
        version: "1",
        mime: &[Mime { name: "application/x-test", extensions: &[], description: "" }],
    };

    fn shutdown() {
        tell("shutdown");
    }

    fn new(instance: &Instance, start: &Start) -> Result<Self, Error> {
        LAST.set(Some(instance.clone()));
        match start.attribute("then") {
            Some("panic") => panic!("in new"),
            Some("fail") => return Err(Error::Other("as asked".to_owned())),
            _ => {}
        }
        let delivery = match start.attribute("delivery") {
            Some("seek") => Delivery::Seek,
            Some("file") => Delivery::AsFile,
            _ => Delivery::Normal,
        };
        Ok(Self { object: Bag::export(instance)?, delivery })
    }

    fn destroy(&self, instance: &Instance) -> Option<Vec<u8>> {
        tell(format!("destroyed while alive: {}", instance.is_alive()));
        Some(b"left".to_vec())
    }

    fn scriptable(&self) -> Option<Object> {
        Some(self.object.clone())
    }

    fn print(&self, _: &Instance, window: Option<&Window>, platform: *mut c_void) -> bool {
        tell(format!("print {:?} {}", window.map(|window| (window.x, window.width)), platform.addr()));
        true
    }

    fn stream_open(&self, _: &Instance, stream: &Stream) -> Result<Delivery, Error> {
        STREAM.set(Some(stream.clone()));
        if stream.mime() == "refused" {
            return Err(Error::Other("refused".to_owned()));
        }
        let what = (stream.url(), stream.length(), stream.headers(), stream.is_seekable());
        tell(format!("open {what:?}"));
        Ok(self.delivery)
    }

    fn stream_data(&self, _: &Instance, _: &Stream, offset: u64, data: &[u8]) -> Result<usize, Error> {
        if data == b"panic" {
            panic!("in data");
        }
        tell(format!("data {offset} {}", String::from_utf8_lossy(data)));
        Ok(data.len() + 100)
    }

    fn stream_file(&self, _: &Instance, _: &Stream, path: Option<&Path>) {
        tell(format!("file {path:?}"));
    }

    fn stream_end(&self, _: &Instance, stream: &Stream, reason: Reason) {
        tell(format!("end {reason:?}, {:?}", stream.read(&[(0, 1)])));
    }

    fn url_notify(&self, _: &Instance, _: Request, url: &str, reason: Reason) {
        tell(format!("notify {url} {reason:?}"));
    }
}
