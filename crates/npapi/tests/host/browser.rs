//! The host: a browser's table over plain memory.

#![allow(non_upper_case_globals, reason = "constants of the ABI have the names of the C headers")]

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::{LazyLock, Mutex};

use planet_npapi::abi::browser::{AsyncFunction, TimerFunction};
use planet_npapi::abi::constants::{
    NPERR_GENERIC_ERROR, NPERR_NO_ERROR, NPNVPluginElementNPObject, NPNVWindowNPObject,
};
use planet_npapi::abi::runtime::{NPVariantType_Object, NPVariantType_String};
use planet_npapi::abi::types::{NPByteRange, NPError, NPReason};
use planet_npapi::abi::{NPClass, NPIdentifier, NPNetscapeFuncs, NPObject, NPP, NPStream, NPString, NPVariant};

/// What the host has noted for the test that runs on this thread.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) exceptions: Vec<String>,
    pub(crate) timers: Vec<(u32, bool, TimerFunction)>,
    pub(crate) last_timer: u32,
    pub(crate) ranges: Vec<(i32, u32)>,
    pub(crate) posted: Vec<u8>,
    pub(crate) request: usize,
    pub(crate) closed: Vec<NPReason>,
    pub(crate) cookies: HashMap<String, String>,
}

thread_local! {
    pub(crate) static NOTES: RefCell<Notes> = RefCell::default();
    /// What the page's window is.
    static WINDOW: RefCell<Option<*mut NPObject>> = const { RefCell::new(None) };
}

/// Calls that other threads have asked for, by instance.
static CALLS: Mutex<VecDeque<(usize, AsyncFunction, usize)>> = Mutex::new(VecDeque::new());

pub(crate) fn notes<T>(read: impl FnOnce(&mut Notes) -> T) -> T {
    NOTES.with_borrow_mut(read)
}

/// An identifier is a pointer to its text, or a number with the highest bit, which no address has.
static IDENTIFIERS: LazyLock<Mutex<HashSet<&'static CStr>>> = LazyLock::new(Mutex::default);

unsafe extern "C" fn string_identifier(name: *const c_char) -> NPIdentifier {
    // SAFETY: the plugin gives a text.
    let name = unsafe { CStr::from_ptr(name) };
    let mut all = IDENTIFIERS.lock().unwrap();
    if let Some(known) = all.get(name) {
        return known.as_ptr().cast_mut().cast();
    }
    let text: &'static CStr = Box::leak(name.to_owned().into_boxed_c_str());
    all.insert(text);
    text.as_ptr().cast_mut().cast()
}

unsafe extern "C" fn int_identifier(number: i32) -> NPIdentifier {
    ptr::without_provenance_mut(number as u32 as usize | 1 << 63)
}

unsafe extern "C" fn identifier_is_string(identifier: NPIdentifier) -> bool {
    identifier.addr() >> 63 == 0
}

unsafe extern "C" fn utf8_from_identifier(identifier: NPIdentifier) -> *mut c_char {
    // SAFETY: made above.
    copy(unsafe { CStr::from_ptr(identifier.cast()) })
}

unsafe extern "C" fn int_from_identifier(identifier: NPIdentifier) -> i32 {
    identifier.addr() as u32 as i32
}

unsafe extern "C" fn allocate(size: u32) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { libc::malloc(size as usize) }
}

unsafe extern "C" fn free(memory: *mut c_void) {
    // SAFETY: from `allocate` or `copy`.
    unsafe { libc::free(memory) }
}

/// A copy in the host's memory, for the plugin to free.
fn copy(text: &CStr) -> *mut c_char {
    let bytes = text.to_bytes_with_nul();
    // SAFETY: as much room as is copied.
    unsafe {
        let place = libc::malloc(bytes.len()).cast::<u8>();
        ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        place.cast()
    }
}

unsafe extern "C" fn create_object(npp: NPP, class: *mut NPClass) -> *mut NPObject {
    // SAFETY: the plugin's class has an allocator; what it gives is an object.
    unsafe {
        let object = (*class).allocate.unwrap()(npp, class);
        (*object)._class = class;
        (*object).referenceCount = 1;
        object
    }
}

pub(crate) unsafe extern "C" fn retain(object: *mut NPObject) -> *mut NPObject {
    // SAFETY: alive, as long as it counts.
    unsafe { (*object).referenceCount += 1 };
    object
}

pub(crate) unsafe extern "C" fn release(object: *mut NPObject) {
    // SAFETY: alive, as long as it counts.
    unsafe {
        assert!((*object).referenceCount > 0, "released once too often");
        (*object).referenceCount -= 1;
        if (*object).referenceCount == 0 {
            (*(*object)._class).deallocate.unwrap()(object);
        }
    }
}

