//! Any script object: the page's, or one that the plugin made.

use std::fmt;
use std::ptr;
use std::rc::Rc;

use crate::abi::runtime::{NPIdentifier, NPObject, NPVariant};
use crate::abi::types::NPP;
use crate::browser::{self, slot};
use crate::error::Error;
use crate::instance::Instance;
use crate::key::Key;
use crate::scriptable::{self, Scriptable};
use crate::trace;
use crate::value::Value;

/// An object, function or array in the page. Clones are the same object.
///
/// It keeps the object alive as long as its instance lives; after that it answers [`Error::Gone`].
pub struct Object {
    instance: Instance,
    pointer: *mut NPObject,
}

impl Object {
    /// Makes an object that scripts can use.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the browser makes none.
    pub fn export(instance: &Instance, scriptable: impl Scriptable) -> Result<Self, Error> {
        let npp = instance.npp()?;
        let create = slot!(createobject, "NPN_CreateObject");
        // SAFETY: the instance is alive, and the class stays for ever.
        let pointer = unsafe { create(npp, scriptable::class()) };
        trace::outgoing(format_args!("NPN_CreateObject() = {pointer:p}"));
        let object = Self::adopt(instance, pointer)?;
        // SAFETY: the browser has made it with our class's `allocate`, and nobody else knows it yet.
        unsafe { scriptable::fill(pointer, instance, Rc::new(scriptable)) };
        Ok(object)
    }

    /// Shares an object that the browser shows us.
    pub(crate) fn retain(instance: &Instance, pointer: *mut NPObject) -> Result<Self, Error> {
        if pointer.is_null() {
            return Err(Error::Gone);
        }
        instance.hold(pointer, false)?;
        Ok(Self { instance: instance.clone(), pointer })
    }

    /// Takes over an object that the browser has counted for us.
    pub(crate) fn adopt(instance: &Instance, pointer: *mut NPObject) -> Result<Self, Error> {
        if pointer.is_null() {
            return Err(Error::Gone);
        }
        instance.hold(pointer, true)?;
        Ok(Self { instance: instance.clone(), pointer })
    }

    /// For the browser to look at; null once the object is gone.
    pub(crate) fn pointer(&self) -> *mut NPObject {
        if self.instance.holds(self.pointer) { self.pointer } else { ptr::null_mut() }
    }

    /// The living instance of a living object.
    fn npp(&self) -> Result<NPP, Error> {
        if self.instance.holds(self.pointer) { self.instance.npp() } else { Err(Error::Gone) }
    }

    /// For the browser to keep.
    pub(crate) fn retained(&self) -> Result<*mut NPObject, Error> {
        self.npp()?;
        let retain = slot!(retainobject, "NPN_RetainObject");
        // SAFETY: its instance lives, so the browser counts it for us.
        Ok(unsafe { retain(self.pointer) })
    }

    /// Reads a property.
    ///
    /// # Errors
    /// [`Error::Script`] when there is none of this name, in engines that do not answer `undefined`.
    pub fn get(&self, name: impl Into<Key>) -> Result<Value, Error> {
        let (npp, name) = (self.npp()?, name.into());
        let (get, identifier) = (slot!(getproperty, "NPN_GetProperty"), name.identifier()?);
        self.answer("NPN_GetProperty", &name, &[], |result| {
            // SAFETY: instance and object are alive, the identifier is the browser's.
            unsafe { get(npp, self.pointer, identifier, result) }
        })
    }

    /// Writes a property.
    ///
    /// # Errors
    /// [`Error::Script`] when the object refuses.
    pub fn set(&self, name: impl Into<Key>, value: impl Into<Value>) -> Result<(), Error> {
        let (npp, name, value) = (self.npp()?, name.into(), value.into());
        let (set, identifier) = (slot!(setproperty, "NPN_SetProperty"), name.identifier()?);
        let variant = value.lend();
        // SAFETY: as in `get`; the value outlives the call.
        let done = unsafe { set(npp, self.pointer, identifier, &raw const variant) };
        trace::outgoing(format_args!("NPN_SetProperty({name}, {value:?}) = {done}"));
        if done { Ok(()) } else { Err(Error::Script("NPN_SetProperty")) }
    }

    /// Whether there is a property of this name.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Unsupported`]
    pub fn has(&self, name: impl Into<Key>) -> Result<bool, Error> {
        self.ask("NPN_HasProperty", slot!(hasproperty, "NPN_HasProperty"), &name.into())
    }

    /// Whether there is a method of this name.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Unsupported`]
    pub fn has_method(&self, name: impl Into<Key>) -> Result<bool, Error> {
        self.ask("NPN_HasMethod", slot!(hasmethod, "NPN_HasMethod"), &name.into())
    }

    /// Removes a property; whether that was done.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Unsupported`]
    pub fn remove(&self, name: impl Into<Key>) -> Result<bool, Error> {
        self.ask("NPN_RemoveProperty", slot!(removeproperty, "NPN_RemoveProperty"), &name.into())
    }

