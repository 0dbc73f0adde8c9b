//! The page's files, embedded.

use streamface_web::Asset;

pub(super) static ASSETS: [Asset; 18] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/review.css", "text/css; charset=utf-8", include_str!("page/review.css")),
    ("/review.js", "text/javascript; charset=utf-8", include_str!("page/review.js")),
    ("/dom.js", "text/javascript; charset=utf-8", include_str!("page/dom.js")),
    ("/talk.js", "text/javascript; charset=utf-8", include_str!("page/talk.js")),
    ("/views.js", "text/javascript; charset=utf-8", include_str!("page/views.js")),
    ("/parts.js", "text/javascript; charset=utf-8", include_str!("page/parts.js")),
    ("/ask.js", "text/javascript; charset=utf-8", include_str!("page/ask.js")),
    ("/large.js", "text/javascript; charset=utf-8", include_str!("page/large.js")),
    ("/said.js", "text/javascript; charset=utf-8", include_str!("page/said.js")),
    ("/rows.js", "text/javascript; charset=utf-8", include_str!("page/rows.js")),
    ("/finder.js", "text/javascript; charset=utf-8", include_str!("page/finder.js")),
    ("/merge.js", "text/javascript; charset=utf-8", include_str!("page/merge.js")),
    ("/mixed.js", "text/javascript; charset=utf-8", include_str!("page/mixed.js")),
    ("/person.js", "text/javascript; charset=utf-8", include_str!("page/person.js")),
    ("/timeline.js", "text/javascript; charset=utf-8", include_str!("page/timeline.js")),
    ("/people.js", "text/javascript; charset=utf-8", include_str!("page/people.js")),
    ("/history.js", "text/javascript; charset=utf-8", include_str!("page/history.js")),
];
