#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use super::*;

/// `MTH` as RFC 6962 section 2.1 defines it.
fn reference(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            node_hash(&reference(&leaves[..k]), &reference(&leaves[k..]))
        }
    }
}

/// `SUBPROOF` as section 2.1.2 defines it.
fn reference_proof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![reference(leaves)] };
    }
    let mut k = 1;
    while k * 2 < leaves.len() {
        k *= 2;
    }
    if m <= k {
        let mut proof = reference_proof(m, &leaves[..k], whole);
        proof.push(reference(&leaves[k..]));
        proof
    } else {
        let mut proof = reference_proof(m - k, &leaves[k..], false);
        proof.push(reference(&leaves[..k]));
        proof
    }
}

fn leaves(count: u32) -> Vec<Hash> {
    (0..count).map(|at| leaf_hash(&at.to_be_bytes())).collect()
}

fn tree(leaves: &[Hash]) -> Frontier {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree
}

#[test]
fn roots_are_those_of_the_published_vectors() {
    // The leaves and roots that Certificate Transparency's implementations share.
    let bodies: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Frontier::new();
    assert_eq!(
        hex(&tree.root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    for (body, root) in bodies.iter().zip(roots) {
        tree.push(leaf_hash(body));
        assert_eq!(hex(&tree.root()), root, "{} leaves", tree.size());
    }
}

#[test]
fn roots_and_proofs_are_those_of_the_definition() {
    let leaves = leaves(70);
    for n in 0..=leaves.len() {
        let new = tree(&leaves[..n]);
        assert_eq!(new.root(), reference(&leaves[..n]));
        for m in 0..=n {
            let old = tree(&leaves[..m]);
            let proof = old.consistency_proof(&leaves[m..n]);
            if m > 0 {
                assert_eq!(proof, reference_proof(m, &leaves[..n], true), "{m} of {n}");
            }
            let [from, to] = [m, n].map(|size| size as u64);
            assert!(is_consistent(from, &old.root(), to, &new.root(), &proof), "{m} of {n}");
        }
    }
}

#[test]
fn a_proof_of_anything_else_is_refused() {
    let all = leaves(40);
    for n in 2..=all.len() {
        for m in 1..n {
            let (old, new) = (tree(&all[..m]), tree(&all[..n]));
            let proof = old.consistency_proof(&all[m..n]);
            let [from, to] = [m, n].map(|size| size as u64);
            let (old_root, root) = (old.root(), new.root());
            let wrong = [7; 32];
            assert!(!is_consistent(from, &wrong, to, &root, &proof));
            assert!(!is_consistent(from, &old_root, to, &wrong, &proof));
            assert!(!is_consistent(to, &root, from, &old_root, &proof));
            let longer: Vec<_> = proof.iter().copied().chain([wrong]).collect();
            assert!(!is_consistent(from, &old_root, to, &root, &longer));
            assert!(!is_consistent(from, &old_root, to, &root, &proof[..proof.len() - 1]));
            for at in 0..proof.len() {
                let mut changed = proof.clone();
                changed[at] = wrong;
                assert!(!is_consistent(from, &old_root, to, &root, &changed), "{m} of {n}");
            }
        }
    }
}

#[test]
fn hashes_are_read_as_they_are_written() {
    let hash = leaf_hash(b"x");
    assert_eq!(from_hex(&hex(&hash)), Some(hash));
    for bad in ["", "ab", &"g".repeat(64), &"A".repeat(64), &"é".repeat(32)] {
        assert_eq!(from_hex(bad), None, "{bad}");
    }
}
