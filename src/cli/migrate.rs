//! `howdah migrate`.

use super::{Exit, Migrate, show};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    migration::{self, Migrations, Progress},
    postgres::session,
    startup::{self, Folder},
};

pub(super) fn run(arguments: Migrate) -> Exit {
    let folder = Folder::from(arguments.folder);
    let outcome = super::serve::block_on(migrate(&folder, arguments.dry_run, arguments.seed));
    match outcome.and_then(|inner| inner) {
        Ok(()) => Exit::Success,
        Err(found) => show::failed(&found),
    }
}

async fn migrate(folder: &Folder, dry_run: bool, seed: bool) -> Result<(), Diagnostics> {
    let manifest = folder.manifest()?;
    show::diagnostics(&manifest.warnings);
    let Some(database) = &manifest.value.database else {
        return Err(Diagnostic::error(Code::MissingKey, "the manifest has no `[database]`")
            .help("without a database there is nothing to migrate")
            .into());
    };
    let migrations = Migrations::parse(&folder.migrations()?)?;
    let target = startup::target(database)?;
    let mut session = session::connect(&target).await?;
    if dry_run {
        let plan = migration::plan(&session, &migrations).await?;
        show::say!("applied: {}, to apply: {}", plan.applied.len(), plan.pending.len());
        for pending in plan.pending {
            show::say!("  {}", pending.source.path());
        }
        return Ok(());
    }
    let applied = migration::apply(&mut session, &migrations, &tell).await?;
    show::say!(
        "{}",
        match applied {
            0 => "nothing to apply".to_owned(),
            1 => "1 migration applied".to_owned(),
            many => format!("{many} migrations applied"),
        }
    );
    if seed {
        migration::seed(&mut session, &folder.seeds()?, &tell).await?;
    }
    session.close().await;
    Ok(())
}

/// A line for each step.
pub(super) fn tell(progress: Progress<'_>) {
    match progress {
        Progress::Waiting => show::say!("  waiting: another instance migrates this database"),
        Progress::Applied { file, duration_ms } => {
            show::say!("  applied {file} in {duration_ms} ms");
        }
        Progress::Seeded { file, duration_ms } => {
            show::say!("  seeded  {file} in {duration_ms} ms");
        }
        Progress::SeedChanged { file } => {
            show::say!(
                "  {file} has changed since it was run; it is not run again (`--fresh` begins anew)"
            );
        }
    }
}