pub(crate) unsafe extern "C" fn release_variant(variant: *mut NPVariant) {
    // SAFETY: the value is ours to release; its type says what it holds.
    unsafe {
        match (*variant).r#type {
            NPVariantType_String => free((*variant).value.stringValue.UTF8Characters.cast_mut().cast()),
            NPVariantType_Object => release((*variant).value.objectValue),
            _ => {}
        }
        *variant = NPVariant::VOID;
    }
}

unsafe extern "C" fn set_exception(_: *mut NPObject, text: *const c_char) {
    // SAFETY: the plugin gives a text.
    let text = unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    notes(|notes| notes.exceptions.push(text));
}

unsafe extern "C" fn get_value(_: NPP, variable: c_int, value: *mut c_void) -> NPError {
    if variable != NPNVWindowNPObject && variable != NPNVPluginElementNPObject {
        return NPERR_GENERIC_ERROR;
    }
    let Some(window) = WINDOW.with_borrow(|window| *window) else { return NPERR_GENERIC_ERROR };
    // SAFETY: the window is alive, and the place is for an object.
    unsafe { value.cast::<*mut NPObject>().write(retain(window)) };
    NPERR_NO_ERROR
}

/// Has the plugin find this object as its page's window, until it is set to none.
pub(crate) fn set_window(object: Option<*mut NPObject>) {
    WINDOW.set(object);
}

unsafe extern "C" fn set_value(_: NPP, _: c_int, _: *mut c_void) -> NPError {
    NPERR_NO_ERROR
}

unsafe extern "C" fn evaluate(_: NPP, _: *mut NPObject, script: *mut NPString, result: *mut NPVariant) -> bool {
    // The only script that this host knows is a text, which it gives back.
    // SAFETY: the plugin gives a text and a place.
    unsafe {
        let length = (*script).UTF8Length as usize;
        let copy = allocate(length as u32 + 1).cast::<u8>();
        ptr::copy_nonoverlapping((*script).UTF8Characters.cast::<u8>(), copy, length);
        (*result).r#type = NPVariantType_String;
        (*result).value.stringValue = NPString { UTF8Characters: copy.cast(), UTF8Length: length as u32 };
    }
    true
}

// The plugin's calls of an object go straight to its class.

unsafe extern "C" fn invoke(
    _: NPP,
    object: *mut NPObject,
    name: NPIdentifier,
    arguments: *const NPVariant,
    count: u32,
    result: *mut NPVariant,
) -> bool {
    // SAFETY: as the plugin gives it.
    unsafe { (*(*object)._class).invoke.unwrap()(object, name, arguments, count, result) }
}

unsafe extern "C" fn invoke_default(
    _: NPP,
    object: *mut NPObject,
    arguments: *const NPVariant,
    count: u32,
    result: *mut NPVariant,
) -> bool {
    // SAFETY: as the plugin gives it.
    unsafe { (*(*object)._class).invokeDefault.unwrap()(object, arguments, count, result) }
}

unsafe extern "C" fn get_property(_: NPP, object: *mut NPObject, name: NPIdentifier, result: *mut NPVariant) -> bool {
    // SAFETY: as the plugin gives it.
    unsafe { (*(*object)._class).getProperty.unwrap()(object, name, result) }
}

unsafe extern "C" fn set_property(_: NPP, object: *mut NPObject, name: NPIdentifier, value: *const NPVariant) -> bool {
    // SAFETY: as the plugin gives it.
    unsafe { (*(*object)._class).setProperty.unwrap()(object, name, value) }
}

unsafe extern "C" fn remove_property(_: NPP, object: *mut NPObject, name: NPIdentifier) -> bool {
    // SAFETY: as the plugin gives it.
    unsafe { (*(*object)._class).removeProperty.unwrap()(object, name) }
}

unsafe extern "C" fn enumerate(_: NPP, object: *mut NPObject, list: *mut *mut NPIdentifier, count: *mut u32) -> bool {
    // SAFETY: as the plugin gives it.
    unsafe { (*(*object)._class).enumerate.unwrap()(object, list, count) }
}

unsafe extern "C" fn async_call(npp: NPP, call: Option<AsyncFunction>, data: *mut c_void) {
    CALLS.lock().unwrap().push_back((npp.addr(), call.unwrap(), data.expose_provenance()));
}

/// Does what other threads have asked for on behalf of this instance; how much that was.
pub(crate) fn run_calls(npp: NPP) -> usize {
    let mut count = 0;
    loop {
        let mut calls = CALLS.lock().unwrap();
        let Some(index) = calls.iter().position(|call| call.0 == npp.addr()) else { return count };
        let (_, call, data) = calls.remove(index).unwrap();
        drop(calls);
        // SAFETY: as the plugin gave it.
        unsafe { call(ptr::with_exposed_provenance_mut(data)) };
        count += 1;
    }
}

unsafe extern "C" fn schedule_timer(_: NPP, _: u32, repeat: u8, function: Option<TimerFunction>) -> u32 {
    notes(|notes| {
        notes.last_timer += 1;
        notes.timers.push((notes.last_timer, repeat != 0, function.unwrap()));
        notes.last_timer
    })
}

