//! How the memory of a process went, as a picture.
//!
//! | module | one idea |
//! | --- | --- |
//! | `picture` | what is where |
//! | `axis` | round numbers for the lines of a grid |
//! | `canvas` | shapes and letters |
//!
//! The letters are those of Noto Sans Mono (SIL Open Font License 1.1), as pixels in a crate, so that a machine needs no
//! fonts.

mod axis;
mod canvas;
mod picture;

pub(crate) use picture::png;