    fn ask(
        &self,
        function: &str,
        slot: unsafe extern "C" fn(NPP, *mut NPObject, NPIdentifier) -> bool,
        name: &Key,
    ) -> Result<bool, Error> {
        let (npp, identifier) = (self.npp()?, name.identifier()?);
        // SAFETY: instance and object are alive, the identifier is the browser's.
        let answer = unsafe { slot(npp, self.pointer, identifier) };
        trace::outgoing(format_args!("{function}({name}) = {answer}"));
        Ok(answer)
    }

    /// Calls a method.
    ///
    /// # Errors
    /// [`Error::Script`] when there is none of this name or it throws; some engines answer `undefined` then.
    pub fn call(&self, method: impl Into<Key>, arguments: &[Value]) -> Result<Value, Error> {
        let (npp, name) = (self.npp()?, method.into());
        let (invoke, identifier) = (slot!(invoke, "NPN_Invoke"), name.identifier()?);
        let (variants, count) = lend(arguments)?;
        self.answer("NPN_Invoke", &name, arguments, |result| {
            // SAFETY: instance and object are alive, the arguments outlive the call.
            unsafe { invoke(npp, self.pointer, identifier, variants.as_ptr(), count, result) }
        })
    }

    /// Calls the object itself, which is a function: a callback of the page's.
    ///
    /// # Errors
    /// As [`Object::call`].
    pub fn call_self(&self, arguments: &[Value]) -> Result<Value, Error> {
        let npp = self.npp()?;
        let invoke = slot!(invokeDefault, "NPN_InvokeDefault");
        let (variants, count) = lend(arguments)?;
        self.answer("NPN_InvokeDefault", &"itself", arguments, |result| {
            // SAFETY: as in `call`.
            unsafe { invoke(npp, self.pointer, variants.as_ptr(), count, result) }
        })
    }

    /// `new object(…)`
    ///
    /// # Errors
    /// As [`Object::call`].
    pub fn construct(&self, arguments: &[Value]) -> Result<Value, Error> {
        let npp = self.npp()?;
        let construct = slot!(construct, "NPN_Construct");
        let (variants, count) = lend(arguments)?;
        self.answer("NPN_Construct", &"itself", arguments, |result| {
            // SAFETY: as in `call`.
            unsafe { construct(npp, self.pointer, variants.as_ptr(), count, result) }
        })
    }

    /// The names of the properties that a script would enumerate.
    ///
    /// # Errors
    /// [`Error::Script`] when the object does not say.
    pub fn keys(&self) -> Result<Vec<Key>, Error> {
        let npp = self.npp()?;
        let enumerate = slot!(enumerate, "NPN_Enumerate");
        let (mut list, mut count): (*mut NPIdentifier, u32) = (ptr::null_mut(), 0);
        // SAFETY: instance and object are alive; the browser writes both places.
        let done = unsafe { enumerate(npp, self.pointer, &raw mut list, &raw mut count) };
        trace::outgoing(format_args!("NPN_Enumerate() = {done}, {count} names"));
        if !done {
            return Err(Error::Script("NPN_Enumerate"));
        }
        let count = if list.is_null() { 0 } else { count as usize };
        // SAFETY: the list has `count` identifiers of the browser's.
        let keys = (0..count).map(|index| unsafe { Key::read(*list.add(index)) }).collect();
        // SAFETY: the list is ours to free.
        unsafe { browser::free(list) };
        keys
    }

    fn answer(
        &self,
        function: &'static str,
        name: &dyn fmt::Display,
        arguments: &[Value],
        call: impl FnOnce(*mut NPVariant) -> bool,
    ) -> Result<Value, Error> {
        let mut result = NPVariant::VOID;
        trace::outgoing(format_args!("{function}({name}, {arguments:?})"));
        if !call(&raw mut result) {
            trace::outgoing(format_args!("{function} = false"));
            return Err(Error::Script(function));
        }
        // The script may have removed the instance: an object cannot be held then, but must not be leaked either.
        // SAFETY: the browser has written the result for us.
        let value = unsafe { Value::take(&self.instance, result) }?;
        trace::outgoing(format_args!("{function} = {value:?}"));
        Ok(value)
    }
}

fn lend(arguments: &[Value]) -> Result<(Vec<NPVariant>, u32), Error> {
    let count = u32::try_from(arguments.len()).map_err(|_| Error::TooLarge(arguments.len()))?;
    Ok((arguments.iter().map(Value::lend).collect(), count))
}

impl Clone for Object {
    fn clone(&self) -> Self {
        // Of an object that is gone there is nothing to count.
        if self.instance.holds(self.pointer) {
            let _ = self.instance.hold(self.pointer, false);
        }
        Self { instance: self.instance.clone(), pointer: self.pointer }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        self.instance.let_go(self.pointer);
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.pointer == other.pointer && self.instance == other.instance
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Object({:p})", self.pointer)
    }
}
