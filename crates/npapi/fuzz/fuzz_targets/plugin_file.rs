//! Whatever a plugin file or an Info.plist has in it, the doctor answers with lines.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planet_npapi_doctor::check::{Report, check_bytes};

fuzz_target!(|data: &[u8]| {
    let mut report = Report::default();
    let inspection = check_bytes(data, &mut report);
    assert!(!report.0.is_empty());
    // What is not even read is refused, in one line.
    if inspection.is_none() {
        assert!(report.0.len() == 1 && !report.is_plugin());
    }
    assert!(report.0.iter().all(|line| !line.text.is_empty() && !line.text.contains('\n')));
    let _ = planet_npapi_doctor::bundle::parse(data);
});
