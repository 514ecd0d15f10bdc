//! What the browser does for a plugin: timers, requests, streams, calls from other threads, cookies.

use std::ffi::CStr;
use std::ptr;
use std::time::Duration;

use planet_npapi::abi::NPStream;
use planet_npapi::abi::constants::{
    NP_ASFILE, NP_NORMAL, NP_SEEK, NPERR_GENERIC_ERROR, NPERR_INVALID_URL, NPERR_NO_ERROR,
};
use planet_npapi::{Error, Reason, caller};

use crate::browser::{fire_timers, notes, run_calls};
use crate::hosted::Hosted;
use crate::plugin::{Bag, Test, forget, last, last_stream, tell, told};

#[test]
fn timers() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let npp = hosted.npp();
    let instance = last();
    told();
    let repeating = instance.start_timer(Duration::from_millis(5), true, |_| tell("again")).unwrap();
    instance.start_timer(Duration::from_secs(1), false, |_| tell("once")).unwrap();
    fire_timers(npp);
    fire_timers(npp);
    assert_eq!(told(), ["again", "once", "again"]);
    instance.stop_timer(repeating);
    instance.stop_timer(repeating);
    fire_timers(npp);
    assert!(told().is_empty());
    // A timer may stop itself, panic, and hold objects of the page's; the instance ends those that run.
    let bag = Bag::export(&instance).unwrap();
    instance.start_timer(Duration::ZERO, true, move |_| drop(bag.call("count", &[]))).unwrap();
    instance.start_timer(Duration::ZERO, true, |_| panic!("in a timer")).unwrap();
    fire_timers(npp);
    assert_eq!(told(), ["count 0"]);
    hosted.destroy();
    assert_eq!(notes(|notes| notes.timers.len()), 0);
    assert_eq!(instance.start_timer(Duration::ZERO, true, |_| {}), Err(Error::Gone));
    forget();
}

#[test]
fn calls_from_other_threads() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let npp = hosted.npp();
    let (instance, bag) = (last(), Bag::export(&last()).unwrap());
    told();
    let sender = instance.sender(move |_, text: String| {
        tell(text);
        let _ = bag.call("count", &[]);
    });
    let caller = instance.caller();
    let other = std::thread::spawn(move || {
        sender.send("one".to_owned()).unwrap();
        sender.clone().send("two".to_owned()).unwrap();
        caller.call(|instance| tell(format!("alive: {}", instance.is_alive()))).unwrap();
        caller.call(|_| panic!("in a call")).unwrap();
        (sender, caller)
    });
    let (sender, caller) = other.join().unwrap();
    assert_eq!(run_calls(npp), 4);
    assert_eq!(told(), ["one", "count 0", "two", "count 0", "alive: true"]);
    drop(sender);
    assert_eq!(run_calls(npp), 1);
    assert_eq!(told(), ["bag dropped"]);
    // What has not run when the instance goes is dropped, and what comes later is refused.
    caller.call(|_| tell("too late")).unwrap();
    hosted.destroy();
    assert_eq!(caller.call(|_| {}), Err(Error::Gone));
    run_calls(npp);
    assert_eq!(told(), ["destroyed while alive: true", "bag dropped"]);
    forget();
}

#[test]
fn calls_that_nobody_takes_are_bounded() {
    let hosted = Hosted::new::<Test>(&[]);
    let caller = last().caller();
    for _ in 0..caller::MAX_WAITING {
        caller.call(|_| {}).unwrap();
    }
    assert_eq!(caller.call(|_| {}), Err(Error::Full(caller::MAX_WAITING)));
    forget();
    drop(hosted);
}

#[test]
fn requests() {
    let mut hosted = Hosted::new::<Test>(&[]);
    let npp = hosted.npp();
    let instance = last();
    told();
    instance.get_url("a", None).unwrap();
    let notify = |url: &CStr, reason| {
        let data = ptr::without_provenance_mut(notes(|notes| notes.request));
        // SAFETY: the instance is alive.
        unsafe { hosted.functions.urlnotify.unwrap()(npp, url.as_ptr(), reason, data) };
    };
    notify(c"a", 0);
    instance.post_url("b", Some("_self"), "text/plain", b"x\0y").unwrap();
    assert_eq!(notes(|notes| notes.posted.clone()), b"Content-Type: text/plain\nContent-Length: 3\n\nx\0y");
    notify(c"b", 77);
    assert_eq!(told(), ["notify a Done", "notify b Other(77)"]);
    let refused = Error::Browser { function: "NPN_GetURLNotify", code: NPERR_INVALID_URL };
    assert_eq!(instance.get_url("refused:", None), Err(refused));
    assert!(instance.post_url("b", None, "a\nb: c", b"").is_err());
    assert_eq!(instance.get_url("a\0b", None), Err(Error::ZeroByte));
    instance.set_cookie("u", "k=v").unwrap();
    assert_eq!(instance.cookies("u"), Ok("k=v".to_owned()));
    assert_eq!(instance.proxy("u"), Ok("k=v".to_owned()));
    assert!(instance.cookies("none").is_err());
    forget();
}

