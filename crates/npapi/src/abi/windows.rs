//! Events on Windows.

/// A window message to a windowless plugin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPEvent {
    /// Such as [`WM_PAINT`].
    pub event: u16,
    /// By message; of [`WM_PAINT`] the device context.
    pub wParam: usize,
    /// By message; of [`WM_PAINT`] a pointer to the rectangle.
    pub lParam: usize,
}

/// The plugin got the focus.
pub const WM_SETFOCUS: u16 = 0x0007;
/// The plugin lost the focus.
pub const WM_KILLFOCUS: u16 = 0x0008;
/// The plugin is to paint.
pub const WM_PAINT: u16 = 0x000F;
/// A key was pressed.
pub const WM_KEYDOWN: u16 = 0x0100;
/// A key was let go.
pub const WM_KEYUP: u16 = 0x0101;
/// The pointer moved.
pub const WM_MOUSEMOVE: u16 = 0x0200;
/// The left button was pressed.
pub const WM_LBUTTONDOWN: u16 = 0x0201;
/// The left button was let go.
pub const WM_LBUTTONUP: u16 = 0x0202;
/// The right button was pressed.
pub const WM_RBUTTONDOWN: u16 = 0x0204;
/// The right button was let go.
pub const WM_RBUTTONUP: u16 = 0x0205;
/// The middle button was pressed.
pub const WM_MBUTTONDOWN: u16 = 0x0207;
/// The middle button was let go.
pub const WM_MBUTTONUP: u16 = 0x0208;
