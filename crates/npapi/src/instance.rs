//! An instance of the plugin in a page, and what it asks of the browser.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::fmt;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use crate::abi::constants::{NPNVPluginElementNPObject, NPNVWindowNPObject, NPNVprivateModeBool};
use crate::abi::runtime::{NPObject, NPString, NPVariant};
use crate::abi::types::{NPBool, NPP, NPRect};
use crate::browser::{self, slot};
use crate::caller::{Receivers, Shared};
use crate::error::Error;
use crate::live;
use crate::object::Object;
use crate::stream::Streams;
use crate::strings;
use crate::timer::Timers;
use crate::trace;
use crate::value::Value;
use crate::window::Window;

/// An instance in a page. Clones are the same instance; one that the page has removed answers [`Error::Gone`].
#[derive(Clone)]
pub struct Instance(pub(crate) Rc<Core>);

pub(crate) struct Core {
    /// Null once the instance is gone.
    npp: Cell<NPP>,
    /// What the browser counts for us, and how many [`Object`]s share it.
    references: RefCell<HashMap<*mut NPObject, usize>>,
    pub(crate) window: RefCell<Option<Window>>,
    pub(crate) timers: Timers,
    pub(crate) streams: Streams,
    pub(crate) last_request: Cell<u32>,
    pub(crate) calls: Arc<Shared>,
    pub(crate) receivers: Receivers,
}

thread_local! {
    /// The living instances, found again when the browser calls with nothing but their `NPP`.
    static INSTANCES: RefCell<HashMap<NPP, Instance>> = RefCell::default();
}

impl Instance {
    pub(crate) fn begin(npp: NPP) -> Self {
        let instance = Self(Rc::new(Core {
            npp: Cell::new(npp),
            references: RefCell::default(),
            window: RefCell::default(),
            timers: Timers::default(),
            streams: Streams::default(),
            last_request: Cell::new(0),
            calls: Arc::new(Shared::new(npp)),
            receivers: Receivers::default(),
        }));
        INSTANCES.with_borrow_mut(|all| all.insert(npp, instance.clone()));
        live::INSTANCES.add();
        instance
    }

    /// The living instance of this `NPP`.
    pub(crate) fn find(npp: NPP) -> Option<Self> {
        INSTANCES.try_with(|all| all.borrow().get(&npp).cloned()).ok().flatten()
    }

    /// Lets go of all that the browser holds for this instance. What outlives it answers [`Error::Gone`] from now on.
    pub(crate) fn end(&self) {
        let Ok(npp) = self.npp() else { return };
        self.0.calls.close();
        self.0.receivers.clear();
        self.0.timers.clear(self);
        self.0.streams.clear();
        // Releasing may run code of the plugin's that comes back here: nothing is borrowed meanwhile.
        for pointer in self.0.references.take().into_keys() {
            live::REFERENCES.remove();
            release(pointer);
        }
        self.0.npp.set(ptr::null_mut());
        self.0.window.take();
        INSTANCES.with_borrow_mut(|all| all.remove(&npp));
        live::INSTANCES.remove();
    }

    /// Whether the page still has this instance.
    pub fn is_alive(&self) -> bool {
        !self.0.npp.get().is_null()
    }

    pub(crate) fn npp(&self) -> Result<NPP, Error> {
        let npp = self.0.npp.get();
        if npp.is_null() { Err(Error::Gone) } else { Ok(npp) }
    }

    /// Counts one more [`Object`] on `pointer`. With `owned`, the browser has counted it for us already.
    pub(crate) fn hold(&self, pointer: *mut NPObject, owned: bool) -> Result<(), Error> {
        self.npp()?;
        let mut references = self.0.references.borrow_mut();
        if let Some(count) = references.get_mut(&pointer) {
            *count += 1;
            drop(references);
            if owned {
                // The one more that it counts for us.
                release(pointer);
            }
            return Ok(());
        }
        if !owned {
            let retain = slot!(retainobject, "NPN_RetainObject");
            // SAFETY: the object is alive: the browser has just shown it to us, or counts it for us.
            unsafe { retain(pointer) };
        }
        references.insert(pointer, 1);
        live::REFERENCES.add();
        Ok(())
    }

    /// One [`Object`] less on `pointer`.
    pub(crate) fn let_go(&self, pointer: *mut NPObject) {
        let mut references = self.0.references.borrow_mut();
        // Missing once the instance has ended, which released it.
        let Some(count) = references.get_mut(&pointer) else { return };
        *count -= 1;
        if *count == 0 {
            references.remove(&pointer);
            drop(references);
            live::REFERENCES.remove();
            release(pointer);
        }
    }

    /// Whether the browser still counts an object for us.
    pub(crate) fn holds(&self, pointer: *mut NPObject) -> bool {
        self.is_alive() && self.0.references.borrow().contains_key(&pointer)
    }

    /// The browser frees an object, or is about to: its [`Object`]s are of no use any more.
    pub(crate) fn forget(&self, pointer: *mut NPObject) {
        if self.0.references.borrow_mut().remove(&pointer).is_some() {
            live::REFERENCES.remove();
        }
    }

    /// The page's `window`.
    ///
    /// # Errors
    /// [`Error::Browser`] when the page lets no script run.
    pub fn window_object(&self) -> Result<Object, Error> {
        self.object(NPNVWindowNPObject)
    }