fn stream(url: &CStr, headers: &CStr) -> NPStream {
    NPStream {
        pdata: ptr::null_mut(),
        ndata: ptr::null_mut(),
        url: url.as_ptr(),
        end: 10,
        lastmodified: 0,
        notifyData: ptr::null_mut(),
        headers: headers.as_ptr(),
    }
}

#[test]
fn a_seekable_stream_is_read_in_parts() {
    let mut hosted = Hosted::new::<Test>(&[("delivery", "seek")]);
    let npp = hosted.npp();
    told();
    let (mut stream, mut delivery) = (stream(c"http://x/", c"HTTP/1.1 200 OK\n"), NP_NORMAL);
    let functions = &hosted.functions;
    // SAFETY: instance and stream are alive, and so are the texts.
    unsafe {
        let mime = c"text/plain".as_ptr().cast_mut();
        let code = functions.newstream.unwrap()(npp, mime, &raw mut stream, 1, &raw mut delivery);
        assert_eq!((code, delivery), (NPERR_NO_ERROR, NP_SEEK));
        last_stream().read(&[(-4, 4), (0, 2)]).unwrap();
        assert_eq!(notes(|notes| notes.ranges.clone()), [(-4, 4), (0, 2)]);
        last_stream().read(&[]).unwrap();
        assert!(notes(|notes| notes.ranges.is_empty()));
        assert_eq!(functions.writeready.unwrap()(npp, &raw mut stream), 1 << 20);
        let mut write = |offset: i32, data: &[u8]| {
            let data = data.as_ptr().cast_mut().cast();
            functions.write.unwrap()(npp, &raw mut stream, offset, 4, data)
        };
        // The plugin claims to have taken more than there was.
        assert_eq!(write(6, b"last"), 4);
        assert_eq!(write(-1, b"high"), 4);
        last_stream().close(Reason::Stopped).unwrap();
        assert_eq!(notes(|notes| notes.closed.clone()), [2]);
        assert_eq!(functions.destroystream.unwrap()(npp, &raw mut stream, 2), NPERR_NO_ERROR);
        assert_eq!(functions.write.unwrap()(npp, &raw mut stream, 0, 0, ptr::null_mut()), -1);
    }
    assert_eq!(last_stream().close(Reason::Done), Err(Error::Gone));
    assert_eq!(
        told(),
        [
            "open (\"http://x/\", Some(10), Some(\"HTTP/1.1 200 OK\\n\"), true)",
            "data 6 last",
            "data 4294967295 high",
            "end Stopped, Err(Gone)"
        ]
    );
    forget();
}

#[test]
fn a_stream_as_a_file_a_refused_one_and_one_whose_plugin_panics() {
    let mut hosted = Hosted::new::<Test>(&[("delivery", "file")]);
    let npp = hosted.npp();
    told();
    let (mut stream, mut delivery) = (stream(c"u", c""), NP_NORMAL);
    let functions = &hosted.functions;
    // SAFETY: as above.
    unsafe {
        let mut open = |mime: &CStr| {
            let mime = mime.as_ptr().cast_mut();
            let code = functions.newstream.unwrap()(npp, mime, &raw mut stream, 0, &raw mut delivery);
            (code, delivery)
        };
        assert_eq!(open(c"refused").0, NPERR_GENERIC_ERROR);
        assert_eq!(open(c"text/plain"), (NPERR_NO_ERROR, NP_ASFILE));
        functions.asfile.unwrap()(npp, &raw mut stream, c"/tmp/file".as_ptr());
        functions.asfile.unwrap()(npp, &raw mut stream, ptr::null());
        let data = b"panic".as_ptr().cast_mut().cast();
        assert_eq!(functions.write.unwrap()(npp, &raw mut stream, 0, 5, data), -1);
        assert_eq!(functions.write.unwrap()(npp, &raw mut stream, 0, -5, data), -1);
    }
    let left = last_stream();
    hosted.destroy();
    assert_eq!(left.read(&[(0, 1)]), Err(Error::Gone));
    let lines = told();
    assert_eq!(lines[1..3], ["file Some(\"/tmp/file\")", "file None"]);
    forget();
}
