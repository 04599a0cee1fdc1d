//! The sequencer: one at a time, in order, and not over a trail that it does not believe.

use super::{NOW_S, checked, exported, fill, signer, take_over, trail};
use crate::support::{eventually, folder::Folder};
use howdah::{
    audit::{
        place::FilePlace,
        sequencer::{Failure, Happening, Settings, run},
    },
    postgres::{Target, session},
    secret::Secret,
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

#[tokio::test]
async fn what_is_written_is_sequenced_signed_and_holds() {
    let (_database, client) = trail().await;
    let (folder, signer) = (Folder::new("audit"), signer());
    let file = FilePlace::new(folder.path().join("checkpoints"));
    let mut sequencer = take_over(&client, &signer, &[&file]).await.unwrap();
    sequencer.checkpoint(&client, NOW_S).await.unwrap();
    for (more, size) in [(3, 3), (0, 3), (2100, 2103)] {
        fill(&client, more).await;
        assert_eq!(sequencer.sequence(&client).await.unwrap(), more as u64);
        let published = sequencer.checkpoint(&client, NOW_S).await.unwrap();
        assert_eq!((published.size, published.failures.len()), (size, 0));
    }
    let report = checked(&exported(&client).await, &signer, &[&file]);
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.leaves, report.covered, report.checkpoints), (2103, 2103, 4));
    // The one that begins anew goes on where it was.
    let mut next = take_over(&client, &signer, &[&file]).await.unwrap();
    fill(&client, 5).await;
    next.sequence(&client).await.unwrap();
    next.checkpoint(&client, NOW_S).await.unwrap();
    assert!(checked(&exported(&client).await, &signer, &[&file]).holds());
}

#[tokio::test]
async fn a_sequencer_that_was_superseded_moves_nothing() {
    let (_database, client) = trail().await;
    let signer = signer();
    let mut old = take_over(&client, &signer, &[]).await.unwrap();
    fill(&client, 4).await;
    old.sequence(&client).await.unwrap();
    let mut new = take_over(&client, &signer, &[]).await.unwrap();
    fill(&client, 4).await;
    assert!(matches!(old.sequence(&client).await, Err(Failure::Fenced)));
    assert_eq!(new.sequence(&client).await.unwrap(), 4);
    assert_eq!(new.size(), 8);
}

#[tokio::test]
async fn nothing_is_signed_over_a_trail_that_was_changed() {
    for tampering in [
        "UPDATE howdah.audit_leaf SET body = replace(body, 'ann', 'bob') WHERE leaf = 2",
        "DELETE FROM howdah.audit_leaf WHERE leaf = 2",
        "DELETE FROM howdah.audit_leaf WHERE leaf >= 4",
    ] {
        let (database, client) = trail().await;
        let (folder, signer) = (Folder::new("audit"), signer());
        let file = FilePlace::new(folder.path().join("checkpoints"));
        let mut sequencer = take_over(&client, &signer, &[&file]).await.unwrap();
        fill(&client, 6).await;
        sequencer.sequence(&client).await.unwrap();
        sequencer.checkpoint(&client, NOW_S).await.unwrap();
        database.psql_as_superuser(tampering);
        // Also when the database's own copy of the checkpoint is gone.
        database.psql_as_superuser("DELETE FROM howdah.audit_checkpoint");
        let outcome = take_over(&client, &signer, &[&file]).await;
        assert!(matches!(outcome, Err(Failure::Tampered(_))), "{tampering}");
    }
}

#[tokio::test]
async fn a_place_that_fails_holds_up_no_other() {
    let (_database, client) = trail().await;
    let (folder, signer) = (Folder::new("audit"), signer());
    let good = FilePlace::new(folder.path().join("checkpoints"));
    let bad = FilePlace::new(folder.path().join("not there/checkpoints"));
    let mut sequencer = take_over(&client, &signer, &[&bad, &good]).await.unwrap();
    fill(&client, 2).await;
    sequencer.sequence(&client).await.unwrap();
    let published = sequencer.checkpoint(&client, NOW_S).await.unwrap();
    assert_eq!(published.failures.len(), 1);
    assert!(published.failures[0].0.contains("not there"), "{:?}", published.failures);
    assert!(checked(&exported(&client).await, &signer, &[&good]).holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_signs_in_time_and_goes_on_after_its_connection_was_lost() {
    let (database, client) = trail().await;
    let (folder, signer) = (Folder::new("audit"), signer());
    let file = FilePlace::new(folder.path().join("checkpoints"));
    let target = Target {
        host: database.host.clone(),
        port: database.port,
        database: database.name.clone(),
        user: database.user.clone(),
        password: Some(Secret::new(database.password.clone())),
        connect_timeout: Duration::from_secs(5),
        application_name: "howdah sequencer".to_owned(),
        also: Vec::new(),
        direct: Vec::new(),
        session: howdah::config::SessionAttrs::Any,
        shuffles: false,
        tls: std::sync::Arc::default(),
    };
    let settings = Settings {
        signer: signer.clone(),
        files: vec![file.clone()],
        witness: None,
        every: Duration::from_millis(300),
        heartbeat: Duration::from_hours(1),
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let (end_it, ended) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let tell = |happening: Happening<'_>| {
            listener.lock().unwrap().push(match happening {
                Happening::TakenOver(size) => format!("over {size}"),
                Happening::Signed(published) => format!("signed {}", published.size),
                Happening::Failed(failure) => format!("failed {failure}"),
            });
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connect = async || session::connect(&target).await;
        runtime.block_on(async {
            tokio::select! {
                () = run(&connect, &async || None, &settings, &tell) => {}
                _ = ended => {}
            }
        });
    });
    let covered = |size: u64| {
        let limit = Duration::from_secs(10);
        eventually("a checkpoint", limit, || {
            file.latest(&signer.verifier()).unwrap().is_some_and(|it| it.size == size)
        })
    };
    covered(0);
    fill(&client, 7).await;
    let begun = Instant::now();
    covered(7);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE application_name = 'howdah sequencer' AND datname = current_database()";
    database.psql_as_superuser(end);
    fill(&client, 2).await;
    covered(9);
    drop(end_it);
    thread.join().unwrap();
    let told = told.lock().unwrap().join("\n");
    assert!(told.contains("failed the database") && told.contains("over 7"), "{told}");
    assert!(checked(&exported(&client).await, &signer, &[&file]).holds());
}
