//! Owns the way from a claim's place (campaign and serial) to its coupon code and its public id, and back. Nothing is
//! stored for it: a code is found by arithmetic, and a forged one is refused by arithmetic.

use sha2::{Digest, Sha256};

use super::base32::{self, SYMBOLS};
use super::permutation::Permutation;
use crate::id::{CampaignNumber, RedemptionNumber, Serial};
use crate::keys::Keys;

/// Makes coupon codes and claim ids, and reads them back.
///
/// The word that is permuted is 32 bits of campaign, 32 of serial and 16 zero bits: a random code has zeros there
/// once in 65,536 times, and then names a claim that exists about as rarely as 64 bits hit one.
///
/// ```
/// use landrush_engine::coupon::Codes;
/// use landrush_engine::id::{CampaignNumber, Serial};
/// use landrush_engine::keys::Keys;
///
/// let codes = Codes::new(&Keys::from_bytes([1; 16], [2; 32]));
/// let code = codes.code(CampaignNumber(0), Serial(7)).to_string();
/// assert_eq!(codes.find(&code.to_lowercase().replace('-', " ")), Some((CampaignNumber(0), Serial(7))));
/// assert_eq!(codes.find("7K3M-0000-0000-0000"), None);
/// ```
#[derive(Clone)]
pub struct Codes {
    codes: Permutation,
    claim_ids: Permutation,
    redemption_ids: Permutation,
}

/// Zero bits at the end of a word: what tells a forged code.
const CHECK_BITS: u32 = 16;

impl Codes {
    /// The codes under `keys`.
    ///
    /// Codes and claim ids have a half of the code key each, and redemption ids a key that is derived from it, so that none
    /// says anything of the others.
    pub fn new(keys: &Keys) -> Self {
        let (codes, claim_ids) = keys.code.split_at(16);
        let permutation = |half: &[u8]| Permutation::new(half.try_into().expect("half a key has 16 bytes"));
        let third = Sha256::new().chain_update(b"landrush redemption ids\0").chain_update(keys.code).finalize();
        Self { codes: permutation(codes), claim_ids: permutation(claim_ids), redemption_ids: permutation(&third[..16]) }
    }

    /// The code of the coupon that this claim won.
    pub fn code(&self, campaign: CampaignNumber, serial: Serial) -> Code {
        Code::spell(self.codes.forward(word(campaign, serial)))
    }

    /// The code and the public id of this claim, in little more time than one of them takes.
    pub fn code_and_claim_id(&self, campaign: CampaignNumber, serial: Serial) -> (Code, ClaimId) {
        let permutations = [&self.codes, &self.claim_ids];
        let [code, claim_id] = Permutation::forward_each(permutations, word(campaign, serial));
        (Code::spell(code), ClaimId(base32::lower(claim_id)))
    }

    /// The claim whose coupon bears this code, if there ever is such a claim. Case, dashes and spaces do not matter, and
    /// O, I and L are read as 0, 1 and 1. `None`: the code is forged or mistyped.
    pub fn find(&self, code: &str) -> Option<(CampaignNumber, Serial)> {
        place(self.codes.backward(base32::read(code)?))
    }

    /// The public id of this claim: tells neither its code nor how many claims there are.
    pub fn claim_id(&self, campaign: CampaignNumber, serial: Serial) -> ClaimId {
        ClaimId(base32::lower(self.claim_ids.forward(word(campaign, serial))))
    }

    /// The claim of this id, if there ever is such a claim.
    pub fn find_claim(&self, claim_id: &str) -> Option<(CampaignNumber, Serial)> {
        place(self.claim_ids.backward(base32::read(claim_id)?))
    }

    /// The public id of this redemption.
    pub fn redemption_id(&self, campaign: CampaignNumber, redemption: RedemptionNumber) -> ClaimId {
        ClaimId(base32::lower(self.redemption_ids.forward(word(campaign, Serial(redemption.0)))))
    }

    /// The redemption of this id, if there ever is such a redemption.
    pub fn find_redemption(&self, redemption_id: &str) -> Option<(CampaignNumber, RedemptionNumber)> {
        let (campaign, Serial(number)) = place(self.redemption_ids.backward(base32::read(redemption_id)?))?;
        Some((campaign, RedemptionNumber(number)))
    }
}

impl std::fmt::Debug for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codes(secret)")
    }
}

fn word(campaign: CampaignNumber, serial: Serial) -> u128 {
    (u128::from(campaign.0) << 32 | u128::from(serial.0)) << CHECK_BITS
}

fn place(word: u128) -> Option<(CampaignNumber, Serial)> {
    if word & ((1 << CHECK_BITS) - 1) != 0 {
        return None;
    }
    let numbers = word >> CHECK_BITS;
    let campaign = u32::try_from(numbers >> 32).ok()?;
    let serial = u32::try_from(numbers & u128::from(u32::MAX)).ok()?;
    Some((CampaignNumber(campaign), Serial(serial)))
}

/// A coupon code: 16 symbols in groups of four, like `7K3M-X9QF-01ZT-H2VB`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code([u8; Code::BYTES]);

/// The public id of a claim, a draw, an entry or a redemption: 16 symbols in small letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimId([u8; ClaimId::BYTES]);

