//! The credential as it is published: a small JSON object.

use crate::secret::Secret;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

/// The largest document that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// A login, its password, and the generation that they are of.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Which one it is: each new one has a higher number.
    pub generation: u64,
    /// The role that signs in.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

#[derive(Deserialize)]
struct Written<'a> {
    generation: u64,
    user: String,
    #[serde(borrow)]
    password: std::borrow::Cow<'a, str>,
}

impl Credential {
    /// Reads `{"generation":42,"user":"rates_a","password":"…"}`. Members that it does not know may
    /// be from a later version and are passed over.
    ///
    /// # Errors
    /// What is wrong, as a sentence without its full stop and without a word of the document.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES {
            return Err("it is larger than 64 KiB");
        }
        let written: Written<'_> = serde_json::from_slice(text).map_err(|_| {
            "it is not a JSON object with `generation`, a number, and `user` and `password`, texts"
        })?;
        let password = Secret::new(written.password.into_owned());
        let control = |text: &str| text.chars().any(char::is_control);
        if written.user.is_empty() || written.user.len() > 63 || control(&written.user) {
            return Err("its `user` cannot be a role");
        }
        if password.is_empty() || password.expose().contains('\0') {
            return Err("its `password` cannot be one");
        }
        if i64::try_from(written.generation).is_err() {
            return Err("its `generation` is too large");
        }
        Ok(Self { generation: written.generation, user: written.user, password })
    }

    /// The document, with a newline at its end.
    pub fn to_json(&self) -> Zeroizing<String> {
        let Self { generation, user, password } = self;
        // The parts are quoted by themselves, so that no tree holds a copy of the password.
        let quoted = |text: &str| Zeroizing::new(json!(text).to_string());
        Zeroizing::new(format!(
            "{{\"generation\":{generation},\"user\":{},\"password\":{}}}\n",
            *quoted(user),
            *quoted(password.expose()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for password in ["s3cret", "qu\"ote\\ \u{e9}\n"] {
            let written = Credential {
                generation: 42,
                user: "rates_a".to_owned(),
                password: Secret::new(password.to_owned()),
            };
            assert!(Credential::parse(written.to_json().as_bytes()) == Ok(written));
        }
        let later = br#"{"generation":1,"user":"a","password":"b","since":"2026"}"#;
        assert!(Credential::parse(later).is_ok());
    }

    #[test]
    fn what_is_none_is_refused_and_not_repeated() {
        for bad in [
            "",
            "{",
            "[]",
            r#"{"generation":1,"user":"a"}"#,
            r#"{"generation":-1,"user":"a","password":"hunter2"}"#,
            r#"{"generation":"1","user":"a","password":"hunter2"}"#,
            r#"{"generation":1,"user":"","password":"hunter2"}"#,
            r#"{"generation":1,"user":"a","password":""}"#,
            r#"{"generation":1,"user":"a","password":"hunter2\u0000"}"#,
            r#"{"generation":9223372036854775808,"user":"a","password":"hunter2"}"#,
            r#"{"generation":1,"user":"a","password":"hunter2"} x"#,
        ] {
            let why = Credential::parse(bad.as_bytes()).err();
            assert!(why.is_some_and(|why| !why.contains("hunter2")), "{bad}");
        }
        assert!(Credential::parse(&vec![b' '; MAX_BYTES + 1]).is_err());
    }
}
