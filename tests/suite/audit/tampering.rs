//! What a superuser can do to a trail, each found from an export and the checkpoints alone.

use super::{NOW_S, checked, codes, exported, fill, signer, take_over, trail};
use crate::support::{database::Database, folder::Folder};
use howdah::audit::{
    note::Signer,
    place::FilePlace,
    verify::{Code, Report},
};
use tokio_postgres::Client;

/// A trail of 40 leaves, checkpoints after 20 and after 40, and their file.
struct Kept {
    database: Database,
    client: Client,
    signer: Signer,
    file: FilePlace,
    folder: Folder,
}

impl Kept {
    async fn new() -> Self {
        let (database, client) = trail().await;
        let (folder, signer) = (Folder::new("audit"), signer());
        let file = FilePlace::new(folder.path().join("checkpoints"));
        let mut sequencer = take_over(&client, &signer, &[&file]).await.unwrap();
        for _ in 0..2 {
            fill(&client, 20).await;
            sequencer.sequence(&client).await.unwrap();
            sequencer.checkpoint(&client, NOW_S).await.unwrap();
        }
        Self { database, client, signer, file, folder }
    }

    /// What a check finds after the superuser ran `sql`; before, it found nothing.
    async fn after(&self, sql: &str) -> Report {
        let before = checked(&exported(&self.client).await, &self.signer, &[&self.file]);
        assert!(before.holds() && before.covered == 40, "{before:?}");
        self.database.psql_as_superuser(sql);
        let report = checked(&exported(&self.client).await, &self.signer, &[&self.file]);
        assert!(!report.holds(), "after {sql}");
        report
    }
}

/// Makes every chain and hash fit the bodies again, as somebody would who knows the form.
const RECOMPUTE: &str = r#"
DO $$ DECLARE one record; heads jsonb := '{}'; head text; BEGIN
    FOR one IN SELECT * FROM howdah.audit_leaf ORDER BY leaf LOOP
        head := coalesce(heads ->> one.writer, repeat('00', 32));
        one.body := regexp_replace(one.body, '"prev":"[0-9a-f]{64}"', format('"prev":"%s"', head));
        one.hash := sha256('\x00'::bytea || convert_to(one.body, 'UTF8'));
        UPDATE howdah.audit_leaf SET body = one.body, hash = one.hash, writer_prev = decode(head, 'hex')
            WHERE leaf = one.leaf;
        heads := heads || jsonb_build_object(one.writer, encode(one.hash, 'hex'));
    END LOOP;
    UPDATE howdah.audit_writer w SET head = decode(heads ->> w.writer, 'hex');
END $$"#;

#[tokio::test]
async fn change() {
    let kept = Kept::new().await;
    let sql = "UPDATE howdah.audit_leaf SET body = replace(body, 'ann', 'bob') WHERE leaf = 7";
    let report = kept.after(sql).await;
    assert_eq!(codes(&report), [Code::LeafChanged, Code::WriterChain, Code::RootDiffers]);
    let first = &report.findings[0];
    assert_eq!((first.code, first.leaf), (Code::LeafChanged, Some(7)));
}

#[tokio::test]
async fn delete() {
    let kept = Kept::new().await;
    let report = kept.after("DELETE FROM howdah.audit_leaf WHERE leaf = 7").await;
    for code in [Code::LeafOrder, Code::WriterGap, Code::RootDiffers, Code::Truncated] {
        assert!(report.has(code), "{report:?}");
    }
}

#[tokio::test]
async fn delete_before_it_was_sequenced() {
    let kept = Kept::new().await;
    fill(&kept.client, 6).await;
    kept.database.psql_as_superuser("DELETE FROM howdah.audit_inbox WHERE writer_seq = 22");
    let mut sequencer = take_over(&kept.client, &kept.signer, &[&kept.file]).await.unwrap();
    sequencer.sequence(&kept.client).await.unwrap();
    sequencer.checkpoint(&kept.client, NOW_S).await.unwrap();
    let report = checked(&exported(&kept.client).await, &kept.signer, &[&kept.file]);
    assert_eq!(codes(&report), [Code::WriterGap]);
    assert_eq!(report.counts[&Code::WriterGap], 2);
}

