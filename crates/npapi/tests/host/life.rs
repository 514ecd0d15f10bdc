//! Loading, instances, shutdown; printing.

use std::mem::{offset_of, size_of};
use std::ptr;

use planet_npapi::abi::constants::{
    NP_EMBED, NP_FULL, NPERR_GENERIC_ERROR, NPERR_INVALID_FUNCTABLE_ERROR, NPERR_INVALID_INSTANCE_ERROR, NPERR_NO_ERROR,
};
use planet_npapi::abi::types::{NPEmbedPrint, NPFullPrint, NPP_t, NPPrint, NPPrintUnion, NPSavedData};
use planet_npapi::abi::{NPNetscapeFuncs, NPPluginFuncs};
use planet_npapi::{Error, entry};

use crate::browser;
use crate::hosted::{self, Hosted};
use crate::plugin::{Test, forget, last, told};

#[test]
fn a_table_without_memory_or_of_another_version_is_refused() {
    hosted::load::<Test>();
    let refused = |change: fn(&mut NPNetscapeFuncs)| {
        let mut table = browser::table();
        change(&mut table);
        // SAFETY: the table is longer than it says.
        unsafe { entry::initialize::<Test>(&raw const table, None) }
    };
    assert_eq!(refused(|table| table.memalloc = None), NPERR_INVALID_FUNCTABLE_ERROR);
    assert_eq!(refused(|table| table.memfree = None), NPERR_INVALID_FUNCTABLE_ERROR);
    assert_eq!(refused(|table| table.version = 0x100), NPERR_INVALID_FUNCTABLE_ERROR);
    assert_eq!(refused(|table| table.size = 4), NPERR_INVALID_FUNCTABLE_ERROR);
    // SAFETY: null is allowed.
    assert_eq!(unsafe { entry::initialize::<Test>(ptr::null(), None) }, NPERR_INVALID_FUNCTABLE_ERROR);
    // What was refused does not take the place of what was there.
    assert!(last_works());
}

fn last_works() -> bool {
    let mut hosted = Hosted::new::<Test>(&[]);
    let alive = last().is_alive();
    forget();
    hosted.destroy() == NPERR_NO_ERROR && alive
}

#[test]
fn the_plugins_table_is_filled_as_far_as_there_is_room() {
    hosted::load::<Test>();
    let fill = |size: usize| {
        let mut functions = hosted::empty_functions(size);
        // SAFETY: there is more room than the table says.
        let code = unsafe { entry::entry_points::<Test>(&raw mut functions) };
        (code, functions)
    };
    let (code, functions) = fill(size_of::<NPPluginFuncs>());
    assert_eq!((code, usize::from(functions.size)), (NPERR_NO_ERROR, size_of::<NPPluginFuncs>()));
    let least = offset_of!(NPPluginFuncs, setvalue);
    let (code, functions) = fill(least);
    assert_eq!((code, usize::from(functions.size)), (NPERR_NO_ERROR, least));
    assert!(functions.getvalue.is_some());
    assert_eq!(fill(least - 1).0, NPERR_INVALID_FUNCTABLE_ERROR);
    assert!(fill(least - 1).1.newp.is_none());
    assert_eq!(fill(0).0, NPERR_INVALID_FUNCTABLE_ERROR);
    assert_eq!(usize::from(fill(60_000).1.size), size_of::<NPPluginFuncs>());
    // SAFETY: null is allowed.
    assert_eq!(unsafe { entry::entry_points::<Test>(ptr::null_mut()) }, NPERR_INVALID_FUNCTABLE_ERROR);
}

