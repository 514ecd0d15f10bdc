//! Script objects: both orders of death, exceptions, panics, names.

use std::ptr;

use planet_npapi::abi::runtime::{NPVariantType_Int32, NPVariantType_Void};
use planet_npapi::abi::{NPClass, NPIdentifier, NPObject, NPVariant};
use planet_npapi::{Error, Key, Value};

use crate::browser::{self, notes, release, release_variant, retain};
use crate::hosted::Hosted;
use crate::plugin::{Bag, Test, forget, last, told};

fn identifier(name: &std::ffi::CStr) -> NPIdentifier {
    // SAFETY: a text.
    unsafe { browser::table().getstringidentifier.unwrap()(name.as_ptr()) }
}

/// The class of an object, which is alive.
fn class(object: *mut NPObject) -> &'static NPClass {
    // SAFETY: the classes of these tests are static.
    unsafe { &*(*object)._class }
}

/// Calls a method as an engine does.
fn invoke(object: *mut NPObject, name: &std::ffi::CStr, arguments: &[NPVariant]) -> (bool, NPVariant) {
    let mut result = NPVariant::VOID;
    result.r#type = NPVariantType_Int32;
    // SAFETY: the object is alive, the arguments outlive the call.
    let done = unsafe {
        class(object).invoke.unwrap()(
            object,
            identifier(name),
            arguments.as_ptr(),
            arguments.len() as u32,
            &raw mut result,
        )
    };
    (done, result)
}

/// Where an object is, as its only description says.
fn pointer_of(object: &planet_npapi::Object) -> *mut NPObject {
    let text = format!("{object:?}");
    let digits = text.trim_start_matches("Object(0x").trim_end_matches(')');
    ptr::with_exposed_provenance_mut(usize::from_str_radix(digits, 16).unwrap())
}

fn exceptions() -> Vec<String> {
    notes(|notes| std::mem::take(&mut notes.exceptions))
}

#[test]
fn an_object_may_outlive_its_instance() {
    let mut hosted = Hosted::new::<Test>(&[]);
    forget();
    let object = hosted.object();
    let (done, child) = invoke(object, c"bag", &[]);
    assert!(done);
    hosted.destroy();
    drop(hosted);
    // SAFETY: the object counts for us until the end, the child in its variant.
    unsafe {
        let child_object = child.value.objectValue;
        for object in [object, child_object] {
            assert!(!invoke(object, c"bag", &[]).0);
            assert!(!class(object).hasMethod.unwrap()(object, identifier(c"bag")));
            let (mut list, mut count) = (ptr::null_mut(), 0);
            assert!(!class(object).enumerate.unwrap()(object, &raw mut list, &raw mut count));
        }
        told();
        release(object);
        let mut child = child;
        release_variant(&raw mut child);
    }
    assert_eq!(told(), ["bag dropped", "bag dropped"]);
}

#[test]
fn an_instance_may_outlive_its_objects() {
    // As Chromium does: before the instance is destroyed, all of its objects are invalidated and freed, whatever they
    // count. The plugin must not touch them again.
    let mut hosted = Hosted::new::<Test>(&[]);
    let kept = Bag::export(&last()).unwrap();
    forget();
    let object = hosted.object();
    let before = kept.clone();
    // SAFETY: alive until this very moment; the counts are the engine's own.
    unsafe {
        class(object).invalidate.unwrap()(object);
        assert!(!invoke(object, c"bag", &[]).0);
        class(object).deallocate.unwrap()(object);
        let pointer = pointer_of(&kept);
        class(pointer).deallocate.unwrap()(pointer);
    }
    assert_eq!(kept.call("bag", &[]), Err(Error::Gone));
    assert_eq!(before.set("a", 1), Err(Error::Gone));
    drop(before.clone());
    assert_eq!(hosted.destroy(), 0);
    assert_eq!(kept.get("a"), Err(Error::Gone));
    drop((kept, before));
}

#[test]
fn objects_that_refer_to_each_other_go_with_the_instance() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let (one, other) = (Bag::export(&last()).unwrap(), Bag::export(&last()).unwrap());
    one.set("other", other.clone()).unwrap();
    other.set("other", one.clone()).unwrap();
    one.set("itself", one.clone()).unwrap();
    assert_eq!(one.get("other").unwrap().as_object(), Some(&other));
    drop((one, other));
    forget();
    told();
    hosted.destroy();
    assert_eq!(told(), ["destroyed while alive: true", "bag dropped", "bag dropped", "bag dropped"]);
}

