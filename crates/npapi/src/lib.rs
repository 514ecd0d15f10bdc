//! Native browser plugins over NPAPI: write a plugin in safe Rust, and browser engines that still load such plugins run
//! it.
//!
//! ```
//! use planet_npapi::{Error, Exception, Info, Instance, Key, Mime, Object, Plugin, Scriptable, Start, Value};
//!
//! struct Hello {
//!     object: Object,
//! }
//!
//! struct Api;
//!
//! impl Scriptable for Api {
//!     fn has_method(&self, name: &Key) -> bool {
//!         name == "greet"
//!     }
//!
//!     fn call(&self, _: &Instance, _: &Key, arguments: &[Value]) -> Result<Value, Exception> {
//!         let name = arguments.first().and_then(Value::as_str).ok_or("greet needs a name")?;
//!         Ok(format!("Hello {name}").into())
//!     }
//! }
//!
//! impl Plugin for Hello {
//!     const INFO: Info = Info {
//!         name: "Hello",
//!         description: "Says hello",
//!         version: "1.0",
//!         mime: &[Mime { name: "application/x-hello", extensions: &[], description: "Hello" }],
//!     };
//!
//!     fn new(instance: &Instance, _: &Start) -> Result<Self, Error> {
//!         Ok(Self { object: Object::export(instance, Api)? })
//!     }
//!
//!     fn scriptable(&self) -> Option<Object> {
//!         Some(self.object.clone())
//!     }
//! }
//!
//! planet_npapi::export!(Hello);
//! ```
//!
//! # What holds
//!
//! - A panic never crosses into the browser: it becomes a JavaScript exception or an `NPERR`, and is logged.
//! - Engines free script objects before their instance or after it. An [`Object`] or [`Instance`] that outlives the
//!   other answers [`Error::Gone`], and nothing is freed twice.
//! - A script that the plugin calls may call the plugin, or remove it from the page. So the methods of both traits take
//!   `&self`, and a plugin stays alive until the last call into it has returned.
//! - Everything belongs to the browser's main thread, which the types know; [`Caller`] and [`Sender`] alone go to other threads.
//!
//! # Modules
//!
//! | module | one idea |
//! | --- | --- |
//! | [`abi`] | the C ABI under its public names |
//! | [`plugin`] | the trait of a plugin, and what it says of itself |
//! | [`instance`] | what an instance asks of the browser |
//! | [`request`], [`timer`], [`caller`] | addresses, timers, calls from other threads |
//! | [`scriptable`] | the trait of an object that scripts see |
//! | [`object`] | any script object, the page's or ours |
//! | [`value`], [`key`] | JavaScript's values, names of properties |
//! | [`stream`], [`event`], [`window`], [`canvas`] | data, input, place, paint |
//! | [`entry`] | the exported functions, and [`export!`](crate::export) |
//! | [`trace`] | `NPAPI_LOG=FILE`: every call in both directions |
//! | [`origin`] | which file this is, and which build |
//! | [`live`] | how much is alive, to find what is not let go |

#![allow(non_upper_case_globals, reason = "constants of the ABI have the names of the C headers")]

pub mod abi;
mod browser;
pub mod caller;
mod calls;
pub mod canvas;
pub mod entry;
mod error;
pub mod event;
mod guard;
pub mod instance;
pub mod key;
pub mod live;
pub mod object;
pub mod origin;
pub mod plugin;
pub mod request;
pub mod scriptable;
pub mod stream;
mod strings;
pub mod timer;
pub mod trace;
pub mod value;
pub mod window;

pub use caller::{Caller, Sender};
pub use canvas::{Canvas, Color};
pub use error::Error;
pub use event::Event;
pub use instance::Instance;
pub use key::Key;
pub use object::Object;
pub use plugin::{Info, Mime, Plugin, Start};
pub use request::{Reason, Request};
pub use scriptable::{Exception, Scriptable};
pub use stream::{Delivery, Stream};
pub use value::Value;
pub use window::Window;
