//! A plugin that does everything once: what the tests in browser engines drive, and a place to look things up.
//!
//!     cargo build --package planet-npapi --example npdemo

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use planet_npapi::{
    Canvas, Color, Delivery, Error, Event, Exception, Info, Instance, Key, Mime, Object, Plugin, Reason, Request,
    Scriptable, Start, Stream, Value, Window, live,
};

/// What the instance and its script object share.
#[derive(Default)]
struct State {
    title: RefCell<String>,
    extra: RefCell<Option<Value>>,
    events: RefCell<Vec<String>>,
    /// Who waits for the end of a request, and what has come of it.
    requests: RefCell<HashMap<Request, (Object, Vec<u8>)>>,
    ticks: Cell<u32>,
}

struct Demo {
    state: Rc<State>,
    object: Object,
    color: Color,
}

struct Api(Rc<State>);

const METHODS: [&str; 15] = [
    "getVersion",
    "add",
    "echo",
    "call",
    "fail",
    "panic",
    "later",
    "get",
    "post",
    "cookies",
    "live",
    "evaluate",
    "startTimer",
    "child",
    "invalidate",
];

impl Api {
    fn request(&self, request: Request, callback: &Object) -> Value {
        self.0.requests.borrow_mut().insert(request, (callback.clone(), Vec::new()));
        Value::Undefined
    }
}

impl Scriptable for Api {
    fn has_method(&self, name: &Key) -> bool {
        name.as_str().is_some_and(|name| METHODS.contains(&name))
    }

    fn call(&self, instance: &Instance, name: &Key, arguments: &[Value]) -> Result<Value, Exception> {
        let argument = |index: usize| arguments.get(index).ok_or(format!("{name} needs argument {index}"));
        let text = |index| argument(index)?.as_str().ok_or(format!("argument {index} of {name} is no text"));
        let function = |index| argument(index)?.as_object().ok_or(format!("argument {index} of {name} is no function"));
        Ok(match name.as_str().unwrap_or_default() {
            "getVersion" => env!("CARGO_PKG_VERSION").into(),
            "add" => match (argument(0)?.as_f64(), argument(1)?.as_f64()) {
                (Some(one), Some(other)) => (one + other).into(),
                _ => return Err("add takes two numbers".into()),
            },
            "echo" => argument(0)?.clone(),
            "call" => function(0)?.call_self(&arguments[1..])?,
            "fail" => return Err(text(0)?.into()),
            "panic" => panic!("{}", text(0)?),
            "later" => {
                let value = text(1)?.to_owned();
                let callback = function(0)?.clone();
                let here = std::thread::current().id();
                let sender = instance.sender(move |_, value: String| drop(callback.call_self(&[value.into()])));
                std::thread::spawn(move || {
                    let elsewhere = std::thread::current().id() != here;
                    sender.send(format!("{value}, from another thread: {elsewhere}"))
                });
                Value::Undefined
            }
            "get" => self.request(instance.get_url(text(0)?, None)?, function(1)?),
            "post" => self.request(instance.post_url(text(0)?, None, "text/plain", text(1)?.as_bytes())?, function(2)?),
            "cookies" => {
                instance.set_cookie(text(0)?, text(1)?)?;
                instance.cookies(text(0)?)?.into()
            }
            "live" => {
                let live = live::count();
                format!("{},{},{}", live.instances, live.scriptables, live.references).into()
            }
            "evaluate" => instance.evaluate(text(0)?)?,
            "startTimer" => {
                let state = Rc::clone(&self.0);
                let tick = move |_: &Instance| state.ticks.set(state.ticks.get() + 1);
                instance.start_timer(Duration::from_millis(5), true, tick)?;
                Value::Undefined
            }
            "child" => Object::export(instance, Self(Rc::clone(&self.0)))?.into(),
            "invalidate" => instance.invalidate()?.into(),
            _ => return Err(format!("there is no method {name}").into()),
        })
    }

    fn has_property(&self, name: &Key) -> bool {
        name == "title" || name == "events" || name == "ticks" || (name == "extra" && self.0.extra.borrow().is_some())
    }

    fn get(&self, _: &Instance, name: &Key) -> Result<Value, Exception> {
        Ok(match name.as_str().unwrap_or_default() {
            "title" => self.0.title.borrow().clone().into(),
            "events" => self.0.events.borrow().join(" ").into(),
            "ticks" => i32::try_from(self.0.ticks.get()).unwrap_or(i32::MAX).into(),
            _ => self.0.extra.borrow().clone().unwrap_or_default(),
        })
    }

    fn set(&self, _: &Instance, name: &Key, value: Value) -> Result<(), Exception> {
        if name == "title" {
            *self.0.title.borrow_mut() = value.as_str().ok_or("the title is a text")?.to_owned();
        } else if name == "extra" {
            self.0.extra.replace(Some(value));
        } else {
            return Err(format!("{name} cannot be written").into());
        }
        Ok(())
    }

