//! Proving that a credential works: a real login on each endpoint, and who one is then.

use crate::{
    credential::Credential,
    postgres::{Target, session},
};
use tokio_postgres::SimpleQueryMessage;

/// Why a credential does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// In words, with the endpoint.
    pub(super) message: String,
    /// Whether the server knows us and does not let us in; else nobody knows.
    pub(super) is_denial: bool,
    /// Whether it signs in, and acts as somebody else.
    pub(super) is_of_role: bool,
}

/// Signs in to each endpoint, and makes sure that the session acts as `owner`.
pub(super) async fn verify(
    endpoints: &[Target],
    credential: &Credential,
    owner: &str,
) -> Result<(), Broken> {
    for endpoint in endpoints {
        verify_one(endpoint, credential, owner).await?;
    }
    Ok(())
}

async fn verify_one(endpoint: &Target, credential: &Credential, owner: &str) -> Result<(), Broken> {
    let target = Target {
        user: credential.user.clone(),
        password: Some(credential.password.clone()),
        application_name: "howdah keeper verifies".to_owned(),
        ..endpoint.clone()
    };
    let place = format!("{}:{}", endpoint.host, endpoint.port);
    let said = |what: &str| format!("{place}: {what}");
    let session = session::connect_through(&target).await.map_err(|error| {
        let is_denial = error.sqlstate().is_some() && !error.reason().is_passing();
        let diagnostic = crate::diagnostic::Diagnostic::from(error);
        Broken { message: diagnostic.message().to_owned(), is_denial, is_of_role: false }
    })?;
    let asked = session.simple_query("SELECT current_user, session_user").await;
    session.close().await;
    let answer = asked.map_err(|error| {
        let message =
            error.as_db_error().map_or_else(|| error.to_string(), |it| it.message().into());
        let is_denial = error.as_db_error().is_some();
        Broken { message: said(&message), is_denial, is_of_role: false }
    })?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).zip(row.get(1)),
        _ => None,
    });
    let (acts_as, login) = row.unwrap_or_default();
    if login != credential.user || acts_as != owner {
        let message = said(&format!(
            "`{login}` acts as `{acts_as}`, not as `{owner}`: what it makes would be its own"
        ));
        return Err(Broken { message, is_denial: true, is_of_role: true });
    }
    Ok(())
}
