//! What the log says of a caller, where it is to say it: both are personal data.

use crate::{
    access::{Caller, address},
    service::Serving,
};
use http::HeaderMap;
use std::net::IpAddr;

/// The longest name of a caller, in characters; a longer one is cut.
const LONGEST: usize = 200;

/// The caller's address, where `log.addresses` wants it: the one that a trusted proxy names, or the
/// connection's.
pub(super) fn address(
    serving: &Serving,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Option<IpAddr> {
    let config = &serving.service.config;
    config.log.addresses.then(|| address::of_caller(peer, headers, &config.proxies)).flatten()
}

/// Who calls, where `log.callers` wants it: as the audit trail says it, and never a credential.
pub(super) fn caller(serving: &Serving, caller: &Caller) -> Option<String> {
    serving.service.config.log.callers.then(|| caller.account()).flatten().map(|it| shown(&it))
}

/// A name on one line and not longer than [`LONGEST`]. An issuer may say anything: what ends a line,
/// hides itself or turns the text around becomes U+FFFD.
fn shown(name: &str) -> String {
    let turns = |it| matches!(it, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let safe =
        |it: char| if it.is_control() || turns(it) { char::REPLACEMENT_CHARACTER } else { it };
    let mut shown: String = name.chars().take(LONGEST).map(safe).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_on_its_line_and_is_short() {
        for (name, expected) in [
            ("key importer", "key importer"),
            ("token https://a/ m\u{fc}ller@b", "token https://a/ m\u{fc}ller@b"),
            ("a\nb\r\0c\u{1b}[31m\u{9b}", "a\u{fffd}b\u{fffd}\u{fffd}c\u{fffd}[31m\u{fffd}"),
            ("a\u{202e}b\u{2028}c\u{2066}\u{200b}", "a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(shown(name), expected);
        }
        assert_eq!(shown(&"é".repeat(LONGEST)), "é".repeat(LONGEST));
        assert_eq!(shown(&"é".repeat(LONGEST + 1)), "é".repeat(LONGEST) + "…");
    }
}
