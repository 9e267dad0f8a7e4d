//! NemKonto's samples beside what is told of them; see [`samples`].
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read sample files")]

mod samples;

use samples::{check, check_secrets};
use toek_formats::nemkonto::{Error, Limits, dump};

fn tell(bytes: &[u8], line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    dump(bytes, Limits::default(), line)
}

#[test]
fn right_messages_are_told() {
    check(tell, "nemkonto/ok", true, 25);
}

#[test]
fn broken_messages_are_refused_at_their_place() {
    check(tell, "nemkonto/err", false, 55);
}

#[test]
fn nothing_personal_is_told() {
    let secrets = [
        "6101804001",
        "804001",
        "2512489996",
        "489996",
        "99970000055555",
        "99980000067890",
        "99990000012345",
    ];
    check_secrets(tell, &["nemkonto/ok", "nemkonto/err"], &secrets);
}
