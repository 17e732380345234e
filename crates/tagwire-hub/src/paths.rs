//! From a path to what it stands for, and the one copy of every path and address.

use hashbrown::HashTable;

use crate::hash::hash_bytes;
use crate::registry::RegistryError;

/// Where a text lies in the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    at: u32,
    len: u16,
}

/// An index entry: where the path lies in the arena, and what it stands for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    path: Span,
    /// High bits of the hash, so that most mismatches need no look at the arena.
    tag_hash: u16,
    target: u32,
}

/// How many paths are looked up at once, so that the processor waits for their memory together.
pub(crate) const BATCH: usize = 16;

/// Paths with what they stand for. Each path may be followed by a further text, which is kept but not looked for.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    index: HashTable<Entry>,
    texts: String,
    n_dead: usize,
}

impl Paths {
    /// Makes room at once for this many further paths.
    pub(crate) fn reserve(&mut self, n: usize) {
        let texts = &self.texts;
        self.index.reserve(n, |entry| hash_bytes(text_in(texts, entry.path).as_bytes()));
        self.texts.reserve(n * 24);
    }

    /// The text at a place that [`Paths::insert`] returned.
    #[inline]
    pub(crate) fn text(&self, span: Span) -> &str {
        text_in(&self.texts, span)
    }

    /// The text that follows a path.
    pub(crate) fn appendix(&self, path: Span, len: u16) -> &str {
        self.text(Span { at: path.at + u32::from(path.len), len })
    }

    /// What a path stands for.
    #[inline]
    pub(crate) fn find(&self, path: &[u8]) -> Option<u32> {
        let hash = hash_bytes(path);
        let entry = self.index.find(hash, |entry| entry.tag_hash == high_bits(hash) && self.is(entry, path))?;
        Some(entry.target)
    }

    /// Tells what up to [`BATCH`] paths stand for, in order.
    #[inline]
    pub(crate) fn find_batch<'p>(
        &self,
        paths: impl Iterator<Item = &'p [u8]> + Clone,
        mut tell: impl FnMut(Option<u32>),
    ) {
        // Each loop touches one kind of memory, so that the misses of all paths overlap.
        let mut hashes = [0_u64; BATCH];
        for (hash, path) in hashes.iter_mut().zip(paths.clone()) {
            *hash = hash_bytes(path);
        }
        let mut candidates: [Option<&Entry>; BATCH] = [None; BATCH];
        for ((candidate, hash), _) in candidates.iter_mut().zip(hashes).zip(paths.clone()) {
            *candidate = self.index.iter_hash(hash).find(|entry| entry.tag_hash == high_bits(hash));
        }
        for (candidate, path) in candidates.into_iter().zip(paths) {
            tell(match candidate {
                Some(entry) if self.is(entry, path) => Some(entry.target),
                Some(_) => self.find(path),
                None => None,
            });
        }
    }

    /// Keeps a path that is not there yet, and the text that follows it.
    pub(crate) fn insert(&mut self, path: &str, appendix: &str, target: u32) -> Result<Span, RegistryError> {
        let hash = hash_bytes(path.as_bytes());
        let path = self.push(path, appendix)?;
        let entry = Entry { path, tag_hash: high_bits(hash), target };
        let texts = &self.texts;
        self.index.insert_unique(hash, entry, |entry| hash_bytes(text_in(texts, entry.path).as_bytes()));
        Ok(path)
    }

    /// Replaces the text that follows a path; returns the path's new place.
    pub(crate) fn replace_appendix(&mut self, path: Span, old_len: u16, new: &str) -> Result<Span, RegistryError> {
        let text = self.text(path).to_owned();
        let moved = self.push(&text, new)?;
        let texts = &self.texts;
        if let Some(entry) =
            self.index.find_mut(hash_bytes(text.as_bytes()), |entry| text_in(texts, entry.path) == text)
        {
            entry.path = moved;
        }
        self.n_dead += text.len() + usize::from(old_len);
        Ok(moved)
    }

    /// Forgets a path and the text of this length that follows it.
    pub(crate) fn remove(&mut self, path: Span, appendix_len: u16) {
        let texts = &self.texts;
        let text = text_in(texts, path);
        if let Ok(found) = self.index.find_entry(hash_bytes(text.as_bytes()), |entry| entry.path == path) {
            found.remove();
            self.n_dead += usize::from(path.len) + usize::from(appendix_len);
        }
    }

    /// Frees the room of forgotten texts once it is worth while. `place` is given every target and the way to move its
    /// text, and must note the new place.
    pub(crate) fn compact(&mut self, mut place: impl FnMut(u32, &mut dyn FnMut(Span, u16) -> Span)) {
        if self.n_dead <= 4096 || self.n_dead * 2 <= self.texts.len() {
            return;
        }
        let old = std::mem::take(&mut self.texts);
        self.texts.reserve(old.len() - self.n_dead.min(old.len()));
        let texts = &mut self.texts;
        for entry in self.index.iter_mut() {
            place(entry.target, &mut |path, appendix_len| {
                let moved = Span { at: texts.len() as u32, ..path };
                texts.push_str(text_in(&old, path));
                texts.push_str(text_in(&old, Span { at: path.at + u32::from(path.len), len: appendix_len }));
                entry.path = moved;
                moved
            });
        }
        self.n_dead = 0;
    }

    fn push(&mut self, path: &str, appendix: &str) -> Result<Span, RegistryError> {
        let at = self.texts.len();
        if u32::try_from(at + path.len() + appendix.len()).is_err() {
            return Err(RegistryError::Full);
        }
        let len = u16::try_from(path.len()).map_err(|_| RegistryError::TooLong)?;
        self.texts.push_str(path);
        self.texts.push_str(appendix);
        Ok(Span { at: at as u32, len })
    }

    #[inline]
    fn is(&self, entry: &Entry, path: &[u8]) -> bool {
        let start = entry.path.at as usize;
        self.texts.as_bytes().get(start..start + usize::from(entry.path.len)) == Some(path)
    }
}

