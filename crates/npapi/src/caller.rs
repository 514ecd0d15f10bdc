//! Calls from other threads.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::abi::types::NPP;
use crate::browser::slot;
use crate::error::Error;
use crate::guard;
use crate::instance::Instance;
use crate::trace;

/// How many calls may wait for the main thread at a time.
pub const MAX_WAITING: usize = 16_384;

type Call = Box<dyn FnOnce(&Instance) + Send>;

/// Has things done on the browser's main thread; one of the two things here that other threads may hold; the
/// other is [`Sender`].
#[derive(Clone)]
pub struct Caller(Arc<Shared>);

pub(crate) struct Shared(Mutex<State>);

struct State {
    /// As a number, since a pointer may not go to other threads; 0 once the instance is gone.
    npp: usize,
    waiting: VecDeque<Call>,
}

impl Shared {
    pub(crate) fn new(npp: NPP) -> Self {
        Self(Mutex::new(State { npp: npp.expose_provenance(), waiting: VecDeque::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses further calls and drops those that wait.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.npp = 0;
        let waiting = std::mem::take(&mut state.waiting);
        // What they hold may call us when it is dropped.
        drop(state);
        drop(waiting);
    }
}

impl Instance {
    /// What other threads call this instance with.
    pub fn caller(&self) -> Caller {
        Caller(Arc::clone(&self.0.calls))
    }

    /// Brings values from other threads to `receive`, which stays here and may hold what is the main thread's, such as a
    /// callback of the page's. It goes with the last clone of the sender, or with the instance.
    ///
    /// A value that comes while the one before is still being received, as during a dialog, is left out.
    pub fn sender<T: Send + 'static>(&self, mut receive: impl FnMut(&Self, T) + 'static) -> Sender<T> {
        let number = self.0.receivers.last.get() + 1;
        self.0.receivers.last.set(number);
        let receiver: Receiver = Rc::new(RefCell::new(move |instance: &Self, value: Box<dyn Any>| {
            if let Ok(value) = value.downcast::<T>() {
                receive(instance, *value);
            }
        }));
        self.0.receivers.all.borrow_mut().insert(number, receiver);
        Sender { line: Arc::new(Line { caller: self.caller(), number }), values: PhantomData }
    }

    fn receive(&self, number: u64, value: Box<dyn Any>) {
        let receiver = self.0.receivers.all.borrow().get(&number).cloned();
        if let Some(receiver) = receiver
            && let Ok(mut receive) = receiver.try_borrow_mut()
        {
            receive(self, value);
        }
    }
}

type Receiver = Rc<RefCell<dyn FnMut(&Instance, Box<dyn Any>)>>;

/// Who receives what other threads send to an instance.
#[derive(Default)]
pub(crate) struct Receivers {
    last: Cell<u64>,
    all: RefCell<HashMap<u64, Receiver>>,
}

impl Receivers {
    pub(crate) fn clear(&self) {
        let all = self.all.take();
        drop(all);
    }
}

/// Sends values from any thread to a function on the browser's main thread: see [`Instance::sender`].
pub struct Sender<T> {
    line: Arc<Line>,
    values: PhantomData<fn(T)>,
}

/// Shared by the clones of a sender; the receiver goes when the last of them does.
struct Line {
    caller: Caller,
    number: u64,
}

impl<T: Send + 'static> Sender<T> {
    /// Hands over a value; the values of one thread arrive in order.
    ///
    /// # Errors
    /// As [`Caller::call`].
    pub fn send(&self, value: T) -> Result<(), Error> {
        let number = self.line.number;
        self.line.caller.call(move |instance| instance.receive(number, Box::new(value)))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { line: Arc::clone(&self.line), values: PhantomData }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let number = self.number;
        // With the instance gone, or its queue full for good, the receiver goes with the instance.
        let _ = self.caller.call(move |instance| {
            let receiver = instance.0.receivers.all.borrow_mut().remove(&number);
            drop(receiver);
        });
    }
}

impl Caller {
    /// Runs `call` on the browser's main thread, soon and in order; from any thread.
    ///
    /// When the page removes the instance first, the call is dropped without being run.
    ///
    /// # Errors
    /// [`Error::Gone`]; [`Error::Full`] when [`MAX_WAITING`] calls are waiting; [`Error::Unsupported`].
    pub fn call(&self, call: impl FnOnce(&Instance) + Send + 'static) -> Result<(), Error> {
        let post = slot!(pluginthreadasynccall, "NPN_PluginThreadAsyncCall");
        let mut state = self.0.state();
        if state.npp == 0 {
            return Err(Error::Gone);
        }
        if state.waiting.len() >= MAX_WAITING {
            return Err(Error::Full(MAX_WAITING));
        }
        state.waiting.push_back(Box::new(call));
        let npp: NPP = std::ptr::with_exposed_provenance_mut(state.npp);
        trace::outgoing(format_args!("NPN_PluginThreadAsyncCall({npp:p})"));
        // The lock is held, so that the instance cannot end before the browser has taken the call. It only notes it.
        // SAFETY: the instance is alive, and this function of the browser's is for any thread.
        unsafe { post(npp, Some(run), npp.cast()) };
        Ok(())
    }
}

/// Runs the next call of an instance. By the time the browser comes here, the instance may be gone, or its place have
/// been taken by another one: that only moves a waiting call forward.
unsafe extern "C" fn run(npp: *mut c_void) {
    guard::incoming("asynchronous call", format_args!("{npp:p}"), (), || {
        let Some(instance) = Instance::find(npp.cast()) else { return };
        let call = instance.0.calls.state().waiting.pop_front();
        if let Some(call) = call {
            call(&instance);
        }
    });
}
