//! Windows and events on X11.

use std::ffi::{c_int, c_long, c_uint, c_ulong, c_void};

/// What `ws_info` of a window points to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPSetWindowCallbackStruct {
    /// Of no use; engines leave 0.
    pub r#type: i32,
    /// `Display*`
    pub display: *mut c_void,
    /// `Visual*`
    pub visual: *mut c_void,
    /// `Colormap`
    pub colormap: c_ulong,
    /// Bits of a pixel.
    pub depth: c_uint,
}

/// What `platformPrint` points to on X11.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPPrintCallbackStruct {
    /// Of no use.
    pub r#type: i32,
    /// Where PostScript goes.
    pub fp: *mut c_void,
}

/// The five fields that every event begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct XAnyEvent {
    /// Which of the events it is.
    pub r#type: c_int,
    /// The last request that the server has handled.
    pub serial: c_ulong,
    /// Whether it was sent by a program.
    pub send_event: c_int,
    /// `Display*`
    pub display: *mut c_void,
    /// The window, or of [`XGraphicsExposeEvent`] the drawable.
    pub window: c_ulong,
}

/// A part of a drawable is to be painted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct XGraphicsExposeEvent {
    /// Its drawable is in `window`.
    pub any: XAnyEvent,
    /// Of the left edge.
    pub x: c_int,
    /// Of the upper edge.
    pub y: c_int,
    /// In pixels.
    pub width: c_int,
    /// In pixels.
    pub height: c_int,
    /// How many more are coming.
    pub count: c_int,
    /// The request that led to it.
    pub major_code: c_int,
    /// The same.
    pub minor_code: c_int,
}

/// A button or a key was pressed or let go, or the pointer moved: the three share a layout up to here.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct XInputEvent {
    /// With the type.
    pub any: XAnyEvent,
    /// The root window.
    pub root: c_ulong,
    /// A child of the window, or 0.
    pub subwindow: c_ulong,
    /// In milliseconds.
    pub time: c_ulong,
    /// Within the plugin, in pixels.
    pub x: c_int,
    /// The same.
    pub y: c_int,
    /// On the screen.
    pub x_root: c_int,
    /// The same.
    pub y_root: c_int,
    /// Which modifiers and buttons were down.
    pub state: c_uint,
    /// The button, or the key's code; of a motion, whether it is a hint.
    pub detail: c_uint,
    /// Whether pointer and window are on the same screen.
    pub same_screen: c_int,
}

/// The pointer came in or went out.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct XCrossingEvent {
    /// With the type.
    pub any: XAnyEvent,
    /// The root window.
    pub root: c_ulong,
    /// A child of the window, or 0.
    pub subwindow: c_ulong,
    /// In milliseconds.
    pub time: c_ulong,
    /// Within the plugin, in pixels.
    pub x: c_int,
    /// The same.
    pub y: c_int,
    /// On the screen.
    pub x_root: c_int,
    /// The same.
    pub y_root: c_int,
    /// Why.
    pub mode: c_int,
    /// From where.
    pub detail: c_int,
    /// Whether pointer and window are on the same screen.
    pub same_screen: c_int,
    /// Whether the window has the focus.
    pub focus: c_int,
    /// Which modifiers and buttons were down.
    pub state: c_uint,
}

/// `NPEvent` on X11: any of Xlib's events.
#[repr(C)]
#[derive(Clone, Copy)]
pub union XEvent {
    /// Which it is.
    pub r#type: c_int,
    /// Of every event.
    pub any: XAnyEvent,
    /// For [`GraphicsExpose`].
    pub expose: XGraphicsExposeEvent,
    /// For keys, buttons and motion.
    pub input: XInputEvent,
    /// For [`EnterNotify`] and [`LeaveNotify`].
    pub crossing: XCrossingEvent,
    /// The size of the whole.
    pub pad: [c_long; 24],
}

/// A key was pressed.
pub const KeyPress: c_int = 2;
/// A key was let go.
pub const KeyRelease: c_int = 3;
/// A button was pressed.
pub const ButtonPress: c_int = 4;
/// A button was let go.
pub const ButtonRelease: c_int = 5;
/// The pointer moved.
pub const MotionNotify: c_int = 6;
/// The pointer came in.
pub const EnterNotify: c_int = 7;
/// The pointer went out.
pub const LeaveNotify: c_int = 8;
/// The plugin got the focus.
pub const FocusIn: c_int = 9;
/// The plugin lost the focus.
pub const FocusOut: c_int = 10;
/// The plugin is to paint.
pub const GraphicsExpose: c_int = 13;
