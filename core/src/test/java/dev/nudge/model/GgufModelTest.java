package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.ConfigJson;
import dev.nudge.format.Entry;
import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A GGUF file computes as the folder that it was made from (`src/test/reference/gguf_files.py`),
/// whose logits `GoldenLogitsTest` compares with transformers.
class GgufModelTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final double ROUNDING = 1e-5; // of the largest logit, fp32 products in other order

  static List<String> models() throws IOException {
    try (Stream<Path> files = Files.list(GOLDEN.resolve("gguf/models"))) {
      return files
          .map(file -> file.getFileName().toString().replace(".gguf", ""))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void itsLogitsAreThoseOfItsFolder(String family, @TempDir Path temp) throws IOException {
    Path gguf = GOLDEN.resolve("gguf/models").resolve(family + ".gguf");
    Path folder = GOLDEN.resolve("families").resolve(family).resolve("model");
    Map<String, @Nullable Object> config =
        new TreeMap<>(ConfigJson.read(folder.resolve("config.json")).plain());
    if (family.startsWith("gemma")) { // what no GGUF file can say
      config.put("query_pre_attn_scalar", config.get("head_dim"));
    }
    if (family.equals("gemma3")) {
      config.put("final_logit_softcapping", null);
    }
    Files.writeString(temp.resolve("config.json"), Json.line(config));
    Files.copy(folder.resolve("model.safetensors"), temp.resolve("model.safetensors"));
    int[] lengths = {1, 40, 8};
    double[][] want = logits(temp, lengths);
    double[][] got = logits(gguf, lengths);
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      for (int j = 0; j < want[i].length; j++) {
        largest = Math.max(largest, Math.abs(want[i][j]));
        worst = Math.max(worst, Math.abs(want[i][j] - got[i][j]));
      }
    }
    System.out.printf("%s: %.1e of the largest logit%n", family, worst / largest);
    assertThat(worst / largest).isLessThan(ROUNDING);
  }

  /// Files whose matrices, embedding and output head too, are in blocks of several types.
  static List<Path> mixed() throws IOException {
    try (Stream<Path> files = Files.list(GOLDEN.resolve("gguf/mixed"))) {
      return files.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("mixed")
  void blocksComputeAndTrainAsTheNumbersThatTheyHold(Path gguf, @TempDir Path temp)
      throws IOException {
    Path dense = dense(gguf, temp);
    Lora plain = Lora.of(4, 8, new Targets.AllLinear());
    Lora ends = plain.withExtras(new Extras(List.of("lm_head"), Map.of(), 60, false));
    Lora rows =
        plain.withExtras(new Extras(List.of(), Map.of("embed_tokens", List.of(3, 50)), 51, false));
    for (Lora spec : List.of(plain, ends, rows)) {
      List<Double> want = trained(dense, spec, false);
      assertThat(want).hasSizeGreaterThan(1000).doesNotContain(Double.NaN);
      for (boolean streamed : new boolean[] {false, true}) {
        List<Double> got = trained(gguf, spec, streamed);
        assertThat(got).hasSameSizeAs(want);
        for (int i = 0; i < want.size(); i++) {
          assertThat(got.get(i)).isCloseTo(want.get(i), within(1e-5 * (1 + Math.abs(want.get(i)))));
        }
      }
    }
  }

  /// A folder with the numbers of a GGUF file in fp32.
  private static Path dense(Path gguf, Path folder) throws IOException {
    for (String name : List.of("config.json", "generation_config.json")) {
      Files.writeString(folder.resolve(name), FolderText.read(gguf.resolve(name)));
    }
    ModelConfig config = ModelConfig.load(gguf);
    List<Entry> entries =
        config.tensors().entrySet().stream()
            .map(tensor -> Entry.of(tensor.getKey(), Dtype.F32, tensor.getValue()))
            .toList();
    Path target = folder.resolve("model.safetensors");
    try (ModelWeights weights = ModelWeights.open(gguf, config);
        Scope scope = Scope.open("dense");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain());
        SafeTensorsWriter writer = SafeTensorsWriter.create(target, Map.of(), entries)) {
      for (Entry entry : entries) {
        Tensor values = scope.tensor(Dtype.F32, entry.dims());
        String path = WeightFormats.module(entry.name());
        WeightFormat format = weights.layers().format(entry.name(), entry.dims());
        if (format == null) {
          Tensor stored = HeldWeights.matrix(weights.file().tensor(entry.name()));
          Kernels.plain().elementwise().copy(stored, HeldWeights.matrix(values));
        } else {
          int rows = (int) entry.dims()[0];
          format
              .open(weights.file(), path, rows, (int) entry.dims()[1])
              .make(0, rows, values, ws, Kernels.plain());
        }
        writer.write(entry.name(), values);
      }
    }
    return folder;
  }

  /// The loss and an adapter's gradients on a model, and scores with it.
  private static List<Double> trained(Path folder, Lora spec, boolean streamed) {
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(folder);
    List<Double> numbers = new ArrayList<>();
    try (CausalLm model = Checkpoint.load(folder, config, backend);
        Scope scope = Scope.open("adapter")) {
      assertThat(model.slots().getFirst().linear() instanceof StoredLinear)
          .isEqualTo(folder.toString().endsWith(".gguf"));
      model.reserve(32);
      if (streamed) {
        model.stream(0);
      }
      Adapters adapter = Adapters.attach(model.modules(), spec, 1, Dtype.F32, 1, scope);
      Random random = new Random(1);
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; i < p.elements() && p.name().contains("lora_"); i++) {
          p.master().put(i, 0.1 * random.nextGaussian());
        }
      }
      long bytes =
          Math.max(model.measured().trainBytes(21, 11), model.measured().scoreBytes(21, 11));
      try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(1))) {
        Batch batch = TinyLlama.batch(random, config.vocabSize(), 7, 3, 11);
        numbers.add(model.train(batch, 1, Dropout.NONE, ws));
        double[] scores = new double[batch.rows().length];
        model.score(batch, scores, null, ws);
        Arrays.stream(scores).forEach(numbers::add);
      }
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; i < p.elements(); i++) {
          numbers.add(p.gradient(0).at(i));
        }
      }
    }
    return numbers;
  }

  private static double[][] logits(Path model, int[] lengths) {
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(model);
    Quantization held = Quantization.resolve(ModelSettings.of(model), config);
    int tokens = Arrays.stream(lengths).sum();
    int[] ids = new int[tokens];
    Arrays.setAll(ids, i -> 7 * i % config.vocabSize());
    Batch batch = new Batch(ids, lengths, new long[lengths.length], new int[0], new int[0]);
    try (CausalLm lm = Checkpoint.load(model, config, backend, held);
        Workspace ws = new Workspace(0, 16 << 20, backend.gemms().apply(1))) {
      lm.reserve(tokens);
      Tensor logits = lm.logits(batch, ws);
      assertThat(logits.dtype()).isEqualTo(Dtype.F32);
      double[][] all = new double[logits.rows()][logits.cols()];
      for (int r = 0; r < all.length; r++) {
        for (int c = 0; c < all[r].length; c++) {
          all[r][c] = logits.get(r, c);
        }
      }
      return all;
    }
  }
}
