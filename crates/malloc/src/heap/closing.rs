//! Closing a heap's spans for others than its own thread: for the purge, when a thread ends, and after a fork.

use core::ptr;
use core::sync::atomic::Ordering::*;

use super::{Heap, ORPHANS};
use crate::arena;
use crate::remote::Posted;
use crate::span::Span;

impl Heap {
    /// Hands all spans to [`ORPHANS`], or back to the arena. Only for a heap whose thread takes no more slots.
    pub(crate) fn abandon(&self) {
        let _held = self.lock.hold();
        self.drain_inbox();
        self.section.leave();
        for cursor in &self.cursors {
            self.close_cursor(cursor);
        }
        let _orphans = ORPHANS.lock.hold();
        for head in self.bins.iter().flatten() {
            // SAFETY: null or a span in the list, which stays mapped.
            while let Some(span) = unsafe { head.get().as_ref() } {
                self.unlink(span);
                let free = span.count_free();
                if free == span.capacity() && span.held.get() == 0 && span.retire() {
                    arena::return_span(span);
                } else {
                    span.owner.store((&raw const ORPHANS).cast_mut(), Release);
                    ORPHANS.link(span, free);
                }
            }
        }
    }

    /// Whether some open span satisfies `wanted`. Only a hint: the owner may be changing it.
    pub(crate) fn any_open(&self, wanted: impl Fn(&Span) -> bool) -> bool {
        // SAFETY: under the heap's lock, which the caller holds, an open span is not let go of.
        self.cursors.iter().any(|cursor| unsafe { cursor.span.load(Relaxed).as_ref() }.is_some_and(&wanted))
    }

    /// Asks the owner to keep out of the open spans that satisfy `wanted`. They are closed by [`Heap::settle`], after
    /// a barrier. The heap's lock must be held.
    pub(crate) fn detach(&self, wanted: impl Fn(&Span) -> bool) {
        for cursor in &self.cursors {
            let span = cursor.span.load(Relaxed);
            // SAFETY: as in `any_open`.
            let Some(open) = (unsafe { span.as_ref() }) else { continue };
            if wanted(open) && cursor.detached.get().is_null() {
                self.take_back(cursor, open);
                cursor.detached.set(span);
                cursor.span.store(ptr::null_mut(), Relaxed);
                cursor.forget_word();
            }
        }
    }

    /// Closes the detached spans, if the owner is outside its section. False when it has to be tried again after
    /// another barrier. The heap's lock must be held.
    pub(crate) fn settle(&self) -> bool {
        let detached = || self.cursors.iter().filter(|cursor| !cursor.detached.get().is_null());
        if detached().next().is_none() {
            return true;
        }
        if !self.section.is_left() {
            return false;
        }
        let mut settled = true;
        for cursor in detached() {
            if cursor.has_word() {
                // The owner was going on to another word just then. It cannot do so a second time.
                cursor.forget_word();
                settled = false;
            } else {
                // SAFETY: it was open until now, so it is mapped.
                self.close(unsafe { &*cursor.detached.replace(ptr::null()) });
            }
        }
        settled
    }

    /// Visits every span of the heap. The heap's lock must be held.
    pub(crate) fn for_each_span(&self, mut visit: impl FnMut(&'static Span)) {
        for cursor in &self.cursors {
            for span in [cursor.span.load(Relaxed).cast_const(), cursor.detached.get()] {
                // SAFETY: null or an open span, which stays mapped.
                unsafe { span.as_ref() }.into_iter().for_each(&mut visit);
            }
        }
        for head in self.bins.iter().flatten() {
            let mut at = head.get();
            // SAFETY: null or a span in the list, which stays mapped; `next` is read before the visit.
            while let Some(span) = unsafe { at.as_ref() } {
                at = span.next.get();
                visit(span);
            }
        }
    }

    /// In the child of a fork, before anything else runs: forgets the spans on their way here. Their claims are let go
    /// of by [`Heap::release_claims`] of their owners, once every inbox is empty.
    pub(crate) fn forget_post(&self) {
        self.inbox.drain(|_| ());
    }

    /// In the child of a fork, before anything else runs: what other threads had claimed they will never post.
    pub(crate) fn release_claims(&self) {
        let _held = self.lock.hold();
        self.for_each_span(|span| {
            if span.mailbox().is_claimed() {
                span.mailbox().release();
                self.look(span);
            }
        });
    }
}