#[inline]
const fn high_bits(hash: u64) -> u16 {
    (hash >> 48) as u16
}

#[inline]
fn text_in(texts: &str, span: Span) -> &str {
    let start = span.at as usize;
    texts.get(start..start + usize::from(span.len)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_one_by_one_and_in_batches() {
        let mut paths = Paths::default();
        let names: Vec<String> = (0..10_000).map(|idx| format!("line.device{}.tag{idx}", idx % 7)).collect();
        for (idx, name) in (0..).zip(&names) {
            paths.insert(name, "static", idx).expect("room");
        }
        for chunk in names.chunks(BATCH - 1) {
            let wanted = chunk.iter().map(|name| name.as_bytes()).chain([&b"nobody"[..]]);
            let mut found = Vec::new();
            paths.find_batch(wanted, |target| found.push(target));
            for (name, &found) in chunk.iter().zip(&found) {
                assert_eq!(found, paths.find(name.as_bytes()));
                assert_eq!(names[found.expect("there") as usize], *name);
            }
            assert_eq!((found.len(), found[chunk.len()]), (chunk.len() + 1, None));
        }
    }

    #[test]
    fn texts_move_and_stay_what_they_are() {
        let mut paths = Paths::default();
        let mut places: Vec<(Span, u16)> =
            (0..1000).map(|idx| (paths.insert(&format!("path{idx}"), "old", idx).expect("room"), 3)).collect();
        for place in places.iter_mut().step_by(2) {
            *place = (paths.replace_appendix(place.0, place.1, "longer").expect("room"), 6);
        }
        for idx in (1..1000).step_by(2) {
            let (path, len) = places[idx];
            paths.remove(path, len);
        }
        paths.n_dead += 1 << 20;
        paths.compact(|target, text| {
            let place = &mut places[target as usize];
            place.0 = text(place.0, place.1);
        });
        for idx in 0..1000_u32 {
            let found = paths.find(format!("path{idx}").as_bytes());
            assert_eq!(found, (idx % 2 == 0).then_some(idx));
            if found.is_some() {
                let (path, len) = places[idx as usize];
                assert_eq!((paths.text(path), paths.appendix(path, len)), (&*format!("path{idx}"), "longer"));
            }
        }
    }
}
