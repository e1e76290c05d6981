//! zstd for recordings: a file of frames, each of which can be read without the others.

use std::io::{self, BufRead, Read, Write};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// How much is gathered before it is compressed: the more, the smaller the file, and the more a crash can lose.
const FRAME_BYTES: usize = 64 * 1024;

/// What every file of zstd begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Compresses what is written, a frame at a time; what was gathered last is written by [`ZstdWriter::finish`].
pub(super) struct ZstdWriter<W: Write> {
    writer: W,
    gathered: Vec<u8>,
}

impl<W: Write> ZstdWriter<W> {
    /// Writes frames into `writer`.
    pub(super) const fn new(writer: W) -> Self {
        Self { writer, gathered: Vec::new() }
    }

    /// Writes the last frame.
    ///
    /// # Errors
    /// The I/O error of writing.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let frame = compress_to_vec(self.gathered.as_slice(), CompressionLevel::Fastest);
        self.gathered.clear();
        self.writer.write_all(&frame)?;
        self.writer.flush()
    }
}

impl<W: Write> Write for ZstdWriter<W> {
    /// Takes everything it is given, so that what is written at once is never in two frames.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= FRAME_BYTES {
            self.finish()?;
        }
        Ok(bytes.len())
    }

    /// Does nothing: small frames would hardly be smaller than what is in them.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns whether a file is compressed; its name does not matter.
pub(super) fn is_packed(beginning: &[u8]) -> bool {
    beginning.starts_with(&ZSTD_MAGIC)
}

/// Reads frames one after the other, whoever wrote them.
pub(super) struct ZstdReader<R: BufRead> {
    source: R,
    decoder: FrameDecoder,
    /// Whether the decoder is in the middle of a frame.
    inside: bool,
}

impl<R: BufRead> ZstdReader<R> {
    /// Reads frames from `source`.
    pub(super) fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), inside: false }
    }

    /// Begins the next frame; false at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(self.told(&error)),
            }
        }
        Ok(false)
    }

    /// Tells a file that has been cut from one that has been damaged.
    fn told(&mut self, error: &FrameDecoderError) -> io::Error {
        match self.source.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            _ => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !into.is_empty() {
            if !self.inside && !self.begin()? {
                return Ok(0);
            }
            if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| self.told(&error))?;
            }
            let read = self.decoder.read(into)?;
            if read > 0 {
                return Ok(read);
            }
            self.inside = !self.decoder.is_finished();
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(lines: usize) -> Vec<u8> {
        let mut packed = ZstdWriter::new(Vec::new());
        for line in 0..lines {
            writeln!(packed, "[{line},\"campaign:c\",{{\"type\":\"structure_updated\"}}]").unwrap();
        }
        packed.finish().unwrap();
        packed.writer
    }

    fn unpacked(bytes: &[u8]) -> (String, Option<io::ErrorKind>) {
        let mut text = Vec::new();
        let ended = ZstdReader::new(bytes).read_to_end(&mut text);
        (String::from_utf8(text).unwrap(), ended.err().map(|error| error.kind()))
    }

    #[test]
    fn written_frames_are_read_back() {
        let bytes = packed(5_000);
        assert!(is_packed(&bytes) && bytes.len() < 60_000, "{}", bytes.len());
        let (text, ended) = unpacked(&bytes);
        assert_eq!((text.lines().count(), ended), (5_000, None));
        assert!(text.ends_with("[4999,\"campaign:c\",{\"type\":\"structure_updated\"}]\n"));
        assert_eq!(unpacked(&packed(0)), (String::new(), None));
    }

    #[test]
    fn a_cut_file_gives_what_it_has_and_says_so() {
        let bytes = packed(5_000);
        let (text, ended) = unpacked(&bytes[..bytes.len() - 7]);
        assert_eq!(ended, Some(io::ErrorKind::UnexpectedEof));
        assert!(text.lines().count() > 1_000, "the whole frames before it are there");
    }

    #[test]
    fn skippable_frames_are_ignored() {
        let mut bytes = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        bytes.extend(packed(1));
        bytes.extend(packed(1));
        assert_eq!(unpacked(&bytes).0.lines().count(), 2);
        assert_eq!(unpacked(b"no zstd at all").1, Some(io::ErrorKind::InvalidData));
    }
}
