package dev.nudge.merge;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Logits;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Merges DoRA and LoRA with biases into model folders: the folder gives the logits of the adapter,
/// and PEFT's; what cannot be merged is refused.
class MergingVariantsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  /// Of the largest logit: what fp32 leaves where a weight is summed before it multiplies.
  private static final double ROUNDING = 1e-5;

  private final Backend backend = Backends.of(Compute.FP32);
  @TempDir private Path temp;

  private static Lora spec(Lora.Variant variant, String targets) {
    return Lora.of(3, 5, Targets.parse(targets)).withVariant(variant);
  }

  /// An adapter of random numbers; magnitudes are some percent beside those of the base.
  private Path adapter(String name, Path model, Quantization held, Lora spec, long seed) {
    Path folder = temp.resolve(name);
    try (CausalLm lm = Checkpoint.load(model, ModelConfig.load(model), backend, held);
        Scope scope = Scope.open("adapter")) {
      Adapters made = Adapters.attach(lm.modules(), spec, seed, backend.compute(), 0, scope);
      made.begin(backend, 1);
      Random random = new Random(seed);
      for (Parameter p : made.parameters()) {
        boolean magnitude = p.name().endsWith("lora_magnitude_vector");
        for (long i = 0; i < p.elements(); i++) {
          double by = 0.2 * random.nextGaussian();
          p.master().put(i, magnitude ? p.master().at(i) * (1 + by) : by);
        }
      }
      made.save(folder, model.toString());
    }
    return folder;
  }

  private double[] logits(Path model, Quantization held, @Nullable Path adapter, int[] ids) {
    try (Scope scope = Scope.open("adapter");
        CausalLm lm = Checkpoint.load(model, ModelConfig.load(model), backend, held)) {
      if (adapter != null) {
        try (PeftAdapter peft = PeftAdapter.open(adapter)) {
          Adapters.attach(lm.modules(), peft, 0, backend.compute(), 0, scope);
        }
      }
      lm.reserve(ids.length);
      return Logits.of(lm, ids);
    }
  }

  /// Of a base that was trained on in four bits, the merged folder holds what four bits stand for.
  @ParameterizedTest
  @CsvSource({"DORA, false", "DORA, true", "BIAS, false", "BIAS, true"})
  void theFolderGivesTheLogitsOfTheAdapter(Lora.Variant variant, boolean nf4) throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.F32, 1, false);
    Quantization held = nf4 ? Quantization.of(new Nf4Format(true)) : Quantization.NONE;
    Path adapter =
        adapter("adapter", model, held, spec(variant, "q_proj,o_proj,up_proj,down_proj"), 4);
    Path out = temp.resolve("out");
    Object[] more = nf4 ? new Object[] {"quantize", "nf4", "double_quant", true} : new Object[0];
    Merged merged =
        requireNonNull(MergingTest.run(MergingTest.settings(model, List.of(adapter), out, more)));
    assertThat(merged.accepted()).isTrue();
    assertThat(merged.difference().kl()).isBetween(-1e-12, 1e-9);
    if (variant == Lora.Variant.DORA) {
      assertThat(merged.layers()).isEqualTo(nf4 ? 3 * 7 : 3 * 4);
    }
    int[] ids = {5, 17, 260, 3, 144, 41, 9, 5, 200, 77, 11};
    double[] attached = logits(model, held, adapter, ids);
    assertThat(Logits.apart(logits(model, held, null, ids), attached)).isGreaterThan(1e-2);
    assertThat(Logits.apart(logits(out, Quantization.NONE, null, ids), attached))
        .isLessThan(ROUNDING);
  }

  /// The bound is that of `GoldenLogitsTest`.
  @ParameterizedTest
  @ValueSource(strings = {"dora", "lora-bias"})
  void theFolderGivesTheLogitsOfPeft(String name) throws IOException {
    Path golden = GOLDEN.resolve("peft").resolve(name);
    JsonNode inputs = new ObjectMapper().readTree(Files.readString(golden.resolve("inputs.json")));
    Path model = GOLDEN.resolve("llama").resolve(inputs.get("model").asString()).resolve("model");
    Path out = temp.resolve("out");
    Merged merged =
        requireNonNull(
            MergingTest.run(MergingTest.settings(model, List.of(golden.resolve("adapter")), out)));
    assertThat(merged.accepted()).isTrue();
    double largest = inputs.get("largest_logit").asDouble();
    double worst = 0;
    try (SafeTensors expected = SafeTensors.open(golden.resolve("logits.safetensors"))) {
      JsonNode sequences = inputs.get("sequences");
      for (int s = 0; s < sequences.size(); s++) {
        int[] ids = sequences.get(s).valueStream().mapToInt(JsonNode::asInt).toArray();
        double[] logits = logits(out, Quantization.NONE, null, ids);
        Tensor peft = expected.tensor("logits." + s);
        assertThat(logits.length).isEqualTo((int) peft.elements());
        for (int i = 0; i < logits.length; i++) {
          worst = Math.max(worst, Math.abs(logits[i] - peft.at(i)));
        }
      }
    }
    assertThat(worst / largest).isLessThan(2e-5);
  }

  /// The written bias is the base's and s·c of each adapter, whichever lies on top; where no
  /// adapter has one, it has the base's bytes.
  @Test
  void biasesOfAdaptersAddUpEachWithItsScale() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.F32, 1, false);
    Quantization held = Quantization.NONE;
    List<Path> adapters =
        List.of(
            adapter("a", model, held, spec(Lora.Variant.BIAS, "q_proj,up_proj"), 1),
            adapter("b", model, held, spec(Lora.Variant.BIAS, "q_proj"), 2),
            adapter("c", model, held, spec(Lora.Variant.PLAIN, "q_proj,v_proj"), 3));
    double[] scales = {0.5, -1.25, 2};
    Path out = temp.resolve("out");
    MergingTest.run(
        MergingTest.settings(model, adapters, out, "scale", List.of("0.5", "-1.25", "2")));
    try (SafeTensors before = SafeTensors.open(model);
        SafeTensors after = SafeTensors.open(out)) {
      int changed = 0;
      for (String name : before.names()) {
        if (!name.endsWith(".bias")) {
          continue;
        }
        String path = name.substring(0, name.length() - ".bias".length());
        Tensor own = before.tensor(name);
        double[] sum = new double[(int) own.elements()];
        boolean any = false;
        for (int i = 0; i < sum.length; i++) {
          sum[i] = own.at(i);
        }
        for (int i = 0; i < scales.length; i++) {
          any |= add(sum, adapters.get(i), path, scales[i]);
        }
        if (!any) {
          assertThat(after.bytes(name).mismatch(before.bytes(name))).as(name).isEqualTo(-1);
          continue;
        }
        changed++;
        for (int i = 0; i < sum.length; i++) {
          assertThat(after.tensor(name).at(i)).as(name).isCloseTo(sum[i], within(1e-6));
        }
      }
      assertThat(changed).isEqualTo(2 * 3);
    }
  }

  /// Adds scale·s·c of an adapter to a bias.
  ///
  /// @return whether it has one
  private static boolean add(double[] bias, Path adapter, String path, double scale) {
    try (PeftAdapter peft = PeftAdapter.open(adapter);
        SafeTensors tensors = SafeTensors.open(adapter.resolve(PeftFiles.WEIGHTS))) {
      String name = "base_model.model." + path + ".lora_B.bias";
      if (!tensors.names().contains(name)) {
        return false;
      }
      Tensor c = tensors.tensor(name);
      for (int i = 0; i < bias.length; i++) {
        bias[i] += scale * peft.spec().scaling(path) * c.at(i);
      }
      return true;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "llama/grouped-tied, v_proj, model.layers.0.self_attn.v_proj",
    "families/qwen2-tied, 'q_proj,o_proj', model.layers.0.self_attn.o_proj",
  })
  void aBiasForWhichTheModelHasNoPlaceIsRefused(String base, String targets, String path) {
    Path model = GOLDEN.resolve(base).resolve("model");
    Path adapter =
        adapter("adapter", model, Quantization.NONE, spec(Lora.Variant.BIAS, targets), 1);
    refused(
        MergingTest.settings(model, List.of(adapter), temp.resolve("out")),
        "adapter "
            + adapter
            + " adds a bias (lora_bias) to "
            + path
            + ", which has none in this model, so a merged model has no place for it; serve it"
            + " unmerged");
  }

  @Test
  void doraIsMergedAloneAndWithoutAScale() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.F32, 1, false);
    Quantization held = Quantization.NONE;
    Path plain = adapter("plain", model, held, spec(Lora.Variant.PLAIN, "q_proj"), 1);
    Path dora = adapter("dora", model, held, spec(Lora.Variant.DORA, "up_proj"), 2);
    Path out = temp.resolve("out");
    String start = "adapter " + dora + " is DoRA, which scales the whole weight, so ";
    for (List<Path> both : List.of(List.of(plain, dora), List.of(dora, plain))) {
      refused(
          MergingTest.settings(model, both, out),
          start + "it does not add up with others; merge it alone");
    }
    refused(
        MergingTest.settings(model, List.of(dora), out, "scale", List.of("0.5")),
        start + "no --scale can weigh it; merge it alone and without --scale");
    Merged merged =
        requireNonNull(
            MergingTest.run(
                MergingTest.settings(model, List.of(dora), out, "scale", List.of("1"))));
    assertThat(merged.accepted()).isTrue();
  }

  private void refused(MergeSettings settings, String message) {
    assertThatThrownBy(() -> MergingTest.run(settings))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
    assertThat(temp.resolve("out")).doesNotExist();
  }
}
