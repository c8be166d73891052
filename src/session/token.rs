//! Tokens: the secret names of sessions.

use super::error::{Error, Parameter};
use super::layout::{Bucket, Buckets};
use super::limits;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// How many characters at the front of a token name its bucket, where there are buckets: two would not
/// do for the most of them. The others alone are more than 2^360 to guess among.
const BUCKET: usize = 3;

/// Random bytes drawn at a time. Of 64 six-bit numbers 62 are letters, so a token takes 66 of them
/// on average, and one draw is next to always enough.
const DRAW: usize = 96;

const MALFORMED: Error = Error::Malformed(Parameter::Token);

/// A token: 64 characters of `[A-Za-z0-9]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token([u8; limits::TOKEN]);

impl Token {
    /// Draws a new token from the operating system's generator, every character equally likely.
    ///
    /// # Errors
    /// [`Error::NoRandomness`] when the operating system gives no random bytes.
    pub(super) fn random() -> Result<Self, Error> {
        Self::draw(|bytes| getrandom::fill(bytes).map_err(|_| Error::NoRandomness))
    }

    /// As [`Token::random`], for a session in this bucket.
    ///
    /// # Errors
    /// As [`Token::random`].
    pub(super) fn random_in(bucket: Bucket) -> Result<Self, Error> {
        let Self(mut token) = Self::random()?;
        let (mut number, base) = (usize::from(bucket.number()), ALPHABET.len());
        for place in token[..BUCKET].iter_mut().rev() {
            *place = ALPHABET[number % base];
            number /= base;
        }
        Ok(Token(token))
    }

    /// The bucket that its first characters name.
    #[inline(never)]
    pub(super) fn bucket(&self, buckets: Buckets) -> Bucket {
        let number = self.0[..BUCKET].iter().fold(0, |number, letter| {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                _ => letter - b'0' + 52,
            };
            number * ALPHABET.len() as u32 + u32::from(value)
        });
        buckets.at(number)
    }

    /// Takes an argument as a token.
    ///
    /// # Errors
    /// [`Error::Missing`] when it is empty, [`Error::Malformed`] when it has another form.
    pub(super) fn parse(argument: &[u8]) -> Result<Self, Error> {
        let Ok(token) = <[u8; limits::TOKEN]>::try_from(argument) else {
            let missing = argument.is_empty();
            return Err(if missing { Error::Missing(Parameter::Token) } else { MALFORMED });
        };
        // Without an early end: the compiler then looks at many characters at a time.
        if token.iter().fold(true, |letters, byte| letters & byte.is_ascii_alphanumeric()) {
            Ok(Token(token))
        } else {
            Err(MALFORMED)
        }
    }

    /// The token's characters.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn draw(mut fill: impl FnMut(&mut [u8]) -> Result<(), Error>) -> Result<Self, Error> {
        let mut token = [0; limits::TOKEN];
        let mut bytes = [0; DRAW];
        let mut drawn = 0;
        while drawn < token.len() {
            fill(&mut bytes)?;
            // Six bits give 64 numbers, and the two beyond the alphabet are dropped: a remainder
            // instead would make two characters likelier than the rest.
            let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
            for (place, letter) in token[drawn..].iter_mut().zip(letters) {
                *place = *letter;
                drawn += 1;
            }
        }
        Ok(Token(token))
    }
}

/// A token is a secret: logs do not show it.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_tokens_are_well_formed_and_differ() {
        let tokens: Vec<_> = (0..100).map(|_| Token::random().unwrap()).collect();
        for (place, token) in tokens.iter().enumerate() {
            assert_eq!(Token::parse(token.as_bytes()).as_ref(), Ok(token));
            assert!(!tokens[..place].contains(token));
        }
    }

    #[test]
    fn tokens_name_their_bucket() {
        let buckets = Buckets::new(4096).unwrap();
        for number in 0..4096 {
            let token = Token::random_in(buckets.at(number)).unwrap();
            assert_eq!(Token::parse(token.as_bytes()), Ok(token));
            assert_eq!(token.bucket(buckets), buckets.at(number));
        }
        let named = |text: &str| {
            let token = format!("{text}{}", "x".repeat(61));
            Token::parse(token.as_bytes()).unwrap().bucket(buckets)
        };
        assert_eq!(named("AAA"), buckets.at(0));
        assert_eq!(named("AA9"), buckets.at(61));
        assert_eq!(named("ABA"), buckets.at(62));
        assert_eq!(named("BED"), buckets.at(4095));
        for beyond in ["BEE", "999", "aAA"] {
            assert_eq!(named(beyond), Bucket::NONE, "{beyond}");
        }
        let [one, two] = [(); 2].map(|()| Token::random_in(buckets.at(7)).unwrap());
        assert_eq!(one.as_bytes()[..3], two.as_bytes()[..3]);
        assert_ne!(one, two);
    }

    #[test]
    fn every_character_is_equally_likely() {
        // Each possible byte once, over and over: each letter has four, the dropped ones eight.
        let mut next = 0_u8;
        let mut counts = [0_usize; 256];
        for _ in 0..62 {
            let token = Token::draw(|bytes| {
                bytes.fill_with(|| {
                    next = next.wrapping_add(1);
                    next
                });
                Ok(())
            });
            for byte in token.unwrap().as_bytes() {
                counts[usize::from(*byte)] += 1;
            }
        }
        let letters: Vec<_> = ALPHABET.iter().map(|letter| counts[usize::from(*letter)]).collect();
        assert_eq!(letters.iter().sum::<usize>(), 62 * limits::TOKEN);
        let (least, most) = (letters.iter().min().unwrap(), letters.iter().max().unwrap());
        assert!(most - least <= 62, "{letters:?}");
        assert!(*least > 0, "{letters:?}");
    }

    #[test]
    fn short_draws_are_continued_and_failures_reported() {
        let mut draws = 0;
        let token = Token::draw(|bytes| {
            bytes.fill(63);
            bytes[0] = draws;
            draws += 1;
            Ok(())
        });
        assert_eq!(token.unwrap().as_bytes()[..3], *b"ABC");
        assert_eq!(draws, 66, "62 and 63 are no letters, and were drawn once each");
        assert_eq!(Token::draw(|_| Err(Error::NoRandomness)), Err(Error::NoRandomness));
    }

    #[test]
    fn other_forms_are_refused() {
        assert_eq!(Token::parse(b""), Err(Error::Missing(Parameter::Token)));
        let malformed = [vec![b'a'; 63], vec![b'a'; 65], [vec![b'a'; 63], vec![b'-']].concat()];
        for token in malformed {
            assert_eq!(Token::parse(&token), Err(Error::Malformed(Parameter::Token)));
        }
    }
}
