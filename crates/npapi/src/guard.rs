//! Keeps panics out of the browser, whose frames they must not unwind.

use std::any::Any;
use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::trace;

/// Runs `body`; a panic is logged with where it happened, and its text becomes the error.
///
/// A plugin's state may be half changed after a panic. That is the plugin's to bear: what this crate keeps is never
/// changed while the plugin's code runs.
pub(crate) fn catch<T>(what: Arguments<'_>, body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let text = text(&*payload);
        discard(payload);
        trace::alarm(format_args!("panic in {what}: {text}"));
        format!("panic in {what}: {text}")
    })
}

/// Drops the payload of a panic. That may run code of the plugin's, which may panic with another one.
fn discard(mut payload: Box<dyn Any + Send>) {
    for _ in 0..8 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
}

/// The same for a call that the browser makes, which is traced; a panic is answered with `fallback`.
pub(crate) fn incoming<T: std::fmt::Debug>(
    name: &str,
    arguments: Arguments<'_>,
    fallback: T,
    body: impl FnOnce() -> T,
) -> T {
    trace::incoming(format_args!("{name}({arguments})"));
    let result = catch(format_args!("{name}"), body).unwrap_or(fallback);
    trace::incoming(format_args!("{name} = {result:?}"));
    result
}

fn text(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "no text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::catch;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }

    #[test]
    fn the_text_of_a_panic_is_kept() {
        assert_eq!(catch(format_args!("a"), || 1), Ok(1));
        assert_eq!(catch(format_args!("a"), || panic!("plain")), Err::<(), _>("panic in a: plain".into()));
        assert_eq!(catch(format_args!("a"), || panic!("number {}", 5)), Err::<(), _>("panic in a: number 5".into()));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        assert_eq!(
            catch(format_args!("a"), || std::panic::panic_any(Bomb)),
            Err::<(), _>("panic in a: no text".into())
        );
    }
}
