//! Durations and sizes, and how they are written.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::schema::{Kind, Setting};

/// A length of time, written as in `25s`, `1m30s` or `250ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// A number of bytes, written as in `64KiB`, `1MB` or `512`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

const PERIODS: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const SIZES: &[(&str, usize)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
    // Also read, and never written.
    ("G", 1 << 30),
    ("M", 1 << 20),
    ("K", 1 << 10),
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

impl Setting for Period {
    const KIND: Kind = Kind::text("duration");
}

impl Setting for Size {
    const KIND: Kind = Kind::text("size");
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
            ("2G", 2 << 30, "2GiB"),
            ("512M", 512 << 20, "512MiB"),
            ("3K", 3072, "3KiB"),
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
}
