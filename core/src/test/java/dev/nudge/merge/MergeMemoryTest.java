package dev.nudge.merge;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.Entry;
import dev.nudge.identity.Identity;
import dev.nudge.kernel.Nf4;
import dev.nudge.machine.Backend;
import dev.nudge.model.Quantization;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.python.PythonJson;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A merge holds at most 1 GiB beyond the largest tensor of what it writes. What it holds is
/// counted by the passes themselves, run dry; the count is held against real merges of tiny
/// bases, and for large shapes against the bound.
class MergeMemoryTest {
  private static final long GIB = 1L << 30;
  private static final int PROBE = 9;

  /// Heap, code and tables of the runtime, as `plan.Planner` has them for a process that keeps no
  /// freed blocks: 107 MiB, 12 MiB a lane of products, 450 bytes a token of the vocabulary.
  private static final long RUNTIME = (107 + 5 * 12) << 20;

  private static final long TOKEN = 450;

  /// What products of tiny models take in the library; in large ones it counts to the runtime.
  private static final long SCRATCH = 20 << 10;

  private static final Backend BACKEND = Backends.of(Compute.FP32);

  private static final Identity.Model BASE =
      new Identity.Model(Path.of("none"), null, () -> "none");

  @TempDir private Path temp;

  /// Native bytes that a merge holds at most while it writes and while it compares, counted dry.
  private record Counted(long writing, long comparing) {
    static Counted of(MergeSettings settings, List<int[]> probe, int threads, long block) {
      ModelConfig config = ModelConfig.load(settings.model().model());
      Quantization q = Quantization.resolve(settings.model(), config);
      try (StreamedLm base = open(settings, config, q, block);
          AdapterStack adapters = AdapterStack.open(settings, BASE, config, Dtype.F32);
          Scope scope = Scope.measuring()) {
        adapters.put(base.layer(0, scope), scope);
        boolean nested = new Nf4Format(true).equals(q.format());
        long layer = scope.bytes() + (nested ? scales(config) : 0);
        long lane = new MergedWeights(base, config, adapters, BACKEND, block).laneBytes();
        int tokens = probe.stream().mapToInt(ids -> ids.length).sum();
        int rows = ModelDifference.rows(config.vocabSize());
        long rotary = 2L * probe.getFirst().length * config.headDim() * 4;
        return new Counted(
            layer + MergedWeights.lanes(lane, threads) * lane,
            layer
                + base.bytes(probe, adapters, rows)
                + 2L * tokens * config.hiddenSize() * 4
                + 2L * rows * config.vocabSize() * 4
                + rotary);
      }
    }

    long most() {
      return Math.max(writing, comparing);
    }
  }

  private static StreamedLm open(
      MergeSettings settings, ModelConfig config, Quantization q, long block) {
    return StreamedLm.open(settings.model().model(), config, BACKEND, q, block);
  }

  /// Scales of a layer in fp32, while they are quantised themselves.
  private static long scales(ModelConfig config) {
    return config.tensors().entrySet().stream()
        .filter(t -> t.getKey().startsWith("model.layers.0.") && t.getValue().length == 2)
        .mapToLong(t -> 4L * Nf4.blocks(t.getValue()[0] * t.getValue()[1]))
        .sum();
  }

  private static List<int[]> probe(int length) {
    return IntStream.range(0, PROBE).mapToObj(i -> new int[length]).toList();
  }

  @ParameterizedTest
  @CsvSource({
    "F32,  none,   33554432",
    "BF16, none,   33554432",
    "BF16, none,   700",
    "F16,  single, 700",
    "BF16, double, 3000",
    "F32,  double, 33554432",
  })
  void whatIsHeldIsWhatWasCounted(Dtype dtype, String quantised, long block) throws IOException {
    Path model = Bases.write(temp.resolve("model"), dtype, 2, false);
    Lora lora = Lora.of(3, 5, new Targets.AllLinear());
    List<Path> adapters =
        List.of(
            Bases.adapter(temp.resolve("a"), model, lora, 1),
            Bases.adapter(temp.resolve("b"), model, lora, 2));
    Object[] held =
        quantised.equals("none")
            ? new Object[] {"tolerance", 9.0}
            : new Object[] {
              "tolerance", 9.0, "quantize", "nf4", "double_quant", quantised.equals("double")
            };
    MergeSettings settings = MergingTest.settings(model, adapters, temp.resolve("out"), held);
    int threads = MergingTest.MACHINE.threads();
    Counted counted = Counted.of(settings, probe(64), threads, block);

    ModelConfig config = ModelConfig.load(model);
    Path written = Files.createDirectories(temp.resolve("written"));
    long before = Ledger.bytes();
    try (StreamedLm base =
            open(settings, config, Quantization.resolve(settings.model(), config), block);
        AdapterStack stack = AdapterStack.open(settings, BASE, config, Dtype.F32)) {
      Ledger.most();
      Backend plain = Backend.plain(Dtype.F32); // without scratch
      new MergedWeights(base, config, stack, plain, block).write(written, threads, () -> false);
      long most = Ledger.most() - before;
      assertThat(most).isBetween(counted.writing * 9 / 10, counted.writing);
    }

    Merging merging =
        Merging.prepare(settings, MergingTest.MACHINE, warning -> {}).inBlocksOf(block);
    Ledger.most();
    Merged merged = merging.run(() -> false);
    long most = Ledger.most() - before;
    assertThat(requireNonNull(merged).accepted()).isTrue();
    assertThat(most).isBetween(counted.most() * 9 / 10, counted.most() + SCRATCH);
  }

