//! Having a heap to oneself without its thread: for the purge, around a fork, and when a thread ends.
//!
//! The borrower puts [`NOBODY`] in the heap's place, makes every thread pass a barrier, and waits until the owner is
//! outside its section. A thread that finds nobody where its heap was waits for the lock.

use core::ptr;
use core::sync::atomic::Ordering::*;

use super::stacks::room;
use super::{HEAP_BYTES, Heap, NOBODY, ORPHANS};
use crate::classes::{CLASSES, SIZES};
use crate::remote::Posted;
use crate::section::Seat;
use crate::span::Span;
use crate::sys::PAGE;
use crate::{sys, thread, tls, window};

/// Of the slots that a thread has at hand and never ran out of, one in so many is left to it. What it took may have been
/// the same few slots again and again.
const SPARED: usize = 4;

/// Heaps that are borrowed; they are returned when this is dropped.
pub(crate) struct Borrowed(());

impl Drop for Borrowed {
    fn drop(&mut self) {
        thread::heaps().filter(|heap| heap.is_borrowed()).for_each(Heap::give_back);
    }
}

/// How long a borrower waits for threads to leave their sections.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// How often it looks,
    pub(crate) looks: usize,
    /// and what it does between two looks.
    pub(crate) between: fn(),
}

/// Borrows the heaps that satisfy `wanted`, but for those whose thread does not leave its section as long as there is
/// patience, and where there is no barrier, those of other threads. [`Heap::is_borrowed`] tells which. The purge's lock must be held, and none that is taken inside a section.
pub(crate) fn borrow(wanted: impl Fn(&Heap) -> bool, mut patience: Patience) -> Borrowed {
    let mut others = false;
    for heap in thread::heaps().filter(|heap| wanted(heap)) {
        heap.lock.acquire();
        heap.borrowed.store(true, Relaxed);
        if let Some(seat) = heap.seat() {
            seat.offer(&NOBODY);
            others |= !ptr::eq(seat, tls::seat());
        }
    }
    let borrowed = Borrowed(());
    if others && !sys::barrier_everywhere() {
        let of_another = |heap: &&Heap| heap.seat().is_some_and(|seat| !ptr::eq(seat, tls::seat()));
        thread::heaps().filter(|heap| heap.is_borrowed()).filter(of_another).for_each(Heap::give_back);
    }
    for heap in thread::heaps().filter(|heap| heap.is_borrowed()) {
        while heap.seat().is_some_and(|seat| !seat.is_left()) {
            if patience.looks == 0 {
                heap.give_back();
                break;
            }
            patience.looks -= 1;
            (patience.between)();
        }
    }
    borrowed
}

impl Heap {
    pub(crate) fn is_borrowed(&self) -> bool {
        self.borrowed.load(Relaxed)
    }

    fn seat(&self) -> Option<&Seat<Heap>> {
        // SAFETY: null or the seat of a living thread: at its end the thread takes the lock and sets it to null.
        unsafe { self.seat.load(Relaxed).as_ref() }
    }

    /// Returns a borrowed heap.
    pub(crate) fn give_back(&'static self) {
        if let Some(seat) = self.seat() {
            seat.offer(self);
        }
        self.borrowed.store(false, Relaxed);
        self.lock.release();
    }

    /// Waits until the heap, the calling thread's own, has been returned.
    pub(crate) fn wait_until_returned(&self) {
        drop(self.lock.hold());
    }

    /// Gives the heap to the calling thread.
    pub(crate) fn seat_thread(&'static self) {
        let _held = self.lock.hold();
        self.seat.store(ptr::from_ref(tls::seat()).cast_mut(), Relaxed);
        tls::set_own_heap(self);
    }

    /// Takes the heap away from the calling thread, for good: nobody would take leave of another one for it.
    pub(crate) fn unseat_thread(&self) {
        let _held = self.lock.hold();
        self.seat.store(ptr::null_mut(), Relaxed);
        tls::set_own_heap(&NOBODY);
    }

    /// Takes a slot of `class` for one of several threads, or returns null. Only for a heap without a seat.
    pub(crate) fn take_as_visitor(&self, class: usize, align: usize) -> *mut u8 {
        let _held = self.lock.hold();
        let slot = self.take(self.magazine(class));
        if slot.is_null() { self.take_slowly(class, align) } else { slot }
    }

    /// In the child of a fork: returns a heap whose thread did not come along.
    pub(crate) fn give_back_without_thread(&'static self) {
        self.seat.store(ptr::null_mut(), Relaxed);
        self.give_back();
    }

