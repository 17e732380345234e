//! Trust lists opened as files (Part 20, 4.2; Part 12, 7.8.2). Each belongs to one session and ends with it.

use std::sync::Arc;

use tagwire_model::Status;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::NodeId;

use super::Group;
use crate::limits;
use crate::quota::{KeeperTicket, Quota, Share};
use crate::subscription::Millis;

/// Mode bits of Open (Part 20, 4.2.2).
const READ: u8 = 0x01;
const WRITE_ERASING: u8 = 0x06;

/// What a file was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    /// Writing a new list from its beginning.
    Write,
}

impl Mode {
    /// A trust list is read, or written anew as a whole.
    pub(super) const fn parse(bits: u8) -> Result<Self, Status> {
        match bits {
            READ => Ok(Self::Read),
            WRITE_ERASING => Ok(Self::Write),
            _ => Err(status::BAD_INVALID_ARGUMENT),
        }
    }
}

/// One open file.
pub(super) struct OpenFile {
    handle: u32,
    session: NodeId,
    group: Group,
    mode: Mode,
    bytes: Vec<u8>,
    position: usize,
    used: Millis,
    share: Share,
    _ticket: KeeperTicket,
}

/// All open files.
#[derive(Default)]
pub(super) struct Files {
    open: Vec<OpenFile>,
    last_handle: u32,
}

impl Files {
    /// Opens a trust list; `content` is what reading it gives.
    pub(super) fn open(
        &mut self,
        (session, group): (&NodeId, Group),
        mode: Mode,
        content: Vec<u8>,
        (quota, now): (&Quota, Millis),
    ) -> Result<u32, Status> {
        let of_session = self.open.iter().filter(|file| file.session == *session).count();
        if of_session >= limits::MAX_OPEN_FILES_PER_SESSION {
            return Err(status::BAD_RESOURCE_UNAVAILABLE);
        }
        if mode == Mode::Write && self.is_written(group) {
            return Err(Status::BAD_NOT_WRITABLE);
        }
        let ticket = quota.file()?;
        let mut share = ticket.share();
        if !share.resize(content.len()) {
            return Err(status::BAD_RESOURCE_UNAVAILABLE);
        }
        // Handles are never 0, which some clients take for none, and are used again only after billions.
        self.last_handle = self.last_handle.checked_add(1).unwrap_or(1);
        while self.open.iter().any(|file| file.handle == self.last_handle) {
            self.last_handle = self.last_handle.checked_add(1).unwrap_or(1);
        }
        self.open.push(OpenFile {
            handle: self.last_handle,
            session: session.clone(),
            group,
            mode,
            bytes: content,
            position: 0,
            used: now,
            share,
            _ticket: ticket,
        });
        Ok(self.last_handle)
    }

    /// The session's file with a handle; to another session it does not exist.
    pub(super) fn find(
        &mut self,
        (session, group): (&NodeId, Group),
        handle: u32,
        now: Millis,
    ) -> Result<&mut OpenFile, Status> {
        let at = self.position((session, group), handle)?;
        let file = self.open.get_mut(at).ok_or(status::BAD_INVALID_ARGUMENT)?;
        file.used = now;
        Ok(file)
    }

    fn position(&self, (session, group): (&NodeId, Group), handle: u32) -> Result<usize, Status> {
        let is_meant = |file: &OpenFile| file.handle == handle && file.session == *session && file.group == group;
        self.open.iter().position(is_meant).ok_or(status::BAD_INVALID_ARGUMENT)
    }

    /// Closes a file and gives what it was opened for with what was written.
    pub(super) fn close(&mut self, owner: (&NodeId, Group), handle: u32) -> Result<(Mode, Vec<u8>), Status> {
        let file = self.open.swap_remove(self.position(owner, handle)?);
        Ok((file.mode, file.bytes))
    }

    pub(super) fn close_all_of(&mut self, session: &NodeId) {
        self.open.retain(|file| file.session != *session);
    }

    /// Closes files that nobody used for too long.
    pub(super) fn close_idle(&mut self, now: Millis) {
        self.open.retain(|file| now.saturating_sub(file.used) <= limits::FILE_TIMEOUT_MS);
    }

    pub(super) fn n_open(&self, group: Group) -> usize {
        self.open.iter().filter(|file| file.group == group).count()
    }

    /// Whether somebody writes a new list.
    pub(super) fn is_written(&self, group: Group) -> bool {
        self.open.iter().any(|file| file.group == group && file.mode == Mode::Write)
    }
}

impl OpenFile {
    /// The next bytes, at most as many as asked for and as fit in an answer; none at the end.
    pub(super) fn read(&mut self, length: i32, max: usize) -> Result<Arc<[u8]>, Status> {
        let length = usize::try_from(length).map_err(|_| status::BAD_INVALID_ARGUMENT)?;
        if self.mode != Mode::Read {
            return Err(status::BAD_INVALID_STATE);
        }
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let part = rest.get(..length.min(max)).unwrap_or(rest);
        self.position += part.len();
        Ok(Arc::from(part))
    }

