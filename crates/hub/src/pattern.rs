//! Patterns of channel names, and ordered rules keyed by them.

use std::fmt;

/// A pattern of channel names: literal text, `*` for any run of characters (also none), and at the end, optionally,
/// `{user}` for the name of a user.
///
/// ```
/// use planet_hub::Pattern;
///
/// let rooms: Pattern = "room.*".parse().unwrap();
/// assert!(rooms.matches("room.lobby").is_some());
///
/// let inbox: Pattern = "@{user}".parse().unwrap();
/// assert_eq!(inbox.matches("@julia").unwrap().user, Some("julia"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    glob: Box<str>,
    ends_with_user: bool,
}

/// What a pattern found in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The part of the name that stands where the pattern says `{user}`.
    pub user: Option<&'a str>,
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// The pattern has no characters.
    Empty,
    /// `{user}` stands somewhere other than at the end.
    UserNotLast,
    /// The pattern has another brace than those of `{user}`.
    StrayBrace,
    /// `*` stands right before `{user}`, which leaves open where the user's name begins.
    StarBeforeUser,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a channel pattern cannot be empty; use \"*\" for every channel",
            Self::UserNotLast => "{user} can only stand at the end of a channel pattern",
            Self::StrayBrace => "a channel pattern knows no braces but those of {user}",
            Self::StarBeforeUser => "* cannot stand right before {user}: put a separator between them",
        })
    }
}

impl std::error::Error for PatternError {}

const USER: &str = "{user}";

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (glob, ends_with_user) = match text.strip_suffix(USER) {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        match () {
            () if text.is_empty() => Err(PatternError::Empty),
            () if glob.contains(USER) => Err(PatternError::UserNotLast),
            () if glob.contains(['{', '}']) => Err(PatternError::StrayBrace),
            () if ends_with_user && glob.ends_with('*') => Err(PatternError::StarBeforeUser),
            () => Ok(Self { glob: glob.into(), ends_with_user }),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.glob, if self.ends_with_user { USER } else { "" })
    }
}

impl Pattern {
    /// Matches a whole name. Takes time in proportion to the product of both lengths at worst, never more.
    pub fn matches<'a>(&self, name: &'a str) -> Option<Matched<'a>> {
        if !self.ends_with_user {
            return glob_matches(self.glob.as_bytes(), name.as_bytes()).then_some(Matched { user: None });
        }
        let start = name.rfind(|c: char| !is_user_character(c)).map_or(0, |at| at + 1);
        (start..name.len())
            .find(|&at| glob_matches(self.glob.as_bytes(), &name.as_bytes()[..at]))
            .map(|at| Matched { user: Some(&name[at..]) })
    }
}

/// Characters of a user's name: `[A-Za-z0-9._-]`.
fn is_user_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// On a mismatch only the last star has to be tried again one character further on, which keeps this free of recursion.
fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                last_star = Some((g, n));
                g += 1;
            }
            Some(&literal) if literal == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match last_star {
                Some((star, from)) => {
                    last_star = Some((star, from + 1));
                    g = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|&c| c == b'*')
}

/// Values for channels by the pattern of their names: the first rule that matches counts.
#[derive(Clone, Debug)]
pub struct Rules<T> {
    rules: Vec<(Pattern, T)>,
    otherwise: T,
}

impl<T> Rules<T> {
    /// Rules that give `otherwise` for every name that no later rule matches.
    pub fn new(otherwise: T) -> Self {
        Self { rules: Vec::new(), otherwise }
    }

    /// Adds a rule behind those there are.
    #[must_use]
    pub fn with(mut self, pattern: Pattern, value: T) -> Self {
        self.rules.push((pattern, value));
        self
    }

    /// The value for a name, and what its pattern found in it.
    pub fn find<'a>(&self, name: &'a str) -> (&T, Matched<'a>) {
        self.rules
            .iter()
            .find_map(|(pattern, value)| pattern.matches(name).map(|matched| (value, matched)))
            .unwrap_or((&self.otherwise, Matched { user: None }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_of<'a>(pattern: &str, name: &'a str) -> Option<Option<&'a str>> {
        pattern.parse::<Pattern>().unwrap().matches(name).map(|matched| matched.user)
    }

    #[test]
    fn stars_match_any_run() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "chat", true),
            ("chat", "chat", true),
            ("chat", "chats", false),
            ("chat.*", "chat.", true),
            ("chat.*", "chat", false),
            ("*.log", "a.b.log", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "x", true),
        ] {
            assert_eq!(user_of(pattern, name).is_some(), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn the_user_is_what_stands_at_the_end() {
        assert_eq!(user_of("@{user}", "@julia"), Some(Some("julia")));
        assert_eq!(user_of("@{user}", "@"), None);
        assert_eq!(user_of("inbox.{user}", "inbox.julia.b"), Some(Some("julia.b")));
        assert_eq!(user_of("*:{user}", "a:b:julia"), Some(Some("julia")));
        assert_eq!(user_of("@{user}", "@ju:lia"), None);
        assert_eq!(user_of("{user}", "julia"), Some(Some("julia")));
    }

    #[test]
    fn patterns_that_cannot_be_meant_are_refused() {
        assert_eq!("".parse::<Pattern>(), Err(PatternError::Empty));
        assert_eq!("{user}.x".parse::<Pattern>(), Err(PatternError::UserNotLast));
        assert_eq!("a{b}".parse::<Pattern>(), Err(PatternError::StrayBrace));
        assert_eq!("a*{user}".parse::<Pattern>(), Err(PatternError::StarBeforeUser));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern: Pattern = format!("{}b", "a*".repeat(60)).parse().unwrap();
        assert_eq!(pattern.matches(&"a".repeat(128)), None);
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rules = Rules::new(0).with("chat.secret".parse().unwrap(), 1).with("chat.*".parse().unwrap(), 2);
        assert_eq!(rules.find("chat.secret").0, &1);
        assert_eq!(rules.find("chat.lobby").0, &2);
        assert_eq!(rules.find("news").0, &0);
    }
}
