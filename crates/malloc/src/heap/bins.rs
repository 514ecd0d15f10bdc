//! The spans of a heap from which no slots are taken at present, in lists by class and by how full they are.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use crate::classes::CLASSES;
use crate::span::Span;

/// Lists of a class: spans with up to a quarter, a half, three quarters and all of their slots free, and full ones.
const BINS: usize = 5;
const FULL: usize = 4;
/// How many spans of a list are compared.
const LOOKED_AT: usize = 4;

/// See the module.
pub(crate) struct Bins([[Cell<*const Span>; BINS]; CLASSES]);

impl Bins {
    pub(crate) const fn new() -> Self {
        Self([const { [const { Cell::new(ptr::null()) }; BINS] }; CLASSES])
    }

    /// Puts a span into the list where it belongs, and notes at how many free slots it will belong elsewhere.
    pub(crate) fn link(&self, span: &'static Span) {
        let (free, capacity) = (span.free.load(Relaxed) as usize, span.capacity());
        let bin = if free == 0 { FULL } else { (free * FULL - 1) / capacity };
        let next_bin = if free == 0 { 1 } else { (bin + 1) * capacity / FULL + 1 };
        span.look_at.set(next_bin.min(capacity) as u16);
        let head = &self.0[span.class()][bin];
        span.bin.set(bin as u8);
        span.previous.set(ptr::null());
        span.next.set(head.get());
        // SAFETY: null or a span in the list, which stays mapped.
        if let Some(next) = unsafe { head.get().as_ref() } {
            next.previous.set(span);
        }
        head.set(span);
    }

    pub(crate) fn unlink(&self, span: &Span) {
        // SAFETY: null or a span in the list, which stays mapped.
        let (previous, next) = unsafe { (span.previous.get().as_ref(), span.next.get().as_ref()) };
        match previous {
            Some(previous) => previous.next.set(span.next.get()),
            None => self.0[span.class()][span.bin.get() as usize].set(span.next.get()),
        }
        if let Some(next) = next {
            next.previous.set(span.previous.get());
        }
    }

    /// The fullest span of `class` with a free slot, of several the one that precedes the others, taken out of its list.
    pub(crate) fn pick(&self, class: usize) -> Option<&'static Span> {
        for list in &self.0[class][..FULL] {
            let mut best: Option<&'static Span> = None;
            let mut at = list.get();
            for _ in 0..LOOKED_AT {
                // SAFETY: the lists hold spans of this heap, which stay mapped while they are in a list.
                let Some(span) = (unsafe { at.as_ref() }) else { break };
                if best.is_none_or(|best| span.precedes(best)) && !span.is_held() {
                    best = Some(span);
                }
                at = span.next.get();
            }
            if let Some(span) = best {
                self.unlink(span);
                return Some(span);
            }
        }
        None
    }

    /// Visits every span; the visit may take it out of its list.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&'static Span)) {
        for list in self.0.iter().flatten() {
            let mut at = list.get();
            // SAFETY: null or a span in the list, which stays mapped; `next` is read before the visit.
            while let Some(span) = unsafe { at.as_ref() } {
                at = span.next.get();
                visit(span);
            }
        }
    }
}
