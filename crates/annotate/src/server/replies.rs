//! Replies kept by the answer's key, so that an answer sent twice is recorded once.

use std::collections::{HashMap, VecDeque};

use streamface_web::axum::Json;
use streamface_web::axum::body::Bytes;
use streamface_web::axum::http::header;
use streamface_web::axum::response::{IntoResponse, Response};

use super::view::{Answer, Decided, Problem};

/// Number of replies kept.
const MAX_REPLIES: usize = 1024;

/// Replies to the last answers, by the answer's key.
#[derive(Debug, Default)]
pub(super) struct Replies {
    replies: HashMap<String, (Answer, Bytes)>,
    order: VecDeque<String>,
}

impl Replies {
    /// Returns the earlier reply to `answer`, or calls `decide`. After an error the same key can be tried
    /// again.
    pub fn once(
        &mut self,
        answer: &Answer,
        decide: impl FnOnce() -> Result<Decided, Problem>,
    ) -> Result<Response, Problem> {
        if let Some((before, reply)) = self.replies.get(&answer.key) {
            if before != answer {
                return Err(Problem::Refused(
                    "Another answer was sent under this key; it was NOT saved.".into(),
                ));
            }
            return Ok(json(reply.clone()));
        }
        let decided = decide()?;
        let Ok(reply) = serde_json::to_vec(&decided).map(Bytes::from) else {
            return Ok(Json(decided).into_response());
        };
        if self.order.len() == MAX_REPLIES
            && let Some(oldest) = self.order.pop_front()
        {
            self.replies.remove(&oldest);
        }
        self.order.push_back(answer.key.clone());
        self.replies.insert(answer.key.clone(), (answer.clone(), reply.clone()));
        Ok(json(reply))
    }
}

fn json(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}
