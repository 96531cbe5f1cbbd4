package dev.nudge.bench.measure;

import dev.nudge.model.family.ModelConfig;
import dev.nudge.plan.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// A setting of `bench/plan`: a small model and training flags.
///
/// @param shape random weights, stored in bf16
/// @param flags of `plan` and `train` alike
/// @param room the run's share of the memory of the unlimited layout; 1: all of it
public record Draw(ModelConfig shape, List<String> flags, int length, int batch, double room) {
  private static final double LEAST_FLOPS = 8e9;
  private static final double MOST_FLOPS = 150e9;

  /// Draws settings whose steps are neither instant nor long. Equal seeds give equal settings.
  public static List<Draw> of(long seed, int count, List<String> quantize) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Draw> draws = new ArrayList<>();
    while (draws.size() < count) {
      Draw draw = next(random, quantize);
      double flops = draw.flops();
      if (flops >= LEAST_FLOPS && flops <= MOST_FLOPS) {
        draws.add(draw);
      }
    }
    return draws;
  }

  private static Draw next(SplittableRandom random, List<String> quantize) {
    int heads = one(random, 4, 6, 8, 12, 16);
    int group = one(random, 1, 1, 2, heads % 3 == 0 ? 3 : 4);
    int hidden = 64 * heads;
    int inner = hidden * one(random, 2, 3, 4) / 64 * 64;
    int length = one(random, 64, 128, 192, 256, 320, 512, 1024);
    int batch = one(random, 1, 2, 4, 6, 8);
    ModelConfig shape =
        ModelConfig.llama(
            hidden,
            inner,
            one(random, 2, 4, 6, 8, 12),
            heads,
            heads / group,
            64,
            one(random, 4096, 16384, 32768, 49152),
            8192,
            random.nextBoolean(),
            10_000);
    List<String> flags = new ArrayList<>();
    flags.addAll(List.of("--quantize", quantize.get(random.nextInt(quantize.size()))));
    flags.addAll(List.of("--rank", "" + one(random, 4, 8, 16, 32, 64)));
    flags.addAll(
        List.of("--targets", random.nextInt(4) == 0 ? "q_proj,v_proj,down_proj" : "all-linear"));
    int lanes = Math.min(batch, one(random, 1, 2, 2));
    flags.addAll(List.of("--lanes", "" + lanes, "--threads", "" + lanes));
    flags.addAll(List.of("--batch-size", "" + batch));
    return new Draw(shape, flags, length, batch, one(random, 100, 100, 60, 35, 20) / 100.0);
  }

  private static int one(SplittableRandom random, int... values) {
    return values[random.nextInt(values.length)];
  }

  double flops() {
    int[] lengths = new int[batch];
    java.util.Arrays.fill(lengths, length);
    var work = Work.of(shape, batch * length, lengths);
    return work.layers() + work.head();
  }

  @Override
  public String toString() {
    return "%d/%d × %d, %d/%d heads, V %d, T %d, room %.2f, %s"
        .formatted(
            shape.hiddenSize(),
            shape.intermediateSize(),
            shape.numHiddenLayers(),
            shape.numAttentionHeads(),
            shape.numKeyValueHeads(),
            shape.vocabSize(),
            length,
            room,
            String.join(" ", flags));
  }
}
