//! JavaScript's values.

use std::ptr;

use crate::abi::runtime::{
    NPString, NPVariant, NPVariantType_Bool, NPVariantType_Double, NPVariantType_Int32, NPVariantType_Null,
    NPVariantType_Object, NPVariantType_String, NPVariantValue,
};
use crate::browser::{self, slot};
use crate::error::Error;
use crate::instance::Instance;
use crate::object::Object;

/// A value from or for JavaScript.
///
/// Engines are free to hand over a number as either kind; [`Value::as_i32`] and [`Value::as_f64`] take both.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `undefined`
    #[default]
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i32),
    /// Any number.
    Double(f64),
    /// A text. What is not UTF-8 in it was replaced.
    String(String),
    /// An object, function or array.
    Object(Object),
}

impl Value {
    /// The truth value, when it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number, when it is a whole one within 32 bits.
    pub fn as_i32(&self) -> Option<i32> {
        match self {
            Self::Int(value) => Some(*value),
            // The conversion saturates, so that only exact ones compare equal.
            Self::Double(value) if f64::from(*value as i32) == *value => Some(*value as i32),
            _ => None,
        }
    }

    /// The number, when it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(f64::from(*value)),
            Self::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, when it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }

    /// The object, when it is one.
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(value) = self { Some(value) } else { None }
    }

    /// Copies a value that stays the browser's.
    ///
    /// # Safety
    /// `variant` is one of the browser's, on its main thread, and belongs to `instance`.
    pub(crate) unsafe fn read(instance: &Instance, variant: &NPVariant) -> Self {
        // SAFETY: the type says which field of the union was written.
        unsafe {
            match variant.r#type {
                NPVariantType_Null => Self::Null,
                NPVariantType_Bool => Self::Bool(variant.value.boolValue != 0),
                NPVariantType_Int32 => Self::Int(variant.value.intValue),
                NPVariantType_Double => Self::Double(variant.value.doubleValue),
                NPVariantType_String => Self::String(text(variant.value.stringValue)),
                // An object is only missing when its instance has gone.
                NPVariantType_Object => {
                    Object::retain(instance, variant.value.objectValue).map_or(Self::Null, Self::Object)
                }
                _ => Self::Undefined,
            }
        }
    }

    /// Copies many values that stay the browser's.
    ///
    /// # Safety
    /// As [`Value::read`], for `count` values from `variants` on.
    pub(crate) unsafe fn read_all(instance: &Instance, variants: *const NPVariant, count: u32) -> Vec<Self> {
        if variants.is_null() {
            return Vec::new();
        }
        // SAFETY: the caller's word.
        (0..count as usize).map(|index| unsafe { Self::read(instance, &*variants.add(index)) }).collect()
    }

    /// Takes over a value that the browser has handed to us, and lets go of the browser's.
    ///
    /// # Safety
    /// As [`Value::read`], and the value is ours.
    pub(crate) unsafe fn take(instance: &Instance, mut variant: NPVariant) -> Result<Self, Error> {
        let release = slot!(releasevariantvalue, "NPN_ReleaseVariantValue");
        // SAFETY: the caller's word.
        let value = unsafe { Self::read(instance, &variant) };
        // SAFETY: it is ours to release, once.
        unsafe { release(&raw mut variant) };
        Ok(value)
    }

    /// The value for the browser, which becomes its owner: texts are in its memory, objects are counted once more.
    pub(crate) fn give(&self) -> Result<NPVariant, Error> {
        let mut variant = self.lend();
        match self {
            Self::String(text) => {
                let copy = browser::copy_to_browser(text.as_bytes())?;
                variant.value.stringValue =
                    NPString { UTF8Characters: copy.as_ptr().cast(), UTF8Length: length(text)? };
            }
            Self::Object(object) => variant.value.objectValue = object.retained()?,
            _ => {}
        }
        Ok(variant)
    }

    /// The value for the browser, which only looks at it during a call.
    pub(crate) fn lend(&self) -> NPVariant {
        let (r#type, value) = match self {
            Self::Undefined => return NPVariant::VOID,
            Self::Null => (NPVariantType_Null, NPVariantValue { objectValue: ptr::null_mut() }),
            Self::Bool(value) => (NPVariantType_Bool, NPVariantValue { boolValue: u8::from(*value) }),
            Self::Int(value) => (NPVariantType_Int32, NPVariantValue { intValue: *value }),
            Self::Double(value) => (NPVariantType_Double, NPVariantValue { doubleValue: *value }),
            Self::String(text) => {
                // A text past 4 GiB is cut; giving one away fails.
                let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
                let string = NPString { UTF8Characters: text.as_ptr().cast(), UTF8Length: bytes };
                (NPVariantType_String, NPVariantValue { stringValue: string })
            }
            Self::Object(object) => match object.pointer() {
                gone if gone.is_null() => (NPVariantType_Null, NPVariantValue { objectValue: gone }),
                pointer => (NPVariantType_Object, NPVariantValue { objectValue: pointer }),
            },
        };
        NPVariant { r#type, value }
    }

    /// Writes what is handed to the browser; on failure `undefined`.
    ///
    /// # Safety
    /// `place` is null or can be written.
    pub(crate) unsafe fn give_to(&self, place: *mut NPVariant) -> Result<(), Error> {
        let given = self.give();
        if !place.is_null() {
            // SAFETY: the caller's word.
            unsafe { place.write(*given.as_ref().unwrap_or(&NPVariant::VOID)) };
        }
        given.map(|_| ())
    }
}

fn length(text: &str) -> Result<u32, Error> {
    u32::try_from(text.len()).map_err(|_| Error::TooLarge(text.len()))
}

/// # Safety
/// The string has as many bytes as it says.
unsafe fn text(string: NPString) -> String {
    if string.UTF8Characters.is_null() {
        return String::new();
    }
    // SAFETY: the caller's word, and not null.
    let bytes = unsafe { std::slice::from_raw_parts(string.UTF8Characters.cast::<u8>(), string.UTF8Length as usize) };
    String::from_utf8_lossy(bytes).into_owned()
}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
from!(bool => Bool, i32 => Int, f64 => Double, String => String, &str => String, Object => Object);

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Undefined
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn whole_numbers_come_as_either_kind() {
        assert_eq!(Value::Double(5.0).as_i32(), Some(5));
        assert_eq!(Value::Int(-5).as_f64(), Some(-5.0));
        for none in [5.5, 2_147_483_648.0, f64::NAN, f64::INFINITY, -1e300] {
            assert_eq!(Value::Double(none).as_i32(), None, "{none}");
        }
        assert_eq!(Value::Double(f64::from(i32::MIN)).as_i32(), Some(i32::MIN));
    }
}
