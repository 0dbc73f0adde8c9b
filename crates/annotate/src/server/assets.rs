//! The page's files, embedded.

use streamface_web::Asset;

pub(super) static ASSETS: [Asset; 9] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/review.css", "text/css; charset=utf-8", include_str!("page/review.css")),
    ("/review.js", "text/javascript; charset=utf-8", include_str!("page/review.js")),
    ("/dom.js", "text/javascript; charset=utf-8", include_str!("page/dom.js")),
    ("/talk.js", "text/javascript; charset=utf-8", include_str!("page/talk.js")),
    ("/ask.js", "text/javascript; charset=utf-8", include_str!("page/ask.js")),
    ("/large.js", "text/javascript; charset=utf-8", include_str!("page/large.js")),
    ("/people.js", "text/javascript; charset=utf-8", include_str!("page/people.js")),
    ("/history.js", "text/javascript; charset=utf-8", include_str!("page/history.js")),
];