    /// Writes at the position.
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), Status> {
        if self.mode != Mode::Write {
            return Err(status::BAD_INVALID_STATE);
        }
        let end = self.position.checked_add(data.len()).filter(|end| *end <= limits::MAX_TRUST_LIST_BYTES);
        let end = end.ok_or(status::BAD_REQUEST_TOO_LARGE)?;
        if end > self.bytes.len() && !self.share.resize(end) {
            self.share.resize(self.bytes.len());
            return Err(status::BAD_RESOURCE_UNAVAILABLE);
        }
        let overwritten = self.bytes.len().min(end) - self.position;
        let (over, beyond) = data.split_at(overwritten);
        self.bytes[self.position..self.position + overwritten].copy_from_slice(over);
        self.bytes.extend_from_slice(beyond);
        self.position = end;
        Ok(())
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) const fn tell(&self) -> u64 {
        self.position as u64
    }

    /// Moves the position, to the end at most (Part 20, 4.2.7).
    pub(super) fn seek(&mut self, position: u64) {
        self.position = usize::try_from(position).unwrap_or(usize::MAX).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Usage;

    fn session(number: u8) -> NodeId {
        NodeId::opaque(1, [number; 16])
    }

    #[test]
    fn reading_stays_within_the_file_whatever_is_asked_for() {
        let (quota, mut files) = (Quota::default(), Files::default());
        let me = session(1);
        let owner = (&me, Group::Applications);
        let handle = files.open(owner, Mode::Read, vec![1, 2, 3, 4, 5], (&quota, 0)).expect("opens");
        let file = files.find(owner, handle, 0).expect("open");
        assert_eq!(file.read(-1, 100), Err(status::BAD_INVALID_ARGUMENT));
        assert_eq!(file.read(i32::MIN, 100), Err(status::BAD_INVALID_ARGUMENT));
        assert_eq!(file.read(2, 100).as_deref(), Ok(&[1, 2][..]));
        assert_eq!(file.read(i32::MAX, 2).as_deref(), Ok(&[3, 4][..]), "an answer has room for so much");
        file.seek(u64::MAX);
        assert_eq!((file.tell(), file.read(i32::MAX, 100).as_deref()), (5, Ok(&[][..])));
        file.seek(4);
        assert_eq!(file.read(i32::MAX, 100).as_deref(), Ok(&[5][..]));
        assert_eq!(file.write(&[1]), Err(status::BAD_INVALID_STATE));
    }

    #[test]
    fn writing_overwrites_and_extends_up_to_the_limit() {
        let (quota, mut files) = (Quota::default(), Files::default());
        let me = session(1);
        let owner = (&me, Group::Users);
        let handle = files.open(owner, Mode::Write, Vec::new(), (&quota, 0)).expect("opens");
        let file = files.find(owner, handle, 0).expect("open");
        file.write(&[1, 2, 3]).expect("fits");
        file.seek(2);
        file.write(&[7, 8]).expect("fits");
        assert_eq!(quota.usage().open_file_bytes, 4);
        assert_eq!(file.write(&vec![0; limits::MAX_TRUST_LIST_BYTES]), Err(status::BAD_REQUEST_TOO_LARGE));
        assert_eq!(file.read(1, 1), Err(status::BAD_INVALID_STATE));
        let (mode, bytes) = files.close(owner, handle).expect("open");
        assert_eq!((mode, bytes), (Mode::Write, vec![1, 2, 7, 8]));
        assert_eq!(quota.usage(), Usage::default());
    }

    #[test]
    fn a_file_belongs_to_its_session_and_list_and_ends_with_them() {
        let (quota, mut files) = (Quota::default(), Files::default());
        let (me, other) = (session(1), session(2));
        let open = |files: &mut Files, who: &NodeId, mode| {
            files.open((who, Group::Applications), mode, vec![0; 10], (&quota, 0))
        };
        let handle = open(&mut files, &me, Mode::Write).expect("opens");
        assert!(files.find((&other, Group::Applications), handle, 0).is_err());
        assert!(files.find((&me, Group::Users), handle, 0).is_err());
        assert_eq!(open(&mut files, &other, Mode::Write), Err(Status::BAD_NOT_WRITABLE));
        while open(&mut files, &me, Mode::Read).is_ok() {}
        assert_eq!(files.n_open(Group::Applications), limits::MAX_OPEN_FILES_PER_SESSION);
        open(&mut files, &other, Mode::Read).expect("another session has its own share");
        files.close_all_of(&me);
        assert_eq!(files.n_open(Group::Applications), 1);
        files.close_idle(limits::FILE_TIMEOUT_MS + 1);
        assert_eq!(quota.usage(), Usage::default());
    }
}
