//! What the checks look at, read back from the kernel, the files and the database.

mod files;
mod kept;
mod kernel;
mod role;

pub(super) use files::Files;
#[cfg(test)]
pub(super) use files::SecretFile;
pub(super) use kept::Kept;
pub(super) use kernel::{Kernel, Thread};
pub(super) use role::Role;

use crate::{
    config::Config,
    definition::guard::Admission,
    postgres::Target,
    service::{Action, Entry, Service},
};
use std::path::Path;

/// Everything that is known.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The process.
    pub kernel: Kernel,
    /// Its files.
    pub files: Files,
    /// Its manifest, with defaults.
    pub config: Config,
    /// What of the service can be called, and by whom.
    pub surface: Surface,
    /// The database's word on the role, why there is none, or that the service has no database.
    pub database: Option<Result<Role, String>>,
    /// The keeper, when the manifest has one.
    pub kept: Option<Kept>,
}

/// What of the service can be called.
#[derive(Clone, Debug, Default)]
pub struct Surface {
    /// Routes that anybody may call.
    pub public: usize,
    /// Endpoints that can write and that anybody may call, although nobody said `auth = "public"`.
    pub public_writes: usize,
    /// All routes.
    pub routes: usize,
}

impl Evidence {
    /// Looks at everything. Takes as long as a connection to the database takes.
    pub async fn gather(directory: &Path, service: &Service, target: Option<&Target>) -> Self {
        let database = match target {
            Some(target) => Some(role::ask(target).await),
            None => None,
        };
        let kept = match &service.config.keeper {
            Some(keeper) => Some(Kept::look(keeper, &service.config.audit).await),
            None => None,
        };
        Self {
            kept,
            kernel: Kernel::read(),
            files: Files::look(directory, &service.config),
            config: service.config.clone(),
            surface: Surface::of(service),
            database,
        }
    }
}

impl Surface {
    fn of(service: &Service) -> Self {
        let open = |entry: &&Entry| entry.policy.is_public();
        // Routes without SQL change nothing.
        let writes = |entry: &&Entry| match &entry.action {
            Action::Endpoint(endpoint) => {
                let file = &endpoint.definition;
                file.method.has_body() && file.guard.admission == Admission::Unsaid
            }
            _ => false,
        };
        let entries = service.entries();
        Self {
            public: entries.iter().filter(open).count(),
            public_writes: entries.iter().filter(open).filter(writes).count(),
            routes: entries.len(),
        }
    }
}