#[tokio::test]
async fn reorder() {
    let kept = Kept::new().await;
    // Two leaves of different writers change places, which breaks no writer's chain.
    let report = kept
        .after(
            "UPDATE howdah.audit_leaf SET leaf = 1007 - leaf WHERE leaf IN (3, 4);
             UPDATE howdah.audit_leaf SET leaf = leaf - 1000 WHERE leaf > 1000",
        )
        .await;
    assert_eq!(codes(&report), [Code::RootDiffers]);
}

#[tokio::test]
async fn insert() {
    let kept = Kept::new().await;
    // A leaf of a writer of its own, well formed, and all numbers moved up.
    let report = kept
        .after(
            "UPDATE howdah.audit_leaf SET leaf = leaf + 1001 WHERE leaf >= 10;
             UPDATE howdah.audit_leaf SET leaf = leaf - 1000 WHERE leaf > 1000;
             INSERT INTO howdah.audit_leaf SELECT 10, 'console', 1, prev, sha256('\\x00'::bytea ||
             convert_to(body, 'UTF8')), body FROM (SELECT decode(repeat('00', 32), 'hex') AS prev, format(
             '{\"writer\":\"console\",\"seq\":1,\"prev\":\"%s\",\"at\":\"2026-01-01T00:00:00Z\",\"entry\":{}}',
             repeat('00', 32)) AS body) made",
        )
        .await;
    assert_eq!(codes(&report), [Code::RootDiffers]);
    // The two checkpoints stand for trees that no longer are.
    assert_eq!(report.counts[&Code::RootDiffers], 2);
}

#[tokio::test]
async fn truncate() {
    let kept = Kept::new().await;
    let sql = "DELETE FROM howdah.audit_leaf WHERE leaf >= 30; \
               UPDATE howdah.audit_sequencer SET size = 30; DELETE FROM howdah.audit_checkpoint";
    let report = kept.after(sql).await;
    assert_eq!(codes(&report), [Code::Truncated]);
    assert_eq!(report.covered, 20);
}

#[tokio::test]
async fn recompute() {
    let kept = Kept::new().await;
    let sql = "UPDATE howdah.audit_leaf SET body = replace(body, 'ann', 'bob') WHERE leaf = 27;";
    let report = kept.after(&format!("{sql}{RECOMPUTE}")).await;
    // Nothing within the export is wrong any more; the checkpoint is what knows.
    assert_eq!(codes(&report), [Code::RootDiffers]);
    assert_eq!(report.covered, 20);
}

#[tokio::test]
async fn fork() {
    let kept = Kept::new().await;
    // Somebody has the key as well, and signs another history for another place.
    let other = FilePlace::new(kept.folder.path().join("other"));
    let sql = "UPDATE howdah.audit_leaf SET body = replace(body, 'ann', 'bob') WHERE leaf = 27; \
               DELETE FROM howdah.audit_checkpoint;";
    kept.database.psql_as_superuser(&format!("{sql}{RECOMPUTE}"));
    let mut forger = take_over(&kept.client, &kept.signer, &[&other]).await.unwrap();
    forger.checkpoint(&kept.client, NOW_S).await.unwrap();
    fill(&kept.client, 2).await;
    forger.sequence(&kept.client).await.unwrap();
    forger.checkpoint(&kept.client, NOW_S).await.unwrap();
    let export = exported(&kept.client).await;
    assert!(checked(&export, &kept.signer, &[&other]).holds(), "alone it looks whole");
    let report = checked(&export, &kept.signer, &[&kept.file, &other]);
    assert_eq!(codes(&report), [Code::RootDiffers, Code::Fork]);
}
