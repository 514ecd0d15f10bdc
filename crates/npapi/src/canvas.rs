//! Painting: filled rectangles, and the platform's own handles for whoever paints more.
//!
//! The platform's drawing functions are looked up in the browser's process, which has them: the plugin is linked with
//! no library for it.

use std::ffi::c_void;

use crate::error::Error;
use crate::window::Window;

/// A colour, each part from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl Color {
    /// A colour of its three parts.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }
}

/// What a plugin paints on, during [`crate::Plugin::paint`].
#[derive(Debug)]
pub struct Canvas {
    surface: Surface,
    width: u32,
    height: u32,
}

/// The platform's handles, for painting with other libraries.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Surface {
    /// X11.
    X11 {
        /// `Display*`
        display: *mut c_void,
        /// The drawable to paint on.
        drawable: std::ffi::c_ulong,
        /// Bits of a pixel.
        depth: u32,
    },
    /// Windows: the device context.
    Gdi(*mut c_void),
    /// OS X: the `CGContextRef`.
    CoreGraphics(*mut c_void),
}

impl Canvas {
    fn new(surface: Surface, window: Option<&Window>) -> Self {
        let (width, height) = window.map_or((0, 0), |window| (window.width, window.height));
        Self { surface, width, height }
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    pub(crate) fn x11(display: *mut c_void, drawable: std::ffi::c_ulong, window: Option<&Window>) -> Self {
        let depth = window.map_or(0, |window| window.depth);
        Self::new(Surface::X11 { display, drawable, depth }, window)
    }

    #[cfg(windows)]
    pub(crate) fn gdi(context: *mut c_void, window: Option<&Window>) -> Self {
        Self::new(Surface::Gdi(context), window)
    }

    #[cfg(target_os = "macos")]
    pub(crate) fn core_graphics(context: *mut c_void, window: Option<&Window>) -> Self {
        Self::new(Surface::CoreGraphics(context), window)
    }

    /// Of the whole instance, in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Of the whole instance, in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The platform's handles.
    pub fn surface(&self) -> Surface {
        self.surface
    }

    /// Fills a rectangle; what lies outside of the canvas is left out.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the browser's process lacks the platform's drawing functions.
    pub fn fill(&self, x: i32, y: i32, width: u32, height: u32, color: Color) -> Result<(), Error> {
        platform::fill(self.surface, x, y, width, height, color)
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::ffi::{c_int, c_uint, c_ulong, c_void};
    use std::mem::transmute;
    use std::ptr;
    use std::sync::OnceLock;

    use super::{Color, Surface};
    use crate::error::Error;

    /// The functions of Xlib that painting takes.
    struct Xlib {
        create: unsafe extern "C" fn(*mut c_void, c_ulong, c_ulong, *mut c_void) -> *mut c_void,
        color: unsafe extern "C" fn(*mut c_void, *mut c_void, c_ulong) -> c_int,
        fill: unsafe extern "C" fn(*mut c_void, c_ulong, *mut c_void, c_int, c_int, c_uint, c_uint) -> c_int,
        free: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        flush: unsafe extern "C" fn(*mut c_void) -> c_int,
    }

    fn xlib() -> Option<&'static Xlib> {
        static XLIB: OnceLock<Option<Xlib>> = OnceLock::new();
        XLIB.get_or_init(|| {
            // SAFETY: a library with no initialisers that matter; it is never closed.
            let library = unsafe { libc::dlopen(c"libX11.so.6".as_ptr(), libc::RTLD_LAZY) };
            if library.is_null() {
                return None;
            }
            let find = |name: &std::ffi::CStr| {
                // SAFETY: the library is open, the name ends with a zero.
                let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
                (!symbol.is_null()).then_some(symbol)
            };
            // SAFETY: these are the signatures of Xlib.h; an address converts to a function of the same size.
            unsafe {
                Some(Xlib {
                    create: transmute::<
                        *mut c_void,
                        unsafe extern "C" fn(*mut c_void, c_ulong, c_ulong, *mut c_void) -> *mut c_void,
                    >(find(c"XCreateGC")?),
                    color: transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, *mut c_void, c_ulong) -> c_int>(
                        find(c"XSetForeground")?,
                    ),
                    fill: transmute::<
                        *mut c_void,
                        unsafe extern "C" fn(*mut c_void, c_ulong, *mut c_void, c_int, c_int, c_uint, c_uint) -> c_int,
                    >(find(c"XFillRectangle")?),
                    free: transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int>(find(
                        c"XFreeGC",
                    )?),
                    flush: transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void) -> c_int>(find(c"XFlush")?),
                })
            }
        })
        .as_ref()
    }

    pub(super) fn fill(surface: Surface, x: i32, y: i32, width: u32, height: u32, color: Color) -> Result<(), Error> {
        let (Surface::X11 { display, drawable, depth }, Some(xlib)) = (surface, xlib()) else {
            return Err(Error::Unsupported("libX11.so.6"));
        };
        if display.is_null() || drawable == 0 {
            return Err(Error::Unsupported("a drawable"));
        }
        // A pixel of 32 bits has its opacity on top.
        let alpha = if depth == 32 { 0xFF00_0000 } else { 0 };
        let pixel =
            alpha | c_ulong::from(color.red) << 16 | c_ulong::from(color.green) << 8 | c_ulong::from(color.blue);
        // SAFETY: the canvas lives during `paint` alone, when the browser's display and drawable are alive.
        unsafe {
            let context = (xlib.create)(display, drawable, 0, ptr::null_mut());
            if context.is_null() {
                return Err(Error::Unsupported("XCreateGC"));
            }
            (xlib.color)(display, context, pixel);
            (xlib.fill)(display, drawable, context, x, y, width, height);
            (xlib.free)(display, context);
            (xlib.flush)(display);
        }
        Ok(())
    }
}