#[test]
fn an_instance_that_fails_or_panics_leaves_nothing() {
    let functions = hosted::load::<Test>();
    for (then, expected) in [(c"fail", NPERR_GENERIC_ERROR), (c"panic", NPERR_GENERIC_ERROR)] {
        let mut npp = NPP_t { pdata: ptr::null_mut(), ndata: ptr::null_mut() };
        let (mut names, mut values) = ([c"then".as_ptr().cast_mut()], [then.as_ptr().cast_mut()]);
        // SAFETY: everything is alive during the call.
        let code = unsafe {
            functions.newp.unwrap()(
                ptr::null_mut(),
                &raw mut npp,
                1,
                1,
                names.as_mut_ptr(),
                values.as_mut_ptr(),
                ptr::null_mut(),
            )
        };
        assert_eq!(code, expected);
        assert!(npp.pdata.is_null());
        assert!(!last().is_alive());
        assert_eq!(last().evaluate("1"), Err(Error::Gone));
        // SAFETY: it is no instance, and the plugin says so.
        assert_eq!(unsafe { functions.destroy.unwrap()(&raw mut npp, ptr::null_mut()) }, NPERR_INVALID_INSTANCE_ERROR);
        forget();
    }
}

#[test]
fn what_is_no_instance_is_refused() {
    let functions = hosted::load::<Test>();
    let none = ptr::null_mut();
    // SAFETY: null is no instance, and the plugin says so.
    unsafe {
        assert_eq!(functions.destroy.unwrap()(none, ptr::null_mut()), NPERR_INVALID_INSTANCE_ERROR);
        assert_eq!(functions.setwindow.unwrap()(none, ptr::null_mut()), NPERR_INVALID_INSTANCE_ERROR);
        assert_eq!(functions.event.unwrap()(none, ptr::null_mut()), 0);
        assert_eq!(functions.writeready.unwrap()(none, ptr::null_mut()), 0);
        functions.urlnotify.unwrap()(none, ptr::null(), 0, ptr::null_mut());
        functions.print.unwrap()(none, ptr::null_mut());
    }
}

#[test]
fn what_an_instance_leaves_is_the_browsers() {
    let mut hosted = Hosted::new::<Test>(&[]);
    forget();
    told();
    let mut saved: *mut NPSavedData = ptr::null_mut();
    // SAFETY: the instance is alive, the place is for the data, which are ours to free.
    unsafe {
        assert_eq!(hosted.functions.destroy.unwrap()(hosted.npp(), &raw mut saved), NPERR_NO_ERROR);
        assert_eq!(std::slice::from_raw_parts((*saved).buf.cast::<u8>(), (*saved).len as usize), b"left");
        libc::free((*saved).buf);
        libc::free(saved.cast());
    }
    assert_eq!(told(), ["destroyed while alive: true", "bag dropped"]);
    assert_eq!(hosted.destroy(), NPERR_INVALID_INSTANCE_ERROR);
}

#[test]
fn printing() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let npp = hosted.npp();
    let platform = ptr::without_provenance_mut(99);
    let full = NPFullPrint { pluginPrinted: 0, printOne: 0, platformPrint: platform };
    let mut print = NPPrint { mode: NP_FULL, print: NPPrintUnion { fullPrint: full } };
    told();
    // SAFETY: the instance is alive, and the mode says which print data they are.
    unsafe {
        hosted.functions.print.unwrap()(npp, &raw mut print);
        assert_eq!(print.print.fullPrint.pluginPrinted, 1);
        let mut embed: NPEmbedPrint = std::mem::zeroed();
        (embed.window.x, embed.window.width, embed.platformPrint) = (5, 60, platform);
        // Engines leave rubbish here.
        embed.window.ws_info = ptr::without_provenance_mut(1);
        let mut print = NPPrint { mode: NP_EMBED, print: NPPrintUnion { embedPrint: embed } };
        hosted.functions.print.unwrap()(npp, &raw mut print);
        hosted.functions.print.unwrap()(npp, ptr::null_mut());
    }
    assert_eq!(told(), ["print None 99", "print Some((5, 60)) 99"]);
    forget();
}

#[test]
fn shutdown_is_passed_on() {
    hosted::load::<Test>();
    told();
    assert_eq!(entry::shutdown::<Test>(), NPERR_NO_ERROR);
    assert_eq!(told(), ["shutdown"]);
}
