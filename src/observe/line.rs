//! The line of an answered request, as JSON: the one line that is written for every request, so it
//! is written straight into the log's buffer. Its members are those that the subscriber writes.

use crate::{
    event::Event,
    value::{Type, json},
};
use std::time::SystemTime;

/// Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_US: i64 = 946_684_800_000_000;

/// How a timestamp in UTC ends in an answer.
const OFFSET: &[u8] = b"+00:00\"";

/// Writes the line of `event` when it is [`Event::Answered`]; says whether it was. `now` is when.
pub(super) fn answered(event: &Event<'_>, now: SystemTime, out: &mut Vec<u8>) -> bool {
    let Event::Answered {
        request_id,
        method,
        route,
        status,
        code,
        rows,
        duration,
        address,
        caller,
        ..
    } = event
    else {
        return false;
    };
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"{\"timestamp\":");
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let since_us = i64::try_from(since.as_micros()).unwrap_or(i64::MAX) - EPOCH_US;
    // A value of eight bytes is never malformed.
    let _ = json::write(&Type::Timestamptz, Some(&since_us.to_be_bytes()), out);
    // The other lines say Z.
    if out.ends_with(OFFSET) {
        out.truncate(out.len() - OFFSET.len());
        out.extend_from_slice(b"Z\"");
    }
    out.extend_from_slice(b",\"level\":\"");
    out.extend_from_slice(if *status >= 500 { b"WARN" } else { b"INFO" });
    out.extend_from_slice(b"\",\"message\":\"answered\",\"request_id\":");
    string(request_id, out);
    out.extend_from_slice(b",\"method\":");
    string(method, out);
    out.extend_from_slice(b",\"route\":");
    string(route, out);
    out.extend_from_slice(b",\"status\":");
    out.extend_from_slice(digits.format(*status).as_bytes());
    if let Some(code) = code {
        out.extend_from_slice(b",\"code\":");
        string(code, out);
    }
    out.extend_from_slice(b",\"rows\":");
    out.extend_from_slice(digits.format(*rows).as_bytes());
    out.extend_from_slice(b",\"duration_us\":");
    let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    out.extend_from_slice(digits.format(duration_us).as_bytes());
    if let Some(address) = address {
        use std::io::Write;
        // Writing into a vector does not fail.
        let _ = write!(out, ",\"address\":\"{address}\"");
    }
    if let Some(caller) = caller {
        out.extend_from_slice(b",\"caller\":");
        string(caller, out);
    }
    out.extend_from_slice(b"}\n");
    true
}

fn string(text: &str, out: &mut Vec<u8>) {
    // Text that is UTF-8, as a `str` is, is never malformed.
    let _ = json::write_string(text.as_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_line_is_json_with_every_member() {
        let event = Event::Answered {
            request_id: "id-1",
            method: "GET",
            route: "/a\"b",
            status: 503,
            code: Some("overloaded"),
            rows: 7,
            bytes: 70,
            duration: Duration::from_micros(1234),
            address: Some([192, 0, 2, 7].into()),
            caller: Some("token a \"b\""),
        };
        let mut out = Vec::new();
        let now = SystemTime::UNIX_EPOCH + Duration::from_micros(EPOCH_US as u64 + 1);
        assert!(answered(&event, now, &mut out));
        assert_eq!(out.last(), Some(&b'\n'));
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            line,
            serde_json::json!({
                "timestamp": "2000-01-01T00:00:00.000001Z",
                "level": "WARN",
                "message": "answered",
                "request_id": "id-1",
                "method": "GET",
                "route": "/a\"b",
                "status": 503,
                "code": "overloaded",
                "rows": 7,
                "duration_us": 1234,
                "address": "192.0.2.7",
                "caller": "token a \"b\"",
            })
        );
        assert!(!answered(&Event::Stopped { unfinished: 0 }, now, &mut out));
    }
}
