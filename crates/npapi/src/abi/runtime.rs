//! Script objects and their values, of `npruntime.h`.

use std::ffi::{c_char, c_int, c_void};

use super::types::NPP;

/// The name of a property or method, interned by the browser; never freed.
pub type NPIdentifier = *mut c_void;

/// UTF-8 with a length; not terminated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NPString {
    /// The first byte.
    pub UTF8Characters: *const c_char,
    /// In bytes.
    pub UTF8Length: u32,
}

/// `NPVariantType_Void`: JavaScript's `undefined`.
pub const NPVariantType_Void: c_int = 0;
/// `NPVariantType_Null`.
pub const NPVariantType_Null: c_int = 1;
/// `NPVariantType_Bool`.
pub const NPVariantType_Bool: c_int = 2;
/// `NPVariantType_Int32`.
pub const NPVariantType_Int32: c_int = 3;
/// `NPVariantType_Double`.
pub const NPVariantType_Double: c_int = 4;
/// `NPVariantType_String`.
pub const NPVariantType_String: c_int = 5;
/// `NPVariantType_Object`.
pub const NPVariantType_Object: c_int = 6;

/// What an [`NPVariant`] holds.
#[repr(C)]
#[derive(Clone, Copy)]
pub union NPVariantValue {
    /// For [`NPVariantType_Bool`].
    pub boolValue: u8,
    /// For [`NPVariantType_Int32`].
    pub intValue: i32,
    /// For [`NPVariantType_Double`].
    pub doubleValue: f64,
    /// For [`NPVariantType_String`].
    pub stringValue: NPString,
    /// For [`NPVariantType_Object`].
    pub objectValue: *mut NPObject,
}

/// A JavaScript value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NPVariant {
    /// One of the `NPVariantType_` constants.
    pub r#type: c_int,
    /// By type.
    pub value: NPVariantValue,
}

impl NPVariant {
    /// `undefined`.
    pub const VOID: Self = Self {
        r#type: NPVariantType_Void,
        value: NPVariantValue { stringValue: NPString { UTF8Characters: std::ptr::null(), UTF8Length: 0 } },
    };
}

/// A script object, counted; what follows these fields belongs to its class.
#[repr(C)]
#[derive(Debug)]
pub struct NPObject {
    /// How the object behaves.
    pub _class: *mut NPClass,
    /// Changed by the browser alone.
    pub referenceCount: u32,
}

/// `NPClass` version with every slot up to `construct`.
pub const NP_CLASS_STRUCT_VERSION: u32 = 3;

/// `invoke` of a class; also of the browser, with the instance in front.
pub type NPInvokeFunctionPtr =
    unsafe extern "C" fn(*mut NPObject, NPIdentifier, *const NPVariant, u32, *mut NPVariant) -> bool;
/// `invokeDefault` and `construct` of a class.
pub type NPInvokeDefaultFunctionPtr =
    unsafe extern "C" fn(*mut NPObject, *const NPVariant, u32, *mut NPVariant) -> bool;
/// `hasMethod`, `hasProperty` and `removeProperty` of a class.
pub type NPHasFunctionPtr = unsafe extern "C" fn(*mut NPObject, NPIdentifier) -> bool;

/// How the objects of a class behave.
#[repr(C)]
#[derive(Debug)]
pub struct NPClass {
    /// [`NP_CLASS_STRUCT_VERSION`].
    pub structVersion: u32,
    /// Makes an object.
    pub allocate: Option<unsafe extern "C" fn(NPP, *mut NPClass) -> *mut NPObject>,
    /// Frees an object whose count came to zero.
    pub deallocate: Option<unsafe extern "C" fn(*mut NPObject)>,
    /// Says that the instance of the object is gone.
    pub invalidate: Option<unsafe extern "C" fn(*mut NPObject)>,
    /// Whether there is a method of this name.
    pub hasMethod: Option<NPHasFunctionPtr>,
    /// Calls a method.
    pub invoke: Option<NPInvokeFunctionPtr>,
    /// Calls the object itself.
    pub invokeDefault: Option<NPInvokeDefaultFunctionPtr>,
    /// Whether there is a property of this name.
    pub hasProperty: Option<NPHasFunctionPtr>,
    /// Reads a property.
    pub getProperty: Option<unsafe extern "C" fn(*mut NPObject, NPIdentifier, *mut NPVariant) -> bool>,
    /// Writes a property.
    pub setProperty: Option<unsafe extern "C" fn(*mut NPObject, NPIdentifier, *const NPVariant) -> bool>,
    /// Removes a property.
    pub removeProperty: Option<NPHasFunctionPtr>,
    /// Lists names, in memory of `NPN_MemAlloc`; from version 2 on.
    pub enumerate: Option<unsafe extern "C" fn(*mut NPObject, *mut *mut NPIdentifier, *mut u32) -> bool>,
    /// `new object(…)`; from version 3 on.
    pub construct: Option<NPInvokeDefaultFunctionPtr>,
}
