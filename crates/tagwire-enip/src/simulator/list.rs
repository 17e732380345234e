//! What a controller tells about its program: tag list, templates, change counters.

use super::program::Program;
use crate::codec::message::Request;
use crate::codec::path::{Segment, segments};
use crate::codec::{Reader, Status, class, service};

/// Get Instance Attribute List on the tags of the controller or of a program.
pub(super) fn tags(program: &Program, request: &Request<'_>, capacity: usize, out: &mut Vec<u8>) -> Status {
    let mut scope = None;
    let mut first = 0;
    for segment in segments(request.path) {
        match segment {
            Ok(Segment::Symbol(name)) => match program.program(name) {
                Some(found) => scope = Some(found),
                None => return Status::PATH_SEGMENT_ERROR,
            },
            Ok(Segment::Class(class::SYMBOL)) => {}
            Ok(Segment::Instance(instance)) => first = instance,
            _ => return Status::PATH_UNKNOWN,
        }
    }
    let mut reader = Reader::new(request.data, "attributes");
    let Ok(n) = reader.u16() else { return Status::NOT_ENOUGH_DATA };
    let attributes: Result<Vec<u16>, _> = (0..n).map(|_| reader.u16()).collect();
    let Ok(attributes) = attributes else { return Status::NOT_ENOUGH_DATA };
    let mut entries: Vec<(u32, String, u16, [u32; 3])> = program
        .scope(scope)
        .into_iter()
        .map(|tag| (tag.instance, tag.name.clone(), program.symbol_type(tag).0, Program::lens(tag)))
        .collect();
    if scope.is_none() {
        // Programs are entries of a type of their own.
        let own =
            program.programs.iter().map(|(name, instance)| (*instance, format!("Program:{name}"), 0x1068, [0; 3]));
        entries.extend(own);
        entries.sort_unstable_by_key(|entry| entry.0);
    }
    let room = capacity.saturating_sub(4);
    for (instance, name, symbol_type, lens) in entries.iter().filter(|entry| entry.0 >= first) {
        let before = out.len();
        out.extend_from_slice(&instance.to_le_bytes());
        for attribute in &attributes {
            match attribute {
                1 => {
                    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
                    out.extend_from_slice(name.as_bytes());
                }
                2 => out.extend_from_slice(&symbol_type.to_le_bytes()),
                3 | 5 => out.extend_from_slice(&instance.to_le_bytes()),
                // Bit 26 of the software control tells a base tag from an alias.
                6 => out.extend_from_slice(&0x0400_0000_u32.to_le_bytes()),
                7 => out.extend_from_slice(&4_u16.to_le_bytes()),
                8 => lens.iter().for_each(|len| out.extend_from_slice(&len.to_le_bytes())),
                10 => out.push(0),
                _ => return Status::ATTRIBUTE_UNSUPPORTED,
            }
        }
        if out.len() > room {
            out.truncate(before);
            return if before == 0 { Status::REPLY_TOO_LARGE } else { Status::PARTIAL };
        }
    }
    Status::SUCCESS
}

/// Attributes and definition of a template.
pub(super) fn template(program: &Program, request: &Request<'_>, capacity: usize, out: &mut Vec<u8>) -> Status {
    let instance = segments(request.path).find_map(|segment| match segment {
        Ok(Segment::Instance(instance)) => Some(instance),
        _ => None,
    });
    let known = program.layouts.structures.iter().find(|known| Some(u32::from(known.template)) == instance);
    let Some(known) = known else { return Status::PATH_UNKNOWN };
    match request.service {
        service::GET_ATTRIBUTE_LIST => {
            let mut reader = Reader::new(request.data, "attributes");
            let Ok(n) = reader.u16() else { return Status::NOT_ENOUGH_DATA };
            out.extend_from_slice(&n.to_le_bytes());
            for _ in 0..n {
                let Ok(attribute) = reader.u16() else { return Status::NOT_ENOUGH_DATA };
                out.extend_from_slice(&attribute.to_le_bytes());
                out.extend_from_slice(&[0, 0]);
                match attribute {
                    1 => out.extend_from_slice(&known.attributes.handle.to_le_bytes()),
                    2 => out.extend_from_slice(&known.attributes.n_members.to_le_bytes()),
                    // Some clients ask for it, and nobody says what it means.
                    3 => out.extend_from_slice(&[0, 0]),
                    4 => out.extend_from_slice(&known.attributes.definition_size.to_le_bytes()),
                    5 => out.extend_from_slice(&known.attributes.structure_size.to_le_bytes()),
                    _ => return Status::ATTRIBUTE_LIST_ERROR,
                }
            }
            Status::SUCCESS
        }
        service::READ_TAG => {
            let mut reader = Reader::new(request.data, "range");
            let (Ok(offset), Ok(len)) = (reader.u32(), reader.u16()) else { return Status::NOT_ENOUGH_DATA };
            let mut bytes = Vec::new();
            known.definition.encode(&mut bytes);
            // A definition is padded to the size that its attribute tells.
            bytes.resize((known.attributes.definition_size * 4) as usize, 0);
            let Some(rest) = bytes.get(offset as usize..) else { return Status::extended(0xFF, 0x2104) };
            let wanted = rest.get(..usize::from(len)).unwrap_or(rest);
            let room = capacity.saturating_sub(4);
            out.extend_from_slice(wanted.get(..room).unwrap_or(wanted));
            if wanted.len() > room { Status::PARTIAL } else { Status::SUCCESS }
        }
        _ => Status::SERVICE_UNSUPPORTED,
    }
}

/// The counters that grow when the program changes.
pub(super) fn change_counters(version: u32, data: &[u8], out: &mut Vec<u8>) -> Status {
    let mut reader = Reader::new(data, "attributes");
    let Ok(n) = reader.u16() else { return Status::NOT_ENOUGH_DATA };
    out.extend_from_slice(&n.to_le_bytes());
    for _ in 0..n {
        let Ok(attribute) = reader.u16() else { return Status::NOT_ENOUGH_DATA };
        out.extend_from_slice(&attribute.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        match attribute {
            1 | 2 => out.extend_from_slice(&(attribute + version as u16).to_le_bytes()),
            3 | 4 | 10 => out.extend_from_slice(&(u32::from(attribute) * 1000 + version).to_le_bytes()),
            _ => return Status::ATTRIBUTE_LIST_ERROR,
        }
    }
    Status::SUCCESS
}
