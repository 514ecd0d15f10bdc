//! Objects of the plugin's that scripts see.

use std::cell::RefCell;
use std::fmt;
use std::mem::size_of;
use std::ptr;
use std::rc::Rc;

use crate::abi::runtime::{NP_CLASS_STRUCT_VERSION, NPClass, NPIdentifier, NPObject, NPVariant};
use crate::abi::types::NPP;
use crate::browser::{self, slot};
use crate::error::Error;
use crate::guard;
use crate::instance::Instance;
use crate::key::Key;
use crate::live;
use crate::origin;
use crate::strings;
use crate::trace;
use crate::value::Value;

/// The property that every object has: see [`crate::origin`].
const ORIGIN: &str = "npapiOrigin";

/// What JavaScript gets to see when a method fails: an `Error` with this text.
///
/// Any text or [`Error`] becomes one with `?`. QtWebKit and Chromium read the text as Latin-1: keep it to ASCII for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception(pub String);

impl From<&str> for Exception {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Exception {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Error> for Exception {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An object that scripts see. All is refused that is not overridden.
///
/// A method may be called again before it has returned, when it calls a script that calls it: so there is no `&mut self`.
pub trait Scriptable: 'static {
    /// Whether there is a method of this name.
    fn has_method(&self, _name: &Key) -> bool {
        false
    }

    /// Calls a method.
    ///
    /// # Errors
    /// The script sees the exception.
    fn call(&self, _instance: &Instance, name: &Key, _arguments: &[Value]) -> Result<Value, Exception> {
        Err(format!("there is no method {name}").into())
    }

    /// Whether there is a property of this name.
    fn has_property(&self, _name: &Key) -> bool {
        false
    }

    /// Reads a property.
    ///
    /// # Errors
    /// The script sees the exception.
    fn get(&self, _instance: &Instance, name: &Key) -> Result<Value, Exception> {
        Err(format!("there is no property {name}").into())
    }

    /// Writes a property.
    ///
    /// # Errors
    /// The script sees the exception.
    fn set(&self, _instance: &Instance, name: &Key, _value: Value) -> Result<(), Exception> {
        Err(format!("{name} cannot be written").into())
    }

    /// Removes a property.
    ///
    /// # Errors
    /// The script sees the exception.
    fn remove(&self, _instance: &Instance, name: &Key) -> Result<(), Exception> {
        Err(format!("{name} cannot be removed").into())
    }

    /// The names of all properties and methods that a script is to enumerate.
    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    /// Calls the object itself: `object(…)`.
    ///
    /// # Errors
    /// The script sees the exception.
    fn call_self(&self, _instance: &Instance, _arguments: &[Value]) -> Result<Value, Exception> {
        Err("the object is no function".into())
    }

