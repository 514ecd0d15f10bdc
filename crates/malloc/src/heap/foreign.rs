//! Frees into spans of other heaps, without a lock, see [`crate::remote`].

use core::cell::Cell;

use super::tag;
use crate::chunk::chunk_of;
use crate::remote::{self, Freed, Posted};
use crate::report::{BAD_POINTER, DOUBLE_FREE, misuse};
use crate::span::{SLICE, Span};
use crate::{background, interrupted, tls};

/// Frees the blocks of another heap's span, as many as belong to one word of its bitmap before the first that does not,
/// and returns the rest. Ends the program when one is free already, or is none.
pub(super) fn put_back<'a>(span: &Span, blocks: &'a [Cell<usize>]) -> &'a [Cell<usize>] {
    let base = span.base();
    let (mut word, mut bits, mut count) = (0, 0, 0);
    for block in blocks {
        let offset = block.get().wrapping_sub(base);
        if offset >= SLICE {
            break;
        }
        let Some(slot) = span.slot_at(offset) else { misuse(BAD_POINTER, block.get()) };
        if count > 0 && slot / 64 != word {
            break;
        }
        let bit = 1 << (slot % 64);
        if bits & bit != 0 || span.is_free(slot) {
            misuse(DOUBLE_FREE, block.get());
        }
        word = slot / 64;
        bits |= bit;
        count += 1;
    }
    free_remotely(span, word, bits, blocks[0].get());
    &blocks[count..]
}

/// Whether the slot at `address`, one of `class` in another heap's span, is the next that the calling thread's heap would
/// hand out. Not while somebody has borrowed that heap.
pub(crate) fn is_next_here(class: usize, address: usize) -> bool {
    if !tag::are_kept_by_all(class) {
        return false;
    }
    let next = tls::enter().magazine(class).next();
    tls::leave();
    next == Some(address)
}

/// Frees the slots `bits` of a word of the span's bitmap, those of `address` and its neighbours.
pub(crate) fn free_remotely(span: &Span, word: usize, bits: u64, address: usize) {
    chunk_of(span).note_change();
    span.share();
    match remote::free(span.mailbox(), &span.remote_bits()[word], bits) {
        Freed::Noted => {}
        Freed::MustPost => {
            interrupted::here();
            // SAFETY: a claimed span has an owner, and heaps are never unmapped.
            unsafe { (*span.owner()).post(span) };
            background::poke();
        }
        Freed::Twice => misuse(DOUBLE_FREE, address),
    }
}
