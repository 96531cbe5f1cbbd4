package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.StoredType;
import dev.nudge.machine.Backend;
import dev.nudge.model.BnbFiles.Part;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.NestedScales;
import dev.nudge.quant.Nf4Format;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Reads what bitsandbytes wrote, and refuses what is not that.
class BnbCheckpointTest {
  private static final String Q = "model.layers.0.self_attn.q_proj.weight";
  private static final String STATE = Q + ".quant_state.bitsandbytes__nf4";

  @TempDir private Path temp;

  /// Logits of transformers and bitsandbytes in fp32; bound as in [GoldenLogitsTest].
  @ParameterizedTest
  @CsvSource({"double, double", "plain, plain", "source, double"})
  void logitsEqualBitsandbytes(String folder, String expected) throws IOException {
    Path model = BnbFiles.GOLDEN.resolve(folder);
    JsonNode sequences =
        new ObjectMapper()
            .readTree(Files.readString(BnbFiles.GOLDEN.resolve("inputs.json")))
            .get("sequences");
    ModelConfig config = ModelConfig.load(model);
    Backend backend = Backends.of(Compute.FP32);
    ModelSettings settings = BnbFiles.settings(model, "quantize", Quantize.NF4);
    try (SafeTensors want =
            SafeTensors.open(BnbFiles.GOLDEN.resolve(expected + ".logits.safetensors"));
        CausalLm lm =
            Checkpoint.load(model, config, backend, Quantization.resolve(settings, config));
        Workspace ws = new Workspace(0, 8 << 20, backend.gemms().apply(1))) {
      lm.reserve(64);
      for (int s = 0; s < sequences.size(); s++) {
        int[] ids = sequences.get(s).valueStream().mapToInt(JsonNode::asInt).toArray();
        int[] none = new int[0];
        Tensor logits =
            lm.logits(new Batch(ids, new int[] {ids.length}, new long[1], none, none), ws);
        Tensor golden = want.tensor("logits." + s);
        double largest = 0;
        double worst = 0;
        for (long i = 0; i < golden.elements(); i++) {
          largest = Math.max(largest, Math.abs(golden.at(i)));
          worst = Math.max(worst, Math.abs(golden.at(i) - logits.at(i)));
        }
        assertThat(worst / largest).isLessThan(2e-5);
      }
    }
  }

  @Test
  void aLayerThatWasLeftInSixteenBitsStaysDense() {
    ModelConfig config = ModelConfig.load(BnbFiles.PLAIN);
    Quantization q = Quantization.resolve(BnbFiles.settings(BnbFiles.PLAIN), config);
    assertThat(q.format()).isEqualTo(new Nf4Format(false));
    assertThat(q.left()).containsExactly("model.layers.0.mlp.down_proj");
    Backend backend = Backend.plain(Dtype.F32);
    try (CausalLm lm = Checkpoint.load(BnbFiles.PLAIN, config, backend, q);
        CausalLm dry = Checkpoint.dry(config, backend, q)) {
      for (CausalLm model : List.of(lm, dry)) {
        assertThat(model.slots().getLast().path()).isEqualTo("model.layers.0.mlp.down_proj");
        assertThat(model.slots().getLast().linear()).isInstanceOf(DenseLinear.class);
        assertThat(model.slots().getFirst().linear()).isInstanceOf(StoredLinear.class);
      }
    }
  }

  @Test
  void storedLayersAreReadInPlaceAndTheOthersCountedToTheByte() {
    Backend backend = Backend.plain(Dtype.F32);
    for (Path folder : List.of(BnbFiles.SOURCE, BnbFiles.DOUBLE, BnbFiles.PLAIN)) {
      ModelConfig config = ModelConfig.load(folder);
      for (Quantization q :
          List.of(Quantization.of(new Nf4Format(true)), Quantization.of(new Nf4Format(false)))) {
        long before = Ledger.bytes();
        try (CausalLm lm = Checkpoint.load(folder, config, backend, q)) {
          assertThat(lm.layers()).isEqualTo(1);
          assertThat(Ledger.bytes() - before)
              .isEqualTo(Checkpoint.bytes(folder, config, backend, q, null).held());
        }
        assertThat(Ledger.bytes()).isEqualTo(before);
      }
    }
    ModelConfig config = ModelConfig.load(BnbFiles.PLAIN);
    WeightBytes bytes = Checkpoint.bytes(BnbFiles.PLAIN, config, backend, Quantization.NONE, null);
    assertThat(bytes.held()).isZero();
    long dense = 4 * (2 * 31 * 64 + 3 * 64 + 64 * 64);
    long n = 2 * 64 * 64 + 2 * 32 * 64 + 2 * 64 * 64;
    assertThat(bytes.mapped()).isEqualTo(dense + n / 2 + 4 * n / 64);
  }

