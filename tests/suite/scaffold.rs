//! A new service, and those of the project, on a private PostgreSQL: migrations, seeds, statements.

use crate::support::{folder::Folder, service::project};
use howdah::{
    definition::file,
    diagnostic::SourceFile,
    embedded::{self, Environment, Options},
    migration::{self, Migrations},
    name::Identifier,
    postgres::session,
    scaffold,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The `.sql` files below `folder`, which may be missing.
fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(sql_files(&path));
        } else if path.extension().is_some_and(|it| it == "sql") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(folder: &Path) -> Vec<Arc<SourceFile>> {
    let read = |path: &PathBuf| {
        SourceFile::new(path.display().to_string(), std::fs::read_to_string(path).unwrap())
    };
    sql_files(folder).iter().map(read).collect()
}

/// Migrates, seeds, and prepares every endpoint's statement as the service's own role.
async fn works(service: &Path) {
    let folder = Folder::new("up");
    let mut environment = Environment::of_process();
    environment.storage = folder.path().join("storage");
    environment.download = false;
    let options = Options {
        service_folder: service.to_owned(),
        service: "test".to_owned(),
        database: "test".to_owned(),
        user: "test".to_owned(),
        fresh: false,
        keeps: false,
        environment,
    };
    let shown = |found: howdah::diagnostic::Diagnostics| -> ! { panic!("{}", found.render(false)) };
    let running = embedded::start(&options, &|_| ()).await.unwrap_or_else(|it| shown(it));
    let mut owner = session::connect(&running.owner).await.unwrap();
    let migrations = Migrations::parse(&read(&service.join("migrations"))).unwrap();
    let seeds = read(&service.join("seed"));
    migration::apply(&mut owner, &migrations, &|_| ()).await.unwrap_or_else(|it| shown(it));
    migration::seed(&mut owner, &seeds, &|_| ()).await.unwrap_or_else(|it| shown(it));
    let session = session::connect(&running.service).await.unwrap();
    let endpoints = read(&service.join("endpoints"));
    assert!(!endpoints.is_empty());
    for source in &endpoints {
        let (endpoint, _) = file::read(source, "endpoint").unwrap_or_else(|it| shown(it));
        // A bulk endpoint has no statement of its own.
        if endpoint.copy.is_some() {
            continue;
        }
        let type_of = |name: &Identifier| {
            let declared = endpoint.parameters.iter().find(|it| it.name == *name).unwrap();
            declared.type_name.as_deref().unwrap_or("unknown")
        };
        let types: Vec<&str> = endpoint.statement.parameters.iter().map(type_of).collect();
        let types =
            if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
        let sql = format!("PREPARE p {types} AS {}; DEALLOCATE p", endpoint.statement.sql);
        let prepared = session.batch_execute(&sql).await;
        prepared.unwrap_or_else(|error| panic!("{}: {error:?}", source.path()));
    }
    session.close().await;
    owner.close().await;
    running.stop().await;
}

#[tokio::test]
async fn a_new_service_works() {
    let folder = Folder::new("new");
    let service = folder.path().join("my-notes");
    scaffold::create(&service, &scaffold::name_for(&service)).unwrap();
    works(&service).await;
}

#[tokio::test]
async fn the_services_of_the_project_migrate_seed_and_prepare() {
    for name in ["rates", "status", "catalog"] {
        works(&project("services").join(name)).await;
    }
}
