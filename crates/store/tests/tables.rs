//! `docs/tables.md` says what the declarations say. Not part of the package, which has no `docs/`.

use std::path::Path;

#[test]
fn the_page_of_tables_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tables.md");
    let page = std::fs::read_to_string(&path).expect("docs/tables.md");
    assert!(
        page == streamface_store::tables_page(),
        "docs/tables.md is stale: cargo run -p streamface-store --example tables > docs/tables.md"
    );
}
