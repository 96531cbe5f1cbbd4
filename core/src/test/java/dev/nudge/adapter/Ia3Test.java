package dev.nudge.adapter;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Logits;
import dev.nudge.Seeds;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.SafeTensors;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.nn.Tape;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// (IA)³ against finite differences, and against PEFT's adapter, logits and merged weights
/// (`src/test/reference/ia3.py`). Steps of training are in `TwentyVariantStepsTest`.
class Ia3Test {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path ADAPTER = GOLDEN.resolve("ia3/init");
  private static final JsonMapper JSON = new JsonMapper();
  private static final double BOUND = 2e-5; // that of GoldenLogitsTest
  private static final double STEP = 1e-5;

  @TempDir private Path temp;

  private final Random random = Seeds.random();
  private final Backend backend = Backends.of(Compute.FP32);

  private Tensor draw(Scope scope, int rows, int cols) {
    Tensor t = scope.tensor(Dtype.F64, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  /// Central differences of Σ y ⊙ dy in double: their error is about STEP², below the bound.
  @ParameterizedTest
  @CsvSource({
    "q_proj, false, false",
    "q_proj, true, true",
    "down_proj, false, false",
    "down_proj, true, true"
  })
  void gradientsAreThoseOfFiniteDifferences(String name, boolean add, boolean again) {
    int rows = 1 + random.nextInt(9);
    int in = 1 + random.nextInt(9);
    int out = 1 + random.nextInt(9);
    try (Scope scope = Scope.open("ia3");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      DenseLinear base = DenseLinear.of(draw(scope, out, in), draw(scope, 1, out));
      Ia3 kind = Ia3.fresh(Lora.of(1, 1, new Targets.AllLinear()));
      ParameterMemory room = new ParameterMemory(Dtype.F64, 1, scope);
      var place =
          kind.place(new LinearSlot("m." + name, base), base, 1, room, Source.fresh(0, false));
      AdaptedLinear layer = place.made();
      Parameter l = place.parameters().getFirst();
      assertThat(l.elements()).isEqualTo(name.equals("q_proj") ? out : in);
      for (int i = 0; i < l.elements(); i++) {
        assertThat(l.master().get(0, i)).isEqualTo(1);
        l.master().set(0, i, random.nextGaussian());
      }
      Tensor x = draw(scope, rows, in);
      Tensor y = scope.tensor(Dtype.F64, rows, out);
      Tensor dy = draw(scope, rows, out);
      Tensor dx = draw(scope, rows, in);
      double[] before = numbers(dx);
      Segments segments = Segments.of(new int[] {rows}, new long[] {0}, ws);
      Tape tape = new Tape(ws);
      Pass p = new Pass(tape, segments, ws, Kernels.plain(), Dropout.of(1, 1));
      if (again) {
        layer.forward(x, y, p.withoutTape());
        layer.again(x, p);
      } else {
        layer.forward(x, y, p);
      }
      layer.backward(dy, dx, add, p).add(x);
      assertThatThrownBy(() -> tape.pop(Tape.Entry.class)).hasMessageEndingWith("found nothing");

      DoubleSupplier loss =
          () -> {
            layer.forward(x, y, p.withoutTape());
            double sum = 0;
            for (long i = 0; i < y.elements(); i++) {
              sum += y.at(i) * dy.at(i);
            }
            return sum;
          };
      same(numbers(l.gradient(0)), differences(l.master(), loss), new double[in + out]);
      same(numbers(dx), differences(x, loss), add ? before : new double[before.length]);
    }
  }

  private static double[] numbers(Tensor t) {
    double[] numbers = new double[(int) t.elements()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = t.at(i);
    }
    return numbers;
  }

  private static double[] differences(Tensor of, DoubleSupplier loss) {
    double[] slopes = numbers(of);
    for (int i = 0; i < slopes.length; i++) {
      double value = slopes[i];
      of.put(i, value + STEP);
      double high = loss.getAsDouble();
      of.put(i, value - STEP);
      slopes[i] = (high - loss.getAsDouble()) / (2 * STEP);
      of.put(i, value);
    }
    return slopes;
  }

  private static void same(double[] got, double[] slopes, double[] added) {
    for (int i = 0; i < got.length; i++) {
      assertThat(Math.abs(got[i] - slopes[i] - added[i])).isLessThan(1e-6);
    }
  }

  private CausalLm model(JsonNode expected) {
    Path path = GOLDEN.resolve("llama").resolve(expected.get("model").asString()).resolve("model");
    return Checkpoint.load(path, ModelConfig.load(path), backend, Quantization.NONE);
  }

  private static double[] theirs(SafeTensors file, String name) {
    return numbers(file.tensor(name));
  }

  @Test
  void logitsAndMergedWeightsAreThoseOfPeft() throws IOException {
    JsonNode expected = JSON.readTree(GOLDEN.resolve("ia3/expected.json").toFile());
    int[] ids = expected.get("ids").valueStream().mapToInt(JsonNode::asInt).toArray();
    try (CausalLm lm = model(expected);
        Scope scope = Scope.open("adapter");
        PeftAdapter adapter = PeftAdapter.open(ADAPTER);
        SafeTensors logits = SafeTensors.open(GOLDEN.resolve("ia3/logits.safetensors"));
        SafeTensors merged = SafeTensors.open(GOLDEN.resolve("ia3/merged.safetensors"))) {
      lm.reserve(ids.length);
      double[] base = Logits.of(lm, ids);
      double[] attached = theirs(logits, "attached");
      assertThat(Logits.apart(base, theirs(logits, "base"))).isLessThan(BOUND);
      assertThat(Logits.apart(base, attached)).isGreaterThan(100 * BOUND);
      Adapters adapters = Adapters.attach(lm.modules(), adapter, 0, Dtype.F32, 0, scope);
      assertThat(Logits.apart(Logits.of(lm, ids), attached)).isLessThan(BOUND);

      AdaptedLinear key = layer(lm, "k_proj");
      AdaptedLinear down = layer(lm, "down_proj");
      try (Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
        assertThat(numbers(down.merged(0, down.out(), ws, backend.kernels())))
            .isEqualTo(theirs(merged, "down_proj"));
      }
      assertThat(numbers(requireNonNull(key.mergedBias(scope))))
          .isEqualTo(theirs(merged, "k_proj.bias"));
      assertThat(down.mergedBias(scope)).isNull();
      adapters.detach();
      assertThat(Logits.of(lm, ids)).isEqualTo(base);

      try (NamedAdapters named = new NamedAdapters(lm.modules(), Dtype.F32);
          NamedAdapters.LoadedAdapter one = named.make(adapter);
          NamedAdapters.LoadedAdapter live = named.merge(adapter, backend)) {
        for (var made : List.of(one, live)) {
          String name = made == one ? "one" : "live";
          NamedAdapters.Attachment way = named.attach(name, made);
          assertThat(way.alone()).isEqualTo(name); // a bank has A and B only
          double[][] got = new double[1][];
          named.within(way.alone(), false, () -> got[0] = Logits.of(lm, ids));
          assertThat(Logits.apart(got[0], attached)).isLessThan(BOUND);
        }
      }
    }
  }

  private static AdaptedLinear layer(CausalLm lm, String name) {
    return lm.modules().linears().stream()
        .filter(slot -> slot.path().endsWith("layers.0." + parent(name) + name))
        .map(slot -> (AdaptedLinear) slot.linear())
        .findFirst()
        .orElseThrow();
  }

  private static String parent(String name) {
    return name.equals("k_proj") ? "self_attn." : "mlp.";
  }

  @Test
  void whatPeftSavedIsSavedTheSame() throws IOException {
    JsonNode expected = JSON.readTree(GOLDEN.resolve("ia3/expected.json").toFile());
    Path saved = temp.resolve("saved");
    try (CausalLm lm = model(expected);
        Scope scope = Scope.open("adapter");
        PeftAdapter adapter = PeftAdapter.open(ADAPTER)) {
      Adapters adapters = Adapters.attach(lm.modules(), adapter, 0, Dtype.F32, 1, scope);
      adapters.save(saved, expected.get("model").asString());
      adapters.detach();
    }
    try (SafeTensors ours = SafeTensors.open(saved.resolve(PeftFiles.WEIGHTS));
        SafeTensors theirs = SafeTensors.open(ADAPTER.resolve(PeftFiles.WEIGHTS))) {
      assertThat(ours.names()).containsExactlyInAnyOrderElementsOf(theirs.names());
      for (String name : theirs.names()) {
        assertThat(ours.entry(name).shape()).isEqualTo(theirs.entry(name).shape());
        assertThat(numbers(ours.tensor(name))).isEqualTo(numbers(theirs.tensor(name)));
      }
    }
    JsonNode ours = JSON.readTree(saved.resolve(PeftConfig.FILE).toFile());
    JsonNode theirs = JSON.readTree(ADAPTER.resolve(PeftConfig.FILE).toFile());
    ours.propertyStream().forEach(e -> assertThat(e.getValue()).isEqualTo(theirs.get(e.getKey())));
    assertThat(theirs.propertyNames())
        .containsAll(ours.propertyNames())
        .hasSize(ours.size() + 2); // peft_version, and exclude_modules of null
  }

  /// PEFT wants the names of feedforward modules among those of the targets.
  @Test
  void allLinearIsSavedAsNamesWithAnExpressionForFeedforwardModules() throws IOException {
    JsonNode expected = JSON.readTree(GOLDEN.resolve("ia3/expected.json").toFile());
    try (CausalLm lm = model(expected);
        Scope scope = Scope.open("adapter")) {
      Ia3 kind = Ia3.fresh(Lora.of(1, 1, new Targets.AllLinear()));
      Adapters adapters = Adapters.attach(lm.modules(), kind, false, 0, Dtype.F32, 1, scope);
      adapters.save(temp.resolve("all"), "base");
      adapters.detach();
      try (PeftAdapter back = PeftAdapter.open(temp.resolve("all"))) {
        assertThat(back.kind()).isEqualTo(adapters.kind());
        assertThat(((Ia3) back.kind()).feedforward()).isEqualTo(new Targets.Regex(".*(down_proj)"));
        assertThat(Adapters.attach(lm.modules(), back, 0, Dtype.F32, 0, scope).paths())
            .isEqualTo(adapters.paths());
      }
    }
  }

  @Test
  void whatNeedsAAndBRefusesIt() {
    assertThatThrownBy(() -> Inspection.of(ADAPTER, Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "adapter "
                + ADAPTER
                + " is (IA)³, which has no A and B; merge it into its base (nudge merge) and give"
                + " the merged model");
  }

  @Test
  void aConfigThatPeftWouldReadOtherwiseIsRefused() throws IOException {
    refused(
        "\"feedforward_modules\": null",
        "feedforward_modules is missing, and PEFT's choice by the model's type is not known here;"
            + " write the list into the file, [] where there are none");
    refused(
        "\"feedforward_modules\": [\"up_proj\"]",
        "feedforward_modules up_proj are not all among target_modules q_proj, as PEFT wants them");
    refused(
        "\"feedforward_modules\": [], \"r\": 8",
        "r is 8, which is not supported; only LoRA with DoRA or lora_bias, and (IA)³, are, so"
            + " merge this adapter into its base with PEFT");
  }

  private void refused(String keys, String message) throws IOException {
    Path file = temp.resolve(PeftConfig.FILE);
    Files.writeString(
        file, "{\"peft_type\": \"IA3\", \"target_modules\": [\"q_proj\"], %s}".formatted(keys));
    assertThatThrownBy(() -> PeftConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessage(file + ": " + message);
  }
}
