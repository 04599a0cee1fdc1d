//! What runs on this machine, as `/proc` tells it.

use std::path::Path;

/// The command lines of all processes that name `folder`, words parted by spaces, with their
/// numbers.
pub fn naming(folder: &Path) -> Vec<(i32, String)> {
    let folder = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = entries.filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((number, String::from_utf8_lossy(&line).replace('\0', " ")))
    });
    lines.filter(|(_, line)| line.contains(&folder)).collect()
}

/// The postmasters of data folders below `folder`. A backend looks like its parent for a moment
/// after the fork, so that children of others in the list do not count.
pub fn postmasters(folder: &Path) -> Vec<i32> {
    let servers = naming(folder).into_iter().filter(|(_, line)| line.contains("postgres -D "));
    let servers: Vec<i32> = servers.map(|(number, _)| number).collect();
    let parent = |number: &i32| -> Option<i32> {
        let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let eldest = servers.iter().filter(|it| parent(it).is_some_and(|it| !servers.contains(&it)));
    eldest.copied().collect()
}
