//! Fingerprints in words, for people who compare two of them by voice.

/// Bytes that words are given for: more than anybody can find a second certificate for.
const N_BYTES: usize = 10;

/// The word of each byte, by its number: easy to speak, and none easily taken for another.
#[rustfmt::skip]
static WORDS: [&str; 256] = [
    "acorn", "alarm", "album", "amber", "anchor", "ankle", "apple", "apron", "arrow", "atlas", "autumn", "badge",
    "bagel", "baker", "bamboo", "banjo", "barn", "barrel", "basin", "beach", "beacon", "beaver", "beetle", "bell",
    "berry", "bishop", "blanket", "blossom", "bonnet", "bottle", "bracket", "branch", "bread", "bridge", "brush",
    "bucket", "butter", "button", "cabin", "cactus", "camel", "candle", "canoe", "canyon", "captain", "carbon",
    "carpet", "carrot", "castle", "cedar", "cellar", "cherry", "chimney", "circus", "citrus", "clover", "cobra",
    "coffee", "comet", "copper", "coral", "cotton", "cradle", "crater", "cricket", "crystal", "curtain", "cushion",
    "daisy", "dancer", "desert", "diamond", "dolphin", "donkey", "dragon", "drummer", "eagle", "easel", "elbow",
    "elephant", "ember", "engine", "fabric", "falcon", "farmer", "feather", "fiddle", "finger", "flannel", "flute",
    "forest", "fountain", "freckle", "galaxy", "garden", "garlic", "gazelle", "giant", "ginger", "glacier", "goblet",
    "gondola", "granite", "guitar", "hammer", "harbor", "harvest", "hazel", "helmet", "heron", "hollow", "honey",
    "hornet", "hotel", "hunter", "icicle", "igloo", "insect", "island", "ivory", "jacket", "jaguar", "jasmine",
    "jelly", "jersey", "jigsaw", "jungle", "kayak", "kettle", "kitten", "koala", "ladder", "lagoon", "lantern",
    "lemon", "leopard", "lilac", "lizard", "lobster", "locket", "magnet", "mammoth", "mango", "maple", "marble",
    "meadow", "melon", "mirror", "mitten", "monkey", "morning", "mosaic", "mountain", "muffin", "museum", "napkin",
    "nectar", "needle", "nickel", "noodle", "nugget", "nutmeg", "oasis", "ocean", "olive", "onion", "opera", "orange",
    "orchid", "otter", "oven", "oyster", "paddle", "palace", "panda", "paper", "parrot", "peanut", "pebble",
    "pelican", "pencil", "pepper", "piano", "pigeon", "pillow", "pirate", "planet", "pocket", "pony", "poppy",
    "potato", "pretzel", "pumpkin", "puzzle", "quarry", "quartz", "quilt", "rabbit", "radish", "raisin", "ranger",
    "raven", "ribbon", "river", "robin", "rocket", "saddle", "sailor", "salmon", "sandal", "scarf", "school",
    "shadow", "shovel", "silver", "spider", "spinach", "sponge", "squirrel", "stable", "statue", "sugar", "sunset",
    "tablet", "teapot", "temple", "thunder", "tiger", "timber", "toast", "tomato", "tractor", "trolley", "trumpet",
    "tulip", "tunnel", "turtle", "umbrella", "valley", "velvet", "violin", "volcano", "waffle", "wagon", "walnut",
    "walrus", "weasel", "whisker", "whistle", "willow", "window", "winter", "wizard", "yogurt", "zebra", "zeppelin",
];

/// The first ten bytes of a fingerprint, a word for each.
pub(crate) fn words(fingerprint: &[u8; 32]) -> String {
    let first = fingerprint.iter().take(N_BYTES);
    first.map(|byte| WORDS[usize::from(*byte)]).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_byte_has_a_short_word_of_its_own() {
        let distinct: HashSet<&str> = WORDS.into_iter().collect();
        assert_eq!(distinct.len(), 256);
        assert!(WORDS.is_sorted(), "so that a word is found by hand");
        assert!(WORDS.iter().all(|word| (4..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn the_words_are_those_of_the_first_bytes() {
        let mut fingerprint = [0; 32];
        let first = words(&fingerprint);
        assert_eq!(first.split(' ').count(), N_BYTES);
        fingerprint[9] = 1;
        let second = words(&fingerprint);
        assert_ne!(second, first);
        fingerprint[10] = 1;
        assert_eq!(words(&fingerprint), second);
    }
}
