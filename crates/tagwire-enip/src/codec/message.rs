//! Requests to the message router and its answers (CIP Volume 1, 2-4).

use super::{CodecError, Reader, Status, service};

/// A request to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// One of [`service`].
    pub service: u8,
    /// Where it goes, as [`super::path`] encodes it; an even number of bytes, at most 510.
    pub path: &'a [u8],
    /// What the service takes.
    pub data: &'a [u8],
}

impl<'a> Request<'a> {
    /// Takes a request apart.
    ///
    /// # Errors
    /// [`CodecError::Short`] when it ends too early.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes, "request");
        let (service, n_words) = (reader.u8()?, reader.u8()?);
        let path = reader.bytes(2 * usize::from(n_words))?;
        Ok(Self { service, path, data: reader.rest() })
    }

    /// Appends the request.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.service);
        out.push((self.path.len() / 2) as u8);
        out.extend_from_slice(self.path);
        out.extend_from_slice(self.data);
    }

    /// Bytes of the request.
    pub const fn len(&self) -> usize {
        2 + self.path.len() + self.data.len()
    }

    /// Never: a request has a service.
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// An answer of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The service of the request, without [`service::ANSWER`].
    pub service: u8,
    /// Whether it worked.
    pub status: Status,
    /// What the service gives.
    pub data: &'a [u8],
}

impl<'a> Response<'a> {
    /// Takes an answer apart.
    ///
    /// # Errors
    /// [`CodecError`] when it ends too early or is a request.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes, "answer");
        let (service, _reserved, general, n_words) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
        if service & service::ANSWER == 0 {
            return Err(CodecError::Value { what: "service of an answer", value: service.into() });
        }
        let mut words = Reader::new(reader.bytes(2 * usize::from(n_words))?, "status");
        let status = Status { general, extended: words.u16().ok() };
        Ok(Self { service: service & !service::ANSWER, status, data: reader.rest() })
    }

    /// Appends the answer.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.service | service::ANSWER, 0, self.status.general]);
        match self.status.extended {
            Some(extended) => {
                out.push(1);
                out.extend_from_slice(&extended.to_le_bytes());
            }
            None => out.push(0),
        }
        out.extend_from_slice(self.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_come_back() {
        let request = Request { service: 0x4C, path: &[0x91, 2, b'a', b'b'], data: &[1, 0] };
        let mut out = Vec::new();
        request.encode(&mut out);
        assert_eq!(out, [0x4C, 2, 0x91, 2, b'a', b'b', 1, 0]);
        assert_eq!((Request::decode(&out), request.len()), (Ok(request), out.len()));
        assert!(Request::decode(&out[..3]).is_err());
        for status in [Status::SUCCESS, Status::extended(0xFF, 0x2107)] {
            let response = Response { service: 0x4C, status, data: &[7] };
            out.clear();
            response.encode(&mut out);
            assert_eq!(Response::decode(&out), Ok(response));
        }
        assert!(Response::decode(&[0x4C, 0, 0, 0]).is_err(), "a request is no answer");
    }
}
