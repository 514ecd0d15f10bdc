//! Frees into spans of other heaps, without a lock, see [`crate::remote`].

use core::cell::Cell;

use super::magazine::slot_in;
use super::mark::Mark;
use crate::chunk::chunk_of;
use crate::remote::{self, Freed, Posted};
use crate::report::{DOUBLE_FREE, misuse};
use crate::span::Span;
use crate::{background, interrupted};

/// Frees slots in a stack that are of another heap's span, as many as belong to one word of its bitmap before the first
/// that does not, and returns the rest. Ends the program when one does not carry the mark, is free already, or is none.
pub(super) fn put_back<'a>(span: &Span, stack: &'a [Cell<usize>], mark: Mark) -> &'a [Cell<usize>] {
    let slots = span.slots();
    let (mut word, mut bits, mut count) = (0, 0, 0);
    for place in stack {
        let address = slot_in(place, mark);
        let Some(slot) = span.slot_here(slots, address) else { break };
        if count > 0 && slot / 64 != word {
            break;
        }
        let bit = 1 << (slot % 64);
        if bits & bit != 0 || span.is_free(slot) {
            misuse(DOUBLE_FREE, address);
        }
        word = slot / 64;
        bits |= bit;
        count += 1;
    }
    free_remotely(span, word, bits, stack[0].get());
    &stack[count..]
}

/// Frees a slot of another heap's span. Ends the program when it is free already, or is none.
pub(crate) fn free_elsewhere(span: &Span, address: usize) {
    let slot = span.slot_in_use(address);
    free_remotely(span, slot / 64, 1 << (slot % 64), address);
}

/// Frees the slots `bits` of a word of the span's bitmap, those of `address` and its neighbours.
fn free_remotely(span: &Span, word: usize, bits: u64, address: usize) {
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
