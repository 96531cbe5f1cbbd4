package dev.nudge.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.nudge.settings.InputException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// Reads the fields of a GGUF header in sequence, never beyond the end of the file.
final class GgufCursor {
  private static final int MOST_TEXT = 16 << 20; // a chat template is some kilobytes

  private final Path file;
  private final MemorySegment bytes;
  private final long known;
  private long at;

  GgufCursor(Path file, MemorySegment bytes, long from) {
    this(file, bytes, from, bytes.byteSize());
  }

  /// @param known bytes from the start of the file that are present; the rest is a hole
  GgufCursor(Path file, MemorySegment bytes, long from, long known) {
    this.file = file;
    this.bytes = bytes;
    this.known = known;
    this.at = from;
  }

  /// Thrown if a field lies beyond the bytes that are present.
  static final class Beyond extends RuntimeException {
    private Beyond() {
      super("", null, false, false);
    }
  }

  long at() {
    return at;
  }

  long left() {
    return bytes.byteSize() - at;
  }

  /// Skips bytes and returns the offset of the first.
  long skip(long count) {
    if (count < 0 || count > left()) {
      throw refuse("is cut off in its header, at byte " + at + " of " + bytes.byteSize());
    }
    if (count > known - at) {
      throw new Beyond();
    }
    long from = at;
    at += count;
    return from;
  }

  int u32() {
    return bytes.get(JAVA_INT_UNALIGNED, skip(4));
  }

  long u64() {
    return bytes.get(JAVA_LONG_UNALIGNED, skip(8));
  }

  /// Reads a count of entries that take at least `least` bytes each.
  long count(String what, long least) {
    long count = u64();
    if (count < 0 || count > left() / least) {
      throw refuse(
          "says " + Long.toUnsignedString(count) + " " + what + ", more than its bytes can hold");
    }
    return count;
  }

  /// Reads a string.
  ///
  /// @param what name of the string in messages
  String text(String what) {
    long length = count("bytes of " + what, 1);
    if (length > MOST_TEXT) {
      throw refuse("has " + length + " bytes of " + what + "; at most " + MOST_TEXT + " are read");
    }
    MemorySegment utf8 = bytes.asSlice(skip(length), length);
    try {
      ByteBuffer buffer = ByteBuffer.wrap(utf8.toArray(JAVA_BYTE));
      return StandardCharsets.UTF_8.newDecoder().decode(buffer).toString();
    } catch (CharacterCodingException e) {
      throw refuse(what + " at byte " + (at - length) + " is not UTF-8");
    }
  }

  InputException refuse(String what) {
    return GgufError.of(file, what);
  }
}
