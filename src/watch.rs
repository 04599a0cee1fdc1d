//! Watching a service's folder for changes.
//!
//! Owns which changes count and when they have settled. Does not own what is done about them
//! (`cli`): reading the folder again is the reader's.

use crate::diagnostic::{Code, Diagnostic};
use notify::{
    Config, Event, EventKind, PollWatcher, RecursiveMode, Watcher,
    event::{MetadataKind, ModifyKind, RenameMode},
};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

/// Changes are told when none has come for this long: an editor makes several of one.
const QUIET: Duration = Duration::from_millis(100);
/// And at the latest after this long, however many still come.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a folder is looked at where the operating system tells nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Files that were written, made, renamed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Their paths below the watched folder, sorted, each once. Where the operating system lost
    /// count, `.` stands for any of them.
    pub files: Vec<PathBuf>,
}

/// A watched folder, with all that is below it.
pub struct Watch {
    root: PathBuf,
    events: mpsc::UnboundedReceiver<Touched>,
    /// Each path, and whether it was not there before.
    pending: BTreeMap<PathBuf, bool>,
    polls: bool,
    // Ends the watching when it is dropped.
    _watcher: Box<dyn Watcher + Send>,
}

/// One event's path, and whether the event made it.
struct Touched {
    path: PathBuf,
    made: bool,
}

impl Watch {
    /// Watches `folder`; by looking again and again where the operating system cannot tell.
    ///
    /// # Errors
    /// The folder is not there, or cannot be read.
    pub fn start(folder: &Path) -> Result<Self, Box<Diagnostic>> {
        Self::begin(folder, false).or_else(|_| Self::begin(folder, true)).map_err(|error| {
            let message = format!("cannot watch {}: {error}", folder.display());
            Diagnostic::error(Code::Machine, message).boxed()
        })
    }

    /// Watches `folder` by looking twice a second: for file systems that tell nothing, such as some
    /// network and container mounts.
    ///
    /// # Errors
    /// The folder is not there, or cannot be read.
    pub fn polling(folder: &Path) -> Result<Self, Box<Diagnostic>> {
        Self::begin(folder, true).map_err(|error| {
            let message = format!("cannot watch {}: {error}", folder.display());
            Diagnostic::error(Code::Machine, message).boxed()
        })
    }

    fn begin(folder: &Path, poll: bool) -> notify::Result<Self> {
        // Events name files by their real path.
        let root = folder.canonicalize().map_err(notify::Error::io)?;
        let (tell, events) = mpsc::unbounded_channel();
        let handler = {
            let root = root.clone();
            move |event: notify::Result<Event>| {
                let Ok(event) = event else { return };
                let made = makes(event.kind);
                for path in relevant(&root, &event) {
                    // Nobody listens any more only while the watch is being dropped.
                    let _ = tell.send(Touched { path, made });
                }
            }
        };
        let mut watcher: Box<dyn Watcher + Send> = if poll {
            // Times alone are compared by the second, and a save may come within one.
            let config =
                Config::default().with_poll_interval(POLL_INTERVAL).with_compare_contents(true);
            Box::new(PollWatcher::new(handler, config)?)
        } else {
            Box::new(notify::recommended_watcher(handler)?)
        };
        watcher.watch(&root, RecursiveMode::Recursive)?;
        Ok(Self { root, events, pending: BTreeMap::new(), polls: poll, _watcher: watcher })
    }

    /// Whether the folder is looked at again and again, because the operating system cannot tell.
    pub fn polls(&self) -> bool {
        self.polls
    }

    /// Waits until something has changed and then nothing for 100 ms. May be dropped half-way:
    /// nothing is lost.
    pub async fn changed(&mut self) -> Changed {
        loop {
            if self.pending.is_empty() {
                self.take_one().await;
            }
            self.settle().await;
            let pending = std::mem::take(&mut self.pending);
            // What came and went within the time was a tool's own.
            let stays = |path: &PathBuf, made: bool| {
                !made || self.root.join(path).symlink_metadata().is_ok()
            };
            let files: Vec<PathBuf> = pending
                .into_iter()
                .filter(|(path, made)| stays(path, *made))
                .map(|(path, _)| path)
                .collect();
            if !files.is_empty() {
                return Changed { files };
            }
        }
    }

    /// Takes events until none has come for a while.
    async fn settle(&mut self) {
        let latest = Instant::now() + PATIENCE;
        loop {
            let quiet = (Instant::now() + QUIET).min(latest);
            if timeout_at(quiet, self.take_one()).await.is_err() {
                return;
            }
        }
    }

    async fn take_one(&mut self) {
        match self.events.recv().await {
            Some(Touched { path, made }) => {
                self.pending.entry(path).or_insert(made);
            }
            // The watcher holds the other end for as long as we live.
            None => std::future::pending().await,
        }
    }
}

/// Whether an event of this kind says that its path was not there before.
fn makes(kind: EventKind) -> bool {
    matches!(kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To)))
}

/// The paths of an event that count, below `root`.
fn relevant(root: &Path, event: &Event) -> Vec<PathBuf> {
    if event.need_rescan() {
        return vec![PathBuf::from(".")];
    }
    let of_folders = match event.kind {
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
            true
        }
        EventKind::Modify(ModifyKind::Metadata(
            MetadataKind::Any | MetadataKind::WriteTime | MetadataKind::Other,
        )) => false,
        // Reading a file, and who may read it.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => return Vec::new(),
        // A folder changes with the files in it, which are told themselves.
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => false,
    };
    let below = event.paths.iter().filter_map(|path| Some((path, path.strip_prefix(root).ok()?)));
    below
        .filter(|(_, path)| path.components().next().is_some() && !is_passing(path))
        .filter(|(path, _)| of_folders || !path.is_dir())
        .map(|(_, path)| path.to_owned())
        .collect()
}

/// Whether the path is hidden (`.git`, `.x.swp`, `.#x`), or one that an editor or a tool makes for
/// a moment while it writes the real one.
fn is_passing(path: &Path) -> bool {
    path.components().any(|component| {
        let Component::Normal(name) = component else { return false };
        let name = name.to_string_lossy();
        name.starts_with('.')
            || name.ends_with('~')
            || (name.starts_with('#') && name.ends_with('#'))
            || name.contains("___jb_")
            // Vim writes a file of this name to see whether it may.
            || name == "4913"
            || Path::new(&*name)
                .extension()
                .is_some_and(|it| ["swp", "swo", "swx", "tmp", "bak", "orig", "part"].iter().any(|other| it == *other))
    })
}

#[cfg(test)]
mod tests;
