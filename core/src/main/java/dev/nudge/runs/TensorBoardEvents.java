package dev.nudge.runs;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import tools.jackson.databind.JsonNode;

/// Writes the TensorBoard event file of a run.
///
/// The file is a sequence of records [1]: length (8 bytes, little-endian), masked CRC-32C of the
/// length, data, masked CRC-32C of the data. The mask is `(crc >>> 15 | crc << 17) + 0xa282ead8`. A
/// record is a message `Event` [2]: wall time (1), step (2), and file version (3) or summary (5),
/// with values (1) of tag (1) and number (2). The settings are one text value: a tensor (8) of type
/// 7, and the plugin that shows it (9).
///
/// The scalars are `train/loss`, `train/lr`, `train/grad_norm`, `tokens_per_s` and `eval/loss`, as
/// 32-bit floats (TensorBoard's precision). The wall time of a step is the run's start plus the
/// seconds of all steps up to it; time between steps is not included.
///
/// Written by hand: the client libraries bring protobuf and more for a few fields that have not
/// changed in years.
///
/// [1] https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h
/// [2] https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
final class TensorBoardEvents {
  private static final Map<String, String> TAGS = new LinkedHashMap<>(); // key of metrics → tag

  static {
    TAGS.put("loss", "train/loss");
    TAGS.put("lr", "train/lr");
    TAGS.put("grad_norm", "train/grad_norm");
    TAGS.put("tokens_per_s", "tokens_per_s");
    TAGS.put("eval_loss", "eval/loss");
  }

  private final ByteArrayOutputStream file = new ByteArrayOutputStream();

  private TensorBoardEvents() {}

  /// A file name that TensorBoard recognises; the same for every export of the run.
  static String fileName(StoredRun run) {
    return "events.out.tfevents." + start(run).getEpochSecond() + ".nudge";
  }

  static Instant start(StoredRun run) {
    Instant started = run.summary().started();
    return started == null ? Instant.EPOCH : started;
  }

  /// The bytes of the file.
  static byte[] of(StoredRun run) {
    TensorBoardEvents events = new TensorBoardEvents();
    double time = start(run).toEpochMilli() / 1e3;
    events.record(event(time, 0).text(3, "brain.Event:2"));
    events.record(event(time, 0).message(5, settings(run)));
    for (JsonNode row : run.metrics()) {
      time += row.path("seconds").asDouble(0);
      ProtoBuffer summary = new ProtoBuffer();
      TAGS.forEach(
          (key, tag) -> {
            if (row.path(key).isNumber()) {
              summary.message(
                  1, new ProtoBuffer().text(1, tag).single(2, (float) row.path(key).asDouble()));
            }
          });
      events.record(event(time, row.path("step").asLong(0)).message(5, summary));
    }
    return events.file.toByteArray();
  }

  private static ProtoBuffer event(double time, long step) {
    return new ProtoBuffer().number(1, time).whole(2, step);
  }

  /// The settings as a table for TensorBoard's text page.
  private static ProtoBuffer settings(StoredRun run) {
    StringBuilder table = new StringBuilder("| setting | value |\n|---|---|\n");
    run.summary()
        .settings()
        .properties()
        .forEach(
            entry ->
                table
                    .append("| ")
                    .append(entry.getKey())
                    .append(" | ")
                    .append(RunComparison.shown(entry.getValue()).replace("|", "\\|"))
                    .append(" |\n"));
    ProtoBuffer tensor =
        new ProtoBuffer().whole(1, 7).message(2, new ProtoBuffer()).text(8, table.toString());
    ProtoBuffer shownBy = new ProtoBuffer().message(1, new ProtoBuffer().text(1, "text"));
    return new ProtoBuffer()
        .message(1, new ProtoBuffer().text(1, "settings").message(8, tensor).message(9, shownBy));
  }

  private void record(ProtoBuffer event) {
    byte[] data = event.toBytes();
    byte[] length = ProtoBuffer.little(8).putLong(data.length).array();
    file.writeBytes(length);
    file.writeBytes(masked(length));
    file.writeBytes(data);
    file.writeBytes(masked(data));
  }

  static byte[] masked(byte[] bytes) {
    CRC32C sum = new CRC32C();
    sum.update(bytes);
    int crc = (int) sum.getValue();
    return ProtoBuffer.little(4).putInt((crc >>> 15 | crc << 17) + 0xa282ead8).array();
  }

  /// Writes the protocol-buffer field types that TensorBoard event files use [1].
  ///
  /// [1] https://protobuf.dev/programming-guides/encoding/
  static final class ProtoBuffer {
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
}
