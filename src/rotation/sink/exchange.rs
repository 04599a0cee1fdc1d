//! Asking the server of a sink: whom it trusts, how it is asked, and what its status means.

use super::remote::Trouble;
use crate::{
    outbound::{self, Endpoint},
    secret::Secret,
};
use http::HeaderValue;
use reqwest::{Client, Method, RequestBuilder, header};
use serde::de::DeserializeOwned;
use std::{
    cell::RefCell,
    fs,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The largest file that is read, in bytes.
const MOST: u64 = 64 * 1024;
/// The longest word of a server's that a message repeats.
const LONGEST_WORD: usize = 60;

/// A server, and the client that asks it.
pub(super) struct Server {
    /// Where it is.
    pub(super) endpoint: Endpoint,
    ca_file: Option<PathBuf>,
    /// The client, and the authorities that it was made with.
    client: RefCell<Option<(Vec<u8>, Client)>>,
}

impl Server {
    /// The server at `address`. Where `ca_file` is given, its certificate must be of one of the
    /// authorities in there; they are read anew each time, for they are renewed.
    pub(super) fn new(address: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let endpoint = Endpoint::parse(address).map_err(|why| format!("{address}: {why}"))?;
        let ca_file = ca_file.filter(|_| endpoint.is_encrypted()).map(Path::to_owned);
        Ok(Self { endpoint, ca_file, client: RefCell::default() })
    }

    /// The server there, as the system's authorities know it.
    pub(super) fn at(endpoint: Endpoint) -> Self {
        Self { endpoint, ca_file: None, client: RefCell::default() }
    }

    /// A request to `endpoint`, which is of this server.
    pub(super) fn request(
        &self,
        method: Method,
        endpoint: &Endpoint,
    ) -> Result<RequestBuilder, Trouble> {
        let authorities = match &self.ca_file {
            Some(path) => file(path)?.to_vec(),
            None => Vec::new(),
        };
        let mut held = self.client.borrow_mut();
        if held.as_ref().is_none_or(|(of, _)| *of != authorities) {
            let client = match &self.ca_file {
                Some(path) => outbound::client_trusting(&authorities)
                    .map_err(|why| format!("{}: {why}", path.display())),
                None => outbound::client(),
            };
            *held = Some((authorities, client.map_err(Trouble::Refused)?));
        }
        let client = held.as_ref().map(|(_, client)| client.clone());
        let client = client.ok_or_else(|| Trouble::Refused("there is no client".to_owned()))?;
        Ok(client.request(method, endpoint.url().clone()))
    }
}

/// What a file holds.
pub(super) fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = fs::File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
    read.map_err(|error| Trouble::Refused(format!("{}: {error}", path.display())))?;
    Ok(bytes)
}

/// The secret on the one line of a file.
pub(super) fn secret(path: &Path) -> Result<Secret, Trouble> {
    let bytes = file(path)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_end();
    if text.is_empty() || text.chars().any(char::is_control) {
        let why = format!("{}: it does not hold one line of text", path.display());
        return Err(Trouble::Refused(why));
    }
    Ok(Secret::new(text.to_owned()))
}

/// A field's value that no log shows.
pub(super) fn hidden(text: &str) -> Result<HeaderValue, Trouble> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| Trouble::Refused("the token cannot be one".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// `Authorization: Bearer …`.
pub(super) fn bearer(request: RequestBuilder, token: &Secret) -> Result<RequestBuilder, Trouble> {
    let value = Zeroizing::new(format!("Bearer {}", token.expose()));
    Ok(request.header(header::AUTHORIZATION, hidden(&value)?))
}

/// An answer. Its text may hold a credential.
pub(super) struct Reply {
    /// Its status.
    pub(super) status: u16,
    retry_after: Option<Duration>,
    text: Zeroizing<String>,
}

/// Sends a request and reads the answer.
///
/// # Errors
/// When there is none: [`Trouble::Passing`] when the server was not reached at all, else
/// [`Trouble::Unsure`].
pub(super) async fn send(request: RequestBuilder) -> Result<Reply, Trouble> {
    let answer = request.send().await.map_err(|error| {
        let why = outbound::in_words(&error);
        if error.is_connect() || error.is_builder() {
            Trouble::Passing(why, None)
        } else {
            Trouble::Unsure(why)
        }
    })?;
    let asked = answer.headers().get(header::RETRY_AFTER);
    let seconds = asked.and_then(|it| it.to_str().ok()?.trim().parse().ok());
    let (status, text) = outbound::read(answer).await.map_err(Trouble::Unsure)?;
    let retry_after = seconds.map(Duration::from_secs);
    Ok(Reply { status, retry_after, text: Zeroizing::new(text) })
}

impl Reply {
    /// The answer's JSON.
    pub(super) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Trouble> {
        let unread = |_| Trouble::Unsure("its answer cannot be read".to_owned());
        serde_json::from_str(&self.text).map_err(unread)
    }

    /// The answer's JSON, when it is of that form.
    pub(super) fn maybe<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.text).ok()
    }

    /// What a status means that is no success; `words` are what the server calls it.
    pub(super) fn trouble(&self, words: &[Option<&str>]) -> Trouble {
        let mut why = format!("it answers {}", self.status);
        for word in words.iter().flatten().filter(|it| is_word(it)) {
            why = format!("{why} {word}");
        }
        match self.status {
            429 => Trouble::Passing(why, self.retry_after),
            300..=399 => Trouble::Refused(format!("{why}: name the server that it leads to")),
            408 | 500.. => Trouble::Unsure(why),
            _ => Trouble::Refused(why),
        }
    }
}

/// Whether it is a code: anything longer might repeat what was sent.
fn is_word(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=LONGEST_WORD).contains(&text.len()) && text.bytes().all(is_letter)
}

/// What went wrong while signing in: nothing was written by it, for sure.
pub(super) fn signing_in(trouble: Trouble) -> Trouble {
    let told = |why: String| format!("signing in: {why}");
    match trouble {
        Trouble::Unsure(why) => Trouble::Passing(told(why), None),
        Trouble::Passing(why, after) => Trouble::Passing(told(why), after),
        Trouble::Refused(why) => Trouble::Refused(told(why)),
        Trouble::Conflict => Trouble::Conflict,
    }
}

/// A token that was given for some time.
#[derive(Default)]
pub(super) struct Token(RefCell<Option<(Secret, Instant)>>);

impl Token {
    /// The token, when it is good for some time yet.
    pub(super) fn held(&self) -> Option<Secret> {
        let held = self.0.borrow();
        held.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(token, _)| token.clone())
    }

    /// Keeps `token`, which is good for `lifetime`, for two thirds of that.
    pub(super) fn keep(&self, token: &Secret, lifetime: Duration) {
        let until = Instant::now() + lifetime.min(Duration::from_hours(24)) * 2 / 3;
        *self.0.borrow_mut() = Some((token.clone(), until));
    }

    /// Forgets it: the server does not take it.
    pub(super) fn forget(&self) {
        *self.0.borrow_mut() = None;
    }
}
