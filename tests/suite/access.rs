//! Access requests against a real PostgreSQL.

mod checkpoint;
mod grant;
mod keeper;
mod oidc;
mod request;
mod sequence;

use crate::support::{database::Database, postgres};
use howdah::{
    approval::{
        MIGRATIONS,
        policy::Policy,
        store::{self, Ask, Failure},
    },
    audit,
    postgres::Target,
    problem::Code,
    secret::Secret,
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use tokio_postgres::Client;

/// A database with the keeper's tables, a keeper, and somebody who asks in the role of requests.
pub(crate) struct House {
    pub(crate) database: Database,
    /// The keeper's own connection.
    pub(crate) keeper: Client,
    /// What serves requests.
    pub(crate) desk: Client,
    /// The role that temporary logins are members of.
    pub(crate) profile: String,
    people: BTreeMap<String, i64>,
}

impl House {
    pub(crate) async fn new() -> Self {
        let database = postgres::database();
        // What `howdah credentials setup` gives a keeper, and no more.
        database.psql_as_superuser(&format!(
            "ALTER ROLE {0} CREATEROLE; GRANT pg_signal_backend TO {0}",
            database.user
        ));
        let keeper = database.client().await;
        let profile = format!("{}_reader", database.user);
        keeper.batch_execute(&format!("CREATE ROLE {profile} NOLOGIN")).await.unwrap();
        for (name, sql) in audit::MIGRATIONS.iter().chain(MIGRATIONS) {
            keeper.batch_execute(sql).await.unwrap_or_else(|why| panic!("{name}: {why:?}"));
        }
        store::prepare(&keeper).await.unwrap();
        store::prepare(&keeper).await.unwrap();
        let desk = database.client().await;
        store::lower(&desk).await.unwrap();
        let mut people = BTreeMap::new();
        for (name, group) in
            [("ann", "dev"), ("bob", "dba"), ("cyd", "dba"), ("dan", "dba"), ("eve", "guest")]
        {
            let groups = [group.to_owned()];
            let id = store::enter(&desk, "local", name, &groups).await.unwrap().unwrap();
            people.insert(name.to_owned(), id);
        }
        let house = Self { database, keeper, desk, profile, people };
        house.set(&[house.policy()]).await;
        house
    }

    /// A policy of two approvals by a `dba` for a `dev`.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            action: "login",
            name: "read".to_owned(),
            profile: self.profile.clone(),
            approvals: 2,
            approvers: vec!["dba".to_owned()],
            requesters: vec!["dev".to_owned(), "dba".to_owned()],
            max_ttl: Duration::from_hours(4),
            max_pending: 2,
            lapse_after: Duration::from_hours(24),
            break_glass: Some(Duration::from_mins(15)),
        }
    }

    pub(crate) async fn set(&self, policies: &[Policy]) -> i32 {
        store::set_policies(&self.keeper, policies).await.unwrap()
    }

    pub(crate) fn who(&self, name: &str) -> i64 {
        self.people[name]
    }

    pub(crate) async fn ask(&self, name: &str, ask: &Ask) -> Result<String, Code> {
        let made = code(store::ask(&self.desk, self.who(name), ask).await)?;
        Ok(made["request"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn show(&self, request: &str) -> Value {
        code(store::show(&self.desk, request).await).unwrap()
    }

    pub(crate) async fn state(&self, request: &str) -> String {
        self.show(request).await["state"].as_str().unwrap().to_owned()
    }

    /// Decides on the request as it stands.
    pub(crate) async fn decide(
        &self,
        name: &str,
        request: &str,
        approve: bool,
    ) -> Result<(), Code> {
        let digest = self.digest(request).await;
        self.decide_on(name, request, approve, &digest).await
    }

    pub(crate) async fn decide_on(
        &self,
        name: &str,
        request: &str,
        approve: bool,
        digest: &[u8],
    ) -> Result<(), Code> {
        let outcome = store::decide(&self.desk, self.who(name), request, approve, digest).await;
        code(outcome).map(drop)
    }

    pub(crate) async fn digest(&self, request: &str) -> Vec<u8> {
        let shown = self.show(request).await;
        audit::tree::from_hex(shown["digest"].as_str().unwrap()).unwrap().to_vec()
    }

    /// A request of ann's that bob and cyd have approved.
    pub(crate) async fn approved(&self, ttl: Duration) -> String {
        let request = self.ask("ann", &Ask { ttl, ..asking() }).await.unwrap();
        for name in ["bob", "cyd"] {
            self.decide(name, &request, true).await.unwrap();
        }
        assert_eq!(self.state(&request).await, "approved");
        request
    }

    pub(crate) async fn activate(&self, request: &str) -> Result<store::Login, Code> {
        code(store::activate(&self.desk, self.who("ann"), request).await)
    }

    /// How the keeper signs in.
    pub(crate) fn target(&self) -> Target {
        Target {
            host: self.database.host.clone(),
            port: self.database.port,
            database: self.database.name.clone(),
            user: self.database.user.clone(),
            password: Some(Secret::new(self.database.password.clone())),
            connect_timeout: Duration::from_secs(5),
            application_name: "howdah test".to_owned(),
            also: Vec::new(),
            direct: Vec::new(),
            session: howdah::config::SessionAttrs::Any,
            shuffles: false,
            tls: std::sync::Arc::default(),
        }
    }

    /// The entries of the audit trail: action, outcome, and the code of a refusal.
    pub(crate) async fn told(&self) -> Vec<String> {
        let sql = "SELECT body FROM howdah.audit_inbox ORDER BY id";
        let rows = self.keeper.query(sql, &[]).await.unwrap();
        let told = rows.iter().map(|row| {
            let body: Value = serde_json::from_str(row.get(0)).unwrap();
            let entry = &body["entry"];
            let text = |member: &Value| member.as_str().unwrap_or_default().to_owned();
            let code = text(&entry["detail"]["code"]);
            format!("{} {} {code}", text(&entry["action"]), text(&entry["outcome"]))
        });
        told.map(|it| it.trim_end().to_owned()).collect()
    }
}

pub(crate) fn asking() -> Ask {
    Ask {
        policy: "read".to_owned(),
        ttl: Duration::from_hours(1),
        reason: "ticket 4711".to_owned(),
        age_recipient: None,
        break_glass: false,
    }
}

pub(crate) fn code<T>(outcome: Result<T, Failure>) -> Result<T, Code> {
    outcome.map_err(|failure| match failure {
        Failure::Refused(problem) => problem.code(),
        Failure::Database(error) => panic!("{error:?}"),
    })
}
