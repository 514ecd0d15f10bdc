//! The layouts and constants of [`planet_npapi::abi`] are those that a C compiler takes from an engine's headers.
//!
//! `layout/*.txt` is the output of `layout/layout.c`, made with the headers in Debian's source package
//! `qtwebkit-opensource-src` 5.212.0~alpha4-30. The step `npapi-abi` of `cargo xtask test` makes it anew and compares.

use std::collections::BTreeSet;

use planet_npapi::abi::{browser, constants, plugin, runtime, types};

/// Lines like those of the C program.
macro_rules! layouts {
    ($lines:ident: $($module:ident::$name:ident { $($field:ident),* })*) => {$(
        $lines.insert(format!("{} {}", stringify!($name), size_of::<$module::$name>()));
        $($lines.insert(format!(
            "{}.{} {}",
            stringify!($name),
            stringify!($field).trim_start_matches("r#"),
            std::mem::offset_of!($module::$name, $field),
        ));)*
    )*};
}

macro_rules! constants {
    ($lines:ident: $($module:ident::$name:ident)*) => {
        $($lines.insert(format!("{} {}", stringify!($name), $module::$name));)*
    };
}

fn ours() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    layouts! { lines:
        types::NPP_t { pdata, ndata }
        types::NPStream { pdata, ndata, url, end, lastmodified, notifyData, headers }
        types::NPByteRange { offset, length, next }
        types::NPSavedData { len, buf }
        types::NPRect { top, left, bottom, right }
        types::NPWindow { window, x, y, width, height, clipRect, r#type }
        types::NPFullPrint { pluginPrinted, printOne, platformPrint }
        types::NPEmbedPrint { window, platformPrint }
        types::NPPrint { mode, print }
        runtime::NPString { UTF8Characters, UTF8Length }
        runtime::NPVariant { r#type, value }
        runtime::NPObject { _class, referenceCount }
        runtime::NPClass { structVersion, allocate, deallocate, invalidate, hasMethod, invoke, invokeDefault, hasProperty, getProperty, setProperty, removeProperty, enumerate, construct }
        browser::NPNetscapeFuncs { size, version, geturl, posturl, requestread, newstream, write, destroystream, status, uagent, memalloc, memfree, memflush, reloadplugins, getJavaEnv, getJavaPeer, geturlnotify, posturlnotify, getvalue, setvalue, invalidaterect, invalidateregion, forceredraw, getstringidentifier, getstringidentifiers, getintidentifier, identifierisstring, utf8fromidentifier, intfromidentifier, createobject, retainobject, releaseobject, invoke, invokeDefault, evaluate, getproperty, setproperty, removeproperty, hasproperty, hasmethod, releasevariantvalue, setexception, pushpopupsenabledstate, poppopupsenabledstate, enumerate, pluginthreadasynccall, construct, getvalueforurl, setvalueforurl, getauthenticationinfo, scheduletimer, unscheduletimer, popupcontextmenu, convertpoint, handleevent, unfocusinstance, urlredirectresponse }
        plugin::NPPluginFuncs { size, version, newp, destroy, setwindow, newstream, destroystream, asfile, writeready, write, print, event, urlnotify, javaClass, getvalue, setvalue, gotfocus, lostfocus, urlredirectnotify, clearsitedata, getsiteswithdata }
    }
    constants! { lines:
        constants::NPERR_NO_ERROR
        constants::NPERR_GENERIC_ERROR
        constants::NPERR_INVALID_INSTANCE_ERROR
        constants::NPERR_INVALID_FUNCTABLE_ERROR
        constants::NPERR_MODULE_LOAD_FAILED_ERROR
        constants::NPERR_OUT_OF_MEMORY_ERROR
        constants::NPERR_INVALID_PLUGIN_ERROR
        constants::NPERR_INVALID_PLUGIN_DIR_ERROR
        constants::NPERR_INCOMPATIBLE_VERSION_ERROR
        constants::NPERR_INVALID_PARAM
        constants::NPERR_INVALID_URL
        constants::NPERR_FILE_NOT_FOUND
        constants::NPERR_NO_DATA
        constants::NPERR_STREAM_NOT_SEEKABLE
        constants::NPRES_DONE
        constants::NPRES_NETWORK_ERR
        constants::NPRES_USER_BREAK
        constants::NPPVpluginNameString
        constants::NPPVpluginDescriptionString
        constants::NPPVpluginWindowBool
        constants::NPPVpluginTransparentBool
        constants::NPPVpluginNeedsXEmbed
        constants::NPPVpluginScriptableNPObject
        constants::NPPVformValue
        constants::NPNVxDisplay
        constants::NPNVjavascriptEnabledBool
        constants::NPNVisOfflineBool
        constants::NPNVSupportsXEmbedBool
        constants::NPNVWindowNPObject
        constants::NPNVPluginElementNPObject
        constants::NPNVSupportsWindowless
        constants::NPNVprivateModeBool
        constants::NPNURLVCookie
        constants::NPNURLVProxy
        constants::NPWindowTypeWindow
        constants::NPWindowTypeDrawable
        constants::NP_EMBED
        constants::NP_FULL
        constants::NP_NORMAL
        constants::NP_SEEK
        constants::NP_ASFILE
        constants::NP_ASFILEONLY
        constants::NPVERS_HAS_RESPONSE_HEADERS
        runtime::NPVariantType_Void
        runtime::NPVariantType_Null
        runtime::NPVariantType_Bool
        runtime::NPVariantType_Int32
        runtime::NPVariantType_Double
        runtime::NPVariantType_String
        runtime::NPVariantType_Object
        runtime::NP_CLASS_STRUCT_VERSION
    }
    platform(&mut lines);
    lines
}

#[cfg(all(unix, not(target_os = "macos")))]
fn platform(lines: &mut BTreeSet<String>) {
    use planet_npapi::abi::x11;
    lines.insert(format!("NPWindow.ws_info {}", std::mem::offset_of!(types::NPWindow, ws_info)));
    layouts! { lines:
        x11::NPSetWindowCallbackStruct { r#type, display, visual, colormap, depth }
        x11::NPPrintCallbackStruct { r#type, fp }
        x11::XEvent {}
        x11::XGraphicsExposeEvent { x, y, width, height, count, major_code, minor_code }
        x11::XCrossingEvent { root, subwindow, time, x, y, x_root, y_root, mode, detail, same_screen, focus, state }
        x11::XAnyEvent { r#type, serial, send_event, display, window }
        x11::XInputEvent { root, subwindow, time, x, y, x_root, y_root, state, detail, same_screen }
    }
    constants! { lines:
        x11::KeyPress
        x11::KeyRelease
        x11::ButtonPress
        x11::ButtonRelease
        x11::MotionNotify
        x11::EnterNotify
        x11::LeaveNotify
        x11::FocusIn
        x11::FocusOut
        x11::GraphicsExpose
    }
}

#[cfg(windows)]
fn platform(lines: &mut BTreeSet<String>) {
    use planet_npapi::abi::windows;
    layouts! { lines:
        windows::NPEvent { event, wParam, lParam }
    }
    constants! { lines:
        windows::WM_SETFOCUS
        windows::WM_KILLFOCUS
        windows::WM_PAINT
        windows::WM_KEYDOWN
        windows::WM_KEYUP
        windows::WM_MOUSEMOVE
        windows::WM_LBUTTONDOWN
        windows::WM_LBUTTONUP
        windows::WM_RBUTTONDOWN
        windows::WM_RBUTTONUP
        windows::WM_MBUTTONDOWN
        windows::WM_MBUTTONUP
    }
}

#[cfg(any(all(target_os = "linux", target_arch = "x86_64"), all(windows, target_arch = "x86_64")))]
#[test]
fn the_layouts_are_those_of_c() {
    let c =
        if cfg!(windows) { include_str!("layout/x86_64-windows.txt") } else { include_str!("layout/x86_64-linux.txt") };
    let c: BTreeSet<_> = c.lines().map(|line| line.trim_end().to_owned()).collect();
    let ours = ours();
    assert!(c.len() > 200, "{} lines", c.len());
    let missing: Vec<_> = c.difference(&ours).collect();
    let wrong: Vec<_> = ours.difference(&c).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "C has {missing:?}, Rust has {wrong:?}");
}

#[test]
fn the_browsers_table_is_as_long_as_the_engine_says() {
    // What QtWebKit writes into its `size` on 64 bits.
    if cfg!(target_pointer_width = "64") {
        assert_eq!(size_of::<browser::NPNetscapeFuncs>(), 448);
    }
}