#[test]
fn exceptions_and_panics_reach_the_script_with_their_text() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let object = hosted.object();
    exceptions();
    let (done, result) = invoke(object, c"fail", &[]);
    // True, so that engines show the text; and nothing in the result that they would read.
    assert!(done);
    assert_eq!(result.r#type, NPVariantType_Void);
    assert!(invoke(object, c"panic", &[]).0);
    assert_eq!(exceptions(), ["zero \u{fffd} byte", "panic in invoke panic: as asked"]);
    assert!(invoke(object, c"run", &[NPVariant::VOID]).0);
    assert_eq!(exceptions(), ["no object"]);
    // SAFETY: it counts for us.
    unsafe { release(object) };
    forget();
}

#[test]
fn properties_are_removed_and_listed() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let bag = Bag::export(&last()).unwrap();
    forget();
    bag.set("name", "Grüße").unwrap();
    assert_eq!(bag.get("name"), Ok(Value::from("Grüße")));
    assert_eq!(bag.get(7), Ok(Value::Int(7)));
    let mut keys = bag.keys().unwrap();
    keys.sort_by_key(ToString::to_string);
    assert_eq!(keys, [Key::from(7), Key::from("name")]);
    exceptions();
    assert_eq!(bag.remove("name"), Ok(true));
    assert!(exceptions().is_empty());
    assert_eq!(bag.remove("name"), Ok(true));
    assert_eq!(exceptions(), ["there is no name"]);
    assert_eq!(bag.get("zero\0byte"), Err(Error::ZeroByte));
    assert_eq!(bag.construct(&[]), Err(Error::Unsupported("NPN_Construct")));
    drop(bag);
    hosted.destroy();
}

/// An object of the page's whose `invoke` destroys the instance that calls it.
#[repr(C)]
struct Killer {
    header: NPObject,
    victim: *mut Hosted,
}

unsafe extern "C" fn kill(
    object: *mut NPObject,
    _: NPIdentifier,
    _: *const NPVariant,
    _: u32,
    result: *mut NPVariant,
) -> bool {
    // SAFETY: made by the test below; the instance is destroyed, its place stays. The result is an object, which the
    // plugin has to let go again though its instance is gone.
    unsafe {
        let killer = object.cast::<Killer>();
        (*(*killer).victim).destroy();
        (*result).r#type = planet_npapi::abi::runtime::NPVariantType_Object;
        (*result).value.objectValue = retain(object);
    }
    true
}

unsafe extern "C" fn free_killer(object: *mut NPObject) {
    // SAFETY: made by the test below.
    drop(unsafe { Box::from_raw(object.cast::<Killer>()) });
}

#[test]
fn a_script_may_remove_the_instance_that_calls_it() {
    // SAFETY: a version, and empty slots.
    let mut class: NPClass = unsafe { std::mem::zeroed() };
    class.structVersion = 3;
    class.invoke = Some(kill);
    class.deallocate = Some(free_killer);
    let class = Box::leak(Box::new(class));
    let hosted = Box::into_raw(Box::new(Hosted::new::<Test>(&[])));
    // SAFETY: all of them are alive until they are freed at the end.
    unsafe {
        let object = (*hosted).object();
        let header = NPObject { _class: class, referenceCount: 1 };
        let killer = Box::into_raw(Box::new(Killer { header, victim: hosted })).cast::<NPObject>();
        let mut argument = NPVariant::VOID;
        argument.r#type = planet_npapi::abi::runtime::NPVariantType_Object;
        argument.value.objectValue = killer;
        let (done, _) = invoke(object, c"run", &[argument]);
        assert!(done);
        assert!(!last().is_alive());
        assert_eq!((*killer).referenceCount, 1);
        release(killer);
        release(object);
        drop(Box::from_raw(hosted));
        drop(Box::from_raw(class));
    }
    forget();
}

#[test]
fn the_window_is_counted_once_however_often_it_is_asked_for() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let object = hosted.object();
    browser::set_window(Some(object));
    // SAFETY: it counts for us.
    let count = || unsafe { (*object).referenceCount };
    let before = count();
    let windows: Vec<_> = (0..10).map(|_| last().window_object().unwrap()).collect();
    assert_eq!(count(), before);
    assert_eq!(last().evaluate("text"), Ok(Value::from("text")));
    drop(windows);
    browser::set_window(None);
    assert!(matches!(last().element(), Err(Error::Browser { .. })));
    hosted.destroy();
    assert_eq!(count(), 1);
    // SAFETY: the last count is ours.
    unsafe { release(object) };
    forget();
}
