//! How the server plans statements: each as its endpoint says, whatever stands before it on its connection.

use super::{
    identity::{tenants, under},
    *,
};
use crate::support::postgres::database;
use howdah::definition::file::plan::PlanMode;

/// A statement that gives the session's `plan_cache_mode`, and fails when `$1` is `fail`.
fn told(index: usize, plan: PlanMode) -> Arc<Prepared> {
    let sql = "SELECT current_setting('plan_cache_mode') || \
               CASE $1 WHEN 'fail' THEN (1 / (length($1) - 4))::text ELSE '' END";
    Arc::new(Prepared { plan, ..(*statement(index, sql, 1, &[TEXT])).clone() })
}

fn expected(plan: PlanMode) -> &'static str {
    match plan {
        PlanMode::Auto => "auto",
        PlanMode::Generic => "force_generic_plan",
        PlanMode::Custom => "force_custom_plan",
    }
}

/// Statements of every mode, some of which fail and take what they had set with them, in any order on one
/// connection and on several.
#[test]
fn each_statement_is_planned_as_it_says() {
    local(async {
        let database = database();
        for (connections, writes) in [(1, false), (3, false), (1, true)] {
            let lane = lane(&database, Settings { connections, writes, ..settings() }).await;
            for (place, plan) in
                [PlanMode::Generic, PlanMode::Auto, PlanMode::Custom].iter().enumerate()
            {
                assert_eq!(
                    ask(&lane, &told(place, *plan), &[""]).await.unwrap(),
                    one(expected(*plan))
                );
            }
            let tasks: Vec<_> = (0..400)
                .map(|_| {
                    let place = fastrand::usize(..3);
                    let (lane, plan) = (Rc::clone(&lane), PlanMode::ALL[place]);
                    let statement = told(3 + place, plan);
                    tokio::task::spawn_local(async move {
                        if fastrand::u8(..4) == 0 {
                            let failed = ask(&lane, &statement, &["fail"]).await;
                            assert_eq!(sqlstate(&failed), "22012");
                        } else {
                            ask(&lane, &statement, &[""]).await.unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            // What was in flight behind a failure may have been planned otherwise; nothing is now.
            for place in [2, 0, 1, 1, 2] {
                let plan = PlanMode::ALL[place];
                assert_eq!(
                    ask(&lane, &told(3 + place, plan), &[""]).await.unwrap(),
                    one(expected(plan))
                );
            }
        }
    });
}

/// A statement under a role and claims is planned as it says too, and the role ends with it.
#[test]
fn a_statement_under_an_identity_is_planned_as_it_says() {
    let (database, role) = tenants();
    local(async {
        let lane = lane(database, Settings { connections: 1, ..settings() }).await;
        let sql = "SELECT current_setting('plan_cache_mode') || ' ' || current_user";
        for (place, plan) in PlanMode::ALL.into_iter().cycle().take(7).enumerate() {
            let who =
                Arc::new(Prepared { plan, ..(*statement(place % 3, sql, 0, &[TEXT])).clone() });
            let asked = call(&who, &[], Duration::from_secs(30));
            let done = lane.run(under(&role, "x"), asked).await.unwrap();
            assert_eq!(done.sink.taken, one(format!("{} {role}", expected(plan))));
            let user = &database.user;
            assert_eq!(
                ask(&lane, &who, &[]).await.unwrap(),
                one(format!("{} {user}", expected(plan)))
            );
        }
    });
}

/// What the role says holds for statements that say nothing, before and after others.
#[test]
fn a_role_with_a_setting_of_its_own_keeps_it() {
    local(async {
        let database = database();
        let user = &database.user;
        database.psql(&format!(
            "ALTER ROLE \"{user}\" IN DATABASE \"{}\" SET plan_cache_mode = force_custom_plan",
            database.name
        ));
        let lane = lane(&database, Settings { connections: 1, ..settings() }).await;
        for _ in 0..2 {
            let silent = ask(&lane, &told(0, PlanMode::Auto), &[""]).await;
            assert_eq!(silent.unwrap(), one("force_custom_plan"));
            let other = ask(&lane, &told(1, PlanMode::Generic), &[""]).await;
            assert_eq!(other.unwrap(), one("force_generic_plan"));
        }
    });
}

/// A session that is reset behind the lane's back (`DISCARD ALL`) is told anew with the statement that finds that out.
#[test]
fn a_session_that_was_reset_is_told_again() {
    local(async {
        let database = database();
        for writes in [false, true] {
            let lane = lane(&database, Settings { connections: 1, writes, ..settings() }).await;
            for (round, plan) in [PlanMode::Generic, PlanMode::Custom].into_iter().enumerate() {
                let kind = told(0, plan);
                assert_eq!(ask(&lane, &kind, &[""]).await.unwrap(), one(expected(plan)));
                // Of the same kind, so that it comes without a word of its own about plans; and new, so that it
                // is not what is found to be forgotten.
                let discard = statement(1 + round, "DISCARD ALL", 0, &[]);
                let discard = Prepared { plan, ..(*discard).clone() };
                ask(&lane, &Arc::new(discard), &[]).await.unwrap();
                assert_eq!(ask(&lane, &kind, &[""]).await.unwrap(), one(expected(plan)));
            }
        }
    });
}

/// The server makes one plan for all where it is told to, and one for each where it is told that.
#[test]
fn a_generic_plan_is_made_once() {
    local(async {
        let database = database();
        let lane = lane(&database, Settings { connections: 1, ..settings() }).await;
        let count = "SELECT generic_plans || ' ' || custom_plans FROM pg_prepared_statements \
                     WHERE name = 'howdah_' || $1";
        let version = database.psql("SHOW server_version_num")[0][0].clone().unwrap();
        if version.parse::<u32>().unwrap() < 140_000 {
            eprintln!("skipped: PostgreSQL 13 does not count plans");
            return;
        }
        for (place, plan, counts) in [(1, PlanMode::Generic, "12 0"), (2, PlanMode::Custom, "0 12")]
        {
            for _ in 0..12 {
                ask(&lane, &told(place, plan), &["x"]).await.unwrap();
            }
            let counted = ask(&lane, &statement(9, count, 1, &[TEXT]), &[&place.to_string()]).await;
            assert_eq!(counted.unwrap(), one(counts));
        }
    });
}
