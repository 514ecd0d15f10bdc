//! Which process a process id means: ids are used again, and a process can become another program.

/// Where `/proc/PID/stat` (proc_pid_stat(5)) has these, counted from the state, the first after the name.
const STARTED: usize = 19;
const STACK: usize = 25;

/// What tells a process from others of the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Birth {
    /// Clock ticks after boot.
    pub(super) started: u64,
    /// The address at which the stack of its program starts; 0 for one who may not know.
    pub(super) stack: u64,
}

impl Birth {
    /// Reads it from what `/proc/PID/stat` says; `None` when the process has ended and only waits to be noticed.
    pub(super) fn parse(stat: &[u8]) -> Option<Self> {
        // The name stands in parentheses and may hold some, and spaces.
        let after_name = stat.iter().rposition(|byte| *byte == b')')? + 2;
        let mut fields = stat.get(after_name..)?.split(|byte| byte.is_ascii_whitespace());
        if matches!(fields.next()?, b"Z" | b"X") {
            return None;
        }
        let mut number = |index: usize| {
            let digits = fields.nth(index)?;
            digits.iter().try_fold(0_u64, |value, digit| {
                let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
                value.checked_mul(10)?.checked_add(digit)
            })
        };
        Some(Self { started: number(STARTED - 1)?, stack: number(STACK - STARTED - 1)? })
    }

    /// Whether it is the same program in the same process.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.started == other.started && (self.stack == other.stack || self.stack == 0 || other.stack == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_from_behind_any_name() {
        let fields = (3..53).map(|n| format!(" {}", n * 10)).collect::<String>();
        let stat = |name: &str, state: &str| format!("77 ({name}) {state}{}\n", fields.split_at(3).1);
        let birth = Birth { started: 220, stack: 280 };
        assert_eq!(Birth::parse(stat("sh", "S").as_bytes()), Some(birth));
        assert_eq!(Birth::parse(stat("a) R 1 (b", "R").as_bytes()), Some(birth));
        assert_eq!(Birth::parse(stat("sh", "Z").as_bytes()), None);
        assert_eq!(Birth::parse(b"77 (sh) S 1 2 3"), None);
        assert_eq!(Birth::parse(b""), None);
    }

    #[test]
    fn a_program_is_told_from_the_one_it_replaces() {
        let birth = Birth { started: 5, stack: 7 };
        assert!(birth.is(&birth));
        assert!(birth.is(&Birth { started: 5, stack: 0 }));
        assert!(!birth.is(&Birth { started: 5, stack: 8 }));
        assert!(!birth.is(&Birth { started: 6, stack: 7 }));
    }
}
