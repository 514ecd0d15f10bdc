//! Events on OS X, in the Cocoa event model.

use std::ffi::{c_int, c_void};

use super::types::NPBool;

/// An event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NPCocoaEvent {
    /// One of the `NPCocoaEvent` constants.
    pub r#type: c_int,
    /// 0
    pub version: u32,
    /// By type.
    pub data: NPCocoaEventData,
}

/// What an event says.
#[repr(C)]
#[derive(Clone, Copy)]
pub union NPCocoaEventData {
    /// For buttons, motion and the wheel.
    pub mouse: NPCocoaMouse,
    /// For keys.
    pub key: NPCocoaKey,
    /// For [`NPCocoaEventDrawRect`].
    pub draw: NPCocoaDraw,
    /// For [`NPCocoaEventFocusChanged`].
    pub hasFocus: NPBool,
    /// For text input: `NSString*`.
    pub text: *mut c_void,
}

/// The pointer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPCocoaMouse {
    /// `NSEvent`'s flags.
    pub modifierFlags: u32,
    /// Within the plugin, in points.
    pub pluginX: f64,
    /// The same.
    pub pluginY: f64,
    /// 0 is the left one.
    pub buttonNumber: i32,
    /// 2 for a double click.
    pub clickCount: i32,
    /// Of the wheel.
    pub deltaX: f64,
    /// The same.
    pub deltaY: f64,
    /// The same.
    pub deltaZ: f64,
}

/// A key.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPCocoaKey {
    /// `NSEvent`'s flags.
    pub modifierFlags: u32,
    /// `NSString*`
    pub characters: *mut c_void,
    /// `NSString*`
    pub charactersIgnoringModifiers: *mut c_void,
    /// Whether it comes from holding the key down.
    pub isARepeat: NPBool,
    /// The key's virtual code.
    pub keyCode: u16,
}

/// What is to be painted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPCocoaDraw {
    /// `CGContextRef`
    pub context: *mut c_void,
    /// In points.
    pub x: f64,
    /// The same.
    pub y: f64,
    /// The same.
    pub width: f64,
    /// The same.
    pub height: f64,
}

/// The plugin is to paint.
pub const NPCocoaEventDrawRect: c_int = 1;
/// A button was pressed.
pub const NPCocoaEventMouseDown: c_int = 2;
/// A button was let go.
pub const NPCocoaEventMouseUp: c_int = 3;
/// The pointer moved.
pub const NPCocoaEventMouseMoved: c_int = 4;
/// The pointer came in.
pub const NPCocoaEventMouseEntered: c_int = 5;
/// The pointer went out.
pub const NPCocoaEventMouseExited: c_int = 6;
/// The pointer moved with a button down.
pub const NPCocoaEventMouseDragged: c_int = 7;
/// A key was pressed.
pub const NPCocoaEventKeyDown: c_int = 8;
/// A key was let go.
pub const NPCocoaEventKeyUp: c_int = 9;
/// The plugin got or lost the focus.
pub const NPCocoaEventFocusChanged: c_int = 11;
