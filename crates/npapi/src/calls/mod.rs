//! The functions that the browser calls for an instance: each looks after the pointers, and hands over to the plugin.

mod streams;

use std::ffi::{c_char, c_int, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;
use std::rc::Rc;

use crate::abi::NPPluginFuncs;
use crate::abi::constants::{
    NP_FULL, NP_VERSION_MINOR, NPERR_GENERIC_ERROR, NPERR_INVALID_FUNCTABLE_ERROR, NPERR_INVALID_INSTANCE_ERROR,
    NPERR_INVALID_PARAM, NPERR_NO_ERROR, NPPVformValue, NPPVpluginDescriptionString, NPPVpluginNameString,
    NPPVpluginNeedsXEmbed, NPPVpluginScriptableNPObject, NPPVpluginWindowBool,
};
use crate::abi::runtime::NPObject;
use crate::abi::types::{NPBool, NPError, NPMIMEType, NPP, NPPrint, NPReason, NPSavedData, NPWindow};
use crate::browser;
use crate::entry;
use crate::error::Error;
use crate::event::{self, Incoming};
use crate::guard;
use crate::instance::Instance;
use crate::plugin::{Plugin, Start};
use crate::request::{Reason, Request};
use crate::strings;
use crate::window::Window;

/// What `pdata` of an instance owns one count of.
struct Hosted<P> {
    instance: Instance,
    plugin: P,
    wants_window: bool,
}

/// The plugin's table.
pub(crate) fn functions<P: Plugin>() -> NPPluginFuncs {
    NPPluginFuncs {
        size: size_of::<NPPluginFuncs>() as u16,
        version: NP_VERSION_MINOR,
        newp: Some(new::<P>),
        destroy: Some(destroy::<P>),
        setwindow: Some(set_window::<P>),
        newstream: Some(streams::new_stream::<P>),
        destroystream: Some(streams::destroy_stream::<P>),
        asfile: Some(streams::stream_as_file::<P>),
        writeready: Some(streams::write_ready::<P>),
        write: Some(streams::write::<P>),
        print: Some(print::<P>),
        event: Some(handle_event::<P>),
        urlnotify: Some(url_notify::<P>),
        javaClass: ptr::null_mut(),
        getvalue: Some(get_value::<P>),
        setvalue: None,
        gotfocus: None,
        lostfocus: None,
        urlredirectnotify: None,
        clearsitedata: None,
        getsiteswithdata: None,
    }
}

/// Writes as much of the plugin's table as there is room for.
///
/// # Safety
/// `table` is null or has as many writable bytes as its `size` says.
pub(crate) unsafe fn fill<P: Plugin>(table: *mut NPPluginFuncs) -> NPError {
    // Without the slots up to this one nothing works.
    const LEAST: usize = offset_of!(NPPluginFuncs, setvalue);
    if table.is_null() {
        return NPERR_INVALID_FUNCTABLE_ERROR;
    }
    // SAFETY: every table has at least its first field.
    let room = usize::from(unsafe { ptr::read(&raw const (*table).size) });
    if room < LEAST {
        return NPERR_INVALID_FUNCTABLE_ERROR;
    }
    let length = room.min(size_of::<NPPluginFuncs>());
    let mut functions = functions::<P>();
    functions.size = length as u16;
    // SAFETY: `length` bytes fit into both.
    unsafe { ptr::copy_nonoverlapping((&raw const functions).cast::<u8>(), table.cast::<u8>(), length) };
    NPERR_NO_ERROR
}

/// The plugin of an instance, kept alive while it runs.
///
/// # Safety
/// `npp` is null or an instance of this plugin.
unsafe fn hosted<P: Plugin>(npp: NPP) -> Option<Rc<Hosted<P>>> {
    if npp.is_null() {
        return None;
    }
    // SAFETY: the caller's word. `pdata` is null, or `new` has put a counted value there that only `destroy` takes away.
    unsafe {
        let data = (*npp).pdata.cast::<Hosted<P>>().cast_const();
        if data.is_null() {
            return None;
        }
        Rc::increment_strong_count(data);
        Some(Rc::from_raw(data))
    }
}

/// Runs a method of the plugin's, traced and guarded; `fallback` is the answer for what is no instance, and after a panic.
///
/// # Safety
/// As [`hosted`].
unsafe fn call<P: Plugin, T: std::fmt::Debug + Copy>(
    name: &str,
    npp: NPP,
    fallback: T,
    body: impl FnOnce(&P, &Instance) -> T,
) -> T {
    guard::incoming(name, format_args!("{npp:p}"), fallback, || {
        // SAFETY: the caller's word.
        unsafe { hosted::<P>(npp) }.map_or(fallback, |hosted| body(&hosted.plugin, &hosted.instance))
    })
}

unsafe extern "C" fn new<P: Plugin>(
    mime: NPMIMEType,
    npp: NPP,
    mode: u16,
    count: i16,
    names: *mut *mut c_char,
    values: *mut *mut c_char,
    saved: *mut NPSavedData,
) -> NPError {
    if npp.is_null() {
        return NPERR_INVALID_INSTANCE_ERROR;
    }
    // SAFETY: the browser gives texts, and `count` of them in each list.
    let start = unsafe {
        Start {
            mime: strings::from_c(mime).unwrap_or_default(),
            attributes: attributes(count, names, values),
            full_page: mode == NP_FULL,
            saved: read_saved(saved),
        }
    };
    let make = || {
        let instance = Instance::begin(npp);
        let made = guard::catch(format_args!("NPP_New"), || {
            let wants_window = P::wants_window(&start);
            choose_models(&instance, wants_window);
            P::new(&instance, &start).map(|plugin| (plugin, wants_window))
        });
        match made {
            Ok(Ok((plugin, wants_window))) => {
                let hosted = Rc::new(Hosted { instance, plugin, wants_window });
                // SAFETY: the instance is the browser's and alive; `pdata` is ours.
                unsafe { (*npp).pdata = Rc::into_raw(hosted).cast_mut().cast() };
                NPERR_NO_ERROR
            }
            Ok(Err(error)) => {
                crate::trace::alarm(format_args!("NPP_New: {error}"));
                instance.end();
                error.code()
            }
            Err(_) => {
                instance.end();
                NPERR_GENERIC_ERROR
            }
        }
    };
    guard::incoming("NPP_New", format_args!("{npp:p}, mode: {mode}, {start:?}"), NPERR_GENERIC_ERROR, make)
}

/// Tells the browser how the instance is to be shown. One that knows no such choice has none.
fn choose_models(instance: &Instance, wants_window: bool) {
    let _ = instance.set_value(NPPVpluginWindowBool, usize::from(wants_window));
    if cfg!(target_os = "macos") {
        use crate::abi::constants::{
            NPDrawingModelCoreGraphics, NPEventModelCocoa, NPPVpluginDrawingModel, NPPVpluginEventModel,
        };
        let _ = instance.set_value(NPPVpluginDrawingModel, NPDrawingModelCoreGraphics as usize);
        let _ = instance.set_value(NPPVpluginEventModel, NPEventModelCocoa as usize);
    }
}

/// # Safety
/// Both lists are null or have `count` texts, each of which may be null.
unsafe fn attributes(count: i16, names: *mut *mut c_char, values: *mut *mut c_char) -> Vec<(String, String)> {
    if names.is_null() || values.is_null() {
        return Vec::new();
    }
    let one = |index: usize| {
        // SAFETY: the caller's word.
        let (name, value) = unsafe { (strings::from_c(*names.add(index)), strings::from_c(*values.add(index))) };
        name.map(|name| (name, value.unwrap_or_default()))
    };
    (0..usize::try_from(count).unwrap_or(0)).filter_map(one).collect()
}

/// # Safety
/// `saved` is null, or has as many bytes as it says.
unsafe fn read_saved(saved: *mut NPSavedData) -> Option<Vec<u8>> {
    // SAFETY: the caller's word.
    let saved = unsafe { saved.as_ref() }?;
    let length = usize::try_from(saved.len).ok().filter(|_| !saved.buf.is_null())?;
    // SAFETY: the same.
    Some(unsafe { std::slice::from_raw_parts(saved.buf.cast::<u8>(), length) }.to_vec())
}

unsafe extern "C" fn destroy<P: Plugin>(npp: NPP, save: *mut *mut NPSavedData) -> NPError {
    guard::incoming("NPP_Destroy", format_args!("{npp:p}"), NPERR_GENERIC_ERROR, || {
        // SAFETY: the browser calls with an instance of this plugin.
        let Some(hosted) = (unsafe { hosted::<P>(npp) }) else { return NPERR_INVALID_INSTANCE_ERROR };
        let left = guard::catch(format_args!("destroy"), || hosted.plugin.destroy(&hosted.instance));
        // SAFETY: `pdata` owns one count, which is given up here and nowhere else; from now on it is null. Calls into
        // the plugin that are still running, further out on the stack, have their own.
        let owned = unsafe {
            let data = std::mem::replace(&mut (*npp).pdata, ptr::null_mut());
            (!data.is_null()).then(|| Rc::from_raw(data.cast::<Hosted<P>>().cast_const()))
        };
        hosted.instance.end();
        drop(owned);
        if let (Ok(Some(bytes)), false) = (left, save.is_null())
            && let Ok(saved) = give_saved(&bytes)
        {
            // SAFETY: the browser gave the place.
            unsafe { save.write(saved) };
        }
        NPERR_NO_ERROR
    })
}

fn give_saved(bytes: &[u8]) -> Result<*mut NPSavedData, Error> {
    let len = i32::try_from(bytes.len()).map_err(|_| Error::TooLarge(bytes.len()))?;
    let buffer = browser::copy_to_browser(bytes)?;
    // As many zeros as the header is long, as the place for it.
    let header = browser::copy_to_browser(&[0; size_of::<NPSavedData>()])?.as_ptr().cast::<NPSavedData>();
    // SAFETY: large enough, and aligned as the browser's malloc does.
    unsafe { header.write(NPSavedData { len, buf: buffer.as_ptr().cast() }) };
    Ok(header)
}

unsafe extern "C" fn set_window<P: Plugin>(npp: NPP, window: *mut NPWindow) -> NPError {
    // SAFETY: the browser calls with an instance of this plugin, and a window or null.
    unsafe {
        call::<P, _>("NPP_SetWindow", npp, NPERR_INVALID_INSTANCE_ERROR, |plugin, instance| {
            if window.is_null() {
                instance.0.window.take();
                return NPERR_NO_ERROR;
            }
            let window = Window::read(window);
            *instance.0.window.borrow_mut() = Some(window.clone());
            crate::trace::note(format_args!("{window:?}"));
            plugin.window_changed(instance, &window);
            NPERR_NO_ERROR
        })
    }
}

unsafe extern "C" fn handle_event<P: Plugin>(npp: NPP, event: *mut c_void) -> i16 {
    // SAFETY: the browser calls with an instance of this plugin and an event of this platform.
    unsafe {
        call::<P, _>("NPP_HandleEvent", npp, 0, |plugin, instance| {
            let window = instance.window();
            let handled = match event::read(event, window.as_ref()) {
                Incoming::Paint(canvas) => {
                    plugin.paint(instance, &canvas);
                    true
                }
                Incoming::Input(event) => {
                    crate::trace::note(format_args!("{event:?}"));
                    plugin.event(instance, &event)
                }
                Incoming::Other => false,
            };
            i16::from(handled)
        })
    }
}

unsafe extern "C" fn print<P: Plugin>(npp: NPP, print: *mut NPPrint) {
    // SAFETY: the browser calls with an instance of this plugin and print data or null; the mode says which they are.
    unsafe {
        call::<P, _>("NPP_Print", npp, (), |plugin, instance| {
            let Some(print) = print.as_mut() else { return };
            if print.mode == NP_FULL {
                let printed = plugin.print(instance, None, print.print.fullPrint.platformPrint);
                print.print.fullPrint.pluginPrinted = NPBool::from(printed);
            } else {
                let embed = &raw const print.print.embedPrint;
                // The window in print data has no `ws_info` that could be read, only a place.
                let mut place = (*embed).window;
                forget_window_system(&mut place);
                plugin.print(instance, Some(&Window::read(&raw const place)), (*embed).platformPrint);
            }
        });
    }
}

#[cfg(unix)]
fn forget_window_system(window: &mut NPWindow) {
    window.ws_info = ptr::null_mut();
}

#[cfg(not(unix))]
fn forget_window_system(_: &mut NPWindow) {}

unsafe extern "C" fn url_notify<P: Plugin>(npp: NPP, url: *const c_char, reason: NPReason, data: *mut c_void) {
    // SAFETY: the browser calls with an instance of this plugin and a text.
    unsafe {
        call::<P, _>("NPP_URLNotify", npp, (), |plugin, instance| {
            let Some(request) = Request::read(data) else { return };
            let url = strings::from_c(url).unwrap_or_default();
            crate::trace::note(format_args!("{request:?}, {url:?}, {:?}", Reason::read(reason)));
            plugin.url_notify(instance, request, &url, Reason::read(reason));
        });
    }
}

/// Answers what the browser asks of the plugin, with an instance or without one.
///
/// # Safety
/// `npp` is null or an instance of this plugin; `value` is null or a place of the variable's type.
pub(crate) unsafe extern "C" fn get_value<P: Plugin>(npp: NPP, variable: c_int, value: *mut c_void) -> NPError {
    if value.is_null() {
        return NPERR_INVALID_PARAM;
    }
    // SAFETY: the caller's word.
    unsafe {
        match variable {
            NPPVpluginNameString => {
                value.cast::<*const c_char>().write(entry::texts::<P>().name.as_ptr());
                NPERR_NO_ERROR
            }
            NPPVpluginDescriptionString => {
                value.cast::<*const c_char>().write(entry::texts::<P>().description.as_ptr());
                NPERR_NO_ERROR
            }
            // Chromium on X11 takes windowed plugins only with XEmbed.
            NPPVpluginWindowBool | NPPVpluginNeedsXEmbed => {
                let wants_window = hosted::<P>(npp).is_some_and(|hosted| hosted.wants_window);
                value.cast::<NPBool>().write(NPBool::from(wants_window));
                NPERR_NO_ERROR
            }
            _ => call::<P, _>("NPP_GetValue", npp, NPERR_GENERIC_ERROR, |plugin, _| {
                give_value(plugin, variable, value).map_or_else(|error| error.code(), |()| NPERR_NO_ERROR)
            }),
        }
    }
}

/// # Safety
/// `value` is a place of the variable's type.
unsafe fn give_value<P: Plugin>(plugin: &P, variable: c_int, value: *mut c_void) -> Result<(), Error> {
    match variable {
        NPPVpluginScriptableNPObject => {
            let object = plugin.scriptable().ok_or(Error::Unsupported("a script object"))?;
            // SAFETY: the caller's word; the browser releases the object.
            unsafe { value.cast::<*mut NPObject>().write(object.retained()?) };
            Ok(())
        }
        NPPVformValue => {
            let text = plugin.form_value().ok_or(Error::Unsupported("a form value"))?;
            // SAFETY: the caller's word; the browser frees the text.
            unsafe { value.cast::<*mut u8>().write(browser::copy_to_browser(text.as_bytes())?.as_ptr()) };
            Ok(())
        }
        _ => Err(Error::Unsupported("this variable")),
    }
}
