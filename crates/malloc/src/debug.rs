//! The `debug` feature: fresh blocks are filled with a pattern, and freed ones wait in quarantine, filled with
//! another. A block that was written to meanwhile, or freed again, ends the program with one line.

use core::ptr;

use crate::alloc::usable_size;
use crate::lock::Lock;
use crate::report::misuse;

/// What fresh memory holds, so that a program that relies on zeros fails soon.
const FRESH: u8 = 0xa5;
/// What freed memory holds.
const FREED: u8 = 0xdf;
/// How many blocks wait at most.
const PLACES: usize = 1024;
/// Larger ones do not: their pages are worth more.
const LARGEST: usize = 32 * 1024;

/// Taken before every other lock.
pub(crate) static QUARANTINE: Lock<Quarantine> = Lock::new(Quarantine { blocks: [0; PLACES], oldest: 0 });

/// A ring of the addresses of freed blocks.
pub(crate) struct Quarantine {
    blocks: [usize; PLACES],
    oldest: usize,
}

/// Fills a block that was just allocated, if it was.
pub(crate) fn fill_fresh(block: *mut u8) {
    if !block.is_null() {
        // SAFETY: a live block that nobody has seen yet.
        unsafe { ptr::write_bytes(block, FRESH, usable_size(block).min(LARGEST)) };
    }
}

/// Takes a freed block in, and returns the one that has waited longest, or null.
pub(crate) fn quarantine(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        return block;
    }
    // SAFETY: the caller frees it, so it is live, or else this ends the program.
    let size = unsafe { usable_size(block) };
    if size > LARGEST {
        return block;
    }
    let address = block.expose_provenance();
    let mut quarantine = QUARANTINE.lock();
    if quarantine.blocks.contains(&address) {
        misuse("double free", address);
    }
    // SAFETY: nobody uses the block any more.
    unsafe { ptr::write_bytes(block, FREED, size) };
    let place = quarantine.oldest;
    quarantine.oldest = (place + 1) % PLACES;
    let leaving = core::mem::replace(&mut quarantine.blocks[place], address);
    drop(quarantine);
    let leaving = ptr::with_exposed_provenance_mut::<u8>(leaving);
    if !leaving.is_null() {
        // SAFETY: still allocated, and known to the quarantine alone.
        let bytes = unsafe { core::slice::from_raw_parts(leaving, usable_size(leaving)) };
        if bytes.iter().any(|byte| *byte != FREED) {
            misuse("write to a block after its free", leaving.addr());
        }
    }
    leaving
}
