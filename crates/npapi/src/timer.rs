//! Timers of the browser's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use crate::abi::types::NPP;
use crate::browser::{self, slot};
use crate::error::Error;
use crate::guard;
use crate::instance::Instance;
use crate::trace;

/// A timer that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer(u32);

type Callback = Rc<RefCell<dyn FnMut(&Instance)>>;

/// The running timers of an instance.
#[derive(Default)]
pub(crate) struct Timers(RefCell<HashMap<u32, (bool, Callback)>>);

impl Timers {
    /// Stops all.
    pub(crate) fn clear(&self, instance: &Instance) {
        for id in self.0.take().into_keys() {
            unschedule(instance, id);
        }
    }
}

impl Instance {
    /// Calls back after `interval` (in whole milliseconds, at most 49 days), once or until it is stopped. A call that
    /// comes while the one before is running, as during a dialog, is left out.
    ///
    /// # Errors
    /// [`Error::Unsupported`] in QtWebKit, which has no timers; a page's `setTimeout` serves there.
    pub fn start_timer(
        &self,
        interval: Duration,
        repeat: bool,
        callback: impl FnMut(&Self) + 'static,
    ) -> Result<Timer, Error> {
        let npp = self.npp()?;
        let schedule = slot!(scheduletimer, "NPN_ScheduleTimer");
        let interval = u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
        // SAFETY: the instance is alive; `fire` stays for as long as the plugin is loaded.
        let id = unsafe { schedule(npp, interval, u8::from(repeat), Some(fire)) };
        trace::outgoing(format_args!("NPN_ScheduleTimer({interval}, {repeat}) = {id}"));
        if id == 0 {
            return Err(Error::Browser {
                function: "NPN_ScheduleTimer",
                code: crate::abi::constants::NPERR_GENERIC_ERROR,
            });
        }
        self.0.timers.0.borrow_mut().insert(id, (repeat, Rc::new(RefCell::new(callback))));
        Ok(Timer(id))
    }

    /// Stops a timer; one that has ended by itself is none any more.
    pub fn stop_timer(&self, timer: Timer) {
        let removed = self.0.timers.0.borrow_mut().remove(&timer.0);
        if removed.is_some() {
            unschedule(self, timer.0);
        }
    }
}

fn unschedule(instance: &Instance, id: u32) {
    if let (Ok(npp), Ok(table)) = (instance.npp(), browser::table())
        && let Some(unschedule) = table.unscheduletimer
    {
        trace::outgoing(format_args!("NPN_UnscheduleTimer({id})"));
        // SAFETY: the instance is alive, and the timer is one of its own.
        unsafe { unschedule(npp, id) };
    }
}

unsafe extern "C" fn fire(npp: NPP, id: u32) {
    guard::incoming("timer", format_args!("{id}"), (), || {
        let Some(instance) = Instance::find(npp) else { return };
        let found = instance.0.timers.0.borrow().get(&id).cloned();
        let Some((repeat, callback)) = found else { return };
        if !repeat {
            instance.0.timers.0.borrow_mut().remove(&id);
        }
        if let Ok(mut callback) = callback.try_borrow_mut() {
            callback(&instance);
        }
    });
}
