//! The kinds of value a setting may have: how each is named, read and refused.

use super::{
    address::{self, Address},
    connection::Authorities,
    database::Password,
    quantity,
};
use crate::secret::Secret;
use std::{fmt, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

/// One kind of value. Every source of settings (flag, environment, file, default) gives text; the
/// kind makes a value of it.
pub(super) trait Kind {
    /// What it is read into.
    type Value;
    /// Its name in the documentation.
    fn label(&self) -> String;
    /// What it takes, for "`key` takes …".
    fn wanted(&self) -> String;
    /// The value, or why there is none (empty when [`Kind::wanted`] says it all).
    fn parse(&self, text: &str) -> Result<Self::Value, String>;
    /// Whether a TOML file writes it in quotes.
    fn is_quoted(&self) -> bool {
        true
    }
    /// Whether a TOML file may write it without quotes.
    fn takes_bare(&self) -> bool {
        !self.is_quoted()
    }
    /// Whether it is a list: a TOML file writes an array.
    fn is_list(&self) -> bool {
        false
    }
    /// Whether the text must not be shown, nor stand in a file.
    fn is_secret(&self) -> bool {
        false
    }
}

/// Text of any kind on one line, not empty.
pub(super) struct Text;

/// A lower-case word, as the service's name is.
pub(super) struct Slug;

/// The database server: a host name, an IP address, or the directory of its unix socket.
pub(super) struct Server;

/// A whole number in a range.
pub(super) struct Integer<T>(pub(super) RangeInclusive<T>);

/// Bytes, at least one.
pub(super) struct Size<T>(pub(super) std::marker::PhantomData<T>);

/// A duration between two others.
pub(super) struct Span(pub(super) RangeInclusive<Duration>);

/// A listener's address.
pub(super) struct Listener;

/// One of a few words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

/// `true` or `false`.
pub(super) struct Switch;

/// A file's path.
pub(super) struct File;

/// By whose word a server is believed: a file, or `system`.
pub(super) struct Roots;

/// A secret text.
pub(super) struct Hidden;

/// A role's password.
pub(super) struct Word;

/// A value that may be absent: each of these words means that it is.
pub(super) struct Optional<K>(pub(super) K, pub(super) &'static [&'static str]);

/// The longest duration that is taken: a year. It keeps sums with the clock far from overflow.
const LONGEST: Duration = Duration::from_hours(365 * 24);

impl Span {
    /// A millisecond to a year.
    pub(super) const POSITIVE: Self = Self(Duration::from_millis(1)..=LONGEST);
    /// Nothing to a year.
    pub(super) const ANY: Self = Self(Duration::ZERO..=LONGEST);
    /// What `statement_timeout` takes: a signed 32-bit count of milliseconds, and zero would mean
    /// no limit at all.
    pub(super) const STATEMENT: Self =
        Self(Duration::from_millis(1)..=Duration::from_hours(24 * 24));
}

/// `text` as a message may show it: printable, not longer than a line, and without a URL's password.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = super::secrecy::without_userinfo(text);
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    // A quote needs no escape between backticks.
    shown = shown.replace("\\\"", "\"").replace("\\'", "'");
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

impl Kind for Text {
    type Value = String;
    fn label(&self) -> String {
        "text".into()
    }
    fn wanted(&self) -> String {
        "text".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if text.chars().any(char::is_control) {
            return Err("it has a control character".into());
        }
        Ok(text.to_owned())
    }
}

impl Kind for Slug {
    type Value = String;
    fn label(&self) -> String {
        "word".into()
    }
    fn wanted(&self) -> String {
        "a lower-case letter, then lower-case letters, digits and hyphens, 63 at most".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let goes_on = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if begins && goes_on && text.len() <= 63 { Ok(text.to_owned()) } else { Err(String::new()) }
    }
}

impl Kind for Server {
    type Value = String;
    fn label(&self) -> String {
        "host".into()
    }
    fn wanted(&self) -> String {
        "one host name, IP address or socket directory".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        let path = text.starts_with('/') && !text.chars().any(char::is_control);
        let address = text.parse::<std::net::IpAddr>().is_ok();
        if path || address || address::is_host_name(text) {
            Ok(text.to_owned())
        } else {
            Err(String::new())
        }
    }
}

impl<T: FromStr + PartialOrd + fmt::Display> Kind for Integer<T> {
    type Value = T;
    fn label(&self) -> String {
        format!("integer, {} to {}", self.0.start(), self.0.end())
    }
    fn wanted(&self) -> String {
        format!("an integer from {} to {}", self.0.start(), self.0.end())
    }
    fn parse(&self, text: &str) -> Result<T, String> {
        text.parse().ok().filter(|number| self.0.contains(number)).ok_or_else(String::new)
    }
    fn is_quoted(&self) -> bool {
        false
    }
}

