//! The Merkle tree of RFC 6962, section 2.1, over SHA-256.
//!
//! Owns hashing leaves and nodes, growing a tree leaf by leaf, and proofs that one tree begins
//! another. Keeps only the roots of the perfect subtrees that make up a tree, at most 64, so that a
//! trail of any length is appended to, and checked, in constant memory.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of a leaf: `SHA-256(0x00 ‖ body)`.
pub fn leaf_hash(body: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(body).finalize().into()
}

/// The hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows at its right edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The roots of the perfect subtrees, the largest first: one for each bit set in `size`.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut rest = self.size;
        while rest & 1 == 1 {
            // A set bit has a peak.
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            rest >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's root; of no leaves, the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return Sha256::digest(b"").into() };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The proof that this tree begins the one that `newer` leaves are appended to (RFC 6962 section
    /// 2.1.2). Empty when there is nothing to prove: when either tree is this one, or empty.
    pub fn consistency_proof(&self, newer: &[Hash]) -> Vec<Hash> {
        let mut proof = Vec::new();
        if self.size > 0 && !newer.is_empty() {
            let end = self.size + newer.len() as u64;
            self.subproof(0, end, true, newer, &mut proof);
        }
        proof
    }

    /// `SUBPROOF` of the leaves from `start` to `end`, which reach past this tree's last or up to it.
    fn subproof(&self, start: u64, end: u64, whole: bool, newer: &[Hash], proof: &mut Vec<Hash>) {
        if end == self.size {
            if !whole {
                proof.push(self.range(start, end, newer));
            }
            return;
        }
        let middle = start + split(end - start);
        if self.size <= middle {
            self.subproof(start, middle, whole, newer, proof);
            proof.push(self.range(middle, end, newer));
        } else {
            self.subproof(middle, end, false, newer, proof);
            proof.push(self.range(start, middle, newer));
        }
    }

    /// The root over the leaves from `start` to `end`: of new leaves alone, or one of the peaks. A
    /// proof needs no other.
    fn range(&self, start: u64, end: u64, newer: &[Hash]) -> Hash {
        if let Some(from) = start.checked_sub(self.size) {
            let [from, to] =
                [from, end - self.size].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
            let mut part = Self::new();
            newer.get(from..to).unwrap_or_default().iter().for_each(|leaf| part.push(*leaf));
            return part.root();
        }
        // The peak that begins at `start` comes after one for each bit of it.
        self.peaks.get(start.count_ones() as usize).copied().unwrap_or_default()
    }
}

/// The largest power of two below `length`, which is two or more.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// Whether `proof` shows that the tree of `old_size` leaves with `old_root` begins the one of `size`
/// leaves with `root` (RFC 9162 section 2.1.4.2). An empty tree begins every tree.
pub fn is_consistent(
    old_size: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> bool {
    if old_size > size {
        return false;
    }
    if old_size == size {
        return proof.is_empty() && old_root == root;
    }
    if old_size == 0 {
        return proof.is_empty() && *old_root == Frontier::new().root();
    }
    let mut steps = proof.iter();
    let first = if old_size.is_power_of_two() { Some(old_root) } else { steps.next() };
    let Some(first) = first else { return false };
    let (mut old, mut new) = (old_size - 1, size - 1);
    while old & 1 == 1 {
        old >>= 1;
        new >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for step in steps {
        if new == 0 {
            return false;
        }
        if old & 1 == 1 || old == new {
            old_hash = node_hash(step, &old_hash);
            new_hash = node_hash(step, &new_hash);
            while old & 1 == 0 && old != 0 {
                old >>= 1;
                new >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, step);
        }
        old >>= 1;
        new >>= 1;
    }
    new == 0 && old_hash == *old_root && new_hash == *root
}

/// A hash in lower-case hexadecimal digits.
pub fn hex(hash: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The hash of which `text` is the hexadecimal form, as [`hex`] writes it.
pub fn from_hex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| match pair[at] {
            digit @ b'0'..=b'9' => Some(digit - b'0'),
            digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests;
