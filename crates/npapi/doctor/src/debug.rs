//! The debugging set-up: the browser under a debugger, with a breakpoint in the plugin's first function.

use std::path::Path;
use std::process::Command;

/// How a browser is debugged with a plugin.
#[derive(Clone, Copy, Debug)]
pub struct Debugging<'a> {
    /// The plugin.
    pub file: &'a Path,
    /// The browser's program.
    pub browser: &'a Path,
    /// What it is to show.
    pub page: &'a str,
}

impl Debugging<'_> {
    /// The command, for a system with gdb.
    pub fn command(&self) -> Command {
        let mut command = Command::new("gdb");
        command.args(["-quiet", "-ex", "set breakpoint pending on", "-ex", "break NP_Initialize"]);
        command.args(["-ex", "run", "--args"]).arg(self.browser).arg(self.page);
        for (name, value) in self.variables() {
            command.env(name, value);
        }
        command
    }

    /// What the browser's environment needs: no crash reporter, which would take the crash away, and the plugin's folder.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let folder = self.file.parent().unwrap_or(Path::new(".")).display().to_string();
        vec![
            ("MOZ_CRASHREPORTER_DISABLE", "1".to_owned()),
            ("MOZ_PLUGIN_PATH", folder.clone()),
            ("QTWEBKIT_PLUGIN_PATH", folder),
        ]
    }

    /// The command, to be typed.
    pub fn text(&self) -> String {
        let command = self.command();
        let mut words: Vec<_> =
            self.variables().iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
        words.push("gdb".to_owned());
        words.extend(command.get_args().map(|argument| quote(&argument.to_string_lossy())));
        words.join(" ")
    }
}

/// What to do for engines that run plugins in a process of their own, and the steps on systems whose debuggers have windows.
pub const OTHER_SYSTEMS: &str = "\
Plugins in a process of their own: start the browser, open a page without the plugin, find the process
    (plugin-container, or --type=plugin on its command line; it may only be there once a plugin was used), and
    gdb -p PROCESS, then `break NP_Initialize` or one of your own functions, and `continue`.
Visual Studio: build with the x86_64-pc-windows-msvc toolchain; File > Open > Project, the browser's .exe;
    its properties: the page's address as argument, MOZ_CRASHREPORTER_DISABLE=1 as environment;
    Debug > New Breakpoint > Function Breakpoint: NP_Initialize. For a browser that runs plugins in a process of
    its own: Debug > Attach to Process, plugin-container.exe or the one with --type=plugin.
Xcode: Debug > Attach to Process by PID or Name, the plugin's process, Wait for process to launch;
    a symbolic breakpoint NP_Initialize; then open the page. On a terminal:
    MOZ_CRASHREPORTER_DISABLE=1 lldb --one-line 'breakpoint set --name NP_Initialize' -- BROWSER PAGE
";

fn quote(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-:=+,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Debugging;

    #[test]
    fn the_command_can_be_typed() {
        let debugging = Debugging {
            file: Path::new("/a b/np.so"),
            browser: Path::new("/usr/bin/browser"),
            page: "file:///it's.html",
        };
        let text = debugging.text();
        assert!(text.starts_with("MOZ_CRASHREPORTER_DISABLE=1 MOZ_PLUGIN_PATH='/a b' QTWEBKIT_PLUGIN_PATH='/a b' gdb"));
        assert!(text.contains("-ex 'break NP_Initialize'"));
        assert!(text.ends_with(r"--args /usr/bin/browser 'file:///it'\''s.html'"));
    }
}
