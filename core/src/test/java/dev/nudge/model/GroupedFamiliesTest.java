package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.Entry;
import dev.nudge.format.StoredType;
import dev.nudge.machine.Backend;
import dev.nudge.model.BnbFiles.Part;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.StoredLinear;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A model of each mechanism whose layers are codes in groups has the logits of the dense model of
/// their numbers: fused projections and widths that are no multiple of anything too.
class GroupedFamiliesTest {
  private static final int GROUP = 24;
  private static final String CONFIG =
      """
      {"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized",
       "ignore": ["lm_head"], "config_groups": {"group_0": {"targets": ["Linear"],
       "weights": {"num_bits": 4, "type": "int", "symmetric": true, "strategy": "group",
       "group_size": 24}, "input_activations": null}}},\
      """;

  @TempDir private Path temp;

  static List<Path> models() throws IOException {
    return GoldenFamilies.mechanisms().stream()
        .filter(folder -> !ModelConfig.load(folder).hasExperts())
        .toList();
  }

  private static void put(Map<String, Part> parts, ModelConfig config, boolean quantised) {
    Random random = new Random(4);
    for (String path : config.projections()) {
      Entry dense = Objects.requireNonNull(parts.remove(path + ".weight")).entry();
      int rows = (int) dense.dims()[0];
      int cols = (int) dense.dims()[1];
      int groups = Math.ceilDiv(cols, GROUP);
      int words = Math.ceilDiv(cols, 8);
      ByteBuffer codes = bytes(4 * rows * words);
      ByteBuffer scales = bytes(4 * rows * groups);
      ByteBuffer numbers = bytes(4 * rows * cols);
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < cols; c++) {
          int scale = 4 * (r * groups + c / GROUP);
          if (c % GROUP == 0) {
            scales.putFloat(scale, random.nextFloat() / 50);
          }
          int code = random.nextInt(16);
          int word = 4 * (r * words + c / 8);
          codes.putInt(word, codes.getInt(word) | code << 4 * (c % 8));
          numbers.putFloat(4 * (r * cols + c), (code - 8) * scales.getFloat(scale));
        }
      }
      if (quantised) {
        add(parts, Entry.of(path + ".weight_packed", Dtype.I32, rows, words), codes);
        add(parts, Entry.of(path + ".weight_scale", Dtype.F32, rows, groups), scales);
        ByteBuffer shape = bytes(16).putLong(0, rows).putLong(8, cols);
        add(parts, new Entry(path + ".weight_shape", StoredType.I64, List.of(2L)), shape);
      } else {
        add(parts, Entry.of(dense.name(), Dtype.F32, rows, cols), numbers);
      }
    }
  }

  private static ByteBuffer bytes(int n) {
    return ByteBuffer.allocate(n).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void add(Map<String, Part> parts, Entry entry, ByteBuffer bytes) {
    parts.put(entry.name(), new Part(entry, bytes.array()));
  }

  private static double[] logits(Path folder, boolean quantised) {
    ModelConfig config = ModelConfig.load(folder);
    Backend backend = Backends.of(Compute.FP32);
    int[] ids = new Random(2).ints(40, 0, config.vocabSize()).toArray();
    int[] none = new int[0];
    try (CausalLm model = Checkpoint.load(folder, config, backend);
        Workspace ws = new Workspace(0, 16 << 20, backend.gemms().apply(1))) {
      assertThat(model.slots().getFirst().linear() instanceof StoredLinear).isEqualTo(quantised);
      model.reserve(64);
      Tensor logits =
          model.logits(new Batch(ids, new int[] {ids.length}, new long[1], none, none), ws);
      double[] all = new double[(int) logits.elements()];
      for (int i = 0; i < all.length; i++) {
        all[i] = logits.at(i);
      }
      return all;
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsAreThoseOfTheNumbers(Path model) throws IOException {
    ModelConfig config = ModelConfig.load(model);
    Path dense = BnbFiles.changed(model, temp.resolve("dense"), p -> put(p, config, false));
    Path codes = BnbFiles.changed(model, temp.resolve("codes"), p -> put(p, config, true));
    Path file = codes.resolve("config.json");
    Files.writeString(file, Files.readString(file).replaceFirst("\\{", CONFIG));
    double[] want = logits(dense, false);
    assertThat(want).doesNotContain(Double.NaN);
    assertThat(logits(codes, true)).isEqualTo(want);
  }
}
