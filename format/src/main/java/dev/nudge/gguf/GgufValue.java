package dev.nudge.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/// A metadata value in the mapped file, decoded on access.
///
/// @param kind type of the value, or of an array's elements
/// @param count number of elements; −1: not an array
/// @param at offset of the first byte
record GgufValue(Path file, Kind kind, long count, MemorySegment bytes, long at) {
  /// Value types, in the order of their numbers.
  enum Kind {
    U8(1),
    I8(1),
    U16(2),
    I16(2),
    U32(4),
    I32(4),
    F32(4),
    BOOL(1),
    STRING(0),
    ARRAY(0),
    U64(8),
    I64(8),
    F64(8);

    /// Bytes of a value; 0: variable length.
    final int bytes;

    Kind(int bytes) {
      this.bytes = bytes;
    }
  }

  /// Reads a value and moves the cursor past it.
  static GgufValue read(Path file, GgufCursor c, MemorySegment bytes, String key) {
    Kind kind = kind(c, key);
    if (kind != Kind.ARRAY) {
      long at = c.at();
      step(c, kind, key);
      return new GgufValue(file, kind, -1, bytes, at);
    }
    Kind element = kind(c, key);
    if (element == Kind.ARRAY) {
      throw c.refuse(GgufError.quote(key) + " is an array of arrays; arrays of values are allowed");
    }
    long least = element == Kind.STRING ? 8 : element.bytes;
    long count = c.count("elements of " + GgufError.quote(key), least);
    long at = c.at();
    if (element.bytes > 0) {
      c.skip(count * element.bytes);
    } else {
      for (long i = 0; i < count; i++) {
        step(c, element, key);
      }
    }
    return new GgufValue(file, element, count, bytes, at);
  }

  private static Kind kind(GgufCursor c, String key) {
    int number = c.u32();
    if (number < 0 || number >= Kind.values().length) {
      throw c.refuse(
          "%s has the value type %s; 0 to 12 are known"
              .formatted(GgufError.quote(key), Integer.toUnsignedString(number)));
    }
    return Kind.values()[number];
  }

  private static void step(GgufCursor c, Kind kind, String key) {
    c.skip(kind == Kind.STRING ? c.count("bytes of " + GgufError.quote(key), 1) : kind.bytes);
  }

  boolean isArray() {
    return count >= 0;
  }

  boolean isWhole() {
    return switch (kind) {
      case U8, I8, U16, I16, U32, I32, U64, I64 -> true;
      case F32, F64, BOOL, STRING, ARRAY -> false;
    };
  }

  boolean isFloat() {
    return kind == Kind.F32 || kind == Kind.F64;
  }

  /// Returns whole number `i`; an unsigned value from 2⁶³ on appears negative.
  long whole(long i) {
    long p = at + i * kind.bytes;
    return switch (kind) {
      case U8, BOOL -> bytes.get(JAVA_BYTE, p) & 0xFF;
      case I8 -> bytes.get(JAVA_BYTE, p);
      case U16 -> bytes.get(JAVA_SHORT_UNALIGNED, p) & 0xFFFF;
      case I16 -> bytes.get(JAVA_SHORT_UNALIGNED, p);
      case U32 -> bytes.get(JAVA_INT_UNALIGNED, p) & 0xFFFFFFFFL;
      case I32 -> bytes.get(JAVA_INT_UNALIGNED, p);
      case U64, I64 -> bytes.get(JAVA_LONG_UNALIGNED, p);
      case F32, F64, STRING, ARRAY -> throw new IllegalStateException(kind + " is no whole number");
    };
  }

  /// Returns floating-point number `i`. An fp32 number is converted by its shortest decimal: 1e-5,
  /// not 0.00000999999974.
  double number(long i) {
    return switch (kind) {
      case F32 -> Double.parseDouble(Float.toString(bytes.get(JAVA_FLOAT_UNALIGNED, at + 4 * i)));
      case F64 -> bytes.get(JAVA_DOUBLE_UNALIGNED, at + 8 * i);
      default -> whole(i);
    };
  }

  /// Returns the strings of an array, or the single string.
  String[] texts(String key) {
    String[] all = new String[(int) Math.max(1, count)];
    GgufCursor c = new GgufCursor(file, bytes, at);
    for (int i = 0; i < all.length && count != 0; i++) {
      all[i] = c.text(GgufError.quote(key));
    }
    return count == 0 ? new String[0] : all;
  }

  /// Returns the bytes as stored, from the value type to the last element.
  byte[] stored(String key) {
    GgufCursor end = new GgufCursor(file, bytes, at);
    for (long i = 0; i < Math.max(1, count) && count != 0; i++) {
      step(end, kind, key);
    }
    long from = at - (isArray() ? 16 : 4); // value type; for an array also element type and count
    return bytes.asSlice(from, end.at() - from).toArray(JAVA_BYTE);
  }

  /// Describes the value for messages.
  String shown() {
    return (isArray() ? "an array of " + count + " " : "a ") + kind;
  }
}
