//! `howdah audit`: checking the trail, and taking it out of the database.

use super::{Exit, FolderArgs, Format, show};
use crate::{
    audit::{
        export,
        note::{Kind, Signer, Verifier},
        verify::{Demand, Report, read_place, verify},
    },
    diagnostic::{Code, Diagnostic, Diagnostics},
    keeper::Desk,
    observe,
    startup::Folder,
};
use clap::{Args, Subcommand};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check an export against checkpoints, without the database
    Verify(Box<Verify>),
    /// Write every leaf of the trail, one JSON object a line
    Export(Export),
    /// Print the latest checkpoint that the database keeps
    Checkpoint(Checkpoint),
    /// Make a key that signs checkpoints, and print its public half
    Key(Key),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The export; `-` reads standard input
    #[arg(value_name = "EXPORT")]
    export: PathBuf,
    /// The public key of the trail: NAME+ID+KEY
    #[arg(long, value_name = "KEY", value_parser = verifier)]
    key: Verifier,
    /// A file of checkpoints from a place outside the database; one for each place
    #[arg(long, value_name = "FILE", required = true)]
    checkpoints: Vec<PathBuf>,
    /// The public key of a witness that must have signed, too
    #[arg(long, value_name = "KEY", value_parser = verifier)]
    witness: Option<Verifier>,
    /// How far the newest leaf may be ahead of the newest checkpoint
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    max_lag: Duration,
    /// How old the newest checkpoint may be
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_age: Option<Duration>,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    folder: FolderArgs,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Checkpoint {
    #[command(flatten)]
    folder: FolderArgs,
}

#[derive(Debug, Args)]
pub(super) struct Key {
    /// The file to make
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The trail's name, such as example.org/rates: it stands in every checkpoint
    #[arg(long)]
    name: String,
}

fn verifier(text: &str) -> Result<Verifier, &'static str> {
    text.parse()
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(audit: Audit) -> Exit {
    let outcome = match audit {
        Audit::Verify(arguments) => check(&arguments),
        Audit::Export(arguments) => {
            let output = arguments.output.clone();
            with_database(arguments.folder, async |client| {
                write_out(client, output.as_deref()).await
            })
        }
        Audit::Checkpoint(arguments) => with_database(arguments.folder, async |client| {
            let note =
                export::latest_checkpoint(client).await.map_err(|error| unreadable(&error))?;
            let none = || Diagnostic::error(Code::Machine, "no checkpoint was signed yet").boxed();
            show::print(format_args!("{}", note.ok_or_else(none)?));
            Ok(())
        }),
        Audit::Key(arguments) => make_key(&arguments).map(|()| Exit::Success),
    };
    outcome.unwrap_or_else(|found| show::failed(&found))
}

fn with_database(
    folder: FolderArgs,
    work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<(), Box<Diagnostic>>,
) -> Result<Exit, Diagnostics> {
    let read = Folder::from(folder).manifest()?;
    let desk = Desk::new(&read.value, observe::observer())?;
    super::serve::block_on(async {
        let session = desk.connect().await?;
        work(&session).await
    })??;
    Ok(Exit::Success)
}

fn unreadable(error: &tokio_postgres::Error) -> Box<Diagnostic> {
    let what = error.as_db_error().map_or_else(|| error.to_string(), |it| it.message().to_owned());
    Diagnostic::error(Code::Database, format!("the audit trail cannot be read: {what}")).boxed()
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Box<Diagnostic> {
    Diagnostic::error(Code::Machine, format!("{} cannot be {what}: {error}", path.display()))
        .boxed()
}

async fn write_out(
    client: &tokio_postgres::Client,
    output: Option<&Path>,
) -> Result<(), Box<Diagnostic>> {
    /// What stops an export.
    enum Stop {
        Database(tokio_postgres::Error),
        Output(io::Error),
    }
    impl From<tokio_postgres::Error> for Stop {
        fn from(error: tokio_postgres::Error) -> Self {
            Self::Database(error)
        }
    }
    let shown = output.unwrap_or(Path::new("standard output"));
    let sink: Box<dyn Write> = match output {
        Some(path) => {
            let mut options = OpenOptions::new();
            let opened = options.write(true).create_new(true).mode(0o600).open(path);
            Box::new(opened.map_err(|error| cannot("written", path, &error))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    let mut sink = BufWriter::new(sink);
    let outcome = export::read(client, 0, None, async |leaf| {
        let line = serde_json::to_writer(&mut sink, &leaf).map_err(io::Error::from);
        line.and_then(|()| sink.write_all(b"\n")).map_err(Stop::Output)
    });
    let outcome = outcome.await.and_then(|()| sink.flush().map_err(Stop::Output));
    outcome.map_err(|stop| match stop {
        Stop::Database(error) => unreadable(&error),
        Stop::Output(error) => cannot("written", shown, &error),
    })
}

fn make_key(arguments: &Key) -> Result<(), Diagnostics> {
    let signer = Signer::generate(&arguments.name, Kind::Log)
        .map_err(|why| Diagnostic::error(Code::InvalidValue, why))?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&arguments.file);
    let written = file.and_then(|mut file| {
        file.write_all(signer.to_secret().expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    written.map_err(|error| cannot("made", &arguments.file, &error))?;
    show::say!("{}", signer.verifier());
    Ok(())
}

fn check(arguments: &Verify) -> Result<Exit, Diagnostics> {
    let mut places = Vec::new();
    for path in &arguments.checkpoints {
        let text = std::fs::read(path).map_err(|error| cannot("read", path, &error))?;
        let name = path.display().to_string();
        places.push(read_place(&name, &String::from_utf8_lossy(&text)));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let demand = Demand {
        key: arguments.key.clone(),
        witness: arguments.witness.clone(),
        max_lag: arguments.max_lag,
        max_age: arguments.max_age,
        now_s: now.map_or(0, |it| it.as_secs()),
    };
    let path = &arguments.export;
    let outcome = if path == Path::new("-") {
        verify(io::stdin().lock(), &places, &demand)
    } else {
        let file = File::open(path).map_err(|error| cannot("read", path, &error))?;
        verify(BufReader::with_capacity(1 << 16, file), &places, &demand)
    };
    let report = outcome.map_err(|error| cannot("read", path, &error))?;
    match arguments.format {
        Format::Json => show::say!("{:#}", report.to_json()),
        Format::Text => table(&report),
    }
    Ok(if report.holds() { Exit::Success } else { Exit::Findings })
}

/// The report for a person.
fn table(report: &Report) {
    let newest = report.newest_checkpoint_s.map_or_else(
        || "none".to_owned(),
        |at| humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(at)).to_string(),
    );
    show::say!("leaves              {}", report.leaves);
    show::say!("  under checkpoints {}", report.covered);
    show::say!("  not yet           {}", report.leaves.saturating_sub(report.covered));
    show::say!("checkpoints         {}", report.checkpoints);
    show::say!("newest checkpoint   {newest}");
    for (writer, entries) in &report.writers {
        show::say!("writer              {writer}, {entries} entries");
    }
    for finding in &report.findings {
        let word = if finding.code.is_warning() { "warning" } else { "BROKEN" };
        show::say!("{word:<19} {}: {}", finding.code.as_str(), finding.text);
    }
    for (code, count) in &report.counts {
        let kept = report.findings.iter().filter(|it| it.code == *code).count() as u64;
        if *count > kept {
            show::say!("                    {}: {} more", code.as_str(), count - kept);
        }
    }
    show::say!("{}", if report.holds() { "the trail holds" } else { "the trail does NOT hold" });
}
