//! The declaration of a table: its row, its columns and what they mean, in one place.

/// Declares a row type and its table.
///
/// ```text
/// table! {
///     /// What a row is, for the rustdoc of the type.
///     FrameRow in "frames", version 1, reads 1, one row of FrameId = |r| r.frame.clone();
///     "What a row is, for docs/tables.md."
///     given { field: Type { "column": "meaning" }; … }
///     rest { field: Type { "column": "meaning" } also { "derived": Type = |r| …, "meaning" }; … }
/// }
/// ```
///
/// From it follow the struct (with the meanings as its documentation), `new` (its arguments are the `given` fields, the
/// `rest` is unknown), reading, writing, and `docs/tables.md`. Columns stand in the order of the declaration. A field may
/// have several columns; `also` columns are written, and not read.
///
/// To add a column: add a field to `rest` with `since N`, where N is the table's version plus 1, and raise the version to N.
/// In files of earlier versions the field is unknown. `reads` is the oldest version that is read; `before N: function`
/// names what reads rows of versions before N. `many rows of` keeps all rows of a key that one file has, in their
/// order; those of a later file replace them together.
macro_rules! table {
    (@many one) => { false };
    (@many many) => { true };
    (
        $(#[$meta:meta])*
        $row:ident in $name:literal, version $version:literal, reads $oldest:literal,
        $many:ident $(row)? $(rows)? of $key:ty = $key_of:expr;
        $(before $before:literal: $older:path;)?
        $about:literal
        given { $(
            $given:ident: $given_type:ty { $($given_column:literal: $given_meaning:literal),+ $(,)? }
            $(also { $given_also:literal: $given_also_type:ty = $given_get:expr, $given_also_meaning:literal })*
        );* $(;)? }
        rest { $(
            $field:ident: $type:ty $(, since $since:literal)? { $($column:literal: $meaning:literal),+ $(,)? }
            $(also { $also:literal: $also_type:ty = $get:expr, $also_meaning:literal })*
        );* $(;)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $row {
            $($(#[doc = concat!("`", $given_column, "`: ", $given_meaning, ".\n\n")])+ pub $given: $given_type,)*
            $($(#[doc = concat!("`", $column, "`: ", $meaning, ".\n\n")])+ pub $field: $type,)*
        }

        impl $row {
            /// A row of which only this is known.
            #[must_use]
            pub fn new($($given: impl Into<$given_type>),*) -> Self {
                Self {
                    $($given: $given.into(),)*
                    $($field: <$type as $crate::cells::Unknown>::unknown(),)*
                }
            }
        }

        impl $crate::table::Row for $row {
            const NAME: &'static str = $name;
            const VERSION: u32 = $version;
            const OLDEST: u32 = $oldest;
            const MANY: bool = table!(@many $many);
            type Key = $key;

            fn key(&self) -> $key {
                let key: fn(&Self) -> $key = $key_of;
                key(self)
            }

            #[allow(clippy::vec_init_then_push, reason = "some declarations have one column, some have many")]
            fn table() -> $crate::table::Table {
                let mut columns = Vec::new();
                $(
                    $(columns.push($crate::table::Column::of::<$given_type>($given_column, $given_meaning, 0));)+
                    $(columns.push($crate::table::Column::of::<$given_also_type>($given_also, $given_also_meaning, 0));)*
                )*
                $(
                    let _since = 0 $(+ $since)?;
                    $(columns.push($crate::table::Column::of::<$type>($column, $meaning, _since));)+
                    $(columns.push($crate::table::Column::of::<$also_type>($also, $also_meaning, _since));)*
                )*
                $crate::table::Table { name: $name, about: $about, version: $version, columns }
            }

            #[allow(clippy::vec_init_then_push, reason = "some declarations have one column, some have many")]
            fn fields(_rows: &[Self]) -> Vec<arrow_schema::Field> {
                let mut fields = Vec::new();
                let _first = _rows.first();
                $(
                    let first = _first.map(|r| &r.$given);
                    $(fields.push($crate::table::field($given_column, first));)+
                    $(fields.push($crate::table::field::<$given_also_type>($given_also, None));)*
                )*
                $(
                    let first = _first.map(|r| &r.$field);
                    $(fields.push($crate::table::field($column, first));)+
                    $(fields.push($crate::table::field::<$also_type>($also, None));)*
                )*
                fields
            }

            fn arrays(rows: &[Self]) -> Vec<arrow_array::ArrayRef> {
                let mut arrays = Vec::new();
                $(
                    arrays.extend($crate::table::arrays(rows, |r| &r.$given));
                    $(arrays.extend($crate::table::derived::<Self, $given_also_type>(rows, $given_get));)*
                )*
                $(
                    arrays.extend($crate::table::arrays(rows, |r| &r.$field));
                    $(arrays.extend($crate::table::derived::<Self, $also_type>(rows, $get));)*
                )*
                arrays
            }

            fn read(columns: &$crate::columns::Columns<'_>, row: usize) -> Result<Self, String> {
                $(if columns.version() < $before {
                    return $older(columns, row);
                })?
                Ok(Self {
                    $($given: $crate::cells::Cells::read(columns, &[$($given_column),+], row)?,)*
                    $($field: $crate::table::since(columns, 0 $(+ $since)?, &[$($column),+], row)?,)*
                })
            }
        }
    };
}

pub(crate) use table;
