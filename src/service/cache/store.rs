//! The answers of one thread: so many bytes, and the least recently used goes first.

use super::Stamp;
use bytes::Bytes;
use http::HeaderValue;
use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
    time::Instant,
};

/// Bytes that an answer takes beside its body and its question, about.
const OVERHEAD: usize = 256;
/// An answer may take this part of the whole.
const SHARE: usize = 8;

/// An answer as it is sent.
#[derive(Debug)]
pub struct Cached {
    /// The media type.
    pub content_type: &'static str,
    /// Its coding, as the field names it, where it has one.
    pub coding: Option<&'static str>,
    /// The validator.
    pub validator: String,
    /// The body, coded.
    pub body: Bytes,
    /// Rows in it, for the log.
    pub rows: u64,
    /// The value of the `Link` field, of a page.
    pub link: Option<HeaderValue>,
}

struct Entry {
    cached: Rc<Cached>,
    asked: Instant,
    until: Instant,
    stamp: Stamp,
    turn: u64,
    bytes: usize,
}

/// Answers by their questions.
pub(super) struct Store {
    entries: HashMap<Rc<[u8]>, Entry>,
    /// The questions in the order in which they were last asked.
    turns: BTreeMap<u64, Rc<[u8]>>,
    next: u64,
    bytes: usize,
    most: usize,
}

impl Store {
    /// Room for `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        let (entries, turns) = (HashMap::new(), BTreeMap::new());
        Self { entries, turns, next: 0, bytes: 0, most }
    }

    /// The answer, and when it was asked for; one for another state of its channel is forgotten.
    pub(super) fn find(&mut self, key: &[u8], stamp: Stamp) -> Option<(Rc<Cached>, Instant)> {
        let (next, now) = (self.next, Instant::now());
        let entry = self.entries.get_mut(key)?;
        if entry.stamp != stamp || entry.until <= now {
            self.remove(key);
            return None;
        }
        let before = std::mem::replace(&mut entry.turn, next);
        let found = (Rc::clone(&entry.cached), entry.asked);
        if let Some(key) = self.turns.remove(&before) {
            self.turns.insert(next, key);
        }
        self.next += 1;
        Some(found)
    }

    /// Keeps an answer in the place of an older one, unless it is too large.
    pub(super) fn put(
        &mut self,
        key: Box<[u8]>,
        cached: Cached,
        asked: Instant,
        until: Instant,
        stamp: Stamp,
    ) {
        let link = cached.link.as_ref().map_or(0, HeaderValue::len);
        let bytes = key.len() + cached.body.len() + cached.validator.len() + link + OVERHEAD;
        if bytes > self.most / SHARE {
            return;
        }
        // Of two that were asked at the same time the younger answer stays.
        if self.entries.get(&*key).is_some_and(|it| it.stamp == stamp && it.asked > asked) {
            return;
        }
        self.remove(&key);
        while self.bytes + bytes > self.most {
            let Some((_, oldest)) = self.turns.first_key_value() else { break };
            let oldest = Rc::clone(oldest);
            self.remove(&oldest);
        }
        let (key, turn): (Rc<[u8]>, _) = (key.into(), self.next);
        self.next += 1;
        self.bytes += bytes;
        self.turns.insert(turn, Rc::clone(&key));
        let cached = Rc::new(cached);
        self.entries.insert(key, Entry { cached, asked, until, stamp, turn, bytes });
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(entry) = self.entries.remove(key) {
            self.turns.remove(&entry.turn);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ANY: Stamp = Stamp(None);

    fn put(store: &mut Store, key: &str, body: usize, asked: Instant, stamp: Stamp) {
        let cached = Cached {
            content_type: "text/csv",
            coding: None,
            validator: String::new(),
            body: Bytes::from(vec![b'x'; body]),
            rows: 0,
            link: None,
        };
        let until = asked + Duration::from_secs(10);
        store.put(key.as_bytes().into(), cached, asked, until, stamp);
    }

    fn has(store: &mut Store, key: &str) -> bool {
        store.find(key.as_bytes(), ANY).is_some()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut store = Store::new(10 * (OVERHEAD + 1));
        let now = Instant::now();
        let names: Vec<String> = (0..10).map(|it| it.to_string()).collect();
        for name in &names {
            put(&mut store, name, 0, now, ANY);
        }
        assert!(names.iter().all(|name| has(&mut store, name)));
        assert!(has(&mut store, "0"));
        put(&mut store, "a", 0, now, ANY);
        assert!(has(&mut store, "0") && has(&mut store, "a") && !has(&mut store, "1"));
        // One that is put anew takes its own place.
        put(&mut store, "a", 0, now, ANY);
        assert_eq!((store.entries.len(), store.turns.len()), (10, 10));
        assert!(store.bytes <= store.most);
    }

    #[test]
    fn what_is_too_large_or_too_old_is_not_kept() {
        let mut store = Store::new(8 * 1000);
        let now = Instant::now();
        put(&mut store, "large", 1000, now, ANY);
        assert!(!has(&mut store, "large"));
        put(&mut store, "fits", 1000 - OVERHEAD - 4, now, ANY);
        assert!(has(&mut store, "fits"));
        if let Some(past) = now.checked_sub(Duration::from_secs(11)) {
            put(&mut store, "old", 1, past, ANY);
            assert!(!has(&mut store, "old"));
        }
        put(&mut store, "none", 1, now, ANY);
        Store::new(0).remove(b"none");
        let mut nothing = Store::new(0);
        put(&mut nothing, "a", 0, now, ANY);
        assert!(!has(&mut nothing, "a"));
    }

    #[test]
    fn an_answer_for_another_state_is_forgotten_and_an_older_one_never_replaces_a_younger() {
        let mut store = Store::new(1 << 20);
        let now = Instant::now();
        let (first, second) = (Stamp(Some((0, 1))), Stamp(Some((0, 2))));
        put(&mut store, "a", 1, now, first);
        assert!(store.find(b"a", second).is_none());
        assert!(store.find(b"a", first).is_none() && store.bytes == 0);
        put(&mut store, "b", 1, now + Duration::from_millis(5), ANY);
        put(&mut store, "b", 2, now, ANY);
        let (cached, _) = store.find(b"b", ANY).unwrap();
        assert_eq!(cached.body.len(), 1);
    }
}
