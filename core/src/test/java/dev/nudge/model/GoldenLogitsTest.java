package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Compares logits with those of transformers and PEFT in fp32:
/// `src/test/reference/llama_logits.py`
/// and `peft_adapter.py`.
///
/// The bound is 2e-5 of the largest logit; the reference itself lies up to 1e-6 of it from float64.
class GoldenLogitsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final double BOUND = 2e-5;

  static List<Path> models() throws IOException {
    return Stream.concat(cases("llama").stream(), cases("families").stream()).toList();
  }

  static List<Path> adapters() throws IOException {
    return cases("peft");
  }

  private static List<Path> cases(String kind) throws IOException {
    try (Stream<Path> folders = Files.list(GOLDEN.resolve(kind))) {
      return folders.filter(f -> Files.exists(f.resolve("inputs.json"))).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsEqualTransformers(Path folder) throws IOException {
    compare(folder, folder.resolve("model"), null);
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void logitsWithAnAdapterEqualPeft(Path folder) throws IOException {
    String model = json(folder).get("model").asString();
    compare(
        folder, GOLDEN.resolve("llama").resolve(model).resolve("model"), folder.resolve("adapter"));
  }

  static List<Path> older() throws IOException {
    return models().stream()
        .filter(folder -> Files.exists(folder.resolve("config.transformers4.json")))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("older")
  void theOlderLayoutOfAConfigGivesTheSameLogits(Path folder, @TempDir Path temp)
      throws IOException {
    Path model = Files.createDirectory(temp.resolve("model"));
    try (Stream<Path> files = Files.list(folder.resolve("model"))) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    Files.copy(
        folder.resolve("config.transformers4.json"),
        model.resolve("config.json"),
        StandardCopyOption.REPLACE_EXISTING);
    compare(folder, model, null);
  }

  /// Where the config does not say whether the head is tied, a stored one that differs is not.
  /// Other towers are left out.
  ///
  /// @param container type of the model around the text's; null: the config is the text's
  @ParameterizedTest
  @CsvSource({
    "ministral3, mistral3, language_model.model., language_model.lm_head",
    "ministral3, mistral3, model.language_model., lm_head",
    "qwen3_5, qwen3_5, model.language_model., lm_head",
    "qwen3_5, , model.language_model., lm_head",
    "qwen3_5-moe, qwen3_5_moe, model.language_model., lm_head"
  })
  void aMultimodalModelHasTheLogitsOfItsText(
      String name,
      @org.jspecify.annotations.Nullable String container,
      String tensors,
      String head,
      @TempDir Path temp)
      throws IOException {
    Path text = GOLDEN.resolve("families").resolve(name);
    Path model =
        BnbFiles.changed(
            text.resolve("model"),
            temp.resolve("model"),
            parts -> {
              Map<String, BnbFiles.Part> old = new LinkedHashMap<>(parts);
              parts.clear();
              old.forEach(
                  (from, part) -> {
                    String inner = from.replaceFirst("^model\\.", "");
                    String renamed = inner.equals(from) ? head + ".weight" : tensors + inner;
                    put(parts, renamed, part);
                    if (inner.equals("norm.weight")) {
                      put(parts, "model.visual.norm.weight", part);
                      put(parts, "mtp.norm.weight", part);
                    }
                  });
            });
    String config = Files.readString(text.resolve("model/config.json"));
    Files.writeString(
        model.resolve("config.json"),
        container == null
            ? config
            : "{\"model_type\": \"" + container + "\", \"text_config\": " + config + "}");
    compare(text, model, null);
  }

  private static void put(Map<String, BnbFiles.Part> parts, String name, BnbFiles.Part part) {
    Entry entry = new Entry(name, part.entry().type(), part.entry().shape());
    parts.put(name, new BnbFiles.Part(entry, part.bytes()));
  }

  private static JsonNode json(Path folder) throws IOException {
    return new ObjectMapper().readTree(Files.readString(folder.resolve("inputs.json")));
  }

  private static void compare(
      Path folder, Path modelFolder, @org.jspecify.annotations.Nullable Path adapter)
      throws IOException {
    JsonNode inputs = json(folder);
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(modelFolder);
    try (SafeTensors expected = SafeTensors.open(folder.resolve("logits.safetensors"));
        Scope scope = Scope.open("adapter");
        CausalLm model = Checkpoint.load(modelFolder, config, backend)) {
      if (adapter != null) {
        try (PeftAdapter peft = PeftAdapter.open(adapter)) {
          Adapters.attach(model.modules(), peft, 0, backend.compute(), 0, scope);
        }
      }
      // all sequences in one flat batch: none may see another
      int[][] sequences = sequences(inputs.get("sequences"));
      int[] lengths = Stream.of(sequences).mapToInt(s -> s.length).toArray();
      int[] ids = Stream.of(sequences).flatMapToInt(java.util.Arrays::stream).toArray();
      model.reserve(ids.length);
      Batch batch = new Batch(ids, lengths, new long[lengths.length], new int[0], new int[0]);
      try (Workspace ws = new Workspace(0, 16 << 20, backend.gemms().apply(1))) {
        Tensor logits = model.logits(batch, ws);
        double largest = inputs.get("largest_logit").asDouble();
        double worst = 0;
        int row = 0;
        for (int s = 0; s < sequences.length; s++) {
          Tensor want = expected.tensor("logits." + s);
          for (int t = 0; t < lengths[s]; t++, row++) {
            for (int v = 0; v < want.cols(); v++) {
              worst = Math.max(worst, Math.abs(want.get(t, v) - logits.get(row, v)));
            }
          }
        }
        System.out.printf("%s: %.1e of the largest logit%n", folder, worst / largest);
        assertThat(worst / largest).describedAs("%s", folder).isLessThan(BOUND);
      }
    }
  }

  private static int[][] sequences(JsonNode node) {
    int[][] all = new int[node.size()][];
    for (int s = 0; s < all.length; s++) {
      all[s] = new int[node.get(s).size()];
      for (int t = 0; t < all[s].length; t++) {
        all[s][t] = node.get(s).get(t).asInt();
      }
    }
    return all;
  }
}
