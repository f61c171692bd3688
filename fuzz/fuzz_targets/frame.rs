//! Any bytes as a frame, as they are and with checksums that fit: nothing panics, and what is accepted is coherent.
#![no_main]

use landrush_wal::frame::{FRAME_HEADER_BYTES, FrameHeader, open_frame};
use landrush_wal::segment::SegmentHeader;
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8]) {
    let Ok(header) = FrameHeader::decode(bytes) else { return };
    assert!(header.known_durable < header.first_lsn && header.next_lsn() >= header.first_lsn);
    let Some(frame) = bytes.get(..header.frame_bytes as usize) else { return };
    if let Ok((_, records)) = open_frame(&header, frame) {
        let lengths: usize = records.clone().map(|record| record.len() + 4).sum();
        assert_eq!(lengths, records.payload().len());
        assert_eq!(records.count(), header.records as usize);
    }
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    if let Some(sector) = bytes.first_chunk::<512>() {
        let _ = SegmentHeader::decode(sector);
        let mut sector = *sector;
        sector[..12].copy_from_slice(b"LRUSHWAL\x01\0\0\0");
        let crc = crc32c::crc32c(&sector[..508]).to_le_bytes();
        sector[508..].copy_from_slice(&crc);
        if let Ok(Some(header)) = SegmentHeader::decode(&sector) {
            assert_eq!(
                header.encode()[..84],
                sector[..84].iter().copied().enumerate().map(blank_reserved).collect::<Vec<_>>()[..]
            );
        }
    }
    if bytes.len() >= FRAME_HEADER_BYTES {
        let mut bytes = bytes.to_vec();
        bytes[..5].copy_from_slice(b"LRfr\x01");
        let header_crc = crc32c::crc32c(&bytes[..56]).to_le_bytes();
        bytes[56..60].copy_from_slice(&header_crc);
        let length = u32::from_le_bytes([bytes[48], bytes[49], bytes[50], bytes[51]]) as usize;
        let end = length.clamp(FRAME_HEADER_BYTES, bytes.len());
        let body_crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..60]), &bytes[64..end]).to_le_bytes();
        bytes[60..64].copy_from_slice(&body_crc);
        read(&bytes);
    }
});

/// Bytes 13 to 15 are reserved, and written as zero.
fn blank_reserved((index, byte): (usize, u8)) -> u8 {
    if (13..16).contains(&index) { 0 } else { byte }
}
