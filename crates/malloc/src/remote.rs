//! Frees by a thread that does not own the span, without a lock.
//!
//! Such a free sets the slot's bit in a second bitmap and, if it is the first since the owner last looked, posts the
//! span into the owner's [`Inbox`]. The order matters, because once the last bit is set the owner may let go of the
//! span and its very memory:
//!
//! 1. The freeing thread claims the mailbox. Whoever claims it posts the span, and until the span has been posted
//!    and taken out again nobody may let go of it.
//! 2. It sets the bit. For one that found the mailbox claimed this is the last access to the span.
//! 3. The claimer posts.
//!
//! A bit set by one that found the mailbox claimed can come just too late for the owner who is taking the span out.
//! It is then found with the next free into the span, or the next time the purge looks at it. Nothing is lost.

use core::ptr;

use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// A thing with a [`Mailbox`]: a span.
pub(crate) trait Posted: Sized {
    fn mailbox(&self) -> &Mailbox<Self>;
}

/// The part of a span by which it hangs in an [`Inbox`].
pub(crate) struct Mailbox<T> {
    claimed: AtomicU32,
    next: AtomicPtr<T>,
}

impl<T> Mailbox<T> {
    #[cfg(loom)]
    fn new() -> Self {
        Self { claimed: AtomicU32::new(0), next: AtomicPtr::new(ptr::null_mut()) }
    }

    /// True when the caller is now the one who must post the span or let go of the claim.
    #[inline]
    pub(crate) fn claim(&self) -> bool {
        self.claimed.load(Ordering::Relaxed) == 0 && self.claimed.swap(1, Ordering::AcqRel) == 0
    }

    /// Whether others have freed in the span and the owner has not looked since.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn is_claimed(&self) -> bool {
        self.claimed.load(Ordering::Relaxed) != 0
    }

    /// Lets go of a claim. By an exchange, so that it has its place among the claims.
    pub(crate) fn release(&self) {
        self.claimed.swap(0, Ordering::AcqRel);
    }
}

/// What became of a remote free.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Freed {
    /// Done; the span is not to be touched any more.
    Noted,
    /// Done; the caller has to post the span.
    MustPost,
    /// A slot was free already.
    Twice,
}

/// Frees the slots `bits` of `word`, a word of the span's remote bitmap.
#[inline]
pub(crate) fn free<T>(mailbox: &Mailbox<T>, word: &AtomicU64, bits: u64) -> Freed {
    let claimed = mailbox.claim();
    #[cfg(not(loom))]
    crate::interrupted::here();
    if word.fetch_or(bits, Ordering::AcqRel) & bits != 0 {
        Freed::Twice
    } else if claimed {
        Freed::MustPost
    } else {
        Freed::Noted
    }
}

/// The spans of one owner into which others have freed.
pub(crate) struct Inbox<T>(AtomicPtr<T>);

impl<T: Posted> Inbox<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    #[cfg(loom)]
    fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// Adds a span whose mailbox the caller has claimed.
    pub(crate) fn post(&self, item: &T) {
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            item.mailbox().next.store(head, Ordering::Relaxed);
            let new = ptr::from_ref(item).cast_mut();
            match self.0.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all spans out and hands each to `visit`, which must release or post it again.
    pub(crate) fn drain(&self, mut visit: impl FnMut(*mut T)) {
        let mut item = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        while !item.is_null() {
            // SAFETY: a posted span is claimed, and nobody lets go of a claimed span. `next` is read before `visit`
            // ends the claim.
            let next = unsafe { (*item).mailbox().next.load(Ordering::Relaxed) };
            visit(item);
            item = next;
        }
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;

    use super::*;

    struct Node {
        mailbox: Mailbox<Node>,
        bits: AtomicU64,
        /// Stands for the memory of the span: read by whoever touches it, written by the one who lets go of it.
        memory: UnsafeCell<bool>,
    }

    // SAFETY: `memory` is what the test is about; loom reports it when an access is not ordered.
    unsafe impl Sync for Node {}
    // SAFETY: as above.
    unsafe impl Send for Node {}

    impl Posted for Node {
        fn mailbox(&self) -> &Mailbox<Self> {
            &self.mailbox
        }
    }

    fn touch(node: &Node) {
        // SAFETY: only reads; loom reports a write that is not ordered with it.
        node.memory.with(|gone| assert!(!unsafe { *gone }, "touched after the owner let go"));
    }

    fn free_slot(node: &Node, inbox: &Inbox<Node>, bit: u64) {
        touch(node);
        match free(&node.mailbox, &node.bits, bit) {
            Freed::Noted => {}
            Freed::MustPost => {
                touch(node);
                inbox.post(node);
            }
            Freed::Twice => panic!("freed twice"),
        }
    }

    /// As the owner does: take posted spans out, then let go of one whose slots are all free.
    fn look(node: &Node, inbox: &Inbox<Node>) -> bool {
        inbox.drain(|item| {
            // SAFETY: `item` is `node`, which the test keeps alive.
            unsafe { (*item).mailbox.release() }
        });
        if node.bits.load(Ordering::Acquire) == 0b11 && node.mailbox.claim() {
            // SAFETY: all slots are free and the claim is ours.
            node.memory.with_mut(|gone| unsafe { *gone = true });
            return true;
        }
        false
    }

    #[test]
    fn a_span_is_let_go_once_and_touched_by_nobody_after() {
        loom::model(|| {
            let node =
                Arc::new(Node { mailbox: Mailbox::new(), bits: AtomicU64::new(0), memory: UnsafeCell::new(false) });
            let inbox = Arc::new(Inbox::new());
            let freers: Vec<_> = [0b01, 0b10]
                .into_iter()
                .map(|bit| {
                    let (node, inbox) = (node.clone(), inbox.clone());
                    loom::thread::spawn(move || free_slot(&node, &inbox, bit))
                })
                .collect();
            let mut gone = look(&node, &inbox);
            for freer in freers {
                freer.join().expect("a freer ends");
            }
            if !gone {
                gone = look(&node, &inbox);
            }
            assert!(gone, "both slots are free, so the owner can let go");
        });
    }

    #[test]
    fn one_of_two_frees_of_a_slot_is_refused() {
        loom::model(|| {
            let node =
                Arc::new(Node { mailbox: Mailbox::new(), bits: AtomicU64::new(0), memory: UnsafeCell::new(false) });
            let other = loom::thread::spawn({
                let node = node.clone();
                move || free(&node.mailbox, &node.bits, 1) == Freed::Twice
            });
            let here = free(&node.mailbox, &node.bits, 1) == Freed::Twice;
            assert!(here != other.join().expect("the other ends"));
        });
    }
}
