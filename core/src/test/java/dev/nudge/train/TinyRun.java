package dev.nudge.train;

import dev.nudge.Backends;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.ShardedWriter;
import dev.nudge.machine.Machine;
import dev.nudge.model.FreshModel;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Makes whole runs on tiny models, for tests of what a run does and leaves behind.
public final class TinyRun {
  public static final Path TIED = Path.of("src/test/resources/golden/llama/grouped-tied/model");
  static final Path UNTIED = Path.of("src/test/resources/golden/llama/llama3-rope/model");
  public static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  /// A character of one token, which no other row of these tests has.
  static final String POISON = "~";

  private static final int POISON_ID = 96;
  private static final ObjectMapper JSON = new ObjectMapper();

  private TinyRun() {}

  /// A file of rows of different lengths, up to about `longest` characters each.
  public static Path rows(Path file, int rows, int longest, long seed) throws IOException {
    Random random = new Random(seed);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      lines.add(row(words(random, longest), " " + words(random, 1 + longest / 4)));
    }
    return Files.write(file, lines);
  }

  /// A file of rows for every objective: a prompt, a labelled completion, two more answers.
  static Path preferences(Path file, int rows, int longest, long seed) throws IOException {
    Random random = new Random(seed);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      lines.add(
          JSON.writeValueAsString(
              Map.of(
                  "prompt",
                  words(random, longest),
                  "completion",
                  " " + words(random, 1 + longest / 4),
                  "label",
                  random.nextBoolean(),
                  "chosen",
                  " " + words(random, 1 + longest / 2),
                  "rejected",
                  " " + words(random, 1 + longest / 3),
                  "completions",
                  List.of(" " + words(random, 1 + longest / 2), " pump", " valve"),
                  "rewards",
                  List.of(1, 0.5, random.nextInt(3)))));
    }
    return Files.write(file, lines);
  }

  /// A prepared run with another layout.
  static Prepared withPlan(Prepared run, Plan plan) {
    return new Prepared(
        run.assembly(),
        run.trained(),
        run.inputs(),
        run.schedule(),
        run.goal(),
        plan,
        run.warnings());
  }

  /// One row.
  static String row(String prompt, String completion) {
    return JSON.writeValueAsString(Map.of("prompt", prompt, "completion", completion));
  }

  private static String words(Random random, int longest) {
    int length = 1 + random.nextInt(longest);
    StringBuilder text = new StringBuilder();
    while (text.length() < length) {
      text.append(text.isEmpty() ? "" : " ")
          .append("seal pump valve".split(" ")[random.nextInt(3)]);
    }
    return text.substring(0, length);
  }

  /// @param keysAndValues by turns; in front all that are short in one text, `steps 40 rank 8`
  public static TrainSettings settings(Path model, Path data, Path out, Object... keysAndValues) {
    Map<String, Object> values = new HashMap<>();
    values.put("model", model);
    values.put("data", List.of(data.toString()));
    values.put("out", out);
    int first = keysAndValues.length % 2;
    if (first == 1) {
      String[] words = ((String) keysAndValues[0]).split(" ");
      for (int i = 0; i < words.length; i += 2) {
        values.put(words[i], words[i + 1]);
      }
    }
    for (int i = first; i < keysAndValues.length; i += 2) {
      values.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return TrainSettings.of(values);
  }

  public static RunResult run(TrainSettings settings) {
    return Training.run(Training.prepare(settings, MACHINE), event -> {}, () -> false);
  }

  /// A run that is stopped after so many steps.
  static RunResult run(TrainSettings settings, int steps) {
    int[] made = {0};
    return Training.run(
        Training.prepare(settings, MACHINE),
        event -> made[0] += event instanceof TrainEvent.Step ? 1 : 0,
        () -> made[0] >= steps);
  }

  /// The lines of `metrics.jsonl` that have a key.
  static List<JsonNode> metrics(Path out, String key) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
      JsonNode node = JSON.readTree(line);
      if (node.has(key)) {
        lines.add(node);
      }
    }
    return lines;
  }

  /// `run.json`.
  static JsonNode record(Path out) throws IOException {
    return JSON.readTree(Files.readString(out.resolve("run.json")));
  }

  /// A copy of the untied model in which one token's embedding is not a number.
  static Path poisoned(Path folder) throws IOException {
    Files.createDirectories(folder);
    try (Stream<Path> files = Files.list(UNTIED)) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    Path weights = folder.resolve("model.safetensors");
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(weights)).order(ByteOrder.LITTLE_ENDIAN);
    int header = (int) bytes.getLong(0);
    JsonNode embedding =
        JSON.readTree(new String(bytes.array(), 8, header, StandardCharsets.UTF_8))
            .get("model.embed_tokens.weight");
    int width = embedding.get("shape").get(1).asInt();
    int start = 8 + header + embedding.get("data_offsets").get(0).asInt() + 4 * width * POISON_ID;
    for (int i = 0; i < width; i++) {
      bytes.putFloat(start + 4 * i, Float.NaN);
    }
    Files.write(weights, bytes.array());
    return folder;
  }

  /// A model with experts in its first and third layer, with the tied model's tokenizer.
  static Path experts(Path folder) throws IOException {
    Files.createDirectories(folder);
    Map<String, Object> config = new TreeMap<>();
    config.putAll(Map.of("model_type", "qwen3_moe", "hidden_size", 32, "intermediate_size", 40));
    config.putAll(Map.of("num_hidden_layers", 3, "mlp_only_layers", List.of(1)));
    config.putAll(Map.of("num_attention_heads", 4, "num_key_value_heads", 2, "head_dim", 8));
    config.putAll(Map.of("num_experts", 5, "num_experts_per_tok", 2, "moe_intermediate_size", 24));
    config.putAll(Map.of("norm_topk_prob", true, "vocab_size", 320, "eos_token_id", 1));
    config.putAll(Map.of("max_position_embeddings", 512, "initializer_range", 0.3));
    config.put("dtype", "float32");
    Files.writeString(folder.resolve("config.json"), JSON.writeValueAsString(config));
    FreshModel.read(folder.resolve("config.json"))
        .write(folder.resolve("model.safetensors"), 7, () -> false);
    for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(TIED.resolve(name), folder.resolve(name));
    }
    return folder;
  }

  /// A copy of the tied model with its weights in two files.
  static Path sharded(Path folder) throws IOException {
    Files.createDirectories(folder);
    try (Stream<Path> files = Files.list(TIED)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    try (SafeTensors whole = SafeTensors.open(TIED)) {
      Map<String, String> fileOf = new TreeMap<>();
      Map<Path, List<Entry>> shards = new TreeMap<>();
      for (String name : whole.names()) {
        String shard = "model-%05d-of-00002.safetensors".formatted(1 + fileOf.size() % 2);
        fileOf.put(name, shard);
        shards
            .computeIfAbsent(folder.resolve(shard), f -> new ArrayList<>())
            .add(whole.entry(name));
      }
      try (ShardedWriter writer = ShardedWriter.create(Map.of("format", "pt"), shards)) {
        whole.names().forEach(name -> writer.write(name, whole.bytes(name)));
      }
      Files.writeString(
          folder.resolve("model.safetensors.index.json"),
          JSON.writeValueAsString(Map.of("weight_map", fileOf)));
    }
    return folder;
  }
}
