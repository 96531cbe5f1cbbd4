package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.ViewedFile;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.machine.Machine;
import dev.nudge.merge.Merging;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.Mxfp4Format;
import dev.nudge.quant.StoredWeight;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Experts in MXFP4, against transformers and PEFT (`mxfp4.py`).
class Mxfp4Test {
  private static final Path FOLDER = Path.of("src/test/resources/golden/mxfp4");
  private static final Path MODEL = FOLDER.resolve("model");

  @TempDir private Path temp;

  /// Each byte at the smallest powers, the usual ones, and 254 and 255; to the bit, in both ways.
  @Test
  void everyByteIsTheNumberThatItIsToTransformers() {
    try (SafeTensors table = SafeTensors.open(FOLDER.resolve("table.safetensors"));
        Scope scope = Scope.open("table");
        Workspace ws = new Workspace(0, 1 << 20, Backends.of(Compute.FP32).gemms().apply(1))) {
      Tensor want = table.tensor("values");
      WeightFile file =
          ViewedFile.of(
              table,
              Map.of("w.blocks", table.tensor("codes"), "w.scales", table.tensor("scales")),
              Set.of("codes", "scales"));
      StoredWeight weight = new Mxfp4Format().open(file, "w", want.rows(), want.cols());
      SkinnyProduct.Powers few = (SkinnyProduct.Powers) Objects.requireNonNull(weight.few());
      Tensor got = scope.tensor(Dtype.F32, want.shape());
      Tensor low = scope.tensor(Dtype.BF16, want.shape());
      weight.make(0, want.rows(), got, ws, Kernels.fastest());
      weight.make(0, want.rows(), low, ws, Kernels.fastest());
      for (int r = 0; r < want.rows(); r++) {
        for (int c = 0; c < want.cols(); c++) {
          float number = (float) want.get(r, c);
          int bits = Float.floatToRawIntBits(number);
          assertThat(Float.floatToRawIntBits((float) got.get(r, c))).isEqualTo(bits);
          assertThat(Float.floatToRawIntBits(few.value(r, c))).isEqualTo(bits);
          assertThat(Float.floatToRawIntBits((float) low.get(r, c))).isEqualTo(bits);
        }
      }
    }
  }

  @Test
  void logitsAreThoseOfTransformers() throws IOException {
    JsonNode inputs = new ObjectMapper().readTree(Files.readString(FOLDER.resolve("inputs.json")));
    double largest = inputs.get("largest_logit").asDouble();
    try (SafeTensors golden = SafeTensors.open(FOLDER.resolve("logits.safetensors"));
        CausalLm model = open(MODEL)) {
      assertThat(model.slots()).filteredOn(Mxfp4Test::isPacked).hasSize(2 * 2 * 3);
      for (int i = 0; i < inputs.get("sequences").size(); i++) {
        JsonNode ids = inputs.get("sequences").get(i);
        Tensor want = golden.tensor("logits." + i);
        double[] got = logits(model, ids.valueStream().mapToInt(JsonNode::asInt).toArray());
        for (int at = 0; at < got.length; at++) {
          assertThat(got[at]).isCloseTo(want.at(at), within(1e-5 * largest));
        }
      }
    }
  }

  /// Read where they lie: the codes are those of the file's mapping.
  private static boolean isPacked(LinearSlot slot) {
    return slot.linear() instanceof StoredLinear stored
        && stored.source() instanceof StoredWeight weight
        && PageAdvice.isFile(weight.parts().getFirst().data());
  }

  private static CausalLm open(Path folder) {
    return Checkpoint.load(folder, ModelConfig.load(folder), Backends.of(Compute.FP32));
  }

  private static double[] logits(CausalLm model, int... ids) {
    model.reserve(ids.length);
    Batch batch = new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]);
    try (Workspace ws = new Workspace(0, 1L << 24, model.backend().gemms().apply(1))) {
      Tensor logits = model.logits(batch, ws);
      double[] all = new double[logits.rows() * logits.cols()];
      for (int i = 0; i < all.length; i++) {
        all[i] = logits.get(i / logits.cols(), i % logits.cols());
      }
      return all;
    }
  }

  /// Of attention and of experts in PEFT's `target_parameters`.
  @ParameterizedTest
  @CsvSource({"1, 4096", "2, 60"})
  void stepsOnItAreThoseOfPeft(int lanes, int microBatchTokens) throws IOException {
    Path train = FOLDER.resolve("train");
    TwentySteps.hold(
        train,
        FOLDER.resolveSibling("families/rows.jsonl"),
        train.resolve("init"),
        MODEL,
        Quantization.NONE,
        false,
        lanes,
        microBatchTokens,
        parameters -> assertThat(parameters).isNotEmpty());
  }

  /// Merged it is dense, in stacks that lie as transformers has them, each number rounded once.
  @Test
  void aMergedModelIsTheDenseOne() throws IOException {
    Path adapter = FOLDER.resolve("train/final");
    Path out = temp.resolve("merged");
    MergeSettings settings = MergeSettings.of(MODEL, adapter, out);
    Machine machine = TinyRun.MACHINE;
    assertThat(Merging.prepare(settings, machine, warning -> {}).run(() -> false)).isNotNull();
    assertThat(Files.readString(out.resolve("config.json"))).doesNotContain("mxfp4");
    try (SafeTensors file = SafeTensors.open(out)) {
      String experts = "model.layers.0.mlp.experts.";
      assertThat(file.entry(experts + "gate_up_proj").shape()).containsExactly(3L, 64L, 64L);
      assertThat(file.entry(experts + "down_proj").shape()).containsExactly(3L, 32L, 64L);
      assertThat(file.tensor(experts + "down_proj").dtype()).isEqualTo(Dtype.BF16);
      assertThat(file.names()).noneMatch(n -> n.contains("blocks") || n.contains(".experts.0."));
    }
    int[] ids = {3, 9, 27, 40, 5, 6, 7, 31, 2, 2, 18, 44};
    List<double[]> both = new ArrayList<>();
    try (CausalLm model = open(MODEL);
        Scope scope = Scope.open("adapter");
        PeftAdapter read = PeftAdapter.open(adapter)) {
      Adapters.attach(model.modules(), read, 0, Dtype.F32, 0, scope);
      both.add(logits(model, ids));
    }
    try (CausalLm model = open(out)) {
      both.add(logits(model, ids));
    }
    assertThat(both.get(1)).containsExactly(both.get(0), within(0.05)); // bfloat16, of 4
  }
}
