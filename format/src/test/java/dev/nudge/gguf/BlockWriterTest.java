package dev.nudge.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.gguf.block.BlockWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Quantised blocks beside those of the `gguf` package and of llama.cpp
/// (`src/test/reference/gguf_quants.py`).
class BlockWriterTest {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden/gguf/quants.json");
  private static final int ROWS = 24;
  private static final int COLS = 512;

  @Test
  void blocksAreThePackagesBytesAndErrorsAreLlamaCpps() {
    MemorySegment x = MemorySegment.ofArray(numbers());
    JsonNode golden = Json.read(GOLDEN);
    assertThat(golden.size()).isEqualTo(10);
    for (Map.Entry<String, JsonNode> each : golden.properties()) {
      GgufType type = GgufType.valueOf(each.getKey());
      int blocks = ROWS * COLS / type.block();
      MemorySegment q = MemorySegment.ofArray(new byte[blocks * type.blockBytes()]);
      BlockWriter.of(type).write(x, 0, blocks, q, 0);
      MemorySegment back = MemorySegment.ofArray(new float[ROWS * COLS]);
      BlockReader.of(type).read(q, 0, blocks, back, 0);
      double error = error(x, back);
      if (each.getValue().has("sha256")) {
        Sha256 sha = new Sha256();
        sha.update(q);
        String want = each.getValue().path("sha256").asString();
        assertThat(sha.hex()).as(type.name()).isEqualTo(want);
      } else {
        double want = each.getValue().path("error").asDouble();
        System.out.printf("%s: error %.4f of llama.cpp's%n", type, error / want);
        assertThat(error / want).as(type.name()).isBetween(0.9, 1.01);
      }
    }
  }

  @Test
  void blocksAreWrittenWhereTheyShallLie() {
    MemorySegment x = MemorySegment.ofArray(numbers());
    for (GgufType type : GgufType.values()) {
      if (type.name().matches("Q[23]_K|IQ4_.*")) {
        assertThatThrownBy(() -> BlockWriter.of(type)).hasMessageContaining("read, not written");
        continue;
      }
      int bytes = type.blockBytes();
      MemorySegment whole = MemorySegment.ofArray(new byte[2 * bytes]);
      MemorySegment part = MemorySegment.ofArray(new byte[3 * bytes + 2]);
      part.fill((byte) 7);
      BlockWriter.of(type).write(x, 4L * COLS, 2, whole, 0);
      BlockWriter.of(type).write(x, 4L * (COLS + type.block()), 1, part, bytes + 1);
      assertThat(whole.asSlice(bytes).mismatch(part.asSlice(bytes + 1, bytes))).isEqualTo(-1);
      assertThat(part.get(JAVA_BYTE, bytes)).isEqualTo((byte) 7);
      assertThat(part.get(JAVA_BYTE, 2L * bytes + 1)).isEqualTo((byte) 7);
    }
  }

  private static double error(MemorySegment x, MemorySegment y) {
    double sum = 0;
    for (long i = 0; i < x.byteSize(); i += 4) {
      double off = x.get(JAVA_FLOAT_UNALIGNED, i) - (double) y.get(JAVA_FLOAT_UNALIGNED, i);
      sum += off * off;
    }
    return sum;
  }

  /// Zeros, numbers of one sign, nearly normal ones, and some far out: as the script makes them.
  private static float[] numbers() {
    float[] all = new float[ROWS * COLS];
    long state = 1;
    for (int i = 0; i < all.length; i++) {
      double total = -1.5;
      for (int k = 0; k < 3; k++) {
        state = state * 1103515245 + 12345 & 0x7fffffff;
        total += (state >> 8) / 8388608.0;
      }
      int row = i / COLS;
      all[i] =
          (float)
              switch (row) {
                case 0 -> 0;
                case 1 -> Math.abs(total);
                case 2 -> -Math.abs(total);
                default -> total * (row > 3 && i % 97 == 0 ? 100 : 1);
              };
    }
    return all;
  }
}
