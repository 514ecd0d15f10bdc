//! Input, the same on every platform.

use std::ffi::c_void;

use crate::canvas::Canvas;

/// What the user does. Positions are in pixels from the instance's upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A button was pressed.
    MouseDown {
        /// To the right.
        x: i32,
        /// Down.
        y: i32,
        /// 1 is the left one, 2 the middle, 3 the right.
        button: u32,
    },
    /// A button was let go.
    MouseUp {
        /// To the right.
        x: i32,
        /// Down.
        y: i32,
        /// As in [`Event::MouseDown`].
        button: u32,
    },
    /// The pointer moved.
    MouseMove {
        /// To the right.
        x: i32,
        /// Down.
        y: i32,
    },
    /// The pointer came in.
    MouseEnter,
    /// The pointer went out.
    MouseLeave,
    /// A key was pressed.
    KeyDown {
        /// The platform's: an X11 key code, a Windows virtual key, an OS X key code.
        code: u32,
    },
    /// A key was let go.
    KeyUp {
        /// As in [`Event::KeyDown`].
        code: u32,
    },
    /// The instance got the focus, or lost it.
    Focus(bool),
}

/// What comes through `NPP_HandleEvent`.
pub(crate) enum Incoming {
    Paint(Canvas),
    Input(Event),
    Other,
}

/// # Safety
/// `event` is null or an event of this platform, alive during the call and as long as the answer's canvas is used.
#[cfg(all(unix, not(target_os = "macos")))]
pub(crate) unsafe fn read(event: *mut c_void, window: Option<&crate::Window>) -> Incoming {
    use crate::abi::x11::{
        ButtonPress, ButtonRelease, EnterNotify, FocusIn, FocusOut, GraphicsExpose, KeyPress, KeyRelease, LeaveNotify,
        MotionNotify, XEvent,
    };
    if event.is_null() {
        return Incoming::Other;
    }
    // SAFETY: the caller's word. The type says which of the union's events it is, and an engine may hand over the bytes
    // of that one alone, so that no reference to the whole union is made.
    unsafe {
        let event = event.cast::<XEvent>();
        let kind = (*event).r#type;
        let input = &raw const (*event).input;
        let position = || ((*input).x, (*input).y, (*input).detail);
        Incoming::Input(match kind {
            GraphicsExpose => {
                let expose = (*event).expose;
                return Incoming::Paint(Canvas::x11(expose.any.display, expose.any.window, window));
            }
            ButtonPress => {
                let (x, y, button) = position();
                Event::MouseDown { x, y, button }
            }
            ButtonRelease => {
                let (x, y, button) = position();
                Event::MouseUp { x, y, button }
            }
            MotionNotify => Event::MouseMove { x: (*input).x, y: (*input).y },
            EnterNotify => Event::MouseEnter,
            LeaveNotify => Event::MouseLeave,
            KeyPress => Event::KeyDown { code: (*input).detail },
            KeyRelease => Event::KeyUp { code: (*input).detail },
            FocusIn => Event::Focus(true),
            FocusOut => Event::Focus(false),
            _ => return Incoming::Other,
        })
    }
}

/// # Safety
/// As on X11.
#[cfg(windows)]
pub(crate) unsafe fn read(event: *mut c_void, window: Option<&crate::Window>) -> Incoming {
    use crate::abi::windows::*;
    if event.is_null() {
        return Incoming::Other;
    }
    // SAFETY: the caller's word.
    let event = unsafe { *event.cast::<NPEvent>() };
    // The pointer's position is in the two halves of the parameter, each with a sign.
    let x = i32::from(event.lParam as u16 as i16);
    let y = i32::from((event.lParam >> 16) as u16 as i16);
    let code = event.wParam as u32;
    Incoming::Input(match event.event {
        WM_PAINT => return Incoming::Paint(Canvas::gdi(event.wParam as *mut c_void, window)),
        WM_LBUTTONDOWN => Event::MouseDown { x, y, button: 1 },
        WM_MBUTTONDOWN => Event::MouseDown { x, y, button: 2 },
        WM_RBUTTONDOWN => Event::MouseDown { x, y, button: 3 },
        WM_LBUTTONUP => Event::MouseUp { x, y, button: 1 },
        WM_MBUTTONUP => Event::MouseUp { x, y, button: 2 },
        WM_RBUTTONUP => Event::MouseUp { x, y, button: 3 },
        WM_MOUSEMOVE => Event::MouseMove { x, y },
        WM_KEYDOWN => Event::KeyDown { code },
        WM_KEYUP => Event::KeyUp { code },
        WM_SETFOCUS => Event::Focus(true),
        WM_KILLFOCUS => Event::Focus(false),
        _ => return Incoming::Other,
    })
}

/// # Safety
/// As on X11, with Cocoa's event model.
#[cfg(target_os = "macos")]
pub(crate) unsafe fn read(event: *mut c_void, window: Option<&crate::Window>) -> Incoming {
    use crate::abi::cocoa::*;
    if event.is_null() {
        return Incoming::Other;
    }
    let event = event.cast::<NPCocoaEvent>();
    // SAFETY: the caller's word, and the type says which of the union's fields it is.
    unsafe {
        let mouse = || {
            let mouse = (*event).data.mouse;
            // Cocoa counts buttons from 0: left, right, middle.
            let button = [1, 3, 2].get(mouse.buttonNumber as usize).copied().unwrap_or(mouse.buttonNumber as u32 + 1);
            (mouse.pluginX as i32, mouse.pluginY as i32, button)
        };
        Incoming::Input(match (*event).r#type {
            NPCocoaEventDrawRect => return Incoming::Paint(Canvas::core_graphics((*event).data.draw.context, window)),
            NPCocoaEventMouseDown => {
                let (x, y, button) = mouse();
                Event::MouseDown { x, y, button }
            }
            NPCocoaEventMouseUp => {
                let (x, y, button) = mouse();
                Event::MouseUp { x, y, button }
            }
            NPCocoaEventMouseMoved | NPCocoaEventMouseDragged => {
                let (x, y, _) = mouse();
                Event::MouseMove { x, y }
            }
            NPCocoaEventMouseEntered => Event::MouseEnter,
            NPCocoaEventMouseExited => Event::MouseLeave,
            NPCocoaEventKeyDown => Event::KeyDown { code: (*event).data.key.keyCode.into() },
            NPCocoaEventKeyUp => Event::KeyUp { code: (*event).data.key.keyCode.into() },
            NPCocoaEventFocusChanged => Event::Focus((*event).data.hasFocus != 0),
            _ => return Incoming::Other,
        })
    }
}
