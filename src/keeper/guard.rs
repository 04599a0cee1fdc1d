//! Who calls the keeper: by a local token, of which the database keeps the hash.

use super::Desk;
use crate::{
    approval::store::{self, Failure},
    http::api::{Caller, Guard},
    problem::{Code, Problem},
    secret::Secret,
};
use http::{HeaderMap, header};
use std::rc::Rc;

/// The guard of every route that is not open.
pub(super) fn of(desk: &Rc<Desk>) -> Guard {
    let desk = Rc::clone(desk);
    Rc::new(move |headers| {
        let desk = Rc::clone(&desk);
        Box::pin(async move { caller(&desk, &headers).await })
    })
}

/// Who sent the request. A request without a token is refused as one with nobody's is, so that the
/// trail has both.
async fn caller(desk: &Desk, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = token.and_then(|it| it.strip_prefix("Bearer ")).map(str::trim);
    let away = || Problem::new(Code::DatabaseUnavailable);
    let session = desk.connect().await.map_err(|_| away())?;
    let secret = Secret::new(token.unwrap_or_default().to_owned());
    let known = store::use_token(&session, &secret).await;
    session.close().await;
    let known = known.map_err(|it| match it {
        Failure::Refused(problem) if token.is_none() => {
            problem.detail("Send the token as `Authorization: Bearer …`.")
        }
        Failure::Refused(problem) => problem,
        // The tables are made when a keeper leads for the first time.
        Failure::Database(_) => away().detail("The keeper's tables are not there yet."),
    })?;
    Ok(Caller {
        principal: known.principal,
        name: format!("local:{}", known.subject),
        groups: known.groups,
    })
}
