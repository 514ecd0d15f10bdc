//! C++'s operators new and delete, under the names the compiler gives them.
//!
//! When there is no memory they do what the standard says: call the new-handler as long as there is one, then throw
//! `std::bad_alloc`, or return null in the `nothrow` forms. Both the handler and the throw are the C++ library's own
//! functions, looked up when they are needed, so that a C program need not have that library.

use core::ffi::CStr;
use core::mem::transmute;

use libc::{c_void, size_t};

use crate::core_alloc::alloc;

type Handler = extern "C-unwind" fn();

fn library_function(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends in a zero byte.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

fn new_handler() -> Option<Handler> {
    let get = library_function(c"_ZSt15get_new_handlerv");
    if get.is_null() {
        return None;
    }
    // SAFETY: `std::get_new_handler` takes nothing and returns a function pointer or null.
    unsafe { transmute::<*mut c_void, extern "C" fn() -> Option<Handler>>(get)() }
}

#[cold]
fn without_memory(size: usize, align: usize, may_throw: bool) -> *mut c_void {
    while let Some(handler) = new_handler() {
        handler();
        let block = alloc::allocate_aligned(size, align);
        if !block.is_null() {
            return block.cast();
        }
    }
    if may_throw {
        let throw = library_function(c"_ZSt17__throw_bad_allocv");
        if throw.is_null() {
            std::process::abort();
        }
        // SAFETY: `std::__throw_bad_alloc` takes nothing and does not return.
        unsafe { transmute::<*mut c_void, extern "C-unwind" fn() -> !>(throw)() }
    }
    core::ptr::null_mut()
}

#[inline(always)]
fn new(size: usize, align: usize, may_throw: bool) -> *mut c_void {
    let block = alloc::allocate_aligned(size, align);
    if block.is_null() { without_memory(size, align, may_throw) } else { block.cast() }
}

/// The alignment of memory that is asked for without one.
const USUAL: usize = 16;

/// Defines operators new: a name, what is asked of it, and its further parameters.
macro_rules! operators_new {
    ($($(#[$doc:meta])* $name:ident($size:ident $(, $parameter:ident: $type:ty)*) = $align:expr, $may_throw:expr;)*) => {$(
        $(#[$doc])*
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        pub extern "C-unwind" fn $name($size: size_t $(, $parameter: $type)*) -> *mut c_void {
            new($size, $align, $may_throw)
        }
    )*};
}

operators_new! {
    /// `operator new(size)`
    _Znwm(size) = USUAL, true;
    /// `operator new[](size)`
    _Znam(size) = USUAL, true;
    /// `operator new(size, nothrow)`
    _ZnwmRKSt9nothrow_t(size, _tag: *const c_void) = USUAL, false;
    /// `operator new[](size, nothrow)`
    _ZnamRKSt9nothrow_t(size, _tag: *const c_void) = USUAL, false;
    /// `operator new(size, align)`
    _ZnwmSt11align_val_t(size, align: size_t) = align, true;
    /// `operator new[](size, align)`
    _ZnamSt11align_val_t(size, align: size_t) = align, true;
    /// `operator new(size, align, nothrow)`
    _ZnwmSt11align_val_tRKSt9nothrow_t(size, align: size_t, _tag: *const c_void) = align, false;
    /// `operator new[](size, align, nothrow)`
    _ZnamSt11align_val_tRKSt9nothrow_t(size, align: size_t, _tag: *const c_void) = align, false;
}

/// Defines operators delete. Size, alignment and tag are not needed.
macro_rules! operators_delete {
    ($($(#[$doc:meta])* $name:ident($($type:ty),*);)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// The block is null or live, and nobody uses it any more.
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(block: *mut c_void $(, _: $type)*) {
            // SAFETY: the caller's promise.
            unsafe { alloc::free(block.cast()) };
        }
    )*};
}

operators_delete! {
    /// `operator delete(block)`
    _ZdlPv();
    /// `operator delete(block, nothrow)`
    _ZdlPvRKSt9nothrow_t(*const c_void);
    /// `operator delete(block, size)`
    _ZdlPvm(size_t);
    /// `operator delete(block, align)`
    _ZdlPvSt11align_val_t(size_t);
    /// `operator delete(block, align, nothrow)`
    _ZdlPvSt11align_val_tRKSt9nothrow_t(size_t, *const c_void);
    /// `operator delete(block, size, align)`
    _ZdlPvmSt11align_val_t(size_t, size_t);
    /// `operator delete[](block)`
    _ZdaPv();
    /// `operator delete[](block, nothrow)`
    _ZdaPvRKSt9nothrow_t(*const c_void);
    /// `operator delete[](block, size)`
    _ZdaPvm(size_t);
    /// `operator delete[](block, align)`
    _ZdaPvSt11align_val_t(size_t);
    /// `operator delete[](block, align, nothrow)`
    _ZdaPvSt11align_val_tRKSt9nothrow_t(size_t, *const c_void);
    /// `operator delete[](block, size, align)`
    _ZdaPvmSt11align_val_t(size_t, size_t);
}
