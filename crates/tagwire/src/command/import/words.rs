//! Words of other products for what our tag lists say in their own.

/// Our type for a type of Kepware, and the storage word of a Modbus address that it needs besides.
///
/// `Default` gives an empty type: the address decides.
pub(super) fn kepware_type(word: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match word.to_ascii_lowercase().as_str() {
        "" | "default" => ("", None),
        "string" => ("string", None),
        "boolean" => ("bool", None),
        "char" => ("i8", None),
        "byte" => ("u8", None),
        "short" => ("i16", None),
        "word" => ("u16", None),
        "long" => ("i32", None),
        "dword" => ("u32", None),
        "float" => ("f32", None),
        "double" => ("f64", None),
        "bcd" => ("u16", Some("BCD")),
        "lbcd" => ("u32", Some("LBCD")),
        "date" => ("datetime", None),
        "llong" => ("i64", None),
        "qword" => ("u64", None),
        _ => return None,
    })
}

/// The word for a number of `servermain.TAG_DATA_TYPE`, and whether it is an array.
pub(super) fn kepware_type_word(number: i64) -> Option<(&'static str, bool)> {
    const WORDS: [&str; 15] = [
        "String", "Boolean", "Char", "Byte", "Short", "Word", "Long", "DWord", "Float", "Double", "BCD", "LBCD",
        "Date", "LLong", "QWord",
    ];
    let word = |number: i64| usize::try_from(number).ok().and_then(|number| WORDS.get(number)).copied();
    match number {
        -1 => Some(("Default", false)),
        0..20 => Some((word(number)?, false)),
        20.. => Some((word(number - 20)?, true)),
        _ => None,
    }
}

/// Our type for a type of Neuron.
pub(super) fn neuron_type(word: &str) -> Option<&'static str> {
    Some(match word.trim().to_ascii_uppercase().as_str() {
        "BIT" | "BOOL" => "bool",
        "INT8" => "i8",
        "UINT8" => "u8",
        "INT16" => "i16",
        "UINT16" | "WORD" => "u16",
        "INT32" => "i32",
        "UINT32" | "DWORD" => "u32",
        "INT64" => "i64",
        "UINT64" | "LWORD" => "u64",
        "FLOAT" => "f32",
        "DOUBLE" => "f64",
        "STRING" => "string",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_type_has_its_word() {
        for (number, word, is_array) in [
            (-1, "Default", false),
            (0, "String", false),
            (8, "Float", false),
            (14, "QWord", false),
            (28, "Float", true),
        ] {
            assert_eq!(kepware_type_word(number), Some((word, is_array)), "{number}");
            assert!(kepware_type(word).is_some(), "{word}");
        }
        assert_eq!((kepware_type_word(15), kepware_type_word(35), kepware_type_word(-2)), (None, None, None));
    }
}
