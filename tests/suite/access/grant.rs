//! Temporary logins: what they can do, until when, and what is left of them.

use super::{House, code};
use crate::support::{database, eventually};
use howdah::approval::{
    ending::{Ends, look},
    store::{self, Login},
};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Config};

fn config(house: &House, login: &Login) -> Config {
    let mut config = house.database.config();
    config.user(&login.name).password(login.password.expose());
    config
}

/// Does the keeper's work until the grant of `request` is in `state`.
async fn work(house: &House, request: &str, state: &str) -> Duration {
    let (begun, mut ends) = (Instant::now(), Ends::default());
    while house.state(request).await != state {
        let looked = look(&house.keeper, &house.target(), &mut ends).await.unwrap();
        assert!(looked.failures.is_empty(), "{:?}", looked.failures);
        assert!(begun.elapsed() < Duration::from_secs(20), "never {state}");
        tokio::time::sleep(looked.next.min(Duration::from_millis(50))).await;
    }
    begun.elapsed()
}

async fn is_alive(client: &Client) -> bool {
    client.simple_query("SELECT 1").await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_works_until_its_time_and_not_longer() {
    let house = House::new().await;
    let request = house.approved(Duration::from_secs(3)).await;
    let begun = Instant::now();
    let login = house.activate(&request).await.unwrap();
    let client = database::connect(&config(&house, &login)).await;
    assert!(is_alive(&client).await);
    let member = format!("SELECT pg_has_role('{}', 'MEMBER')", house.profile);
    assert!(client.query_one(&member, &[]).await.unwrap().get::<_, bool>(0));
    // It may do nothing with roles, and nothing with the keeper's tables.
    for sql in ["CREATE ROLE more", "SELECT * FROM howdah.access_token"] {
        assert_eq!(client.batch_execute(sql).await.unwrap_err().code().unwrap().code(), "42501");
    }
    work(&house, &request, "expired").await;
    let expired = begun.elapsed();
    assert!(expired >= Duration::from_secs(3), "{expired:?}");
    work(&house, &request, "closed").await;
    assert!(!is_alive(&client).await, "the session is gone");
    let refused = config(&house, &login).connect(tokio_postgres::NoTls).await;
    assert!(refused.is_err());
    let left = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{}'", login.name);
    assert_eq!(house.database.psql(&left)[0][0].as_deref(), Some("0"));
    let told = house.told().await;
    let life: Vec<_> = told.iter().filter(|it| it.starts_with("grant.")).collect();
    assert_eq!(
        life,
        [
            "grant.activating done",
            "grant.active done",
            "grant.expired done",
            "grant.cleaning done",
            "grant.closed done"
        ]
    );
    assert_eq!(house.activate(&request).await.err(), Some(howdah::problem::Code::AlreadyActive));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_refused_after_its_time_also_without_a_keeper() {
    let house = House::new().await;
    let request = house.approved(Duration::from_secs(2)).await;
    let login = house.activate(&request).await.unwrap();
    assert!(is_alive(&database::connect(&config(&house, &login)).await).await);
    tokio::time::sleep(Duration::from_millis(2050)).await;
    let refused = config(&house, &login).connect(tokio_postgres::NoTls).await;
    assert_eq!(refused.err().unwrap().code().unwrap().code(), "28P01");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_refuses_the_login_in_a_second_and_ends_its_sessions_in_two() {
    let house = House::new().await;
    let request = house.approved(Duration::from_hours(1)).await;
    let login = house.activate(&request).await.unwrap();
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(database::connect(&config(&house, &login)).await);
    }
    let stranger = store::revoke(&house.desk, house.who("eve"), &request).await;
    assert_eq!(code(stranger), Err(howdah::problem::Code::NotAnApprover));
    let begun = Instant::now();
    code(store::revoke(&house.desk, house.who("dan"), &request).await).unwrap();
    let refused = config(&house, &login).connect(tokio_postgres::NoTls).await;
    assert!(refused.is_err(), "refused at once");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    look(&house.keeper, &house.target(), &mut Ends::default()).await.unwrap();
    for session in &sessions {
        let gone = async {
            while is_alive(session).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), gone).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    work(&house, &request, "closed").await;
    let again = store::revoke(&house.desk, house.who("dan"), &request).await;
    assert_eq!(code(again), Err(howdah::problem::Code::WrongState));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_made_in_any_database_stays_with_its_profile() {
    let house = House::new().await;
    let other = database::Database::create(crate::support::postgres::cluster());
    for name in [&house.database.name, &other.name] {
        let mut admin = house.database.superuser();
        admin.dbname(name);
        database::run(&admin, &format!("GRANT CREATE ON SCHEMA public TO {}", house.profile));
    }
    let request = house.approved(Duration::from_hours(1)).await;
    let login = house.activate(&request).await.unwrap();
    for name in [&house.database.name, &other.name] {
        let mut config = config(&house, &login);
        config.dbname(name);
        let client = database::connect(&config).await;
        client.batch_execute("CREATE TABLE made_here (a int)").await.unwrap();
    }
    code(store::revoke(&house.desk, house.who("ann"), &request).await).unwrap();
    work(&house, &request, "closed").await;
    for name in [&house.database.name, &other.name] {
        let mut admin = house.database.superuser();
        admin.dbname(name);
        let sql = "SELECT tableowner FROM pg_tables WHERE tablename = 'made_here'";
        assert_eq!(database::run(&admin, sql)[0][0].as_deref(), Some(house.profile.as_str()));
    }
    // The keeper was a member of the profile for a moment only.
    let sql = format!(
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles k \
         ON k.oid = m.member WHERE r.rolname = '{}' AND k.rolname = '{}' AND NOT m.admin_option",
        house.profile, house.database.user
    );
    assert_eq!(house.database.psql(&sql)[0][0].as_deref(), Some("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_somebody_dropped_is_closed_all_the_same() {
    let house = House::new().await;
    let request = house.approved(Duration::from_hours(1)).await;
    let login = house.activate(&request).await.unwrap();
    house.database.psql_as_superuser(&format!("DROP ROLE {}", login.name));
    code(store::revoke(&house.desk, house.who("ann"), &request).await).unwrap();
    work(&house, &request, "closed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_nowhere_on_the_server() {
    let house = House::new().await;
    house.database.psql_as_superuser(&format!(
        "ALTER ROLE {} SET log_statement = 'all'; ALTER ROLE {} SET log_min_error_statement = 'debug5'",
        house.database.user, house.database.user
    ));
    let desk = house.database.client().await;
    store::lower(&desk).await.unwrap();
    let request = house.approved(Duration::from_hours(1)).await;
    let made = store::activate(&desk, house.who("ann"), &request).await;
    let login = code(made).unwrap();
    let log = || crate::support::postgres::cluster().log();
    eventually("the log", Duration::from_secs(5), || log().contains("access_activate"));
    assert!(!log().contains(login.password.expose()));
    let tables = "SELECT * FROM howdah.access_grant, howdah.audit_inbox";
    assert!(!format!("{:?}", house.database.psql(tables)).contains(login.password.expose()));
}

/// As if the database's clock had jumped: what it keeps of a grant lies so much later, or earlier.
fn shift(house: &House, login: &Login, by: &str) {
    house.database.psql_as_superuser(&format!(
        "UPDATE howdah.access_grant SET not_after = not_after + interval '{by}' WHERE login = '{0}';
         DO $$ BEGIN EXECUTE format('ALTER ROLE {0} VALID UNTIL %L', (SELECT rolvaliduntil + interval '{by}'
            FROM pg_roles WHERE rolname = '{0}')); END $$",
        login.name
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_keeps_no_login_for_longer() {
    let house = House::new().await;
    let request = house.approved(Duration::from_secs(3)).await;
    let begun = Instant::now();
    let login = house.activate(&request).await.unwrap();
    let client = database::connect(&config(&house, &login)).await;
    let mut ends = Ends::default();
    look(&house.keeper, &house.target(), &mut ends).await.unwrap();
    shift(&house, &login, "1 hour");
    while house.state(&request).await == "active" {
        let looked = look(&house.keeper, &house.target(), &mut ends).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20), "it lives on");
        tokio::time::sleep(looked.next.min(Duration::from_millis(50))).await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(2900), "{:?}", begun.elapsed());
    work(&house, &request, "closed").await;
    assert!(!is_alive(&client).await);
    let told = house.told().await;
    assert_eq!(told.iter().filter(|it| *it == "grant.expired done").count(), 1, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_forward_ends_a_login_early() {
    let house = House::new().await;
    let request = house.approved(Duration::from_hours(1)).await;
    let login = house.activate(&request).await.unwrap();
    let client = database::connect(&config(&house, &login)).await;
    let other = house.approved(Duration::from_hours(1)).await;
    let untouched = house.activate(&other).await.unwrap();
    shift(&house, &login, "-2 hours");
    let refused = config(&house, &login).connect(tokio_postgres::NoTls).await;
    assert!(refused.is_err(), "refused at once");
    work(&house, &request, "closed").await;
    assert!(!is_alive(&client).await);
    assert!(is_alive(&database::connect(&config(&house, &untouched)).await).await);
}
