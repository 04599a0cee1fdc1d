//! The real binary as a keeper.
//!
//! Owns the process and what it stands on: the keeper's role, its credential and its key. It ends
//! with its value.

use super::{
    database::Database,
    folder::Folder,
    http::{self, Reply},
    reaper, service,
};
use serde_json::json;
use std::{
    fs::File,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Who asks for rotations.
const OPERATOR: &str = "operator";

/// A service folder with a keeper's role, credential and key, on a database of its own.
#[derive(Debug)]
pub struct Home {
    /// The service's folder, and all files beside it.
    pub folder: Folder,
    /// The database.
    pub database: Database,
    /// The keeper's login.
    pub login: String,
    /// The role it acts as, and what its password is.
    pub role: String,
}

impl Home {
    /// A folder whose manifest has `[keeper]` and then `more`.
    pub fn new(database: Database, more: &str) -> Self {
        let folder = Folder::new("keeper");
        let role = format!("keeper_{}", database.name);
        let login = format!("{role}_a");
        let home = Self { folder, database, login, role };
        home.write_manifest(more);
        home.folder.write("key", "5a".repeat(32));
        home
    }

    /// Writes the manifest anew.
    pub fn write_manifest(&self, more: &str) {
        let path = self.folder.path().display();
        let Database { host, port, name, user, .. } = &self.database;
        let text = format!(
            "[service]\nname = \"kept\"\n\n[database]\nhost = \"{host}\"\nport = {port}\n\
             name = \"{name}\"\nuser = \"{user}\"\npassword_file = \"{path}/password\"\n\
             credential = \"{path}/credential.json\"\n\n\
             [log]\nlevel = \"warn\"\n\n[keeper]\nlisten = \"127.0.0.1:0\"\ncredential = \"{path}/keeper.json\"\n\
             key_file = \"{path}/key\"\n\n{more}"
        );
        self.folder.write("howdah.toml", text);
        self.folder.write("password", &self.database.password);
    }

    /// Makes the keeper's role with what leading takes, and no more.
    pub fn leads(&self) -> &Self {
        let (role, login, name) = (&self.role, &self.login, &self.database.name);
        let password = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        self.database.psql_as_superuser(&format!(
            "CREATE ROLE {role}; CREATE ROLE {login} LOGIN PASSWORD '{password}' IN ROLE {role};
             ALTER ROLE {login} SET role = '{role}';
             GRANT CREATE ON DATABASE {name} TO {role};
             CREATE SCHEMA howdah AUTHORIZATION {role}"
        ));
        let credential = json!({ "generation": 1, "user": login, "password": password });
        self.folder.write("keeper.json", credential.to_string());
        self
    }

    /// `dev` asks, one of `dba` approves, for an hour at most.
    pub const ONE_OF_TWO: &str = "approvals = 1\nrequesters = [\"dev\"]\nmax_for = \"1h\"";

    /// A home that leads and may let people log in as members of a role, and the policy `read` by which it
    /// does, for the manifest: `dba` approves, and the rest is as `more` says.
    pub fn lending(database: Database, more: &str) -> (Self, String) {
        let home = Self::new(database, "");
        home.leads();
        let reader = format!("{}_reader", home.database.name);
        home.database.psql_as_superuser(&format!(
            "ALTER ROLE {0} CREATEROLE; GRANT pg_signal_backend TO {0}; CREATE ROLE {reader}; \
             GRANT {reader} TO {0} WITH ADMIN OPTION",
            home.role
        ));
        let policy = format!(
            "[access.policies.read]\nprofile = \"{reader}\"\napprovers = [\"dba\"]\n{more}\n"
        );
        (home, policy)
    }

    /// A home that rotates: the SQL of `credentials setup` was run, and the manifest has
    /// `[credentials]` with a file as its sink and then `more`. One endpoint: `/one`.
    pub fn rotating(database: Database, more: &str) -> Self {
        let owner = database.user.clone();
        let home = Self::new(database, "");
        std::fs::remove_file(home.folder.path().join("key")).unwrap();
        home.rotates(&owner, more);
        let endpoint = "/*\nget = \"/one\"\nresult = \"value\"\n*/\nSELECT 1 AS one\n";
        home.folder.write("endpoints/one.sql", endpoint);
        let output = home.howdah(&["credentials", "setup"]).args(["--role", &home.role]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        home.database.psql_as_superuser(&String::from_utf8(output.stdout).unwrap());
        home
    }

    /// Writes the manifest with `[credentials]` of `owner` and then `more`.
    pub fn rotates(&self, owner: &str, more: &str) {
        let path = self.folder.path().display();
        self.write_manifest(&format!(
            "[credentials]\nowner = \"{owner}\"\nrotate_every = \"off\"\noverlap = \"1s\"\n\
             grace = \"1s\"\nsinks = [{{ file = \"{path}/credential.json\" }}]\n{more}\n"
        ));
    }

    /// Runs `howdah credentials WORD` against `keeper` to its end.
    pub fn credentials(&self, word: &str, keeper: &Keeper) -> Output {
        let mut command = self.howdah(&["credentials", word]);
        command.args(["--set", &format!("keeper.listen={}", keeper.address)]);
        command.arg("--token-file").arg(&keeper.token);
        command.output().unwrap()
    }

    /// Makes a token in a file for `subject`, who is in `groups`. A keeper must have led.
    pub fn token(&self, subject: &str, groups: &str) -> PathBuf {
        let output = self.howdah(&["access", "token", subject, "--groups", groups]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.folder.write(&format!("{subject}.token"), output.stdout)
    }

    /// Makes the token of an operator, which requests to a keeper carry from then on.
    pub fn operator(&self) {
        self.token(OPERATOR, "operators");
    }

    /// The credential that is published.
    pub fn published(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.folder.path().join("credential.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// `howdah` with these words and the folder.
    pub fn howdah(&self, words: &[&str]) -> Command {
        let mut command = service::howdah(words);
        command.arg(self.folder.path());
        command
    }

    /// A keeper of this folder, which listens.
    pub fn keeper(&self) -> Keeper {
        self.keeper_with(&[])
    }

    /// One with these variables in its environment.
    pub fn keeper_with(&self, environment: &[(&str, &str)]) -> Keeper {
        let number = fastrand::u64(..);
        let ready = self.folder.path().join(format!("ready-{number:016x}"));
        let log = self.folder.path().join(format!("log-{number:016x}"));
        let mut command = self.howdah(&["keeper"]);
        command.envs(environment.iter().copied());
        command.arg("--ready-file").arg(&ready);
        let file = File::create(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        reaper::watch(child.id());
        let start = Instant::now();
        let address = loop {
            let text = std::fs::read_to_string(&ready).unwrap_or_default();
            if text.ends_with('\n') {
                let line: serde_json::Value = serde_json::from_str(&text).unwrap();
                break line["keeper"].as_str().unwrap().parse().unwrap();
            }
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended at start: {ended:?}");
            assert!(start.elapsed() < http::PATIENCE, "it does not get ready");
            std::thread::sleep(Duration::from_millis(2));
        };
        let token = self.folder.path().join(format!("{OPERATOR}.token"));
        Keeper { address, token, child, log }
    }
}

/// A keeper that listens.
#[derive(Debug)]
pub struct Keeper {
    /// Its listener.
    pub address: SocketAddr,
    /// The file of the operator's token, once there is one.
    pub token: PathBuf,
    child: Child,
    log: PathBuf,
}

impl Keeper {
    /// GET on its listener.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// POST on its listener, with JSON.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> Reply {
        let headers = [("content-type", "application/json")];
        let body = body.to_string();
        self.send("POST", path, &headers, body.as_bytes())
    }

    /// A request as the operator, or as nobody while there is none.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let token = std::fs::read_to_string(&self.token).unwrap_or_default();
        let bearer = format!("Bearer {}", token.trim());
        let mut headers = headers.to_vec();
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        http::send(self.address, method, path, &headers, body).expect("an answer")
    }

    /// Whether it leads.
    pub fn leads(&self) -> bool {
        self.get("/ready").status == 200
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        rustix::process::kill_process(pid.unwrap(), signal).unwrap();
    }
}

impl Drop for Keeper {
    /// Kills it: a keeper never gets the time to prepare for its end.
    fn drop(&mut self) {
        reaper::forget(self.child.id());
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("the keeper wrote:\n{}", self.log());
        }
    }
}