impl<T: TryFrom<u64>> Kind for Size<T> {
    type Value = T;
    fn label(&self) -> String {
        "size".into()
    }
    fn wanted(&self) -> String {
        "a size such as `64 KiB`, `1 MB` or `4096`".into()
    }
    fn parse(&self, text: &str) -> Result<T, String> {
        let bytes = quantity::size(text)?;
        if bytes == 0 {
            return Err("nothing would fit".into());
        }
        bytes.try_into().map_err(|_| "it is too large".into())
    }
    fn takes_bare(&self) -> bool {
        true
    }
}

impl Kind for Span {
    type Value = Duration;
    fn label(&self) -> String {
        "duration".into()
    }
    fn wanted(&self) -> String {
        "a duration such as `250ms`, `5s` or `1m30s`".into()
    }
    fn parse(&self, text: &str) -> Result<Duration, String> {
        let duration = quantity::duration(text)?;
        if duration < *self.0.start() {
            return Err(format!(
                "it is shorter than {}",
                humantime::format_duration(*self.0.start())
            ));
        }
        if duration > *self.0.end() {
            return Err(format!("it is longer than {} days", self.0.end().as_secs() / 86_400));
        }
        Ok(duration)
    }
}

impl Kind for Listener {
    type Value = Address;
    fn label(&self) -> String {
        "address".into()
    }
    fn wanted(&self) -> String {
        "an address such as `0.0.0.0:3000`, `[::1]:3000` or `unix:/run/a.sock`".into()
    }
    fn parse(&self, text: &str) -> Result<Address, String> {
        Address::parse(text)
    }
}

impl<T: Copy> Kind for Choice<T> {
    type Value = T;
    fn label(&self) -> String {
        self.wanted()
    }
    fn wanted(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("`{word}`")).collect();
        words.join(" or ")
    }
    fn parse(&self, text: &str) -> Result<T, String> {
        let found = self.0.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            crate::name::nearest(text, self.0.iter().map(|(word, _)| *word))
                .map_or_else(String::new, |near| format!("did you mean `{near}`?"))
        })
    }
}

impl Kind for Switch {
    type Value = bool;
    fn label(&self) -> String {
        "`true` or `false`".into()
    }
    fn wanted(&self) -> String {
        "true or false".into()
    }
    fn parse(&self, text: &str) -> Result<bool, String> {
        text.parse().map_err(|_| String::new())
    }
    fn is_quoted(&self) -> bool {
        false
    }
}

impl Kind for File {
    type Value = PathBuf;
    fn label(&self) -> String {
        "path".into()
    }
    fn wanted(&self) -> String {
        "a file's path".into()
    }
    fn parse(&self, text: &str) -> Result<PathBuf, String> {
        Text.parse(text).map(PathBuf::from)
    }
}

impl Kind for Roots {
    type Value = Authorities;
    fn label(&self) -> String {
        "path, or `system`".into()
    }
    fn wanted(&self) -> String {
        "a file's path, or `system`".into()
    }
    fn parse(&self, text: &str) -> Result<Authorities, String> {
        match text {
            "system" => Ok(Authorities::System),
            path => File.parse(path).map(Authorities::File),
        }
    }
}

impl Kind for Hidden {
    type Value = Secret;
    fn label(&self) -> String {
        "secret".into()
    }
    fn wanted(&self) -> String {
        "references to environment variables".into()
    }
    fn parse(&self, text: &str) -> Result<Secret, String> {
        Ok(Secret::new(text.to_owned()))
    }
    fn is_secret(&self) -> bool {
        true
    }
}

impl Kind for Word {
    type Value = Password;
    fn label(&self) -> String {
        Hidden.label()
    }
    fn wanted(&self) -> String {
        Hidden.wanted()
    }
    fn parse(&self, text: &str) -> Result<Password, String> {
        // Nothing else may give one, but a file that says so afterwards.
        Hidden.parse(text).map(|secret| Password { secret, in_environment: true })
    }
    fn is_secret(&self) -> bool {
        true
    }
}

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;
    fn label(&self) -> String {
        self.0.label()
    }
    fn wanted(&self) -> String {
        self.0.wanted()
    }
    fn parse(&self, text: &str) -> Result<Option<K::Value>, String> {
        if self.1.contains(&text) { Ok(None) } else { self.0.parse(text).map(Some) }
    }
    fn is_quoted(&self) -> bool {
        self.0.is_quoted()
    }
    fn takes_bare(&self) -> bool {
        self.0.takes_bare()
    }
    fn is_secret(&self) -> bool {
        self.0.is_secret()
    }
}
