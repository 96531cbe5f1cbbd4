package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.model.Caches;
import dev.nudge.plan.Footprint;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Plans;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Gemm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// What caches of weights, packed for their products and dequantised where they are in four bits,
/// change of a run.
///
/// A layer packs its weight for a pass of 256 rows and more anyway, so a cached one gives the same
/// bytes. With fewer rows it multiplies by the plain weight, and the head does so always: then only
/// the order of sums differs, and losses stay within what roundings of the compute type make of it.
/// Adapters may differ more: AdamW moves a number by the whole rate also where its gradient is
/// nothing but rounding, and such a number can go the other way.
class CachedRunTest {
  @TempDir private Path temp;

  /// Losses and the adapter of a run of one lane.
  private record Result(List<Double> losses, byte[] adapter) {}

  private Result run(String compute, String quantize, int rows, Caches caches) throws IOException {
    String row = TinyRun.row("seal pump valve ".repeat(4), " valve pump seal");
    Path data = Files.write(temp.resolve("rows"), Collections.nCopies(24, row));
    Path out = temp.resolve(caches.name());
    Prepared p =
        Training.prepare(
            TinyRun.settings(
                TinyRun.UNTIED,
                data,
                out,
                "lanes 1 steps 4 learning_rate 1e-2 overwrite true",
                "compute",
                compute,
                "quantize",
                quantize,
                "batch_size",
                rows),
            TinyRun.MACHINE);
    Prepared cached = TinyRun.withPlan(p, with(p.plan(), caches));
    Training.run(cached, event -> {}, () -> false);
    List<JsonNode> steps = TinyRun.metrics(out, "loss");
    for (JsonNode step : steps) {
      assertThat(step.get("tokens").asInt() >= 256).isEqualTo(rows > 4);
    }
    return new Result(
        steps.stream().map(step -> step.get("loss").asDouble()).toList(),
        Files.readAllBytes(out.resolve("adapter_model.safetensors")));
  }

  /// The same plan with other caches, and room for either way.
  private static Plan with(Plan p, Caches caches) {
    Footprint f = p.footprint();
    return Plans.with(p, 8 * f.workspace(), f.pass(), f.paged(), caches);
  }

  private static double apart(Result a, Result b) {
    double apart = 0;
    for (int i = 0; i < a.losses.size(); i++) {
      apart = Math.max(apart, Math.abs(a.losses.get(i) / b.losses.get(i) - 1));
    }
    return apart;
  }

  /// The distance of two adapters over the length of one; both files have the same header.
  private static double distance(byte[] a, byte[] b) {
    ByteBuffer x = ByteBuffer.wrap(a).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer y = ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN);
    int start = 8 + Math.toIntExact(x.getLong(0));
    assertThat(Arrays.mismatch(a, 0, start, b, 0, start)).isEqualTo(-1);
    double apart = 0;
    double length = 0;
    for (int i = start; i < a.length; i += Float.BYTES) {
      apart += Math.pow(x.getFloat(i) - y.getFloat(i), 2);
      length += Math.pow(y.getFloat(i), 2);
    }
    return Math.sqrt(apart / length);
  }

  @ParameterizedTest
  @CsvSource({"fp32, none", "fp32, nf4", "bf16, none", "bf16, nf4"})
  void layersOfManyRowsGiveTheSameBytesCachedOrNot(String compute, String quantize)
      throws IOException {
    assumePacks(compute);
    Result head = run(compute, quantize, 24, Caches.HEAD);
    Result all = run(compute, quantize, 24, Caches.ALL);
    assertThat(all.losses).isEqualTo(head.losses);
    assertThat(Arrays.mismatch(all.adapter, head.adapter)).isEqualTo(-1);
  }

  @ParameterizedTest
  @CsvSource({
    "fp32, none, 1e-6, 1e-3",
    "fp32, nf4, 1e-6, 1e-3",
    "bf16, none, 4e-3, 5e-2",
    "bf16, nf4, 4e-3, 5e-2"
  })
  void otherwiseOnlyTheOrderOfSumsDiffers(
      String compute, String quantize, double bound, double adapter) throws IOException {
    assumePacks(compute);
    for (int rows : new int[] {2, 24}) {
      Result none = run(compute, quantize, rows, Caches.NONE);
      for (Caches caches : List.of(Caches.HEAD, Caches.ALL)) {
        Result cached = run(compute, quantize, rows, caches);
        assertThat(apart(cached, none)).isLessThan(bound);
        assertThat(distance(cached.adapter, none.adapter)).isLessThan(adapter);
      }
    }
  }

  /// Without a layout of its own for weights nothing is cached.
  private static void assumePacks(String compute) {
    try (Gemm gemm =
        Backends.orSkip(Compute.valueOf(compute.toUpperCase(java.util.Locale.ROOT)))
            .gemms()
            .apply(1)) {
      assumeTrue(gemm.packs(), "no oneDNN");
    }
  }
}