  private static Nf4Weight nf4(CausalLm model, int slot) {
    return (Nf4Weight) ((StoredLinear) model.slots().get(slot).linear()).source();
  }

  @Test
  void quantisingOnLoadGivesTheStoredWeights() {
    ModelConfig config = ModelConfig.load(BnbFiles.SOURCE);
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm made =
            Checkpoint.load(
                BnbFiles.SOURCE, config, backend, Quantization.of(new Nf4Format(true)));
        CausalLm stored = Checkpoint.load(BnbFiles.DOUBLE, config, backend)) {
      for (int i = 0; i < made.slots().size(); i++) {
        Nf4Weight a = nf4(made, i);
        Nf4Weight b = nf4(stored, i);
        assertThat(a.packed().data().mismatch(b.packed().data())).isEqualTo(-1);
        NestedScales x = Objects.requireNonNull(a.nested());
        NestedScales y = Objects.requireNonNull(b.nested());
        assertThat(x.codes().data().mismatch(y.codes().data())).isEqualTo(-1);
        assertThat(x.absmax().data().mismatch(y.absmax().data())).isEqualTo(-1);
        assertThat(x.offset()).isEqualTo(y.offset());
      }
    }
  }

  @Test
  void settingsThatDisagreeWithTheFilesAreRefused() {
    ModelConfig config = ModelConfig.load(BnbFiles.DOUBLE);
    ModelSettings single =
        BnbFiles.settings(BnbFiles.DOUBLE, "quantize", Quantize.NF4, "double_quant", false);
    assertThatThrownBy(() -> Quantization.resolve(single, config))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("are stored with double quantisation; leave the flag out");
    ModelSettings nested =
        BnbFiles.settings(BnbFiles.PLAIN, "quantize", Quantize.NF4, "double_quant", true);
    assertThatThrownBy(() -> Quantization.resolve(nested, config))
        .hasMessageContaining("are stored without double quantisation; leave the flag out");
    Path gguf = Path.of("src/test/resources/golden/gguf/mixed/qwen2-tied.gguf");
    for (boolean asked : new boolean[] {true, false}) {
      ModelSettings blocks = BnbFiles.settings(gguf, "double_quant", asked);
      assertThatThrownBy(() -> Quantization.resolve(blocks, ModelConfig.load(gguf)))
          .hasMessageContaining("gguf, which has no double quantisation; leave the flag out");
    }
    ModelSettings same = BnbFiles.settings(BnbFiles.DOUBLE, "double_quant", true);
    assertThat(Quantization.resolve(same, config).format()).isEqualTo(new Nf4Format(true));
    ModelSettings dense = BnbFiles.settings(BnbFiles.SOURCE, "double_quant", false);
    assertThatThrownBy(() -> Quantization.resolve(dense, ModelConfig.load(BnbFiles.SOURCE)))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--no-double-quant: the weights in "
                + BnbFiles.SOURCE
                + " are dense; give --quantize nf4 too, or leave the flag out");
  }

  /// Without weights the config says what they are: the very layers, and how their scales are kept.
  @Test
  void aConfigAloneSaysHowItsWeightsAreStored() throws IOException {
    for (Path folder : List.of(BnbFiles.SOURCE, BnbFiles.DOUBLE, BnbFiles.PLAIN)) {
      ModelConfig config = ModelConfig.load(folder);
      Quantization stored = Quantization.stored(folder, config);
      assertThat(stored.any()).isEqualTo(!folder.equals(BnbFiles.SOURCE));
      for (ModelSettings settings :
          List.of(
              BnbFiles.settings(folder), BnbFiles.settings(folder, "quantize", Quantize.NONE))) {
        assertThat(Quantization.resolve(settings, config)).isEqualTo(stored);
        assertThat(Quantization.expected(settings, config)).isEqualTo(stored);
      }
    }
  }

  private static Arguments wrong(Consumer<Map<String, Part>> change, String message) {
    return Arguments.of(change, message);
  }

  /// The same bytes under another name, type or shape.
  private static Consumer<Map<String, Part>> as(
      String name, String newName, StoredType type, Long... shape) {
    return parts -> {
      Part old = Objects.requireNonNull(parts.remove(name));
      Entry entry = new Entry(newName, type, List.of(shape));
      byte[] bytes = Arrays.copyOf(old.bytes(), (int) entry.bytes());
      parts.put(newName, new Part(entry, bytes));
    };
  }

  private static byte[] bytes(Map<String, Part> parts, String name) {
    return Objects.requireNonNull(parts.get(name)).bytes();
  }

  /// The JSON of a layer with some text replaced.
  private static Consumer<Map<String, Part>> state(String from, String to) {
    return parts -> {
      String text = new String(bytes(parts, STATE), StandardCharsets.UTF_8);
      assertThat(text).containsPattern(from);
      byte[] bytes = text.replaceFirst(from, to).getBytes(StandardCharsets.UTF_8);
      long length = bytes.length;
      parts.put(STATE, new Part(new Entry(STATE, StoredType.U8, List.of(length)), bytes));
    };
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        wrong(
            as(STATE, Q + ".quant_state.bitsandbytes__fp4", StoredType.U8, 8L),
            Q + " is stored in fp4; supported: nf4"),
        wrong(
            parts -> {
              parts.keySet().removeIf(name -> name.startsWith(Q + "."));
              as(Q, Q, StoredType.I8, 64L, 64L).accept(parts);
              String scales = Q.replace("weight", "SCB");
              parts.put(
                  scales, new Part(new Entry(scales, StoredType.F32, List.of(64L)), new byte[256]));
            },
            Q + " is stored in 8 bits (LLM.int8); supported: nf4"),
        wrong(parts -> parts.remove(STATE), "has no tensor \"" + STATE + "\""),
        wrong(parts -> parts.remove(Q + ".quant_map"), "has no tensor \"" + Q + ".quant_map\""),
        wrong(parts -> parts.remove(Q + ".absmax"), "has no tensor \"" + Q + ".absmax\""),
        wrong(
            parts -> parts.remove(Q + ".nested_absmax"),
            STATE + ": nested_offset is given without the tensor " + Q + ".nested_absmax"),
        wrong(
            state("\"blocksize\": 64", "\"blocksize\": 128"),
            STATE + ": blocksize 128 is not supported; supported: 64"),
        wrong(state("\"blocksize\": 64, ", ""), STATE + ": blocksize is missing; supported: 64"),
        wrong(
            state("\"nested_blocksize\": 256", "\"nested_blocksize\": 2048"),
            STATE + ": nested_blocksize 2048 is not supported; supported: 256"),
        wrong(
            state("\"nf4\"", "\"fp4\""),
            STATE + ": quant_type \"fp4\" is not supported; supported: nf4"),
        wrong(
            state("\"bfloat16\"", "\"float64\""),
            STATE + ": dtype \"float64\" is not supported; supported: float32, float16, bfloat16"),
        wrong(
            state("\\[64, 64\\]", "[64, 32]"),
            STATE + ": shape is [64,32], config.json says [64,64]"),
        wrong(
            state("\"shape\"", "\"form\""), STATE + ": shape is missing, config.json says [64,64]"),
        wrong(
            state("\"nested_offset\": [^}]*", "\"nested_offset\": 1e60"),
            STATE + ": nested_offset is 1.0E60; a number of float32 is needed"),
        wrong(state("\\}", ""), STATE + ": is not valid JSON: "),
        wrong(state("\\{.*\\}", "[]"), STATE + ": is []; a JSON object is needed"),
        wrong(state("nf4", "\u0000"), STATE + ": is not valid JSON: "),
        wrong(
            parts -> {
              byte[] bytes = {(byte) 0xff, (byte) 0xfe};
              parts.put(STATE, new Part(new Entry(STATE, StoredType.U8, List.of(2L)), bytes));
            },
            STATE + " is not UTF-8"),
        wrong(
            as(STATE, STATE, StoredType.U8, 10_001L),
            STATE + " is U8 [10001]; JSON of at most 10000 bytes in U8 is needed"),
        wrong(
            as(Q, Q, StoredType.U8, 2047L, 1L),
            Q + " is U8 [2047, 1], 2047 bytes; a layer of [64, 64] in nf4 has 2048 bytes there"),
        wrong(
            as(Q, Q, StoredType.F32, 2048L, 1L),
            Q + " is F32 [2048, 1], 8192 bytes; a layer of [64, 64] in nf4 has 2048 bytes there"),
        wrong(
            as(Q, Q, StoredType.I32, 512L, 1L),
            Q + " is I32 [512, 1], 2048 bytes; a layer of [64, 64] in nf4 has 2048 bytes there"),
        wrong(
            as(Q + ".absmax", Q + ".absmax", StoredType.U8, 63L),
            Q + ".absmax is U8 [63]; a layer of [64, 64] in nf4 needs U8 [64]"),
        wrong(
            as(Q + ".absmax", Q + ".absmax", StoredType.F32, 64L),
            Q + ".absmax is F32 [64]; a layer of [64, 64] in nf4 needs U8 [64]"),
        wrong(
            as(Q + ".nested_absmax", Q + ".nested_absmax", StoredType.F32, 2L),
            Q + ".nested_absmax is F32 [2]; a layer of [64, 64] in nf4 needs F32 [1]"),
        wrong(parts -> bytes(parts, Q + ".quant_map")[3] = 0x7f, Q + ".quant_map has "),
        wrong(
            parts -> bytes(parts, Q + ".nested_quant_map")[3] = 0x7f, Q + ".nested_quant_map has "),
        wrong(
            as("lm_head.weight", "lm_head.weight.absmax", StoredType.F32, 1L),
            " has no tensor lm_head.weight, which its config.json calls for"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void whatIsNoNf4IsRefusedInOneLine(Consumer<Map<String, Part>> change, String message)
      throws IOException {
    Path folder = BnbFiles.changed(BnbFiles.DOUBLE, temp.resolve("model"), change);
    ModelConfig config = ModelConfig.load(folder);
    assertThatThrownBy(() -> Checkpoint.check(folder, config))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(folder.toString())
        .hasMessageContaining(message)
        .message()
        .doesNotContain("\n", "\u0000");
  }

  @Test
  void aHeadThatIsQuantisedIsRefused() throws IOException {
    String name = "lm_head.weight.absmax";
    Path folder =
        BnbFiles.changed(
            BnbFiles.DOUBLE,
            temp.resolve("model"),
            parts ->
                parts.put(
                    name, new Part(new Entry(name, StoredType.F32, List.of(1L)), new byte[4])));
    assertThatThrownBy(() -> Checkpoint.check(folder, ModelConfig.load(folder)))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith(
            "lm_head.weight is quantised; only the linear layers of decoder layers may be");
  }

  @ParameterizedTest
  @CsvSource({"I8, 2048", "F16, 1024", "BF16, 1024", "F32, 512", "F64, 256"})
  void codesMayBeStoredAsAnyType(StoredType type, long count) throws IOException {
    Path folder =
        BnbFiles.changed(BnbFiles.DOUBLE, temp.resolve("model"), as(Q, Q, type, count, 1L));
    ModelConfig config = ModelConfig.load(folder);
    Backend backend = Backend.plain(Dtype.F32);
    try (CausalLm changed = Checkpoint.load(folder, config, backend);
        CausalLm same = Checkpoint.load(BnbFiles.DOUBLE, config, backend)) {
      Tensor a = nf4(changed, 0).packed();
      Tensor b = nf4(same, 0).packed();
      assertThat(a.data().mismatch(b.data())).isEqualTo(-1);
    }
  }
}
