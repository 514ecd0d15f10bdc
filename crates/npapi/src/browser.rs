//! The browser's table: copied once, as far as it goes.

use std::ffi::c_void;
use std::mem::{MaybeUninit, size_of};
use std::ptr::{self, NonNull};
use std::sync::RwLock;

use crate::abi::NPNetscapeFuncs;
use crate::error::Error;

static TABLE: RwLock<Option<NPNetscapeFuncs>> = RwLock::new(None);

/// Copies the browser's table; slots past its end are empty.
///
/// # Errors
/// [`Error::Table`] when it is null, of another major version, or has no memory functions.
///
/// # Safety
/// `table` is null or points to as many readable bytes as its `size` says.
pub(crate) unsafe fn adopt(table: *const NPNetscapeFuncs) -> Result<(), Error> {
    // SAFETY: the caller's word.
    let copy = unsafe { read(table) }?;
    *TABLE.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(copy);
    Ok(())
}

/// # Safety
/// As [`adopt`].
unsafe fn read(table: *const NPNetscapeFuncs) -> Result<NPNetscapeFuncs, Error> {
    if table.is_null() {
        return Err(Error::Table);
    }
    // SAFETY: the caller vouches for `size` bytes, and every table has at least its first two fields. They are read
    // through a raw pointer, since a reference would claim the whole of the table.
    let (size, version) = unsafe { (ptr::read(&raw const (*table).size), ptr::read(&raw const (*table).version)) };
    let mut copy = MaybeUninit::<NPNetscapeFuncs>::zeroed();
    let length = usize::from(size).min(size_of::<NPNetscapeFuncs>());
    // SAFETY: `length` bytes are readable by the caller's word and fit into the copy.
    unsafe { ptr::copy_nonoverlapping(table.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), length) };
    if length % size_of::<usize>() != 0 {
        let whole = length - length % size_of::<usize>();
        // SAFETY: `whole..length` lies within the copy; half a slot must not be called.
        unsafe { ptr::write_bytes(copy.as_mut_ptr().cast::<u8>().add(whole), 0, length - whole) };
    }
    // SAFETY: zeros are two integers and empty slots, and whole slots were copied over them.
    let copy = unsafe { copy.assume_init() };
    if version >> 8 != 0 || copy.memalloc.is_none() || copy.memfree.is_none() {
        return Err(Error::Table);
    }
    Ok(copy)
}

/// The table; [`Error::Table`] before `NP_Initialize`.
pub(crate) fn table() -> Result<NPNetscapeFuncs, Error> {
    TABLE.read().unwrap_or_else(|poisoned| poisoned.into_inner()).ok_or(Error::Table)
}

/// The function in a slot, or [`Error::Unsupported`] with its name.
macro_rules! slot {
    ($slot:ident, $name:literal) => {
        $crate::browser::table()?.$slot.ok_or($crate::Error::Unsupported($name))?
    };
}
pub(crate) use slot;

/// A copy of `bytes` with a zero behind, in the browser's memory; whoever gets it frees it with `NPN_MemFree`.
pub(crate) fn copy_to_browser(bytes: &[u8]) -> Result<NonNull<u8>, Error> {
    let allocate = slot!(memalloc, "NPN_MemAlloc");
    let size =
        bytes.len().checked_add(1).and_then(|size| u32::try_from(size).ok()).ok_or(Error::TooLarge(bytes.len()))?;
    // SAFETY: NPN_MemAlloc takes any size, on any thread that may call the browser.
    let memory = NonNull::new(unsafe { allocate(size) }.cast::<u8>()).ok_or(Error::TooLarge(bytes.len()))?;
    // SAFETY: `size` fresh bytes, one more than are copied.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), memory.as_ptr(), bytes.len());
        memory.as_ptr().add(bytes.len()).write(0);
    }
    Ok(memory)
}

/// Frees what the browser gave.
///
/// # Safety
/// `memory` is null or comes from the browser's `NPN_MemAlloc`, and is not used after.
pub(crate) unsafe fn free<T>(memory: *mut T) {
    if !memory.is_null()
        && let Ok(table) = table()
        && let Some(free) = table.memfree
    {
        // SAFETY: the caller's word.
        unsafe { free(memory.cast::<c_void>()) };
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;
    use std::mem::offset_of;

    use super::read;
    use crate::abi::NPNetscapeFuncs;

    unsafe extern "C" fn allocate(_: u32) -> *mut c_void {
        std::ptr::null_mut()
    }

    unsafe extern "C" fn free(_: *mut c_void) {}

    unsafe extern "C" fn unschedule(_: crate::abi::NPP, _: u32) {}

    /// A table with as many bytes as it says, in memory of its own, so that reading past it is seen.
    fn table(size: usize) -> Vec<u64> {
        // SAFETY: zeros are two integers and empty slots.
        let mut table: NPNetscapeFuncs = unsafe { std::mem::zeroed() };
        (table.size, table.version) = (size as u16, 27);
        table.memalloc = Some(allocate);
        table.memfree = Some(free);
        table.unscheduletimer = Some(unschedule);
        let mut bytes = vec![0u64; size.div_ceil(8)];
        let length = size.min(size_of::<NPNetscapeFuncs>());
        // SAFETY: both have so many bytes.
        unsafe { std::ptr::copy_nonoverlapping((&raw const table).cast(), bytes.as_mut_ptr().cast::<u8>(), length) };
        bytes
    }

    #[test]
    fn a_table_is_read_as_far_as_it_goes() {
        let read = |size| {
            let table = table(size);
            // SAFETY: as long as it says.
            unsafe { read(table.as_ptr().cast()) }
        };
        let timers = offset_of!(NPNetscapeFuncs, unscheduletimer);
        let slot = size_of::<usize>();
        for (size, has_timers) in [(timers, false), (timers + slot - 1, false), (timers + slot, true), (4000, true)] {
            let table = read(size).unwrap();
            assert_eq!(table.unscheduletimer.is_some(), has_timers, "{size}");
            assert!(table.memfree.is_some());
        }
        assert!(read(offset_of!(NPNetscapeFuncs, memfree)).is_err());
    }
}
