//! What becomes of a client's request: one request for a node, or several whose replies are joined.

use std::rc::Rc;

use bytes::Bytes;

use super::{
    job::{Expects, Goes, Job},
    joint::Joint,
    router::Router,
};
use crate::{
    command::spread::{Split, Spread},
    resp::Request,
    state::ids::Place,
    upstream::link::receiver::Receiver,
};

/// Has `router` send whatever the request becomes.
pub(super) fn plan<R: Receiver>(
    router: &Rc<Router<R>>,
    place: Place,
    request: &Request<'_>,
    bytes: Bytes,
    expects: Expects,
) {
    let one = |goes, expects| router.add(Job::new(place, bytes.clone(), goes, expects));
    if router.standing().unauthenticated {
        // Every node says the same, and nothing else.
        return one(Goes::Any, expects);
    }
    match router.spread(request, router.fleet.splits()) {
        Spread::Slot { slot, .. } => one(Goes::Slot(slot), expects),
        Spread::Any => one(Goes::Any, expects),
        Spread::Ask => one(Goes::Unknown, expects),
        Spread::Split(Split { parts, join }) => {
            let joint = Rc::new(Joint::new(place, join, parts.len(), expects));
            for (index, part) in parts.into_iter().enumerate() {
                let expects = Expects::Part(joint.clone(), index);
                router.add(Job::new(place, part.request, Goes::Slot(part.slot), expects));
            }
        }
        Spread::All(join) => {
            let count = router.fleet.primaries();
            let joint = Rc::new(Joint::new(place, join, count, expects));
            for index in 0..count {
                let expects = Expects::Part(joint.clone(), index);
                router.add(Job::new(place, bytes.clone(), Goes::Primary(index), expects));
            }
        }
        Spread::Scan(cursor) => {
            let leg = cursor.leg(router.fleet.primaries());
            let (goes, asked) = (Goes::Primary(leg.index()), leg.request(request));
            router.add(Job::new(place, asked, goes, Expects::Leg(leg, Box::new(expects))));
        }
        Spread::Answer(frame) | Spread::Refused(frame) => router.answer(place, frame, expects),
    }
}
