//! Word from those who use a server to whoever finds it.

use std::sync::Arc;

use tokio::sync::Notify;

/// A way to tell whoever finds the server that another one may have taken its place.
#[derive(Clone, Debug, Default)]
pub struct Doubt(Arc<Notify>);

impl Doubt {
    /// There is reason to ask again.
    pub fn raise(&self) {
        self.0.notify_one();
    }

    /// Ready when there is, since this was last asked.
    pub async fn raised(&self) {
        self.0.notified().await;
    }
}