    /// `new object(…)`
    ///
    /// # Errors
    /// The script sees the exception.
    fn construct(&self, _instance: &Instance, _arguments: &[Value]) -> Result<Value, Exception> {
        Err("the object is no constructor".into())
    }
}

/// What the browser holds; it begins with what the ABI knows of.
#[repr(C)]
struct Exported {
    header: NPObject,
    /// Empty from the moment when the browser invalidates it.
    body: RefCell<Option<Body>>,
}

#[derive(Clone)]
struct Body {
    instance: Instance,
    scriptable: Rc<dyn Scriptable>,
}

/// A class that may be shared between threads, since nobody changes it.
struct Class(NPClass);

// SAFETY: it holds numbers and functions alone.
unsafe impl Sync for Class {}

static CLASS: Class = Class(NPClass {
    structVersion: NP_CLASS_STRUCT_VERSION,
    allocate: Some(allocate),
    deallocate: Some(deallocate),
    invalidate: Some(invalidate),
    hasMethod: Some(has_method),
    invoke: Some(invoke),
    invokeDefault: Some(invoke_default),
    hasProperty: Some(has_property),
    getProperty: Some(get_property),
    setProperty: Some(set_property),
    removeProperty: Some(remove_property),
    enumerate: Some(enumerate),
    construct: Some(construct),
});

/// The class of all exported objects. The ABI has no `const`, but browsers only read it.
pub(crate) fn class() -> *mut NPClass {
    (&raw const CLASS.0).cast_mut()
}

/// Gives a new object its behaviour.
///
/// # Safety
/// `pointer` is alive and was made by [`allocate`].
pub(crate) unsafe fn fill(pointer: *mut NPObject, instance: &Instance, scriptable: Rc<dyn Scriptable>) {
    // SAFETY: the caller's word.
    let exported = unsafe { &*pointer.cast::<Exported>() };
    *exported.body.borrow_mut() = Some(Body { instance: instance.clone(), scriptable });
}

unsafe extern "C" fn allocate(_: NPP, class: *mut NPClass) -> *mut NPObject {
    live::SCRIPTABLES.add();
    let header = NPObject { _class: class, referenceCount: 1 };
    Box::into_raw(Box::new(Exported { header, body: RefCell::new(None) })).cast()
}

unsafe extern "C" fn deallocate(object: *mut NPObject) {
    guard::incoming("deallocate", format_args!("{object:p}"), (), || {
        // SAFETY: made by `allocate`; the browser frees it once, and does not use it after.
        let exported = unsafe { Box::from_raw(object.cast::<Exported>()) };
        // Some engines free an object with its page, whatever it counts: nobody may use or release it any more.
        if let Some(body) = &*exported.body.borrow() {
            body.instance.forget(object);
        }
        drop(exported);
    });
    live::SCRIPTABLES.remove();
}

unsafe extern "C" fn invalidate(object: *mut NPObject) {
    guard::incoming("invalidate", format_args!("{object:p}"), (), || {
        // SAFETY: the browser calls this for a living object of ours.
        let exported = unsafe { &*object.cast::<Exported>() };
        // Its references into the page go now; what the browser keeps is an empty shell, which it may free at any time.
        let body = exported.body.take();
        if let Some(body) = &body {
            body.instance.forget(object);
        }
        drop(body);
    });
}

/// The behaviour of an object, kept alive while it runs; `None` when the browser has invalidated it, or its instance is
/// gone.
///
/// # Safety
/// `object` is alive and of our class.
unsafe fn body(object: *mut NPObject) -> Option<Body> {
    // SAFETY: the caller's word.
    let exported = unsafe { &*object.cast::<Exported>() };
    exported.body.borrow().clone().filter(|body| body.instance.is_alive())
}

/// Runs a method and tells the script of an exception or a panic.
///
/// The answer is true for an exception as well: engines show its text only then. What was not written stays `undefined`.
///
/// # Safety
/// `object` is alive and of our class, `result` null or writable.
unsafe fn answer(
    object: *mut NPObject,
    name: &str,
    result: *mut NPVariant,
    run: impl FnOnce(&Body) -> Result<Value, Exception>,
) -> bool {
    // SAFETY: the caller's word.
    let Some(body) = (unsafe { body(object) }) else {
        trace::incoming(format_args!("{name} on {object:p}, whose instance is gone"));
        return false;
    };
    if !result.is_null() {
        // SAFETY: the caller's word.
        unsafe { result.write(NPVariant::VOID) };
    }
    trace::incoming(format_args!("{name} on {object:p}"));
    let outcome = guard::catch(format_args!("{name}"), || run(&body)).unwrap_or_else(|panic| Err(panic.into()));
    trace::incoming(format_args!("{name} = {outcome:?}"));
    // SAFETY: as above.
    let given = outcome.and_then(|value| unsafe { value.give_to(result) }.map_err(Exception::from));
    match given {
        Ok(()) => true,
        Err(exception) => {
            // SAFETY: the object is alive: a script is using it.
            unsafe { throw(object, &exception) };
            true
        }
    }
}

/// # Safety
/// `object` is alive.
unsafe fn throw(object: *mut NPObject, exception: &Exception) {
    let text = strings::to_c(&exception.0.replace('\0', "\u{fffd}"));
    if let (Ok(table), Ok(text)) = (browser::table(), text)
        && let Some(set) = table.setexception
    {
        trace::outgoing(format_args!("NPN_SetException({text:?})"));
        // SAFETY: the caller's word; the browser copies the text.
        unsafe { set(object, text.as_ptr()) };
    }
}

/// # Safety
/// As [`body`], and `name` is the browser's.
unsafe fn asks(object: *mut NPObject, what: &str, name: NPIdentifier, ask: impl FnOnce(&Body, &Key) -> bool) -> bool {
    // SAFETY: the caller's word.
    let (Some(body), Ok(key)) = (unsafe { (body(object), Key::read(name)) }) else { return false };
    guard::incoming(what, format_args!("{key}"), false, || ask(&body, &key))
}

unsafe extern "C" fn has_method(object: *mut NPObject, name: NPIdentifier) -> bool {
    // SAFETY: the browser calls with a living object of ours and its own identifier.
    unsafe { asks(object, "hasMethod", name, |body, key| body.scriptable.has_method(key)) }
}

unsafe extern "C" fn has_property(object: *mut NPObject, name: NPIdentifier) -> bool {
    // SAFETY: as in `has_method`.
    unsafe { asks(object, "hasProperty", name, |body, key| key == ORIGIN || body.scriptable.has_property(key)) }
}

unsafe extern "C" fn invoke(
    object: *mut NPObject,
    name: NPIdentifier,
    arguments: *const NPVariant,
    count: u32,
    result: *mut NPVariant,
) -> bool {
    // SAFETY: as in `has_method`; there are `count` arguments and room for a result.
    unsafe {
        let Ok(key) = Key::read(name) else { return false };
        answer(object, &format!("invoke {key}"), result, |body| {
            let arguments = Value::read_all(&body.instance, arguments, count);
            trace::incoming(format_args!("with {arguments:?}"));
            body.scriptable.call(&body.instance, &key, &arguments)
        })
    }
}

unsafe extern "C" fn invoke_default(
    object: *mut NPObject,
    arguments: *const NPVariant,
    count: u32,
    result: *mut NPVariant,
) -> bool {
    // SAFETY: as in `invoke`.
    unsafe {
        answer(object, "invokeDefault", result, |body| {
            body.scriptable.call_self(&body.instance, &Value::read_all(&body.instance, arguments, count))
        })
    }
}

unsafe extern "C" fn construct(
    object: *mut NPObject,
    arguments: *const NPVariant,
    count: u32,
    result: *mut NPVariant,
) -> bool {
    // SAFETY: as in `invoke`.
    unsafe {
        answer(object, "construct", result, |body| {
            body.scriptable.construct(&body.instance, &Value::read_all(&body.instance, arguments, count))
        })
    }
}

unsafe extern "C" fn get_property(object: *mut NPObject, name: NPIdentifier, result: *mut NPVariant) -> bool {
    // SAFETY: as in `has_method`, with room for a result.
    unsafe {
        let Ok(key) = Key::read(name) else { return false };
        answer(object, &format!("getProperty {key}"), result, |body| {
            if key == ORIGIN && !body.scriptable.has_property(&key) {
                return Ok(origin::describe().into());
            }
            body.scriptable.get(&body.instance, &key)
        })
    }
}

unsafe extern "C" fn set_property(object: *mut NPObject, name: NPIdentifier, value: *const NPVariant) -> bool {
    // SAFETY: as in `has_method`, with a value to read.
    unsafe {
        let Ok(key) = Key::read(name) else { return false };
        answer(object, &format!("setProperty {key}"), ptr::null_mut(), |body| {
            let value = if value.is_null() { Value::Undefined } else { Value::read(&body.instance, &*value) };
            body.scriptable.set(&body.instance, &key, value).map(Value::from)
        })
    }
}

unsafe extern "C" fn remove_property(object: *mut NPObject, name: NPIdentifier) -> bool {
    // SAFETY: as in `has_method`.
    unsafe {
        let Ok(key) = Key::read(name) else { return false };
        answer(object, &format!("removeProperty {key}"), ptr::null_mut(), |body| {
            body.scriptable.remove(&body.instance, &key).map(Value::from)
        })
    }
}

unsafe extern "C" fn enumerate(object: *mut NPObject, list: *mut *mut NPIdentifier, count: *mut u32) -> bool {
    guard::incoming("enumerate", format_args!("{object:p}"), false, || {
        // SAFETY: the browser calls with a living object of ours.
        let Some(body) = (unsafe { body(object) }) else { return false };
        // SAFETY: and with two places to write.
        unsafe { give_keys(&body.scriptable.keys(), list, count) }.is_ok()
    })
}

/// # Safety
/// Both places can be written.
unsafe fn give_keys(keys: &[Key], list: *mut *mut NPIdentifier, count: *mut u32) -> Result<(), Error> {
    let identifiers = keys.iter().map(Key::identifier).collect::<Result<Vec<_>, _>>()?;
    let bytes = size_of::<NPIdentifier>() * identifiers.len();
    let allocate = slot!(memalloc, "NPN_MemAlloc");
    let (size, length) = (u32::try_from(bytes), u32::try_from(identifiers.len()));
    let (Ok(size), Ok(length)) = (size, length) else { return Err(Error::TooLarge(bytes)) };
    // SAFETY: any size will do; what comes back is aligned for a pointer, as that of malloc. The browser frees the list.
    unsafe {
        let memory = allocate(size.max(1)).cast::<NPIdentifier>();
        if memory.is_null() {
            return Err(Error::TooLarge(bytes));
        }
        ptr::copy_nonoverlapping(identifiers.as_ptr(), memory, identifiers.len());
        list.write(memory);
        count.write(length);
    }
    Ok(())
}
