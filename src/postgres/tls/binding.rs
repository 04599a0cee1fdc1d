//! What a sign-in is bound to: the hash of the server's certificate (`tls-server-end-point`, RFC 5929
//! §4).

use ring::digest::{self, Algorithm, SHA256, SHA384, SHA512};

/// DER's tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// DER's tag of an OBJECT IDENTIFIER.
const OBJECT_IDENTIFIER: u8 = 0x06;

/// The end of the object identifiers below 1.2.840.113549.1.1 (RFC 8017): the algorithm of a signature
/// by RSA, and its hash. MD5 and SHA-1 are to be taken for SHA-256.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// Those below 1.2.840.10045.4.3 (RFC 5758): by ECDSA.
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
/// ECDSA with SHA-1.
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];

/// The hash of `certificate`, DER, by the hash of its own signature; nothing where that has none that is
/// known, as Ed25519's.
pub(super) fn of(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = hash_of(signature_algorithm(certificate)?)?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

fn hash_of(oid: &[u8]) -> Option<&'static Algorithm> {
    if oid == ECDSA_SHA1 {
        return Some(&SHA256);
    }
    let known = |prefix, words: &[(u8, &'static Algorithm)]| {
        let [last] = oid.strip_prefix(prefix)? else { return None };
        words.iter().find(|(word, _)| word == last).map(|(_, algorithm)| *algorithm)
    };
    known(RSA, &[(4, &SHA256), (5, &SHA256), (11, &SHA256), (12, &SHA384), (13, &SHA512)])
        .or_else(|| known(ECDSA, &[(2, &SHA256), (3, &SHA384), (4, &SHA512)]))
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }` (RFC 5280 §4.1), where
/// the second is a SEQUENCE that begins with an object identifier.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, behind) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(behind, SEQUENCE)?;
    element(algorithm, OBJECT_IDENTIFIER).map(|(oid, _)| oid)
}

/// The content of the element of this tag that `der` begins with, and what is behind it (X.690 §8.1).
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    (found == tag).then_some(())?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let params = || CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let plain = params().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let expected = digest::digest(&SHA256, plain.der());
        assert_eq!(of(plain.der()).as_deref(), Some(expected.as_ref()));
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let longer = params().self_signed(&key).unwrap();
        let expected = digest::digest(&SHA384, longer.der());
        assert_eq!(of(longer.der()).as_deref(), Some(expected.as_ref()));
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        assert_eq!(of(params().self_signed(&key).unwrap().der()), None);
    }

    #[test]
    fn old_hashes_are_taken_for_sha_256() {
        let rsa = |last: u8| hash_of(&[RSA, &[last]].concat());
        assert_eq!(rsa(4), Some(&SHA256));
        assert_eq!(rsa(5), Some(&SHA256));
        assert_eq!(rsa(13), Some(&SHA512));
        // RSASSA-PSS says its hash elsewhere.
        assert_eq!(rsa(10), None);
        assert_eq!(hash_of(ECDSA_SHA1), Some(&SHA256));
        assert_eq!(hash_of(RSA), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_hash() {
        let key = KeyPair::generate().unwrap();
        let good = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let good = good.der();
        for length in 0..good.len().min(200) {
            assert_eq!(of(&good[..length]), None);
        }
        assert_eq!(of(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
        assert_eq!(of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
