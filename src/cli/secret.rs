//! `howdah secret`: secrets at rest.

use super::{Exit, show};
use crate::{
    diagnostic::{Code, Diagnostic},
    sealed::{self, KeyFile, MAX_SEALED_BYTES, MAX_SECRET_BYTES, Passphrase, Place, Recipients},
    secret::SecretBytes,
};
use clap::{Args, Subcommand};
use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(super) enum Secret {
    /// Seal a secret to recipients or with a passphrase, in the age format
    Seal(Seal),
    /// Open a file that age, gpg or `seal` has sealed
    Open(Open),
    /// Make an identity, which opens what is sealed to its recipient
    Key(Key),
}

/// Where a passphrase comes from.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct PassphraseArgs {
    /// Read the passphrase from this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Read the passphrase from this inherited descriptor
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl PassphraseArgs {
    fn is_given(&self) -> bool {
        self.passphrase_file.is_some() || self.passphrase_fd.is_some()
    }

    fn source(&self) -> Passphrase {
        match (&self.passphrase_file, self.passphrase_fd) {
            (Some(path), _) => Passphrase::File(path.clone()),
            (None, Some(number)) => Passphrase::descriptor(number),
            (None, None) => Passphrase::Terminal,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Seal {
    /// The file with the secret; standard input when left out, or a question at a terminal
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write the sealed file here; standard output when left out
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Seal to this recipient (age1…); may be given more than once
    #[arg(long, short, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// Seal to the recipients in this file, one a line
    #[arg(long, short = 'R', value_name = "FILE")]
    recipients_file: Vec<PathBuf>,
    /// Seal to the recipients of the identities in this file
    #[arg(long, short, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Seal with a passphrase, which is asked for, instead of to recipients
    #[arg(long, short, conflicts_with_all = ["recipient", "recipients_file", "key"])]
    passphrase: bool,
    #[command(flatten)]
    from: PassphraseArgs,
    /// Write text, which survives mail and copying, instead of binary
    #[arg(long, short)]
    armor: bool,
    /// Replace the file that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Open {
    /// The sealed file: age or OpenPGP, binary or text; standard input when left out
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write the secret here, with mode 0400; standard output when left out
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Put the secret into Podman's secret store under this name
    #[arg(long, value_name = "NAME", conflicts_with = "output")]
    podman_secret: Option<String>,
    /// Open with the keys in this file: age identities, or an OpenPGP secret key
    #[arg(long, short, value_name = "FILE")]
    key: Vec<PathBuf>,
    #[command(flatten)]
    from: PassphraseArgs,
    /// Replace the file, or Podman's secret, that is there
    #[arg(long)]
    force: bool,
    /// Show the secret on a terminal
    #[arg(long)]
    force_terminal: bool,
}

#[derive(Debug, Args)]
pub(super) struct Key {
    /// The identity's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Make nothing; print the recipients of the identities in the file
    #[arg(long, conflicts_with = "force")]
    recipients: bool,
    #[command(flatten)]
    from: PassphraseArgs,
    /// Replace the file that is there: what was sealed to its identity alone is lost
    #[arg(long)]
    force: bool,
}

type Done = Result<(), Box<Diagnostic>>;

pub(super) fn run(secret: &Secret) -> Exit {
    let done = match secret {
        Secret::Seal(arguments) => seal(arguments),
        Secret::Open(arguments) => open(arguments),
        Secret::Key(arguments) => key(arguments),
    };
    match done {
        Ok(()) => Exit::Success,
        Err(diagnostic) => show::failed(&(*diagnostic).into()),
    }
}

/// A mistake of the command line, as clap says it.
fn usage(why: &str) -> ! {
    use clap::{CommandFactory, error::ErrorKind};
    super::Cli::command().error(ErrorKind::ArgumentConflict, why).exit()
}

fn machine(why: impl Into<String>, help: &str) -> Box<Diagnostic> {
    Diagnostic::error(Code::Machine, why).help(help).boxed()
}

/// Standard input is the secret or the sealed file; it cannot be the passphrase as well.
fn apart(input: Option<&Path>, from: &PassphraseArgs) {
    if input.is_none() && from.passphrase_fd == Some(0) {
        usage("descriptor 0 is standard input, which is read for the file already; name the file");
    }
}

/// `-` is standard input, as everywhere.
fn named(input: Option<&PathBuf>) -> Option<&Path> {
    input.map(PathBuf::as_path).filter(|it| *it != Path::new("-"))
}

fn keys(files: &[PathBuf], passphrase: &Passphrase) -> Result<Vec<KeyFile>, Box<Diagnostic>> {
    files
        .iter()
        .map(|path| {
            if let Some(warning) = sealed::warning(path) {
                show::diagnostics(&warning.into());
            }
            KeyFile::read(path, passphrase)
        })
        .collect()
}

fn seal(arguments: &Seal) -> Done {
    let input = named(arguments.input.as_ref());
    apart(input, &arguments.from);
    let by_passphrase =
        arguments.passphrase || (arguments.from.is_given() && arguments.key.is_empty());
    let mut recipients = Recipients::default();
    for recipient in &arguments.recipient {
        recipients.add(recipient)?;
    }
    for path in &arguments.recipients_file {
        recipients.add_file(path)?;
    }
    for file in keys(&arguments.key, &arguments.from.source())? {
        recipients.add_key(&file)?;
    }
    if recipients.is_empty() && !by_passphrase {
        usage(
            "name whom it is sealed to: --recipient, --recipients-file or --key; or --passphrase",
        );
    }
    if !recipients.is_empty() && by_passphrase {
        usage("a file is sealed to recipients or with a passphrase, not both");
    }
    let place = arguments.output.as_deref().map(|path| Place {
        path,
        mode: 0o644,
        replace: arguments.force,
    });
    match &place {
        Some(place) => place.check()?,
        None if !arguments.armor && std::io::stdout().is_terminal() => {
            let why = "a sealed file in binary is not for a terminal";
            return Err(machine(why, "--armor writes text, --output a file"));
        }
        None => {}
    }
    let secret = match input {
        Some(path) => sealed::read_file(path, MAX_SECRET_BYTES)?,
        None if std::io::stdin().is_terminal() => Passphrase::Terminal.secret()?,
        None => sealed::read(std::io::stdin().lock(), "standard input", MAX_SECRET_BYTES)?,
    };
    if secret.expose().is_empty() {
        return Err(Diagnostic::error(Code::Sealed, "there is no secret: it is empty").boxed());
    }
    let bytes = if by_passphrase {
        sealed::seal_with(&secret, &arguments.from.source(), arguments.armor)?
    } else {
        sealed::seal(&secret, &recipients, arguments.armor)?
    };
    match place {
        Some(place) => sealed::write(&place, &bytes),
        None => out(&bytes),
    }
}

fn open(arguments: &Open) -> Done {
    let input = named(arguments.input.as_ref());
    apart(input, &arguments.from);
    let place = arguments.output.as_deref().map(|path| Place {
        path,
        mode: 0o400,
        replace: arguments.force,
    });
    match (&place, &arguments.podman_secret) {
        (Some(place), _) => place.check()?,
        (None, None) if std::io::stdout().is_terminal() && !arguments.force_terminal => {
            return Err(machine(
                "a secret is not for a terminal, where others look on and it stays in the scrollback",
                "--output writes a file, --podman-secret Podman's store; --force-terminal shows it",
            ));
        }
        _ => {}
    }
    if input.is_none() && std::io::stdin().is_terminal() {
        return Err(machine("there is nothing to open", "name the sealed file, or pipe it in"));
    }
    let passphrase = arguments.from.source();
    let keys = keys(&arguments.key, &passphrase)?;
    let (bytes, shown) = match input {
        Some(path) => (sealed::read_file(path, MAX_SEALED_BYTES)?, path.display().to_string()),
        None => {
            let shown = "standard input".to_owned();
            (sealed::read(std::io::stdin().lock(), &shown, MAX_SEALED_BYTES)?, shown)
        }
    };
    let secret: SecretBytes = sealed::open(&bytes, &shown, &keys, &passphrase)?;
    match (place, &arguments.podman_secret) {
        (Some(place), _) => sealed::write(&place, secret.expose()),
        (None, Some(name)) => sealed::store(name, &secret, arguments.force),
        (None, None) => out(secret.expose()),
    }
}

fn key(arguments: &Key) -> Done {
    if arguments.recipients {
        let file = KeyFile::read(&arguments.file, &arguments.from.source())?;
        let recipients = file.recipients();
        if recipients.is_empty() {
            let shown = arguments.file.display();
            return Err(Diagnostic::error(
                Code::Sealed,
                format!("{shown} is an OpenPGP key; it has no age recipient"),
            )
            .boxed());
        }
        for recipient in recipients {
            show::say!("{recipient}");
        }
        return Ok(());
    }
    let (text, recipient) = sealed::new_identity();
    let place = Place { path: &arguments.file, mode: 0o400, replace: arguments.force };
    sealed::write(&place, text.expose())?;
    show::say!("{recipient}");
    Ok(())
}

/// All of it to standard output, or a failure: half a secret is none.
fn out(bytes: &[u8]) -> Done {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| {
        Diagnostic::error(Code::Machine, format!("standard output cannot be written: {error}"))
            .boxed()
    })
}
