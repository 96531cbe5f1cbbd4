package dev.nudge.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.python.PythonJson;
import dev.nudge.settings.verb.CalibrationSettings.Layout;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is written is read, bit for bit, by readers that are held to the owners' files.
class GroupedFileTest {
  private static final String PATH = "model.layers.0.mlp.up_proj";

  @TempDir private Path temp;

  @ParameterizedTest
  @CsvSource({
    "GPTQ, 4, 16, true, false, F32",
    "GPTQ, 4, 16, false, false, F32", // zeros of 0 borrow from their neighbours
    "GPTQ, 8, 24, false, true, F32",
    "GPTQ, 8, -1, true, false, BF16",
    "GPTQ, 3, 16, true, false, F32",
    "GPTQ_V2, 3, 24, false, true, F32",
    "COMPRESSED_TENSORS, 3, 16, false, false, F32",
    "GPTQ_V2, 4, 16, false, true, F32",
    "GPTQ_V2, 8, 24, false, false, F16",
    "AWQ, 4, 16, false, false, F32",
    "AWQ, 4, -1, true, false, F32",
    "COMPRESSED_TENSORS, 4, 16, true, false, BF16",
    "COMPRESSED_TENSORS, 4, 16, false, false, F32",
    "COMPRESSED_TENSORS, 8, 24, false, false, F16",
    "COMPRESSED_TENSORS, 8, -1, false, false, F32",
  })
  void whatIsWrittenIsRead(
      Layout layout, int bits, int group, boolean symmetric, boolean scattered, Dtype before) {
    int rows = 40;
    int cols = 48;
    GroupedFile format = new GroupedFile(layout, bits, group, symmetric, scattered);
    Random random = new Random(bits + group);
    try (Scope scope = Scope.open("test")) {
      GroupedCodes codes = GroupedCodes.in(scope, rows, cols, format.groupOf(cols), scattered);
      int most = (1 << bits) - 1;
      for (long i = 0; i < codes.codes().elements(); i++) {
        codes.codes().put(i, random.nextInt(most + 1));
      }
      for (long i = 0; i < codes.scales().elements(); i++) {
        codes.scales().put(i, Math.scalb(1.0 + random.nextInt(100), -14)); // of any type
        int zero = i % 3 == 0 ? 0 : random.nextInt(most + 1);
        codes.zeros().put(i, symmetric ? (most + 1) / 2 : zero);
      }
      Tensor groups = codes.groupOf();
      for (int c = 0; groups != null && c < cols; c++) {
        int k = c / format.groupOf(cols);
        groups.set(0, (c * 7 + 3) % cols, k);
      }
      Path file = temp.resolve("model.safetensors");
      try (SafeTensorsWriter to =
          SafeTensorsWriter.create(file, Map.of(), format.entries(PATH, rows, cols, before))) {
        format.write(to, PATH, before, codes);
      }
      Path config = temp.resolve("config.json");
      Map<String, ?> q = format.config(Map.of("act_order", true), List.of("lm_head"));
      OutFolder.place(config, PythonJson.write(Map.of(WeightFormats.KEY, q)));
      WeightFormat read =
          WeightFormats.declared(
              Objects.requireNonNull(WeightFormats.declaration(ConfigJson.read(config))));
      Tensor wanted = scope.tensor(Dtype.F32, rows, cols);
      Tensor got = scope.tensor(Dtype.F32, rows, cols);
      codes.dequantize(wanted);
      try (WeightFile weights = SafeTensors.open(file);
          Workspace none = Workspace.measuring()) {
        read.load(weights, PATH, rows, cols, scope).make(0, rows, got, none, Kernels.plain());
        assertThat(read.in(weights, List.of(PATH)).variant())
            .containsEntry("bits", bits)
            .containsEntry("group_size", group)
            .containsEntry("act_order", scattered);
      }
      assertThat(got.data().mismatch(wanted.data())).isEqualTo(-1);
    }
  }
}