    /// The `embed` or `object` element that the instance belongs to.
    ///
    /// # Errors
    /// As [`Instance::window_object`].
    pub fn element(&self) -> Result<Object, Error> {
        self.object(NPNVPluginElementNPObject)
    }

    fn object(&self, variable: c_int) -> Result<Object, Error> {
        let mut pointer: *mut NPObject = ptr::null_mut();
        self.value(variable, (&raw mut pointer).cast())?;
        Object::adopt(self, pointer)
    }

    /// Whether the browser keeps nothing of what is done now.
    ///
    /// # Errors
    /// [`Error::Browser`] when it does not say.
    pub fn is_private(&self) -> Result<bool, Error> {
        let mut private: NPBool = 0;
        self.value(NPNVprivateModeBool, (&raw mut private).cast())?;
        Ok(private != 0)
    }

    /// `place` points to what the variable is said to be.
    fn value(&self, variable: c_int, place: *mut c_void) -> Result<(), Error> {
        let npp = self.npp()?;
        let get = slot!(getvalue, "NPN_GetValue");
        // SAFETY: the instance is alive, and the two callers give a place of the variable's type.
        let code = unsafe { get(npp, variable, place) };
        trace::outgoing(format_args!("NPN_GetValue({variable}) = {code}"));
        Error::check("NPN_GetValue", code)
    }

    /// Runs a script in the page and gives its last value. Mind where its text comes from: it may do whatever the page may.
    ///
    /// # Errors
    /// [`Error::Script`] when the script throws; some engines answer `undefined` instead.
    pub fn evaluate(&self, script: &str) -> Result<Value, Error> {
        let npp = self.npp()?;
        let window = self.window_object()?;
        let evaluate = slot!(evaluate, "NPN_Evaluate");
        // Some engines read a text up to a zero, so it gets one.
        let text = strings::to_c(script)?;
        let length = u32::try_from(script.len()).map_err(|_| Error::TooLarge(script.len()))?;
        let mut string = NPString { UTF8Characters: text.as_ptr(), UTF8Length: length };
        let mut result = NPVariant::VOID;
        // SAFETY: instance and window are alive, text and result outlive the call.
        let done = unsafe { evaluate(npp, window.pointer(), &raw mut string, &raw mut result) };
        trace::outgoing(format_args!("NPN_Evaluate({script:?}) = {done}"));
        if !done {
            return Err(Error::Script("NPN_Evaluate"));
        }
        // SAFETY: the browser has written the result for us.
        unsafe { Value::take(self, result) }
    }

    /// What the browser calls itself.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it does not say.
    pub fn user_agent(&self) -> Result<String, Error> {
        let npp = self.npp()?;
        let get = slot!(uagent, "NPN_UserAgent");
        // SAFETY: the instance is alive; the text is the browser's and copied at once.
        let agent = unsafe { strings::from_c(get(npp)) };
        trace::outgoing(format_args!("NPN_UserAgent() = {agent:?}"));
        agent.ok_or(Error::Unsupported("NPN_UserAgent"))
    }

    /// Shows a text in the browser's status line, where there is one.
    ///
    /// # Errors
    /// [`Error::ZeroByte`]
    pub fn set_status(&self, text: &str) -> Result<(), Error> {
        let npp = self.npp()?;
        let set = slot!(status, "NPN_Status");
        trace::outgoing(format_args!("NPN_Status({text:?})"));
        let text = strings::to_c(text)?;
        // SAFETY: the instance is alive, the text outlives the call.
        unsafe { set(npp, text.as_ptr()) };
        Ok(())
    }

    /// Has a windowless instance painted again, soon: all of it.
    ///
    /// # Errors
    /// [`Error::Unsupported`]
    pub fn invalidate(&self) -> Result<(), Error> {
        let npp = self.npp()?;
        let invalidate = slot!(invalidaterect, "NPN_InvalidateRect");
        let (width, height) = self.0.window.borrow().as_ref().map_or((0, 0), |window| (window.width, window.height));
        let clamp = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
        let mut rect = NPRect { top: 0, left: 0, bottom: clamp(height), right: clamp(width) };
        trace::outgoing(format_args!("NPN_InvalidateRect({rect:?})"));
        // SAFETY: the instance is alive, the rectangle outlives the call.
        unsafe { invalidate(npp, &raw mut rect) };
        Ok(())
    }

    /// Where the instance is shown; `None` until the browser has said so.
    pub fn window(&self) -> Option<Window> {
        self.0.window.borrow().clone()
    }

    /// Sets one of the `NPPV` variables that are passed by value.
    pub(crate) fn set_value(&self, variable: c_int, value: usize) -> Result<(), Error> {
        let npp = self.npp()?;
        let set = slot!(setvalue, "NPN_SetValue");
        // SAFETY: the instance is alive; the ABI passes numbers and truth values in place of the pointer.
        let code = unsafe { set(npp, variable, ptr::without_provenance_mut(value)) };
        trace::outgoing(format_args!("NPN_SetValue({variable}, {value}) = {code}"));
        Error::check("NPN_SetValue", code)
    }
}

/// Has the browser count one less on an object that it counted for us, and that no list has (any more).
fn release(pointer: *mut NPObject) {
    if let Ok(table) = browser::table()
        && let Some(release) = table.releaseobject
    {
        // SAFETY: the browser counts it for us until this call; the callers have no further use of that count.
        unsafe { release(pointer) };
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Instance({:?})", self.0.npp.get())
    }
}

impl PartialEq for Instance {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