    /// Hands all spans to [`ORPHANS`], or back to the arena. Only for a heap that no thread has.
    pub(crate) fn abandon(&self) {
        let _held = self.lock.hold();
        self.put_away();
        let _orphans = ORPHANS.lock.hold();
        self.bins.for_each(|span| {
            self.bins.unlink(span);
            window::set(span.base(), 0);
            span.set_owner(&ORPHANS);
            ORPHANS.settle(span);
        });
    }

    /// Moves every slot that is at hand back into its span and puts the spans into their lists. Only for a borrower.
    pub(crate) fn put_away(&self) {
        self.put_away_but(|_| 0);
    }

    /// Gives the memory of the magazines, which must have been put away, back to the system.
    pub(crate) fn shrink(&self) {
        let (start, end) = (self.stacks().addr().next_multiple_of(PAGE), ptr::from_ref(self).addr() + HEAP_BYTES);
        // SAFETY: there is nothing in the magazines any more.
        unsafe { sys::advise(start, end - start, sys::DONT_NEED) };
    }

    /// As [`Heap::put_away`], but for the slots of each class that the thread seems to need.
    pub(crate) fn put_away_unneeded(&self) {
        self.put_away_but(|class| self.needed(class));
    }

    fn put_away_but(&self, needed: impl Fn(usize) -> usize) {
        self.drain_inbox();
        self.keep_latest();
        for class in 0..CLASSES {
            let magazine = self.magazine(class);
            let kept = needed(class).min(magazine.len());
            self.empty(class, magazine.len() - kept);
            self.set_limit(class, magazine.limit().min(kept * 2));
            if kept == 0 {
                self.close(class);
            }
        }
    }

    /// How many slots of the class the thread seems to need at hand: as many as it took since the purge last came by, but
    /// where it never ran out of them, only a part of those it has. Only a hint, but for a borrower.
    fn needed(&self, class: usize) -> usize {
        let (_, run_out_before) = self.before[class].get();
        let taken = self.taken(class);
        if self.run_out[class].load(Relaxed) == run_out_before {
            taken.min(self.at_hand(class) / SPARED)
        } else {
            taken
        }
    }

    /// How many slots of the class were taken since the purge last came by. Only a hint, but for a borrower.
    fn taken(&self, class: usize) -> usize {
        let (before, _) = self.before[class].get();
        self.magazine(class).taken().wrapping_sub(before) as usize
    }

    /// As [`Heap::put_away`] does, for one span: closes it if it is open.
    pub(crate) fn close_span(&self, span: &Span) {
        if self.is_open(span) {
            self.close(span.class());
        }
    }

    /// Whether others have freed something in its spans.
    pub(crate) fn has_post(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// How many slots of the class are at hand. Only a hint, but for a borrower.
    pub(crate) fn at_hand(&self, class: usize) -> usize {
        let len = self.magazine(class).len();
        // The owner moves the stack at this moment.
        let len = if len > room(class) { 0 } else { len };
        len + usize::from(self.latest.is_of(class))
    }

    /// How many bytes of free slots are at hand. Only a hint, but for a borrower.
    pub(crate) fn cached(&self) -> usize {
        (0..CLASSES).map(|class| self.at_hand(class) * SIZES[class] as usize).sum()
    }

    /// How many bytes of the slots at hand are more than the thread seems to need. Only a hint.
    pub(crate) fn unneeded(&self) -> usize {
        let spare = |class| self.at_hand(class).saturating_sub(self.needed(class));
        (0..CLASSES).map(|class| spare(class) * SIZES[class] as usize).sum()
    }

    /// Whether the thread took slots since the purge last came by.
    pub(crate) fn is_active(&self) -> bool {
        (0..CLASSES).any(|class| self.taken(class) != 0)
    }

    /// Notes that the purge has come by. Its lock must be held.
    pub(crate) fn note_visit(&self) {
        for class in 0..CLASSES {
            self.before[class].set((self.magazine(class).taken(), self.run_out[class].load(Relaxed)));
        }
    }

    /// In the child of a fork, before anything else runs: forgets the spans on their way here. Their claims are let go
    /// of by [`Heap::release_claims`] of their owners, once every inbox is empty.
    pub(crate) fn forget_post(&self) {
        self.inbox.drain(|_| ());
    }

    /// In the child of a fork, before anything else runs: what other threads had claimed they will never post.
    pub(crate) fn release_claims(&self) {
        let release = |span: &'static Span| {
            if span.mailbox().is_claimed() {
                span.mailbox().release();
                span.collect();
                self.look(span);
            }
        };
        // SAFETY: null or a span of this heap, which stays mapped while it is open.
        self.open.iter().filter_map(|span| unsafe { span.get().as_ref() }).for_each(release);
        self.bins.for_each(release);
    }
}
