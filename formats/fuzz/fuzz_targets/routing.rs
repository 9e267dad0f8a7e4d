//! Any bytes as a document of the file exchange: no panic; and a trigger that is read and can be written is read
//! back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toek_formats::routing::{FileContent, Trigger, dump};

/// Writing keeps whole seconds only.
fn without_fraction(mut trigger: Trigger) -> Trigger {
    if let FileContent::Routed(routing) = &mut trigger.content {
        let second = routing.sent.as_second() - i64::from(routing.sent.subsec_nanosecond() < 0);
        routing.sent = jiff::Timestamp::from_second(second).expect("no later than it was");
    }
    trigger
}

fuzz_target!(|bytes: &[u8]| {
    let outcome = dump(bytes, &mut |_| {});
    if let Ok(trigger) = Trigger::read(bytes) {
        assert!(outcome.is_ok());
        if let Ok(written) = trigger.write() {
            assert_eq!(Trigger::read(&written).expect("what is written is read"), without_fraction(trigger));
        }
    }
});
