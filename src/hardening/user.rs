//! Becoming another user, for good.

use crate::diagnostic::{Code, Diagnostic};
use rustix::{
    process::{Gid, Uid, getgid, getuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

/// A user and its group, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What the person wrote.
    name: String,
    uid: u32,
    gid: u32,
}

impl User {
    /// The user `text`: a name of `/etc/passwd`, or `UID` or `UID:GID`.
    ///
    /// # Errors
    /// When there is none of the name, or it is root.
    pub fn find(text: &str) -> Result<Self, Box<Diagnostic>> {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::find_in(text, &passwd).map_err(|reason| {
            Diagnostic::error(Code::Machine, format!("`--user {text}`: {reason}"))
                .help("give the name of a user of this machine, or numbers such as `65532:65532`")
                .boxed()
        })
    }

    fn find_in(text: &str, passwd: &str) -> Result<Self, String> {
        let (user, group) =
            text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let number = |text: &str, what: &str| {
            text.parse::<u32>().map_err(|_| format!("`{text}` is no number of a {what}"))
        };
        let (uid, gid) = if let Ok(uid) = user.parse::<u32>() {
            (uid, line(passwd, 2, user).map_or(uid, |(_, gid)| gid))
        } else {
            line(passwd, 0, user).ok_or_else(|| format!("there is no user `{user}`"))?
        };
        let gid = group.map_or(Ok(gid), |group| number(group, "group"))?;
        if uid == 0 || gid == 0 {
            return Err("that is root, and stepping down to root is none".to_owned());
        }
        // What the kernel takes as "leave it".
        if uid == u32::MAX || gid == u32::MAX {
            return Err("that number stands for nobody".to_owned());
        }
        Ok(Self { name: text.to_owned(), uid, gid })
    }

    /// Becomes the user: real, effective and saved ids, and no further groups.
    ///
    /// # Errors
    /// When the kernel does not allow it.
    pub(super) fn become_it(&self) -> Result<(), Box<Diagnostic>> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        if getuid() == uid && getgid() == gid {
            return Ok(());
        }
        let outcome = set_thread_groups(&[gid])
            .and_then(|()| set_thread_res_gid(gid, gid, gid))
            .and_then(|()| set_thread_res_uid(uid, uid, uid));
        let became = outcome.is_ok() && getuid() == uid && getgid() == gid;
        if became {
            return Ok(());
        }
        let reason = outcome.err().map_or_else(String::new, |error| format!(": {error}"));
        let message = format!("the process cannot become the user `{}`{reason}", self.name);
        Err(Diagnostic::error(Code::Machine, message)
            .help("only root can; start it as that user instead, without `--user`")
            .boxed())
    }
}

/// The user's and group's number on the line of passwd(5) whose column `column` is `wanted`.
fn line(passwd: &str, column: usize, wanted: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let matches = fields.get(column) == Some(&wanted);
        matches.then(|| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\nbroken\nnobody:x:65534:65533:nobody:/:/none\n";

    #[test]
    fn a_user_is_a_name_or_numbers() {
        let ids = |text| User::find_in(text, PASSWD).map(|user| (user.uid, user.gid));
        assert_eq!(ids("nobody"), Ok((65534, 65533)));
        assert_eq!(ids("65534"), Ok((65534, 65533)));
        assert_eq!(ids("nobody:7"), Ok((65534, 7)));
        assert_eq!(ids("1000"), Ok((1000, 1000)));
        assert_eq!(ids("1000:100"), Ok((1000, 100)));
    }

    #[test]
    fn root_and_nobody_in_particular_are_refused() {
        for text in ["root", "0", "0:5", "1000:0", "", ":", "ghost", "nobody:staff", "4294967295"] {
            assert!(User::find_in(text, PASSWD).is_err(), "{text}");
        }
    }
}
