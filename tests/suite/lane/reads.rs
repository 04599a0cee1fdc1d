//! Reads: each caller gets its own rows.

use super::*;
use crate::support::postgres::database;

#[test]
fn thousands_of_mixed_reads_on_two_connections_get_their_own_rows() {
    local(async {
        let database = database();
        let lane = lane(&database, settings()).await;
        let echo = statement(0, "SELECT $1", 1, &[TEXT]);
        let many =
            statement(1, "SELECT $1 || '-' || i FROM generate_series(1, $2::int) AS i", 2, &[TEXT]);
        let wrong = statement(2, "SELECT (1 / $1::int)::text", 1, &[TEXT]);
        let none = statement(3, "SELECT FROM generate_series(1, $1::int)", 1, &[]);
        let syntax = statement(4, "SELEKT $1", 1, &[TEXT]);
        let mut tasks = Vec::new();
        for number in 0..5000 {
            let lane = Rc::clone(&lane);
            let statements = [&echo, &many, &wrong, &none, &syntax].map(Arc::clone);
            tasks.push(tokio::task::spawn_local(async move {
                let [echo, many, wrong, none, syntax] = &statements;
                let text = number.to_string();
                match number % 7 {
                    0..=2 => assert_eq!(ask(&lane, echo, &[&text]).await.unwrap(), one(&text)),
                    3 => {
                        let count = number % 50;
                        let rows = ask(&lane, many, &[&text, &count.to_string()]).await.unwrap();
                        let expected: Vec<_> =
                            (1..=count).map(|i| vec![Some(format!("{number}-{i}"))]).collect();
                        assert_eq!(rows, expected);
                    }
                    4 => {
                        let divisor = if number % 2 == 0 { "0" } else { "1" };
                        let outcome = ask(&lane, wrong, &[divisor]).await;
                        match divisor {
                            "0" => assert_eq!(sqlstate(&outcome), "22012"),
                            _ => assert_eq!(outcome.unwrap(), one(1)),
                        }
                    }
                    5 => {
                        let rows = ask(&lane, none, &["3"]).await.unwrap();
                        assert_eq!(rows, vec![Vec::new(); 3]);
                    }
                    _ => assert_eq!(sqlstate(&ask(&lane, syntax, &["x"]).await), "42601"),
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let connections = database.psql(
            "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'lane' AND datname = current_database()",
        );
        assert_eq!(connections, one(2));
    });
}

#[test]
fn statements_closed_behind_the_back_are_prepared_again() {
    local(async {
        let lane = lane(&database(), Settings { connections: 1, ..settings() }).await;
        let echo = statement(0, "SELECT $1", 1, &[TEXT]);
        for forget in ["DEALLOCATE ALL", "DISCARD ALL"] {
            let forget = statement(1, forget, 0, &[]);
            for round in 0..20 {
                let reads = (0..20).map(|number| {
                    let (lane, echo) = (Rc::clone(&lane), Arc::clone(&echo));
                    tokio::task::spawn_local(async move {
                        let text = format!("{round}/{number}");
                        assert_eq!(ask(&lane, &echo, &[&text]).await.unwrap(), one(&text));
                    })
                });
                let mut tasks: Vec<_> = reads.collect();
                let (lane, forget) = (Rc::clone(&lane), Arc::clone(&forget));
                tasks.push(tokio::task::spawn_local(async move {
                    ask(&lane, &forget, &[]).await.ok();
                }));
                for task in tasks {
                    task.await.unwrap();
                }
            }
        }
    });
}

#[test]
fn wide_rows_long_rows_and_many_parameters_arrive_whole() {
    local(async {
        let lane = lane(&database(), settings()).await;
        let columns: Vec<_> = (0..1600).map(|i| format!("'{i}'::text AS c{i}")).collect();
        let wide = statement(0, &format!("SELECT {}", columns.join(",")), 0, &[TEXT; 1600]);
        let row = ask(&lane, &wide, &[]).await.unwrap().remove(0);
        let expected: Vec<_> = (0..1600).map(|i| Some(i.to_string())).collect();
        assert_eq!(row, expected);

        let long = statement(1, "SELECT repeat($1, 9000000)", 1, &[TEXT]);
        let (one, two) = tokio::join!(ask(&lane, &long, &["ab"]), ask(&lane, &wide, &[]));
        assert_eq!(one.unwrap()[0][0].as_ref().unwrap().len(), 18_000_000);
        assert_eq!(two.unwrap()[0], expected);

        let sum: Vec<_> = (1..=2000).map(|i| format!("${i}::int")).collect();
        let many = statement(2, &format!("SELECT ({})::text", sum.join("+")), 2000, &[TEXT]);
        let arguments: Vec<_> = (1..=2000).map(|i| i.to_string()).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        assert_eq!(ask(&lane, &many, &arguments).await.unwrap(), super::one(2_001_000));

        let too_many: Vec<_> = (0..70_000).map(|_| "1").collect();
        assert_eq!(sqlstate(&ask(&lane, &many, &too_many).await), "54000");
        assert_eq!(ask(&lane, &many, &arguments).await.unwrap(), super::one(2_001_000));
    });
}

#[test]
fn a_row_larger_than_its_sink_takes_is_passed_over() {
    local(async {
        let lane = lane(&database(), Settings { connections: 1, ..settings() }).await;
        let long = statement(0, "SELECT repeat($1, 5000000)", 1, &[TEXT]);
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        let mut small = call(&long, &["x"], Duration::from_secs(10));
        small.sink.largest_row = Some(1_000_000);
        let (one, two) = tokio::join!(lane.run(permit(), small), ask(&lane, &echo, &["y"]));
        assert_eq!(one.unwrap_err(), Failure::Stopped(Stop::TooLarge));
        assert_eq!(two.unwrap(), super::one("y"));
        assert_eq!(
            ask(&lane, &long, &["x"]).await.unwrap()[0][0].as_ref().unwrap().len(),
            5_000_000
        );
    });
}

#[test]
fn notices_and_changed_settings_in_between_are_passed_over() {
    let database = database();
    database.psql(
        "CREATE FUNCTION noisy(n int) RETURNS text LANGUAGE plpgsql SET client_min_messages = 'notice' AS
         $$ BEGIN FOR i IN 1..n LOOP RAISE NOTICE 'number % %', i, repeat('x', 1000); END LOOP;
            PERFORM set_config('application_name', 'lane', false), set_config('TimeZone', 'UTC', false);
            RETURN n::text; END $$",
    );
    local(async {
        let lane = lane(&database, settings()).await;
        let noisy = statement(0, "SELECT noisy($1::int)", 1, &[TEXT]);
        for round in 0..5 {
            let asked = (0..10).map(|number| {
                let (lane, noisy) = (Rc::clone(&lane), Arc::clone(&noisy));
                tokio::task::spawn_local(async move {
                    let count = (round * 100 + number).to_string();
                    assert_eq!(ask(&lane, &noisy, &[&count]).await.unwrap(), one(&count));
                })
            });
            for task in asked.collect::<Vec<_>>() {
                task.await.unwrap();
            }
        }
    });
}

#[test]
fn too_many_rows_stop_the_statement_and_nothing_else() {
    local(async {
        let lane = lane(&database(), Settings { connections: 1, ..settings() }).await;
        let endless = statement(0, "SELECT generate_series(1, 1000000000)::text", 0, &[TEXT]);
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        let mut limited = call(&endless, &[], Duration::from_secs(20));
        limited.sink.at_most = Some(10);
        let start = Instant::now();
        let behind = async {
            for number in 0..20 {
                let text = number.to_string();
                assert_eq!(ask(&lane, &echo, &[&text]).await.unwrap(), one(&text));
            }
        };
        let (stopped, ()) = tokio::join!(lane.run(permit(), limited), behind);
        assert_eq!(stopped.unwrap_err(), Failure::Stopped(Stop::TooMany));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
}

#[test]
fn a_full_queue_sheds_and_a_deadline_holds_in_the_queue() {
    local(async {
        let lane = lane(&database(), Settings { connections: 1, queue: 3, ..writing() }).await;
        let sleep = statement(0, "SELECT pg_sleep(0.6)::text", 0, &[TEXT]);
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        let patience = Duration::from_millis(200);
        let (slow, one, two, three, shed) = tokio::join!(
            ask(&lane, &sleep, &[]),
            lane.run(permit(), call(&echo, &["1"], patience)),
            ask(&lane, &echo, &["2"]),
            ask(&lane, &echo, &["3"]),
            ask(&lane, &echo, &["4"]),
        );
        slow.unwrap();
        assert_eq!(one.unwrap_err(), Failure::QueuedTooLong);
        assert_eq!((two.unwrap(), three.unwrap()), (super::one(2), super::one(3)));
        assert_eq!(shed.unwrap_err(), Failure::QueueFull);
    });
}