#[cfg(windows)]
mod platform {
    use std::ffi::{c_int, c_void};

    use super::{Color, Surface};
    use crate::error::Error;

    #[link(name = "gdi32")]
    unsafe extern "system" {
        fn CreateSolidBrush(color: u32) -> *mut c_void;
        fn DeleteObject(object: *mut c_void) -> c_int;
    }

    #[link(name = "user32")]
    unsafe extern "system" {
        fn FillRect(context: *mut c_void, rectangle: *const [i32; 4], brush: *mut c_void) -> c_int;
    }

    pub(super) fn fill(surface: Surface, x: i32, y: i32, width: u32, height: u32, color: Color) -> Result<(), Error> {
        let Surface::Gdi(context) = surface else { return Err(Error::Unsupported("a device context")) };
        let rectangle = [x, y, x.saturating_add_unsigned(width), y.saturating_add_unsigned(height)];
        let color = u32::from(color.red) | u32::from(color.green) << 8 | u32::from(color.blue) << 16;
        // SAFETY: the browser's device context is alive during `paint`; the brush is made and freed here.
        let filled = unsafe {
            let brush = CreateSolidBrush(color);
            let filled = FillRect(context, &raw const rectangle, brush);
            DeleteObject(brush);
            filled
        };
        if filled == 0 { Err(Error::Unsupported("FillRect")) } else { Ok(()) }
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use std::ffi::{CStr, c_void};
    use std::mem::transmute;

    use super::{Color, Surface};
    use crate::error::Error;

    /// `CGRect`
    #[repr(C)]
    struct Rect {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
    }

    type SetColor = unsafe extern "C" fn(*mut c_void, f64, f64, f64, f64);
    type Fill = unsafe extern "C" fn(*mut c_void, Rect);

    fn find(name: &'static CStr) -> Result<*mut c_void, Error> {
        // SAFETY: the name ends with a zero.
        let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        if symbol.is_null() { Err(Error::Unsupported("Core Graphics")) } else { Ok(symbol) }
    }

    pub(super) fn fill(surface: Surface, x: i32, y: i32, width: u32, height: u32, color: Color) -> Result<(), Error> {
        let Surface::CoreGraphics(context) = surface else { return Err(Error::Unsupported("a context")) };
        let part = |part: u8| f64::from(part) / 255.0;
        // SAFETY: the signatures are those of CGContext.h on 64 bits, and the context is alive during `paint`.
        unsafe {
            let set: SetColor = transmute::<*mut c_void, SetColor>(find(c"CGContextSetRGBFillColor")?);
            let fill: Fill = transmute::<*mut c_void, Fill>(find(c"CGContextFillRect")?);
            set(context, part(color.red), part(color.green), part(color.blue), 1.0);
            fill(context, Rect { x: x.into(), y: y.into(), width: width.into(), height: height.into() });
        }
        Ok(())
    }
}
