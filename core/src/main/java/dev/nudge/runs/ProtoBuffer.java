package dev.nudge.runs;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// Writes the protocol-buffer field types that TensorBoard event files use [1].
///
/// [1] https://protobuf.dev/programming-guides/encoding/
final class ProtoBuffer {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  ProtoBuffer whole(int field, long value) {
    key(field, VARINT);
    varint(value);
    return this;
  }

  ProtoBuffer number(int field, double value) {
    key(field, FIXED64);
    bytes.writeBytes(little(8).putDouble(value).array());
    return this;
  }

  ProtoBuffer single(int field, float value) {
    key(field, FIXED32);
    bytes.writeBytes(little(4).putFloat(value).array());
    return this;
  }

  ProtoBuffer text(int field, String value) {
    return bytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  ProtoBuffer message(int field, ProtoBuffer message) {
    return bytes(field, message.toBytes());
  }

  private ProtoBuffer bytes(int field, byte[] value) {
    key(field, LENGTH);
    varint(value.length);
    bytes.writeBytes(value);
    return this;
  }

  private void key(int field, int kind) {
    varint((long) field << 3 | kind);
  }

  private void varint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes.write((int) (rest & 0x7F | 0x80));
      rest >>>= 7;
    }
    bytes.write((int) rest);
  }

  static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  byte[] toBytes() {
    return bytes.toByteArray();
  }
}
