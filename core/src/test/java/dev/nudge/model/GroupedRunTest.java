package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.Entry;
import dev.nudge.format.StoredType;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.BnbFiles.Part;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.Grouped;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Models whose layers are codes in groups compute, train and take memory as their numbers say;
/// broken ones are refused.
class GroupedRunTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/grouped");
  private static final String Q = "model.layers.0.self_attn.q_proj";
  private static final String DOWN = "model.layers.0.mlp.down_proj";

  private final Backend backend = Backend.plain(Dtype.F32);
  @TempDir private Path temp;

  private static Path model(String name) {
    return GOLDEN.resolve(name).resolve("model");
  }

  /// A dense folder of the numbers of another one.
  private Path dense(Path model) throws IOException {
    ModelConfig config = ModelConfig.load(model);
    Path dense =
        BnbFiles.changed(model, temp.resolve("dense"), parts -> numbers(model, config, parts));
    for (String name : List.of("quantize_config.json", "quant_config.json")) {
      Files.deleteIfExists(dense.resolve(name));
    }
    Path file = dense.resolve("config.json");
    String text = Files.readString(file);
    Files.writeString(file, text.replaceFirst("\"(quantization|compression)_config\"", "\"was\""));
    return dense;
  }

  private static void numbers(Path model, ModelConfig config, Map<String, Part> parts) {
    try (ModelWeights weights = ModelWeights.open(model, config);
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain());
        Scope scope = Scope.open("test")) {
      List<String> paths = new ArrayList<>(config.projections());
      String head = WeightFormats.module(config.head());
      if (weights.format(head) != null) {
        paths.add(head);
      }
      paths.removeIf(path -> weights.format(path) == null);
      for (String path : paths) {
        WeightFormat format = Objects.requireNonNull(weights.format(path));
        long[] shape = Objects.requireNonNull(config.tensors().get(path + ".weight"));
        int rows = (int) shape[0];
        int cols = (int) shape[1];
        Tensor made = scope.tensor(Dtype.F32, rows, cols);
        StoredWeight stored = format.open(weights.file(), path, rows, cols);
        stored.make(0, rows, made, ws, Kernels.plain());
        format.parts(path).forEach(parts::remove);
        Entry entry = Entry.of(path + ".weight", Dtype.F32, rows, cols);
        parts.put(entry.name(), new Part(entry, made.data().toArray(ValueLayout.JAVA_BYTE)));
      }
    }
  }

  /// The loss and an adapter's gradients.
  private List<Double> trained(Path folder) {
    ModelConfig config = ModelConfig.load(folder);
    List<Double> numbers = new ArrayList<>();
    try (Scope scope = Scope.open("adapter");
        CausalLm model = Checkpoint.load(folder, config, backend)) {
      model.reserve(32);
      Lora spec = Lora.of(4, 8, new Targets.AllLinear());
      Adapters adapter = Adapters.attach(model.modules(), spec, 1, Dtype.F32, 1, scope);
      Random random = new Random(1);
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; i < p.elements(); i++) {
          p.master().put(i, 0.1 * random.nextGaussian());
        }
      }
      try (Workspace ws = new Workspace(0, model.measured().trainBytes(21, 11), Gemm.plain())) {
        Batch batch = TinyLlama.batch(random, config.vocabSize(), 7, 3, 11);
        numbers.add(model.train(batch, 1, Dropout.NONE, ws));
      }
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; i < p.elements(); i++) {
          numbers.add(p.gradient(0).at(i));
        }
      }
    }
    return numbers;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gptq-4-act",
        "gptq-3-sym",
        "awq-32",
        "ct-8",
        "ct-act",
        "gptq-head",
        "ct-head",
        "../fp8/block",
        "../fp8/short",
        "../fp8/tensor"
      })
  void itTrainsAsItsNumbersDo(String name) throws IOException {
    List<Double> numbers = trained(model(name));
    assertThat(numbers).hasSizeGreaterThan(1000).doesNotContain(Double.NaN);
    assertThat(numbers).isEqualTo(trained(dense(model(name))));
  }

  /// A plan counts the copies in memory, and loading takes that.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gptq-4-act",
        "gptq-2",
        "gptq-8-v2",
        "awq-sym",
        "ct-channel",
        "ct-3",
        "ct-groups",
        "gptq-dynamic",
        "gptq-head"
      })
  void aPlanCountsItsBytes(String name) {
    ModelConfig config = ModelConfig.load(model(name));
    WeightBytes bytes = Checkpoint.bytes(model(name), config, backend, Quantization.NONE, null);
    long before = Ledger.bytes();
    try (CausalLm lm = Checkpoint.load(model(name), config, backend)) {
      StoredLinear first = (StoredLinear) lm.slots().getFirst().linear();
      assertThat(first.source()).isInstanceOf(Grouped.class);
      assertThat(Ledger.bytes() - before).isEqualTo(bytes.held());
      assertThat(bytes.packed()).isPositive();
    }
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  /// A config of something else beside dense weights is nobody's.
  @Test
  void aFileThatIsNoConfigOfTheWeightsIsLeftAlone() throws IOException {
    Path dense = dense(model("awq-sym"));
    Files.writeString(dense.resolve("quant_config.json"), "{\"scheme\": \"w8a8\"}");
    try (ModelWeights weights = ModelWeights.open(dense, ModelConfig.load(dense))) {
      assertThat(weights.layers().any()).isFalse();
    }
  }

  @Test
  void anotherQuantisationIsNotMadeOfIt() {
    ModelConfig config = ModelConfig.load(model("gptq-3"));
    assertThatThrownBy(
            () ->
                Quantization.resolve(
                    BnbFiles.settings(model("gptq-3"), "quantize", Quantize.NF4), config))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("are stored in gptq; leave --quantize out");
    ModelSettings none = BnbFiles.settings(model("gptq-3"), "quantize", Quantize.NONE);
    assertThat(Quantization.resolve(none, config).name()).isEqualTo("gptq");
  }

  /// What is kept in `nudge.json` and `run.json` names the same format again.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gptq-4-act",
        "gptq-8-v2",
        "awq-32",
        "ct-channel",
        "../fp8/block",
        "../fp8/tensor"
      })
  void itsFormIsKept(String name) {
    ModelConfig config = ModelConfig.load(model(name));
    Quantization q = Quantization.resolve(BnbFiles.settings(model(name)), config);
    assertThat(WeightFormats.named(q.kept())).isEqualTo(q.format());
    assertThat(q.kept()).hasSize(4).containsKey("method");
  }

  private static Arguments wrong(String name, Consumer<Map<String, Part>> change, String message) {
    return Arguments.of(name, change, (UnaryOperator<String>) c -> c, message);
  }

  private static Arguments config(String name, String from, String to, String message) {
    Consumer<Map<String, Part>> nothing = parts -> {};
    UnaryOperator<String> change =
        c -> {
          assertThat(c).containsPattern(from);
          return c.replaceFirst(from, to);
        };
    return Arguments.of(name, nothing, change, message);
  }

  /// The first bytes of a tensor under another type or shape.
  private static Consumer<Map<String, Part>> as(String name, StoredType type, Long... shape) {
    return parts -> {
      Part old = Objects.requireNonNull(parts.get(name));
      Entry entry = new Entry(name, type, List.of(shape));
      parts.put(name, new Part(entry, Arrays.copyOf(old.bytes(), (int) entry.bytes())));
    };
  }

  private static Consumer<Map<String, Part>> ints(String name, int at, int value) {
    return parts ->
        ByteBuffer.wrap(Objects.requireNonNull(parts.get(name)).bytes())
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(4 * at, value);
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        wrong(
            "gptq-4-act",
            parts -> parts.remove(Q + ".g_idx"),
            "has no tensor "
                + Q
                + ".g_idx; config.json says desc_act, so the groups of its inputs"),
        wrong(
            "gptq-4-act",
            parts -> parts.remove(Q + ".qweight"),
            "has no tensor \"" + Q + ".qweight\""),
        wrong(
            "gptq-4-act", parts -> parts.remove(Q + ".scales"), "has no tensor \"" + Q + ".scales"),
        wrong(
            "gptq-4-act",
            as(Q + ".qweight", StoredType.I32, 7L, 64L),
            Q
                + ".qweight is I32 [7, 64]; a layer of [64, 64] in gptq with 4 bits needs I32"
                + " [8, 64]"),
        wrong(
            "gptq-4-act",
            as(Q + ".qzeros", StoredType.I32, 1L, 8L),
            Q + ".qzeros is I32 [1, 8]; a layer of [64, 64] in gptq with 4 bits needs I32 [2, 8]"),
        wrong(
            "gptq-4-act",
            as(Q + ".scales", StoredType.F16, 0L, 64L),
            Q + ".scales has 0 groups; a row of 64 has 1 to 64"),
        wrong(
            "gptq-4-act",
            as(Q + ".scales", StoredType.F16, 1L, 64L),
            Q + ".scales has 1 groups; a row of 64 with group_size 32 has 2"),
        wrong(
            "gptq-4-act",
            as(Q + ".scales", StoredType.I16, 2L, 64L),
            Q
                + ".scales is I16 [2, 64]; a layer of [64, 64] in gptq with 4 bits needs F16 or"
                + " BF16"),
        wrong(
            "gptq-4-act",
            ints(Q + ".scales", 3, 0x7c00),
            Q + ".scales has Infinity at 6; a scale is a finite number"),
        wrong("gptq-4-act", ints(Q + ".g_idx", 5, 2), Q + ".g_idx has 2 at 5; groups are 0 to 1"),
        wrong(
            "gptq-4-act",
            parts -> {
              for (int i = 0; i < 64; i++) {
                ints(Q + ".g_idx", i, 1).accept(parts);
              }
            },
            Q + ".g_idx gives group 1 more than its 32 columns; with group_size 32 each has"),
        wrong(
            "gptq-3-sym",
            ints(DOWN + ".qzeros", 0, 0),
            DOWN + ".qzeros has other zeros than 3 alone or 4 alone, and config.json says sym"),
        config(
            "gptq-4-act",
            "\"bits\": 4",
            "\"bits\": 8",
            Q + ".qweight is I32 [8, 64]; a layer of [64, 64] in gptq with 8 bits needs I32 [16"),
        config(
            "gptq-4-act", "\"bits\": 4", "\"bits\": 5", "bits is 5; GPTQ with 2, 3, 4 or 8 bits"),
        config(
            "gptq-4-act",
            "\"group_size\": 32",
            "\"group_size\": 0",
            "quantization_config.group_size is 0; a whole number from 1, or -1 for one group a"
                + " row"),
        config(
            "gptq-3",
            "\"format\": \"gptq\"",
            "\"format\": \"marlin\"",
            "the layout \"marlin\" of GPTQ is not supported; supported: gptq, gptq_v2"),
        config(
            "gptq-3",
            "\"int32\"",
            "\"int16\"",
            "pack_dtype \"int16\" is not supported; supported: int32"),
        config("gptq-dynamic", "down_proj\": ", "down_proj(\": ", "which is no regular expression"),
        config(
            "round-gptq",
            "auto_round:auto_gptq",
            "auto_round:fp8",
            "packing_format \"auto_round:fp8\" is not supported; supported: auto_round:auto_gptq,"),
        config(
            "awq-32",
            "GEMM",
            "GEMV",
            "the layout \"gemv\" of AWQ is not supported; supported: gemm"),
        config("awq-32", "\"bits\": 4", "\"bits\": 3", "bits is 3; AWQ with 4 bits is supported"),
        config(
            "awq-32",
            "\"awq\"",
            "\"gptq\"",
            "the layout \"gemm\" of GPTQ is not supported; supported: gptq, gptq_v2"),
        wrong(
            "awq-32",
            as(Q + ".qweight", StoredType.I32, 63L, 8L),
            Q + ".qweight is I32 [63, 8]; a layer of [64, 64] in awq needs I32 [64, 8]"),
        wrong("awq-32", parts -> parts.remove(Q + ".qzeros"), "has no tensor \"" + Q + ".qzeros"),
        config(
            "ct-3",
            "\"format\": \"pack-quantized\"",
            "\"format\": \"float-quantized\"",
            "format \"float-quantized\" is not supported; supported: pack-quantized"),
        config(
            "ct-3",
            "\"input_activations\": null",
            "\"input_activations\": {}",
            "input_activations is given; only weights may be quantised"),
        config(
            "ct-3",
            "\"strategy\": \"group\"",
            "\"strategy\": \"block\"",
            "strategy \"block\" is not supported; supported: group, channel"),
        wrong(
            "ct-3",
            parts -> parts.remove(Q + ".weight_zero_point"),
            "has no tensor " + Q + ".weight_zero_point; config.json says symmetric false"),
        wrong(
            "ct-3",
            as(Q + ".weight_packed", StoredType.I32, 64L, 5L),
            Q
                + ".weight_packed is I32 [64, 5]; a layer of [64, 64] in compressed-tensors with 3"
                + " bits needs I32 [64, 6]"),
        wrong(
            "ct-3",
            ints(Q + ".weight_shape", 0, 32),
            Q + ".weight_shape is [32, 64], config.json says [64, 64]"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void whatIsBrokenIsRefusedInOneLine(
      String name, Consumer<Map<String, Part>> change, UnaryOperator<String> config, String message)
      throws IOException {
    Path folder = BnbFiles.changed(model(name), temp.resolve("model"), change);
    Path file = folder.resolve("config.json");
    Files.writeString(file, config.apply(Files.readString(file)));
    assertThatThrownBy(() -> Checkpoint.check(folder, ModelConfig.load(folder)))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(folder.toString())
        .hasMessageContaining(message)
        .message()
        .doesNotContain("\n");
  }
}
