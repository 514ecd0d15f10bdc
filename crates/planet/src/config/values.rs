//! The values that settings are made of, and how they are written.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::schema::{Kind, Setting};

/// A length of time, written as in `25s`, `1m30s` or `250ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// A number of bytes, written as in `64KiB`, `1MB` or `512`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// An address to listen on, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Nothing is listened on.
    Off,
    /// An address and port.
    At(SocketAddr),
}

/// A network in CIDR notation, or one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network(String);

/// The origin of a web page (RFC 6454), or `*` for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOrigin(String);

const PERIODS: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const SIZES: &[(&str, usize)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];

impl Period {
    /// That many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Size {
    /// That many times 1024 bytes.
    pub const fn kib(count: usize) -> Self {
        Self(count << 10)
    }

    /// That many times 1024 × 1024 bytes.
    pub const fn mib(count: usize) -> Self {
        Self(count << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that has to know it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Network {
    /// Its text, which [`planet_net::Networks::parse`] accepts.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PageOrigin {
    /// Its text, as in the `Origin` header of a request.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for every origin.
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration: write a number and a unit, such as `250ms`, `25s` or `5m`");
        let mut total = 0u64;
        let mut rest = text;
        while !rest.is_empty() {
            let (number, after) = split_number(rest).ok_or_else(wrong)?;
            let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (_, unit) = PERIODS.iter().find(|(unit, _)| *unit == &after[..end]).ok_or_else(wrong)?;
            let part = u64::try_from(number).ok().and_then(|number| number.checked_mul(*unit)).ok_or_else(wrong)?;
            total = total.checked_add(part).ok_or_else(wrong)?;
            rest = &after[end..];
        }
        if text.is_empty() { Err(wrong()) } else { Ok(Self(Duration::from_millis(total))) }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a size: write bytes, or a number and a unit, such as `64KiB` or `1MiB`");
        let (number, unit) = split_number(text).ok_or_else(wrong)?;
        let factor = match unit.trim_start() {
            "" => 1,
            unit => SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1,
        };
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

fn split_number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{text}` is neither `off` nor an address and port such as `127.0.0.1:6051`")),
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        planet_net::Networks::parse([text]).map_err(|error| error.to_string())?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for PageOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_origin = text.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && !text["https://".len().min(text.len())..].contains(['/', '?', '#', '@'])
        });
        if text == "*" || is_origin {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!("`{text}` is not an origin: write `https://` and a host such as `https://example.org`, or `*`"))
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let (unit, size) = PERIODS
            .iter()
            .find(|(_, size)| milliseconds > 0 && milliseconds.is_multiple_of(u128::from(*size)))
            .unwrap_or(&("s", 1000));
        write!(f, "{}{unit}", milliseconds / u128::from(*size))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) =
            SIZES.iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size)).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PageOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a value from a TOML string.
pub(crate) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

macro_rules! written_as_text {
    ($($type:ty: $kind:expr;)*) => {$(
        impl Setting for $type {
            const KIND: Kind = $kind;
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

written_as_text! {
    Period: Kind::text("duration");
    Size: Kind::text("size");
    Endpoint: Kind::text("address with port, or `off`");
    Network: Kind::text("network");
    PageOrigin: Kind::text("origin");
}

impl Setting for Vec<Network> {
    const KIND: Kind = Kind::list("list of networks");
}

impl Setting for Vec<PageOrigin> {
    const KIND: Kind = Kind::list("list of origins");
}

impl Setting for Secret {
    const KIND: Kind = Kind::secret("secret text");
}

/// Hidden here too, so that no way of printing settings can show it.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for PageOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber).and_then(|text| match text {
            Written::Text(text) => text.parse().map_err(de::Error::custom),
            Written::Number(number) => {
                Err(de::Error::custom(format!("{number} is not a duration: it needs a unit, such as `{number}s`")))
            }
        })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber).and_then(|text| match text {
            Written::Text(text) => text.parse().map_err(de::Error::custom),
            Written::Number(number) => usize::try_from(number)
                .map(Self)
                .map_err(|_| de::Error::custom(format!("{number} is not a size: it must not be negative"))),
        })
    }
}

enum Written {
    Text(String),
    Number(i64),
}

struct TextOrNumber;

impl de::Visitor<'_> for TextOrNumber {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number with its unit in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
        Ok(Written::Text(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Written, E> {
        Ok(Written::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, milliseconds, written) in [
            ("25s", 25_000, "25s"),
            ("250ms", 250, "250ms"),
            ("1m30s", 90_000, "90s"),
            ("300s", 300_000, "5m"),
            ("2h", 7_200_000, "2h"),
            ("1d", 86_400_000, "1d"),
            ("0s", 0, "0s"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.0.as_millis(), milliseconds, "{text}");
            assert_eq!(period.to_string(), written);
        }
        for text in ["", "25", "s", "25 s", "25sec", "-1s", "1.5s", "99999999999999999999s", "999999999999999999d"] {
            let error = text.parse::<Period>().unwrap_err();
            assert!(error.starts_with(&format!("`{text}` is not a duration")), "{error}");
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, written) in [
            ("64KiB", 65_536, "64KiB"),
            ("1MiB", 1_048_576, "1MiB"),
            ("1MB", 1_000_000, "1MB"),
            ("100", 100, "100B"),
            ("2048B", 2048, "2KiB"),
            ("0", 0, "0B"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string(), written);
        }
        for text in ["", "KiB", "1kb", "1.5MiB", "-1", "99999999999999999999", "99999999999GiB"] {
            let error = text.parse::<Size>().unwrap_err();
            assert!(error.starts_with(&format!("`{text}` is not a size")), "{error}");
        }
    }

    #[test]
    fn origins_are_a_scheme_and_a_host() {
        for text in ["*", "https://example.org", "http://localhost:8000", "http://127.0.0.1"] {
            assert_eq!(text.parse::<PageOrigin>().unwrap().as_str(), text);
        }
        for text in ["example.org", "https://", "https://example.org/", "ftp://example.org", "https://a@b", ""] {
            assert!(text.parse::<PageOrigin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("hush-hush");
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(secret.expose(), "hush-hush");
    }
}