  @ParameterizedTest
  @CsvSource({
    "135M,          576,  1536,   9,   3,  49152",
    "1B,           2048,  8192,  32,   8, 128256",
    "7B,           4096, 11008,  32,  32,  32000",
    "8B,           4096, 14336,  32,   8, 128256",
    "13B,          5120, 13824,  40,  40,  32000",
    "33B,          6656, 17920,  52,  52,  32000",
    "65B,          8192, 22016,  64,  64,  32000",
    "70B,          8192, 28672,  64,   8,  32000",
    "405B,        16384, 53248, 128,   8, 128256",
    "405B of few words, 16384, 53248, 128, 8, 1000",
    "a million words,  1024,  4096,  8,   8, 1000000",
  })
  void anyShapeStaysWithinAGibibyteOfItsLargestTensor(
      String name, int hidden, int inner, int heads, int keyValueHeads, int vocabulary)
      throws IOException {
    Path model = hollow(hidden, inner, heads, keyValueHeads, vocabulary);
    Path adapter =
        Bases.adapter(temp.resolve("adapter"), model, Lora.of(16, 32, new Targets.AllLinear()), 1);
    long largest =
        ModelConfig.load(model).tensors().values().stream()
            .mapToLong(
                shape ->
                    2
                        * IntStream.range(0, shape.length)
                            .mapToLong(i -> shape[i])
                            .reduce(1, (a, b) -> a * b))
            .max()
            .orElseThrow();
    for (String quantize : List.of("none", "nf4")) {
      for (int threads : new int[] {1, 2, 16, 128}) {
        MergeSettings settings =
            MergingTest.settings(
                model, List.of(adapter), temp.resolve("out"), "quantize", quantize);
        Counted counted = Counted.of(settings, probe(96), threads, StreamedLm.BLOCK_BYTES);
        assertThat(counted.most() + RUNTIME + TOKEN * vocabulary)
            .as("%s, quantize %s, %d threads", name, quantize, threads)
            .isLessThan(largest + GIB);
      }
    }
  }

  /// One layer of a shape in a file of nothing but its header: the system keeps no zeros. Layers
  /// come one after the other, so more of them hold no more.
  private Path hollow(int hidden, int inner, int heads, int keyValueHeads, int vocabulary)
      throws IOException {
    Path folder = Files.createDirectories(temp.resolve("model"));
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "llama");
    config.put("hidden_size", hidden);
    config.put("intermediate_size", inner);
    config.put("num_hidden_layers", 1);
    config.put("num_attention_heads", heads);
    config.put("num_key_value_heads", keyValueHeads);
    config.put("vocab_size", vocabulary);
    config.put("max_position_embeddings", 4096);
    config.put("rms_norm_eps", 1e-5);
    config.put("tie_word_embeddings", false);
    config.put("eos_token_id", 2);
    Files.writeString(folder.resolve("config.json"), PythonJson.write(config));
    Map<String, Object> header = new LinkedHashMap<>();
    long at = 0;
    for (Map.Entry<String, long[]> t : ModelConfig.load(folder).tensors().entrySet()) {
      Entry entry = Entry.of(t.getKey(), Dtype.BF16, t.getValue());
      header.put(
          entry.name(),
          Map.of(
              "dtype",
              "BF16",
              "shape",
              entry.shape(),
              "data_offsets",
              List.of(at, at + entry.bytes())));
      at += entry.bytes();
    }
    byte[] json = PythonJson.line(header).getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile file =
        new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
      file.write(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
      file.write(json);
      file.setLength(8 + json.length + at);
    }
    return folder;
  }
}
