//! What is told on the way, and in which words.

use std::fmt;

/// A step of starting the private PostgreSQL. Its `Display` is a line for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A server that an earlier, killed `howdah up` left is being stopped.
    StoppingOrphan {
        /// Its process.
        pid: u32,
    },
    /// The data was thrown away, as asked.
    Discarded,
    /// A data folder that an earlier start did not finish was thrown away.
    Unfinished,
    /// Binaries are being downloaded.
    Downloading {
        /// Their version.
        version: String,
    },
    /// Binaries were downloaded.
    Downloaded {
        /// The archive's size.
        size_bytes: u64,
        /// How long it took.
        duration_ms: u64,
    },
    /// A data folder is being made.
    Initialising {
        /// The version of PostgreSQL that makes it.
        version: String,
    },
    /// The data folder was made.
    Initialised {
        /// How long it took.
        duration_ms: u64,
    },
    /// The server runs.
    Started {
        /// Its version.
        version: String,
        /// How long it took, without the steps before.
        duration_ms: u64,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoppingOrphan { pid } => {
                write!(formatter, "stopping the PostgreSQL that was left behind (process {pid})")
            }
            Self::Discarded => formatter.write_str("threw the old data away"),
            Self::Unfinished => formatter.write_str("threw a half-made data folder away"),
            Self::Downloading { version } => {
                write!(formatter, "downloading PostgreSQL {version}, once")
            }
            Self::Downloaded { size_bytes, duration_ms } => {
                write!(
                    formatter,
                    "downloaded {} MB in {}",
                    size_bytes / 1_000_000,
                    Seconds(*duration_ms)
                )
            }
            Self::Initialising { version } => {
                write!(
                    formatter,
                    "first start: making a data folder with PostgreSQL {}",
                    short(version)
                )
            }
            Self::Initialised { duration_ms } => {
                write!(formatter, "made the data folder in {}", Seconds(*duration_ms))
            }
            Self::Started { version, duration_ms } => {
                write!(
                    formatter,
                    "PostgreSQL {} runs after {}",
                    short(version),
                    Seconds(*duration_ms)
                )
            }
        }
    }
}

/// `15.18` of `15.18 (Debian 15.18-0+deb12u1)`.
fn short(version: &str) -> &str {
    version.split_whitespace().next().unwrap_or(version)
}

struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms @ ..1000 => write!(formatter, "{ms} ms"),
            ms => write!(formatter, "{}.{} s", ms / 1000, ms % 1000 / 100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn the_lines_are_for_people() {
        let started = Progress::Started { version: "15.18 (Debian 1)".into(), duration_ms: 87 };
        assert_eq!(started.to_string(), "PostgreSQL 15.18 runs after 87 ms");
        let made = Progress::Initialised { duration_ms: 1249 };
        assert_eq!(made.to_string(), "made the data folder in 1.2 s");
    }
}