    fn remove(&self, _: &Instance, name: &Key) -> Result<(), Exception> {
        if name != "extra" {
            return Err(format!("{name} cannot be removed").into());
        }
        self.0.extra.take();
        Ok(())
    }

    fn keys(&self) -> Vec<Key> {
        METHODS.iter().copied().chain(["title", "events", "ticks"]).map(Key::from).collect()
    }

    fn call_self(&self, _: &Instance, arguments: &[Value]) -> Result<Value, Exception> {
        Ok(i32::try_from(arguments.len()).unwrap_or(i32::MAX).into())
    }

    fn construct(&self, instance: &Instance, _: &[Value]) -> Result<Value, Exception> {
        Ok(Object::export(instance, Self(Rc::clone(&self.0)))?.into())
    }
}

impl Plugin for Demo {
    const INFO: Info = Info {
        name: "Planet demo",
        description: "Does everything that planet-npapi can do once",
        version: env!("CARGO_PKG_VERSION"),
        mime: &[Mime { name: "application/x-planet-demo", extensions: &["npdemo"], description: "Planet demo" }],
    };

    fn initialize() -> Result<(), Error> {
        match std::env::var("NPDEMO_FAIL") {
            Ok(name) if name == Self::INFO.name => Err(Error::Other("NPDEMO_FAIL has this name".to_owned())),
            _ => Ok(()),
        }
    }

    fn wants_window(start: &Start) -> bool {
        start.attribute("windowed") == Some("true")
    }

    fn new(instance: &Instance, start: &Start) -> Result<Self, Error> {
        let state = Rc::new(State::default());
        *state.title.borrow_mut() = start.attribute("title").unwrap_or("untitled").to_owned();
        let part = |name| start.attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let color = Color::new(part("red"), part("green"), part("blue"));
        Ok(Self { object: Object::export(instance, Api(Rc::clone(&state)))?, state, color })
    }

    fn destroy(&self, _: &Instance) -> Option<Vec<u8>> {
        Some(self.state.title.borrow().clone().into_bytes())
    }

    fn scriptable(&self) -> Option<Object> {
        Some(self.object.clone())
    }

    fn form_value(&self) -> Option<String> {
        Some(self.state.title.borrow().clone())
    }

    fn window_changed(&self, _: &Instance, window: &Window) {
        let kind = if window.windowless { "" } else { ":own" };
        let handle = if window.handle.is_null() { "" } else { ":handle" };
        self.state.events.borrow_mut().push(format!("window:{}x{}{kind}{handle}", window.width, window.height));
    }

    fn paint(&self, _: &Instance, canvas: &Canvas) {
        if let Err(error) = canvas.fill(0, 0, canvas.width(), canvas.height(), self.color) {
            self.state.events.borrow_mut().push(format!("paint:{error}"));
        }
    }

    fn event(&self, _: &Instance, event: &Event) -> bool {
        self.state.events.borrow_mut().push(match event {
            Event::MouseDown { x, y, button } => format!("down:{x},{y},{button}"),
            Event::MouseUp { x, y, button } => format!("up:{x},{y},{button}"),
            Event::MouseMove { .. } => return false,
            Event::KeyDown { .. } => "keydown".to_owned(),
            Event::KeyUp { .. } => "keyup".to_owned(),
            Event::MouseEnter => "enter".to_owned(),
            Event::MouseLeave => "leave".to_owned(),
            Event::Focus(focus) => format!("focus:{focus}"),
        });
        true
    }

    fn print(&self, _: &Instance, window: Option<&Window>, _: *mut std::ffi::c_void) -> bool {
        self.state.events.borrow_mut().push(format!("print:{:?}", window.map(|window| (window.width, window.height))));
        true
    }

    fn stream_open(&self, _: &Instance, stream: &Stream) -> Result<Delivery, Error> {
        // Seekable streams are read out of order: the last four bytes alone.
        if stream.is_seekable() {
            return Ok(Delivery::Seek);
        }
        Ok(Delivery::Normal)
    }

    fn stream_data(&self, _: &Instance, stream: &Stream, offset: u64, data: &[u8]) -> Result<usize, Error> {
        let mut requests = self.state.requests.borrow_mut();
        if let Some((_, body)) = stream.request().and_then(|request| requests.get_mut(&request)) {
            body.extend_from_slice(data);
        } else {
            self.state.events.borrow_mut().push(format!("data:{offset}+{}", data.len()));
        }
        Ok(data.len())
    }

    fn stream_end(&self, _: &Instance, _: &Stream, reason: Reason) {
        self.state.events.borrow_mut().push(format!("end:{reason:?}"));
    }

    fn url_notify(&self, _: &Instance, request: Request, _: &str, reason: Reason) {
        let Some((callback, body)) = self.state.requests.borrow_mut().remove(&request) else { return };
        let body = String::from_utf8_lossy(&body).into_owned();
        let _ = callback.call_self(&[format!("{reason:?}").into(), body.into()]);
    }
}

planet_npapi::export!(Demo);
