//! Where an instance is shown.

use std::ffi::c_void;

use crate::abi::constants::NPWindowTypeDrawable;
use crate::abi::types::{NPRect, NPWindow};

/// The place of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of the left edge, in pixels.
    pub x: i32,
    /// Of the upper edge.
    pub y: i32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The part that is seen.
    pub clip: NPRect,
    /// Whether it is a part of the page, without a window of its own.
    pub windowless: bool,
    /// The window: an `HWND` or X11 window when there is one; of a windowless instance by platform, often null.
    pub handle: *mut c_void,
    /// `Display*` on X11, null elsewhere.
    pub display: *mut c_void,
    /// Bits of a pixel on X11, 0 elsewhere.
    pub depth: u32,
}

impl Window {
    /// # Safety
    /// `window` and its `ws_info` are alive.
    pub(crate) unsafe fn read(window: *const NPWindow) -> Self {
        // SAFETY: the caller's word.
        let window = unsafe { &*window };
        // SAFETY: the same.
        let (display, depth) = unsafe { platform(window) };
        Self {
            x: window.x,
            y: window.y,
            width: window.width,
            height: window.height,
            clip: window.clipRect,
            windowless: window.r#type == NPWindowTypeDrawable,
            handle: window.window,
            display,
            depth,
        }
    }
}

/// # Safety
/// `ws_info` is null or alive.
#[cfg(all(unix, not(target_os = "macos")))]
unsafe fn platform(window: &NPWindow) -> (*mut c_void, u32) {
    let information = window.ws_info.cast::<crate::abi::x11::NPSetWindowCallbackStruct>();
    if information.is_null() {
        return (std::ptr::null_mut(), 0);
    }
    // SAFETY: the caller's word.
    unsafe { ((*information).display, (*information).depth) }
}

/// # Safety
/// Nothing is asked for.
#[cfg(not(all(unix, not(target_os = "macos"))))]
unsafe fn platform(_: &NPWindow) -> (*mut c_void, u32) {
    (std::ptr::null_mut(), 0)
}
