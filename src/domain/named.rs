//! Enums whose values have a name: in the database, in JSON and on the command line.

/// Declares an enum from one list of values and names, with the conversions between them.
macro_rules! named_enum {
    ($(#[$about:meta])* pub enum $Enum:ident { $($(#[$note:meta])* $Value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $Enum {
            $(
                $(#[$note])*
                #[doc = ""]
                #[doc = concat!("Named `", $name, "`.")]
                $Value,
            )+
        }

        #[expect(clippy::allow_attributes, reason = "most enums use all of it")]
        #[allow(dead_code, reason = "not every enum is asked for all of it")]
        impl $Enum {
            /// Every value, in the order of declaration.
            pub const ALL: [$Enum; [$($name),+].len()] = [$($Enum::$Value),+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($Enum::$Value => $name,)+
                }
            }

            /// The value of that name; `None` for an unknown name.
            pub fn from_stored(text: &str) -> Option<$Enum> {
                $Enum::ALL.into_iter().find(|value| value.as_str() == text)
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $Enum {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use named_enum;
