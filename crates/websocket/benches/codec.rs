//! Masking and decoding beside tungstenite.
fn main() {}
