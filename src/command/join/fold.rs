//! Integers of several nodes become one.

use bytes::BytesMut;

use super::{elements, header};
use crate::resp::{encode, reply};

/// What becomes of two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// `agg_sum`
    Sum,
    /// `agg_min`
    Min,
    /// `agg_max`
    Max,
    /// `agg_logical_and`: 1 when none is 0.
    And,
    /// `agg_logical_or`: 0 when all are 0.
    Or,
}

impl Fold {
    /// Appends the integer that all become, or the array of those that stand in the same place.
    pub(super) fn join(self, parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
        let (first, others) = parts.split_first()?;
        if let Some(first) = reply::as_integer(first) {
            let mut others = others.iter().map(|part| reply::as_integer(part));
            let all = others.try_fold(first, |sum, next| Some(self.of(sum, next?)))?;
            encode::integer(out, all);
            return Some(());
        }
        let mut sums = integers(first)?;
        for part in others {
            let integers = integers(part).filter(|integers| integers.len() == sums.len())?;
            sums.iter_mut().zip(integers).for_each(|(sum, next)| *sum = self.of(*sum, next));
        }
        header(reply::kind(first)?, sums.len(), out)?;
        sums.iter().for_each(|sum| encode::integer(out, *sum));
        Some(())
    }

    pub(super) fn of(self, one: i64, other: i64) -> i64 {
        match self {
            Self::Sum => one.saturating_add(other),
            Self::Min => one.min(other),
            Self::Max => one.max(other),
            Self::And => i64::from(one != 0 && other != 0),
            Self::Or => i64::from(one != 0 || other != 0),
        }
    }
}

fn integers(frame: &[u8]) -> Option<Vec<i64>> {
    elements(frame)?.into_iter().map(reply::as_integer).collect()
}
