//! The command tips that speak of clusters: `request_policy` and `response_policy`.

/// Which nodes are to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `all_nodes`: replicas as well.
    AllNodes,
    /// `all_shards`: each primary.
    AllShards,
    /// `multi_shard`: those that have the keys, each for its own.
    MultiShard,
    /// `special`: by rules of the command's own.
    Special,
}

/// How the replies of several nodes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// `one_succeeded`: any that is no error.
    OneSucceeded,
    /// `all_succeeded`: the first error, if there is any.
    AllSucceeded,
    /// `agg_logical_and`
    And,
    /// `agg_logical_or`
    Or,
    /// `agg_min`
    Min,
    /// `agg_max`
    Max,
    /// `agg_sum`
    Sum,
    /// `special`: by rules of the command's own.
    Special,
}

impl Ask {
    /// What a tip says, if it is of this kind.
    pub(super) fn of(tip: &[u8]) -> Option<Self> {
        Some(match tip.strip_prefix(b"request_policy:")? {
            b"all_nodes" => Self::AllNodes,
            b"all_shards" => Self::AllShards,
            b"multi_shard" => Self::MultiShard,
            _ => Self::Special,
        })
    }
}

impl Combine {
    /// What a tip says, if it is of this kind.
    pub(super) fn of(tip: &[u8]) -> Option<Self> {
        Some(match tip.strip_prefix(b"response_policy:")? {
            b"one_succeeded" => Self::OneSucceeded,
            b"all_succeeded" => Self::AllSucceeded,
            b"agg_logical_and" => Self::And,
            b"agg_logical_or" => Self::Or,
            b"agg_min" => Self::Min,
            b"agg_max" => Self::Max,
            b"agg_sum" => Self::Sum,
            _ => Self::Special,
        })
    }
}