unsafe extern "C" fn unschedule_timer(_: NPP, id: u32) {
    notes(|notes| notes.timers.retain(|timer| timer.0 != id));
}

/// Lets every timer fire once.
pub(crate) fn fire_timers(npp: NPP) {
    let timers = notes(|notes| {
        let timers = notes.timers.clone();
        notes.timers.retain(|timer| timer.1);
        timers
    });
    for (id, _, fire) in timers {
        // SAFETY: as the plugin gave it.
        unsafe { fire(npp, id) };
    }
}

unsafe extern "C" fn get_url(_: NPP, url: *const c_char, _: *const c_char, data: *mut c_void) -> NPError {
    // SAFETY: the plugin gives a text.
    let refused = unsafe { CStr::from_ptr(url) }.to_bytes().starts_with(b"refused:");
    notes(|notes| notes.request = data.addr());
    if refused { planet_npapi::abi::constants::NPERR_INVALID_URL } else { NPERR_NO_ERROR }
}

unsafe extern "C" fn post_url(
    _: NPP,
    _: *const c_char,
    _: *const c_char,
    length: u32,
    data: *const c_char,
    _: u8,
    notify: *mut c_void,
) -> NPError {
    // SAFETY: the plugin gives as many bytes.
    let posted = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length as usize) }.to_vec();
    notes(|notes| (notes.posted, notes.request) = (posted, notify.addr()));
    NPERR_NO_ERROR
}

unsafe extern "C" fn request_read(_: *mut NPStream, mut range: *mut NPByteRange) -> NPError {
    let mut ranges = Vec::new();
    // SAFETY: the plugin gives a list with null at its end.
    while let Some(part) = unsafe { range.as_ref() } {
        ranges.push((part.offset, part.length));
        range = part.next;
    }
    notes(|notes| notes.ranges = ranges);
    NPERR_NO_ERROR
}

unsafe extern "C" fn destroy_stream(_: NPP, _: *mut NPStream, reason: NPReason) -> NPError {
    notes(|notes| notes.closed.push(reason));
    NPERR_NO_ERROR
}

unsafe extern "C" fn get_for_url(
    _: NPP,
    _: c_int,
    url: *const c_char,
    value: *mut *mut c_char,
    length: *mut u32,
) -> NPError {
    // SAFETY: the plugin gives a text and two places.
    unsafe {
        let Some(text) = notes(|notes| notes.cookies.get(CStr::from_ptr(url).to_str().unwrap()).cloned()) else {
            return NPERR_GENERIC_ERROR;
        };
        *length = text.len() as u32;
        *value = copy(&CString::new(text).unwrap());
    }
    NPERR_NO_ERROR
}

unsafe extern "C" fn set_for_url(_: NPP, _: c_int, url: *const c_char, value: *const c_char, length: u32) -> NPError {
    // SAFETY: the plugin gives texts.
    let (url, value) = unsafe { (CStr::from_ptr(url), CStr::from_ptr(value)) };
    assert_eq!(value.count_bytes(), length as usize);
    notes(|notes| notes.cookies.insert(url.to_str().unwrap().into(), value.to_str().unwrap().into()));
    NPERR_NO_ERROR
}

/// The host's table, with every function that the tests use.
pub(crate) fn table() -> NPNetscapeFuncs {
    // SAFETY: zeros are two integers and empty slots.
    let mut table: NPNetscapeFuncs = unsafe { std::mem::zeroed() };
    table.size = size_of::<NPNetscapeFuncs>() as u16;
    table.version = 27;
    table.memalloc = Some(allocate);
    table.memfree = Some(free);
    table.getstringidentifier = Some(string_identifier);
    table.getintidentifier = Some(int_identifier);
    table.identifierisstring = Some(identifier_is_string);
    table.utf8fromidentifier = Some(utf8_from_identifier);
    table.intfromidentifier = Some(int_from_identifier);
    table.createobject = Some(create_object);
    table.retainobject = Some(retain);
    table.releaseobject = Some(release);
    table.releasevariantvalue = Some(release_variant);
    table.setexception = Some(set_exception);
    table.getvalue = Some(get_value);
    table.setvalue = Some(set_value);
    table.evaluate = Some(evaluate);
    table.invoke = Some(invoke);
    table.invokeDefault = Some(invoke_default);
    table.getproperty = Some(get_property);
    table.setproperty = Some(set_property);
    table.removeproperty = Some(remove_property);
    table.enumerate = Some(enumerate);
    table.pluginthreadasynccall = Some(async_call);
    table.scheduletimer = Some(schedule_timer);
    table.unscheduletimer = Some(unschedule_timer);
    table.geturlnotify = Some(get_url);
    table.posturlnotify = Some(post_url);
    table.requestread = Some(request_read);
    table.destroystream = Some(destroy_stream);
    table.getvalueforurl = Some(get_for_url);
    table.setvalueforurl = Some(set_for_url);
    table
}
