//! What X11 engines ask a plugin before they choose one: name, description, types. Only the plugin's own code can answer,
//! so it is loaded, in a process of its own that may crash or hang without harm.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a plugin may take to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Answers past this many bytes are cut.
const MAX_ANSWER: u64 = 1 << 20;

/// What a plugin answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// `NPPVpluginNameString`
    pub name: String,
    /// `NPPVpluginDescriptionString`
    pub description: String,
    /// `NP_GetPluginVersion`, empty when there is none.
    pub version: String,
    /// `NP_GetMIMEDescription`, whole.
    pub mime: String,
}

impl Answer {
    /// The types, in lower case as engines compare them, each with whether it has a description.
    pub fn types(&self) -> Vec<(String, bool)> {
        let parts = self.mime.split(';').filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let mut fields = part.split(':');
                let name = fields.next().unwrap_or_default().to_lowercase();
                (name, fields.nth(1).is_some())
            })
            .collect()
    }
}

/// Loads a plugin in another process, which runs this program with `arguments` and the file; it has to end in [`run`].
///
/// # Errors
/// In a sentence: what the loader says, which function is missing, that it crashed or hung.
pub fn ask(path: &Path, arguments: &[&str]) -> Result<Answer, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be tried: {error}"))?;
    let read = |stream: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(stream) = stream {
                let _ = stream.take(MAX_ANSWER).read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let output = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let problems = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it did not answer within {} s", LIMIT.as_secs()));
            }
        }
    };
    let (output, problems) = (output.join().unwrap_or_default(), problems.join().unwrap_or_default());
    if !status.success() {
        let last = problems.lines().rfind(|line| !line.trim().is_empty());
        return Err(match status.code() {
            // The line begins with the program's name.
            Some(_) => last
                .map_or("it failed without a word", |line| line.split_once(": ").map_or(line, |(_, rest)| rest))
                .to_owned(),
            None => format!("loading it crashes ({status})"),
        });
    }
    // What the plugin itself prints comes before this.
    let mut fields = output.rsplit_once(START).map(|(_, rest)| rest).unwrap_or_default().split('\0');
    let mut field = || fields.next().unwrap_or_default().to_owned();
    Ok(Answer { name: field(), description: field(), version: field(), mime: field() })
}

/// What comes before the answers.
const START: &str = "\u{1}npapi-probe\u{1}";

/// Loads a plugin into this process and prints its answers, for [`ask`].
///
/// # Errors
/// What stands in the way, in a sentence.
#[cfg(unix)]
pub fn run(path: &Path) -> Result<(), String> {
    use std::ffi::{CStr, CString, c_char, c_int, c_void};
    use std::io::Write;
    use std::os::unix::ffi::OsStrExt;

    type GetValue = unsafe extern "C" fn(*mut c_void, c_int, *mut c_void) -> i16;
    type GetText = unsafe extern "C" fn() -> *const c_char;

    /// # Safety
    /// `text` is null or a text with a zero at its end.
    unsafe fn read(text: *const c_char) -> Option<String> {
        // SAFETY: the caller's word.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }

    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| "the path has a zero byte".to_owned())?;
    // SAFETY: loading runs the plugin's code: that is what this process is for.
    unsafe {
        // All symbols at once, as engines do: one that is missing is found now.
        let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if library.is_null() {
            return Err(read(libc::dlerror()).unwrap_or_else(|| "it cannot be loaded".to_owned()));
        }
        let find = |name: &CStr| {
            let symbol = libc::dlsym(library, name.as_ptr());
            (!symbol.is_null()).then_some(symbol)
        };
        let missing = |name: &str| format!("it exports no {name}");
        let get_value = find(c"NP_GetValue").ok_or_else(|| missing("NP_GetValue"))?;
        let get_mime = find(c"NP_GetMIMEDescription").ok_or_else(|| missing("NP_GetMIMEDescription"))?;
        // SAFETY of the three: the signatures are those of the ABI.
        let get_value = std::mem::transmute::<*mut c_void, GetValue>(get_value);
        let get_mime = std::mem::transmute::<*mut c_void, GetText>(get_mime);
        let get_version =
            find(c"NP_GetPluginVersion").map(|symbol| std::mem::transmute::<*mut c_void, GetText>(symbol));
        let value = |variable: c_int| {
            let mut text: *const c_char = std::ptr::null();
            let code = get_value(std::ptr::null_mut(), variable, (&raw mut text).cast());
            if code == 0 {
                Ok(read(text).unwrap_or_default())
            } else {
                Err(format!("NP_GetValue({variable}) fails with {code}"))
            }
        };
        let (name, description) = (value(1)?, value(2)?);
        let mime = read(get_mime()).ok_or("NP_GetMIMEDescription gives nothing")?;
        let version = get_version.and_then(|get| read(get())).unwrap_or_default();
        let mut output = std::io::stdout().lock();
        let written = write!(output, "{START}{name}\0{description}\0{version}\0{mime}\0").and_then(|()| output.flush());
        written.map_err(|error| format!("cannot print: {error}"))
    }
}

/// Elsewhere engines read files without loading them.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub fn run(_: &Path) -> Result<(), String> {
    Err("plugins are only asked on X11".to_owned())
}
