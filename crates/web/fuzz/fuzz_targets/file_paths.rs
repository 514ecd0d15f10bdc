//! No path of a request becomes a relative path that could lead out of a root, and decoding happens once.

#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use planet_web::files::path::{MAX_PATH_BYTES, SafePath};

fuzz_target!(|path: &str| {
    let Some(safe) = SafePath::parse(path) else { return };
    assert!(safe.relative.len() <= MAX_PATH_BYTES && !safe.relative.contains('\0'));
    for component in Path::new(&safe.relative).components() {
        let Component::Normal(name) = component else { panic!("{component:?} from {path:?}") };
        assert!(!name.as_encoded_bytes().starts_with(b"."), "{path:?}");
    }
    // Every name comes from one segment of the path, decoded once.
    let segments = path.trim_matches('/').split('/').map(percent_encoding::percent_decode_str);
    let decoded: Vec<u8> = segments.map(Vec::from_iter).collect::<Vec<_>>().join(&b'/');
    assert_eq!(safe.relative.as_bytes(), decoded);
});
