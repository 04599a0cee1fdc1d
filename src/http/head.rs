//! What a request's head must be like for anything to be done with it.

use crate::problem::{Code, Problem};
use http::{Method, Version, header, request::Parts};

/// What RFC 9112 §3.2 asks of a request and hyper does not look at: one `Host`, and a target that
/// is a path.
pub(super) fn well_formed(parts: &Parts) -> Result<(), Problem> {
    let malformed = |detail: &str| Err(Problem::new(Code::MalformedRequest).detail(detail));
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        // HTTP/2 has it among its own fields (RFC 9113 §8.3.1).
        (None, _) if parts.version == Version::HTTP_2 && parts.uri.authority().is_some() => {}
        (None, _) if parts.version != Version::HTTP_10 => return malformed("`Host` is missing."),
        (Some(_), Some(_)) => return malformed("`Host` is given more than once."),
        (Some(host), None) if !host.as_bytes().iter().all(|byte| HOST[usize::from(*byte)]) => {
            return malformed("`Host` is not a host.");
        }
        _ => {}
    }
    if parts.method == Method::CONNECT {
        return malformed("The service is no proxy.");
    }
    Ok(())
}

/// Whether each byte may be one of a host and a port (RFC 3986 §3.2.2).
const HOST: [bool; 256] = {
    let mut is = [false; 256];
    let marks = b"-._~!$&'()*+,;=:[]%";
    let mut at = 0;
    while at < marks.len() {
        is[marks[at] as usize] = true;
        at += 1;
    }
    let mut byte = 0_u8;
    while byte < 128 {
        is[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    is
};
