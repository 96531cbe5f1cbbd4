package dev.nudge.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// Collects the metadata of a GGUF file to write, in insertion order. Putting a key again replaces
/// its value and keeps its place.
public final class GgufPairs {
  private final Map<String, byte[]> values = new LinkedHashMap<>(); // type and value, as written

  public void text(String key, String value) {
    byte[] utf8 = utf8(value);
    put(key, GgufValue.Kind.STRING, utf8);
  }

  /// Puts an unsigned 32-bit number, which llama.cpp requires for sizes and ids.
  public void whole(String key, long value) {
    put(key, GgufValue.Kind.U32, buffer(4).putInt(Math.toIntExact(value)).array());
  }

  /// Puts an fp32 number.
  public void number(String key, double value) {
    put(key, GgufValue.Kind.F32, buffer(4).putFloat((float) value).array());
  }

  public void flag(String key, boolean value) {
    put(key, GgufValue.Kind.BOOL, new byte[] {(byte) (value ? 1 : 0)});
  }

  public void texts(String key, List<String> all) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    all.forEach(text -> bytes.writeBytes(utf8(text)));
    put(key, GgufValue.Kind.STRING, all.size(), bytes.toByteArray());
  }

  /// Puts signed 32-bit numbers.
  public void wholes(String key, int[] all) {
    ByteBuffer bytes = buffer(4 * all.length);
    for (int value : all) {
      bytes.putInt(value);
    }
    put(key, GgufValue.Kind.I32, all.length, bytes.array());
  }

  /// Puts fp32 numbers.
  public void numbers(String key, float[] all) {
    ByteBuffer bytes = buffer(4 * all.length);
    for (float value : all) {
      bytes.putFloat(value);
    }
    put(key, GgufValue.Kind.F32, all.length, bytes.array());
  }

  /// Copies values of another file, of any type.
  ///
  /// @param which selects the keys to copy
  public void copy(GgufMetadata from, Predicate<String> which) {
    for (String key : from.keys()) {
      if (which.test(key)) {
        values.put(key, from.stored(key));
      }
    }
  }

  private void put(String key, GgufValue.Kind kind, byte[] value) {
    values.put(key, buffer(4 + value.length).putInt(kind.ordinal()).put(value).array());
  }

  private void put(String key, GgufValue.Kind element, int count, byte[] elements) {
    byte[] head = buffer(12).putInt(element.ordinal()).putLong(count).array();
    put(key, GgufValue.Kind.ARRAY, buffer(12 + elements.length).put(head).put(elements).array());
  }

  /// Returns the number of keys.
  int size() {
    return values.size();
  }

  /// Writes all pairs in the header's format.
  void write(ByteArrayOutputStream to) {
    values.forEach(
        (key, value) -> {
          to.writeBytes(utf8(key));
          to.writeBytes(value);
        });
  }

  /// Encodes a string as stored: its length, then UTF-8.
  static byte[] utf8(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return buffer(8 + utf8.length).putLong(utf8.length).put(utf8).array();
  }

  static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