impl Code {
    /// Symbols in a group.
    const GROUP: usize = 4;
    /// Its length, in bytes of ASCII.
    pub const BYTES: usize = SYMBOLS + SYMBOLS / Self::GROUP - 1;

    fn spell(word: u128) -> Self {
        let symbols = base32::upper(word);
        let mut text = [b'-'; Code::BYTES];
        for (group, symbols) in text.chunks_mut(Code::GROUP + 1).zip(symbols.chunks(Code::GROUP)) {
            group[..Code::GROUP].copy_from_slice(symbols);
        }
        Code(text)
    }
}

impl ClaimId {
    /// Its length, in bytes of ASCII.
    pub const BYTES: usize = SYMBOLS;
}

macro_rules! ascii {
    ($name:ident) => {
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("symbols and dashes are ASCII")
            }

            /// Writes it to the front of `buffer`, and gives its length.
            ///
            /// # Panics
            /// If `buffer` is shorter than that.
            pub fn write_to(&self, buffer: &mut [u8]) -> usize {
                buffer[..Self::BYTES].copy_from_slice(&self.0);
                Self::BYTES
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

ascii!(Code);
ascii!(ClaimId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes() -> Codes {
        let mut code = [0; 32];
        for (byte, value) in code.iter_mut().zip(0..) {
            *byte = value;
        }
        Codes::new(&Keys::from_bytes([0xee; 16], code))
    }

    #[test]
    fn codes_and_ids_never_change() {
        let check = |campaign, serial, code, claim_id| {
            let (campaign, serial) = (CampaignNumber(campaign), Serial(serial));
            assert_eq!(codes().code(campaign, serial).as_str(), code);
            assert_eq!(codes().claim_id(campaign, serial).as_str(), claim_id);
            let both = codes().code_and_claim_id(campaign, serial);
            assert_eq!((both.0.as_str(), both.1.as_str()), (code, claim_id));
        };
        check(0, 0, "P97F-5MY2-7R13-FQWZ", "zv0xm1cqeyt15cxg");
        check(0, 1, "TWQP-FNNA-16ZC-9W0N", "4taqsyz5z8ga4yrz");
        check(7, 1_000_000, "RQJ1-71AE-HDZE-JZT2", "zdm84dwve8ry44aa");
        check(u32::MAX, u32::MAX, "Q20F-MJ1F-R55V-BJSX", "a2v6ntc8rwjayqdc");
    }

    #[test]
    fn codes_are_read_as_people_write_them() {
        let place = (CampaignNumber(3), Serial(14));
        let code = codes().code(place.0, place.1);
        let bare = code.to_string().replace('-', "");
        let folded = bare.replace('0', "o").replace('1', "L").to_lowercase();
        for text in [code.to_string(), bare.clone(), folded, format!(" {bare} "), bare.replace('1', "i")] {
            assert_eq!(codes().find(&text), Some(place), "{text}");
        }
        for text in
            ["", "7K3M", &bare[1..], &format!("{bare}0"), &format!("{}U", &bare[1..]), &format!("{}é", &bare[2..])]
        {
            assert_eq!(codes().find(text), None, "{text}");
        }
    }

    #[test]
    fn a_code_and_its_claim_id_are_not_one_another() {
        let code = codes().code(CampaignNumber(0), Serial(0));
        let claim_id = codes().claim_id(CampaignNumber(0), Serial(0));
        assert_eq!(codes().find_claim(code.as_str()), None);
        assert_eq!(codes().find(claim_id.as_str()), None);
    }

    #[test]
    fn about_one_of_65536_changed_codes_passes_the_check() {
        let word = base32::read(codes().code(CampaignNumber(0), Serial(0)).as_str()).expect("a code");
        let forged = (1..=200_000u128).map(|change| base32::upper(word ^ change));
        let passed = forged.filter(|code| codes().find(std::str::from_utf8(code).expect("ASCII")).is_some()).count();
        // Three are expected; a word without check bits would let all of them pass.
        assert!(passed <= 15, "{passed} of 200,000 passed");
    }

    #[test]
    fn codes_are_written_without_allocating() {
        let mut buffer = [b'.'; 24];
        let code = codes().code(CampaignNumber(1), Serial(2));
        assert_eq!(code.write_to(&mut buffer), Code::BYTES);
        assert_eq!((&buffer[..19], &buffer[19..]), (code.as_str().as_bytes(), &b"....."[..]));
        assert_eq!(codes().claim_id(CampaignNumber(1), Serial(2)).write_to(&mut buffer), ClaimId::BYTES);
    }

    proptest! {
        #![proptest_config(crate::coupon::seeded())]

        #[test]
        fn every_code_and_id_leads_back(campaign: u32, serial: u32, code: [u8; 32]) {
            let codes = Codes::new(&Keys::from_bytes([0; 16], code));
            let place = (CampaignNumber(campaign), Serial(serial));
            prop_assert_eq!(codes.find(codes.code(place.0, place.1).as_str()), Some(place));
            prop_assert_eq!(codes.find_claim(codes.claim_id(place.0, place.1).as_str()), Some(place));
        }

        #[test]
        fn no_text_upsets_the_reader(text in "\\PC{0,24}") {
            let _ = codes().find(&text);
        }
    }
}
