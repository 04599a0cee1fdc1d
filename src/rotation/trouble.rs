//! What the check finds wrong and cannot mend: stored for whoever looks, and told to the trail once.

use super::{
    engine::Rotation,
    ledger::{Failure, WRITER},
};
use crate::{
    audit::inbox::{self, Entry, Outcome},
    postgres::{lead::Lead, session::Session},
};
use serde_json::{Map, Value, json};

const SET: &str = "UPDATE howdah.rotation SET trouble = $2, \
    trouble_since = CASE WHEN $2 IS NULL THEN NULL ELSE coalesce(trouble_since, now()) END \
    WHERE name = $1 AND trouble IS DISTINCT FROM $2";
const READ: &str = "SELECT trouble, \
        to_char(trouble_since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
    FROM howdah.rotation WHERE name = $1 AND trouble IS NOT NULL";

impl Rotation {
    /// Stores what stays wrong, or that nothing does any more. Only a change of that is an entry in the
    /// trail: `rotation.stuck`, or `rotation.well`.
    ///
    /// # Errors
    /// Why it is not stored; the trail has nothing then.
    pub async fn set_trouble(
        &self,
        session: &mut Session,
        lead: Lead,
        trouble: Option<&str>,
    ) -> Result<(), Failure> {
        let transaction = session.transaction().await?;
        lead.fence(&transaction).await?;
        if transaction.execute(SET, &[&self.name(), &trouble]).await? > 0 {
            let (action, outcome) = match trouble {
                Some(_) => ("rotation.stuck", Outcome::Failed),
                None => ("rotation.well", Outcome::Done),
            };
            let mut detail = Map::from_iter([("epoch".to_owned(), json!(lead.epoch()))]);
            if let Some(trouble) = trouble {
                detail.insert("reason".to_owned(), json!(trouble));
            }
            let (actor, subject) = ("check", self.name());
            let entry = Entry { writer: WRITER, action, actor, subject, outcome, detail };
            inbox::write(&transaction, &entry).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// What is stored of that: `{"what", "since"}`, or null.
    pub(super) async fn trouble(&self, session: &Session) -> Result<Value, Failure> {
        let row = session.query_opt(READ, &[&self.name()]).await?;
        Ok(row.map_or(
            Value::Null,
            |row| json!({ "what": row.get::<_, String>(0), "since": row.get::<_, String>(1) }),
        ))
    }
}
