//! An instance in the host.

use std::ffi::CString;
use std::mem::size_of;
use std::ptr;
use std::sync::OnceLock;

use planet_npapi::abi::constants::NPERR_NO_ERROR;
use planet_npapi::abi::types::NPError;
use planet_npapi::abi::{NPObject, NPP, NPP_t, NPPluginFuncs};
use planet_npapi::{Plugin, entry};

use crate::browser::table;

/// Loads a plugin, once for each process, and gives its table.
pub(crate) fn load<P: Plugin>() -> NPPluginFuncs {
    static LOADED: OnceLock<()> = OnceLock::new();
    let mut functions = empty_functions(size_of::<NPPluginFuncs>());
    LOADED.get_or_init(|| {
        let table = Box::new(table());
        // SAFETY: the table is whole. It is freed right after, as by some engines: the plugin has copied it.
        let code = unsafe { entry::initialize::<P>(&raw const *table, None) };
        assert_eq!(code, NPERR_NO_ERROR);
    });
    // SAFETY: the table is as long as it says.
    assert_eq!(unsafe { entry::entry_points::<P>(&raw mut functions) }, NPERR_NO_ERROR);
    functions
}

/// A table for the plugin to fill, which says that it has `size` bytes.
pub(crate) fn empty_functions(size: usize) -> NPPluginFuncs {
    // SAFETY: zeros are integers, null and empty slots.
    let mut functions: NPPluginFuncs = unsafe { std::mem::zeroed() };
    functions.size = size as u16;
    functions
}

/// An instance in the host, destroyed at the end of a test at the latest.
pub(crate) struct Hosted {
    pub(crate) functions: NPPluginFuncs,
    npp: Box<NPP_t>,
}

impl Hosted {
    pub(crate) fn new<P: Plugin>(attributes: &[(&str, &str)]) -> Self {
        let functions = load::<P>();
        let mut npp = Box::new(NPP_t { pdata: ptr::null_mut(), ndata: ptr::null_mut() });
        let texts = |part: fn(&(&str, &str)) -> String| -> Vec<CString> {
            attributes.iter().map(|pair| CString::new(part(pair)).unwrap()).collect()
        };
        let (names, values) = (texts(|pair| pair.0.to_owned()), texts(|pair| pair.1.to_owned()));
        let pointers = |texts: &[CString]| texts.iter().map(|text| text.as_ptr().cast_mut()).collect::<Vec<_>>();
        let (mut names_list, mut values_list) = (pointers(&names), pointers(&values));
        let code = unsafe {
            // SAFETY: texts and lists are alive during the call, the instance until it is destroyed.
            functions.newp.unwrap()(
                c"application/x-test".as_ptr().cast_mut(),
                &raw mut *npp,
                1,
                attributes.len() as i16,
                names_list.as_mut_ptr(),
                values_list.as_mut_ptr(),
                ptr::null_mut(),
            )
        };
        assert_eq!(code, NPERR_NO_ERROR);
        Self { functions, npp }
    }

    pub(crate) fn npp(&mut self) -> NPP {
        &raw mut *self.npp
    }

    /// What scripts see of the instance, counted for the caller.
    pub(crate) fn object(&mut self) -> *mut NPObject {
        let mut object: *mut NPObject = ptr::null_mut();
        // SAFETY: the instance is alive, the place is for an object.
        let code = unsafe {
            self.functions.getvalue.unwrap()(
                self.npp(),
                planet_npapi::abi::constants::NPPVpluginScriptableNPObject,
                (&raw mut object).cast(),
            )
        };
        assert_eq!(code, NPERR_NO_ERROR);
        object
    }

    pub(crate) fn destroy(&mut self) -> NPError {
        let npp = self.npp();
        // SAFETY: the plugin knows of an instance that is gone by its `pdata`.
        unsafe { self.functions.destroy.unwrap()(npp, ptr::null_mut()) }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.destroy();
    }
}
