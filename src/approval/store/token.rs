//! Local tokens, for those without an identity provider. The database keeps their hashes.

use super::{Failure, answer};
use crate::{problem::Code, secret::Secret};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio_postgres::{Client, Error};
use zeroize::Zeroizing;

/// What a token begins with, so that scanners find one that was lost.
pub const NEW_TOKEN: &str = "howdah_token_";

/// Whom a token is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The principal's number.
    pub principal: i64,
    /// Its name.
    pub subject: String,
    /// Its groups.
    pub groups: Vec<String>,
}

/// A new token of 256 random bits.
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn new_token() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut())?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..]));
    Ok(Secret::new(format!("{NEW_TOKEN}{}", *text)))
}

fn hash(token: &Secret) -> Vec<u8> {
    Sha256::digest(token.expose()).to_vec()
}

/// Lets `token` stand for `subject` with these groups. Not in the role of requests.
///
/// # Errors
/// Those of the database; false when the principal is disabled.
pub async fn make_token(
    client: &Client,
    token: &Secret,
    subject: &str,
    groups: &[String],
    lasts: Duration,
) -> Result<bool, Error> {
    const MAKE: &str = "SELECT howdah.access_token_make($1, $2, $3, make_interval(secs => $4))";
    let row =
        client.query_one(MAKE, &[&subject, &groups, &hash(token), &lasts.as_secs_f64()]).await?;
    Ok(row.try_get::<_, Option<i64>>(0)?.is_some())
}

/// Ends every token of `subject`; gives how many. Not in the role of requests.
///
/// # Errors
/// Those of the database.
pub async fn revoke_tokens(client: &Client, subject: &str) -> Result<i64, Error> {
    client.query_one("SELECT howdah.access_token_revoke($1)", &[&subject]).await?.try_get(0)
}

/// Whom `token` is of.
///
/// # Errors
/// When it is nobody's, or ended; those of the database.
pub async fn use_token(client: &Client, token: &Secret) -> Result<Known, Failure> {
    let row = client.query_one("SELECT howdah.access_token_use($1)::text", &[&hash(token)]).await?;
    let known = answer(row.try_get(0)?)?;
    let groups = known["groups"].as_array().into_iter().flatten();
    Ok(Known {
        principal: known["principal"].as_i64().unwrap_or_default(),
        subject: known["subject"].as_str().unwrap_or_default().to_owned(),
        groups: groups.filter_map(|it| it.as_str().map(str::to_owned)).collect(),
    })
}

/// Tells the audit trail that somebody signed in. Not in the role of requests.
///
/// # Errors
/// Those of the database.
pub async fn tell_sign_in(client: &Client, who: i64, groups: &[String]) -> Result<(), Error> {
    const TELL: &str = "SELECT howdah.access_tell('sign-in', $1, 'api', 'done', \
                        jsonb_build_object('groups', $2::text[]))";
    client.query_one(TELL, &[&who, &groups]).await.map(drop)
}

/// Tells the audit trail that somebody was not let in. Not in the role of requests.
///
/// # Errors
/// Those of the database.
pub async fn refuse_sign_in(client: &Client, code: Code) -> Result<(), Error> {
    const TELL: &str = "SELECT howdah.access_refuse('sign-in', NULL, 'api', $1)";
    client.query_one(TELL, &[&code.slug()]).await.map(drop)
}
