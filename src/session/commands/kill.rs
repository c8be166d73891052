//! `SESSION.KILL`: the end of sessions by their tokens.

use std::collections::{HashMap, HashSet};

use bytes::BytesMut;

use crate::session::batch::{Batch, Scripts};
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::{AppKeys, Name, Namespace};
use crate::session::reply::Adapt;
use crate::session::script::{Call, KILL, KILL_SEVERAL};
use crate::session::target::{Target, Targets};
use crate::session::token::Token;

pub(super) const COMMAND: Command = Command {
    name: "session.kill",
    arguments: &[Argument::text("app"), Argument::text("token").repeated()],
    summary: "Ends sessions and returns how many of them were alive.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], buffer: BytesMut) -> Result<Plan, Error> {
    let [app, tokens @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let app = App::parse(app)?;
    let mut tokens =
        tokens.iter().map(|token| Token::parse(token)).collect::<Result<Vec<_>, Error>>()?;
    if tokens.len() > 1 {
        let mut seen = HashSet::with_capacity(tokens.len());
        tokens.retain(|token| seen.insert(*token));
    }

    let namespace = Namespace::of(settings);
    if namespace.buckets().is_some() {
        let groups = by_bucket(namespace, app, &tokens);
        if groups.len() > 1 {
            return Ok(Plan::Batched(in_each(namespace, app, &groups).into()));
        }
    }
    let Some(first) = tokens.first() else {
        return Err(COMMAND.arity_error());
    };
    let keys = namespace.of_token(app, first);
    let mut call = Call::begin(&KILL, Adapt::Verbatim, buffer);
    keys.add_indexes(&mut call);
    tokens.iter().for_each(|token| keys.add_session(&mut call, token));
    call.arg(app.as_bytes());
    call.arg_of(keys.base().pieces());
    call.arg_of(namespace.channel().pieces());
    tokens.iter().for_each(|token| call.arg(token.as_bytes()));
    Ok(Plan::Script(call))
}

/// Tokens of one bucket.
type Group<'a> = (AppKeys<'a>, Vec<Token>);

/// The tokens of each bucket, the buckets in the order in which they appear.
fn by_bucket<'a>(namespace: Namespace<'a>, app: App<'a>, tokens: &[Token]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places = HashMap::new();
    for token in tokens {
        let keys = namespace.of_token(app, token);
        let place = *places.entry(keys.bucket()).or_insert_with(|| {
            groups.push((keys, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(*token);
    }
    groups
}

/// A call for each bucket: they may lie on different servers.
fn in_each(namespace: Namespace<'_>, app: App<'_>, groups: &[Group<'_>]) -> Batch {
    let target = |(keys, tokens): &Group<'_>| {
        let indexes = [keys.sessions(), keys.users(), keys.expiries()].map(Name::to_vec);
        let sessions = tokens.iter().map(|token| keys.session(token).to_vec());
        let common = [app.as_bytes().to_vec(), keys.base().to_vec(), namespace.channel().to_vec()];
        let names = tokens.iter().map(|token| token.as_bytes().to_vec());
        Target {
            keys: indexes.into_iter().chain(sessions).collect(),
            args: common.into_iter().chain(names).collect(),
        }
    };
    let targets = Targets::Listed(groups.iter().map(target).collect());
    Batch::sum(Scripts(&KILL, &KILL_SEVERAL), targets)
}
