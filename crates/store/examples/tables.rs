//! Prints the page of all tables: `cargo run -p streamface-store --example tables > docs/tables.md`

fn main() {
    print!("{}", streamface_store::tables_page());
}
