//! One declaration for each settings table: the struct, its defaults, and what the reference says of it.
//!
//! Everything that handles settings by name works from [`Table::KEYS`]: the check for unknown keys, the environment
//! variables, `--print-config`, and the reference in `docs/configuration.md`. So none of them can forget a key.

use std::{net::SocketAddr, path::PathBuf};

/// A settings table.
pub trait Table: Sized {
    /// Its keys, in the order of the reference.
    const KEYS: &'static [Key];
}

/// A type that the value of a key can have.
pub trait Setting {
    /// How it is written.
    const KIND: Kind;
}

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// What it means: Markdown, in the words of the field's documentation.
    pub doc: &'static str,
    /// How its value is written.
    pub kind: Kind,
}

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A single value.
    Value(Value),
    /// A table of its own.
    Table(&'static [Key]),
    /// Any number of tables.
    Tables(&'static [Key]),
}

/// A single value, or a list of them.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// What to write, for people: `duration`, for example.
    pub what: &'static str,
    /// How it is read from the text of a flag or a variable.
    pub syntax: Syntax,
    /// Whether it is never to be shown.
    pub secret: bool,
}

/// How the text of a flag or a variable becomes a TOML value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `true` or `false`.
    Boolean,
    /// A decimal number.
    Integer,
    /// The text itself.
    Text,
    /// Texts with commas between them.
    List,
}

impl Kind {
    /// A value written as a TOML string.
    pub const fn text(what: &'static str) -> Self {
        Self::Value(Value { what, syntax: Syntax::Text, secret: false })
    }

    /// A list of values written as TOML strings.
    pub const fn list(what: &'static str) -> Self {
        Self::Value(Value { what, syntax: Syntax::List, secret: false })
    }

    /// A text that is never shown.
    pub const fn secret(what: &'static str) -> Self {
        Self::Value(Value { what, syntax: Syntax::Text, secret: true })
    }
}

impl Setting for bool {
    const KIND: Kind = Kind::Value(Value { what: "`true` or `false`", syntax: Syntax::Boolean, secret: false });
}

impl Setting for u32 {
    const KIND: Kind = Kind::Value(Value { what: "number", syntax: Syntax::Integer, secret: false });
}

impl Setting for usize {
    const KIND: Kind = u32::KIND;
}

impl Setting for String {
    const KIND: Kind = Kind::text("text");
}

impl Setting for PathBuf {
    const KIND: Kind = Kind::text("path");
}

impl Setting for Vec<SocketAddr> {
    const KIND: Kind = Kind::list("list of addresses with ports");
}

impl<T: Setting> Setting for Option<T> {
    const KIND: Kind = T::KIND;
}

/// Declares a settings table: fields with their documentation and defaults.
macro_rules! table {
    (
        $(#[doc = $table_doc:literal])*
        pub struct $table:ident {
            $($(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])? pub $key:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[doc = $table_doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $table {
            $($(#[doc = $doc])* $(#[serde($($serde)*)])? pub $key: $type,)*
        }

        impl Default for $table {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::config::schema::Table for $table {
            const KEYS: &'static [$crate::config::schema::Key] = &[
                $($crate::config::schema::Key {
                    name: stringify!($key),
                    doc: concat!($($doc, "\n"),*),
                    kind: <$type as $crate::config::schema::Setting>::KIND,
                },)*
            ];
        }

        impl $crate::config::schema::Setting for $table {
            const KIND: $crate::config::schema::Kind =
                $crate::config::schema::Kind::Table(<Self as $crate::config::schema::Table>::KEYS);
        }

        impl $crate::config::schema::Setting for Vec<$table> {
            const KIND: $crate::config::schema::Kind =
                $crate::config::schema::Kind::Tables(<$table as $crate::config::schema::Table>::KEYS);
        }
    };
}

/// Declares a value that is one of a few words.
macro_rules! choice {
    (
        $(#[doc = $choice_doc:literal])*
        pub enum $choice:ident as $what:literal {
            $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[doc = $choice_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $choice {
            $($(#[doc = $doc])* $variant,)*
        }

        impl $choice {
            /// Every word that can be written.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::str::FromStr for $choice {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::config::nearest::no_such_word($what, text, Self::WORDS)),
                }
            }
        }

        impl serde::Serialize for $choice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $choice {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::values::from_text(deserializer)
            }
        }

        impl $crate::config::schema::Setting for $choice {
            const KIND: $crate::config::schema::Kind =
                $crate::config::schema::Kind::text(concat!("one of ", choice!(@words $($word),*)));
        }
    };
    (@words $first:literal $(, $word:literal)*) => { concat!("`", $first, "`" $(, ", `", $word, "`")*) };
}

pub(crate) use {choice, table};
