//! `howdah posture`: what of a running service's hardening is really in force.

use super::{Exit, Posture, ReportFormat, probe, show};
use crate::{
    http::{
        admin::Page,
        response::{Answer, JSON},
    },
    posture::{Evidence, Report, report::Outcome},
    startup::Folder,
    supervise::Supervisor,
};
use std::{cell::RefCell, io::IsTerminal, path::PathBuf, rc::Rc, time::Duration};
use tokio::time::Instant;

/// Where the operators' listener has the report.
const PATH: &str = "/posture";
/// How long a report is given again: each looks at the database.
const KEPT: Duration = Duration::from_secs(2);
/// Columns where nobody says how wide the terminal is.
const WIDTH: usize = 120;

pub(super) fn run(arguments: Posture) -> Exit {
    let folder = Folder::from(arguments.folder);
    let config = match folder.manifest() {
        Ok(read) => read.value,
        Err(found) => return show::failed(&found),
    };
    let Some(address) = config.listen.admin else {
        show::complain!("the service has no admin listener to ask (`listen.admin` is off)");
        return Exit::Failure;
    };
    let timeout = Duration::from_millis(arguments.timeout_ms.max(1));
    let answer = match probe::ask(&address, PATH, timeout) {
        Ok((200, body)) => serde_json::from_str::<Report>(&body)
            .map_err(|_| format!("{address}{PATH} gives no report that this version understands")),
        Ok((status, _)) => Err(format!("{address}{PATH} answers {status}")),
        Err(error) => Err(format!(
            "{address}{PATH}: {error}\nIt is the running service that is asked: is it there?"
        )),
    };
    let report = match answer {
        Ok(report) => report,
        Err(message) => {
            show::complain!("{message}");
            return Exit::Failure;
        }
    };
    match arguments.format {
        ReportFormat::Table => {
            let colour = std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
            show::print(format_args!("{}", report.to_table(colour, width())));
        }
        ReportFormat::Json => match serde_json::to_string_pretty(&report) {
            Ok(text) => show::say!("{text}"),
            Err(error) => {
                show::complain!("the report cannot be written: {error}");
                return Exit::Failure;
            }
        },
        ReportFormat::Sarif => show::say!("{:#}", report.to_sarif()),
    }
    if report.count(Outcome::Fail) == 0 { Exit::Success } else { Exit::Findings }
}

/// The terminal's columns.
fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .map_or(WIDTH, |size| usize::from(size.ws_col))
        .max(60)
}

/// Has the operators' listener give the report of this process.
pub(super) fn publish(supervisor: &Supervisor, directory: PathBuf) {
    let served = supervisor.served();
    let kept = Rc::new(RefCell::new(None::<(Instant, String)>));
    let page: Page = Box::new(move || {
        let (served, kept, directory) =
            (served.borrow().clone(), Rc::clone(&kept), directory.clone());
        Box::pin(async move {
            let known = kept.borrow().clone().filter(|(at, _)| at.elapsed() < KEPT);
            if let Some((_, text)) = known {
                return Answer::ok(JSON, text);
            }
            let target = served.target.as_deref();
            let evidence = Evidence::gather(&directory, &served.service, target).await;
            let text = serde_json::to_string(&Report::of(&evidence)).unwrap_or_default();
            kept.replace(Some((Instant::now(), text.clone())));
            Answer::ok(JSON, text)
        })
    });
    supervisor.publish(PATH, page);
}
