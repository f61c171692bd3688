//! Whatever a header or the first bytes of a connection say of where a request comes from: it is read or refused, nothing panics, and
//! what stands before a comma never changes how what a proxy appended behind it is read.
#![no_main]

use landrush::gate::address::entries;
use landrush::gate::proxy_v2::{FIXED_BYTES, Fixed, REST_BYTES_MAX};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for (is_forwarded, appended) in [(false, &b",192.0.2.1"[..]), (true, b",for=192.0.2.1")] {
        drop(entries(bytes, is_forwarded));
        let line = [bytes, appended].concat();
        assert_eq!(entries(&line, is_forwarded)[0], Some([192, 0, 2, 1].into()));
    }
    if let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_BYTES>()
        && let Ok(fixed) = Fixed::parse(fixed)
    {
        assert!(fixed.rest_bytes() <= REST_BYTES_MAX);
        if let Some(rest) = rest.get(..fixed.rest_bytes()) {
            let _ = fixed.source(rest);
        }
    }
});
