package dev.nudge.quant;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Nf4;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Compares each byte with bitsandbytes' CPU back end (`src/test/reference/nf4.py`), for the
/// portable and for the Vector kernels.
class Nf4GoldenTest {
  private static final List<Kernels> KERNELS = List.of(Kernels.plain(), Kernels.fastest());

  private final JsonNode golden = read();

  private static JsonNode read() {
    try {
      return new ObjectMapper()
          .readTree(Files.readString(Path.of("src/test/resources/golden/nf4.json")));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /// The numbers that the script quantises.
  private static Tensor numbers(Scope scope, Dtype dtype, int rows, int cols, boolean zeros) {
    Tensor t = scope.tensor(dtype, rows, cols);
    for (int i = 0; i < t.elements(); i++) {
      double x = Math.sin(0.37 * i) * 0.02 * (1 + (i % 7) / 7.0);
      t.put(i, zeros && i >= 64 && i < 128 ? 0 : (float) x);
    }
    return t;
  }

  private static String digest(MemorySegment bytes) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha.digest(bytes.toArray(ValueLayout.JAVA_BYTE)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String hex(float v) {
    ByteBuffer four = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(v);
    return HexFormat.of().formatHex(four.array());
  }

  private static Dtype dtype(JsonNode c) {
    return switch (c.get("dtype").asString()) {
      case "float32" -> Dtype.F32;
      case "float16" -> Dtype.F16;
      default -> Dtype.BF16;
    };
  }

  @Test
  void everyByteIsThatOfBitsandbytes() {
    int seen = 0;
    for (JsonNode c : golden.get("cases")) {
      for (Kernels kernels : KERNELS) {
        String name = kernels.name() + " " + c;
        try (Scope scope = Scope.open("test")) {
          Tensor x =
              numbers(
                  scope,
                  dtype(c),
                  c.get("rows").asInt(),
                  c.get("cols").asInt(),
                  c.get("zeros").asBoolean());
          Nf4Weight plain = Nf4Weight.quantize(x, false, scope, kernels);
          NestedScales nested =
              requireNonNull(Nf4Weight.quantize(x, true, scope, kernels).nested());
          assertThat(digest(plain.packed().data())).as(name).isEqualTo(c.get("packed").asString());
          assertThat(digest(requireNonNull(plain.absmax()).data()))
              .as(name)
              .isEqualTo(c.get("absmax").asString());
          assertThat(hex(nested.offset())).as(name).isEqualTo(c.get("offset").asString());
          assertThat(digest(nested.codes().data())).as(name).isEqualTo(c.get("codes").asString());
          assertThat(digest(nested.absmax().data()))
              .as(name)
              .isEqualTo(c.get("nested_absmax").asString());
          seen++;
        }
      }
    }
    assertThat(seen).isEqualTo(2 * 48);
  }

  @Test
  void valuesAreLevelTimesScaleRoundedOnce() {
    for (JsonNode c : golden.get("cases")) {
      for (Kernels kernels : KERNELS) {
        for (Dtype type : List.of(Dtype.F32, Dtype.BF16, Dtype.F64)) {
          try (Scope scope = Scope.open("test");
              Workspace ws = new Workspace(0, 1 << 20, dev.nudge.tensor.Gemm.plain())) {
            Tensor x =
                numbers(scope, dtype(c), c.get("rows").asInt(), c.get("cols").asInt(), false);
            Nf4Weight w = Nf4Weight.quantize(x, true, scope, kernels);
            Tensor out = scope.tensor(type, x.rows(), x.cols());
            w.make(0, x.rows(), out, ws, kernels);
            Tensor expected = scope.tensor(type, x.rows(), x.cols());
            NestedScales scales = requireNonNull(w.nested());
            for (long i = 0; i < x.elements(); i++) {
              long b = i / Nf4.BLOCK;
              float level = DynamicMap.SIGNED.value((int) scales.codes().at(b));
              float scale = level * (float) scales.absmax().at(b / 256) + scales.offset();
              int pair = (int) w.packed().at(i / 2);
              expected.put(i, Nf4.level(i % 2 == 0 ? pair >> 4 : pair & 15) * scale);
            }
            assertThat(out.data().mismatch(expected.data()))
                .as(kernels.name() + " " + type + " " + c)
                .isEqualTo(-1);
          }
        }
      }
    }
  }

  @Test
  void sumsAreTorchs() {
    for (JsonNode c : golden.get("sums")) {
      int n = c.get("n").asInt();
      try (Scope scope = Scope.open("test")) {
        Tensor x = numbers(scope, Dtype.F32, 1, n, false);
        for (int i = 0; i < n; i++) {
          x.put(i, Math.abs(x.at(i)));
        }
        assertThat(hex(TorchSum.of(x.data(), n))).as("%d", n).isEqualTo(c.get("sum").asString());
      }
    }
  }
}
