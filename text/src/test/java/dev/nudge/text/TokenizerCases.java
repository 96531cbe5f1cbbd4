package dev.nudge.text;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// What the Python library gives for odd texts and for rows of which users wrote a part: of the
/// tiny tokenizers in `golden/tokenizers`, and of those in a folder that `-Dnudge.tokenizers=`
/// names; made by `src/test/reference/tokenizer_parity.py`.
record TokenizerCases(String name, Path file, JsonNode cases) {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden/tokenizers");
  private static final String OUTSIDE = "nudge.tokenizers";
  private static final JsonMapper JSON = JsonMapper.builder().build();

  static List<TokenizerCases> tiny() throws IOException {
    List<TokenizerCases> all = new ArrayList<>();
    for (Path file : list(GOLDEN)) {
      String name = file.getFileName().toString();
      if (name.endsWith(".cases.json")) {
        JsonNode cases = JSON.readTree(Files.readString(file));
        Path base = GOLDEN.resolve(cases.path("base").stringValue() + ".json");
        all.add(new TokenizerCases(name.replace(".cases.json", ""), base, cases));
      }
    }
    return all;
  }

  /// The real ones; none where no folder is named.
  static List<TokenizerCases> outside() throws IOException {
    List<TokenizerCases> all = new ArrayList<>();
    String folder = System.getProperty(OUTSIDE);
    for (Path one : folder == null ? List.<Path>of() : list(Path.of(folder))) {
      if (Files.exists(one.resolve("cases.json"))) {
        JsonNode cases = JSON.readTree(Files.readString(one.resolve("cases.json")));
        all.add(
            new TokenizerCases(one.getFileName().toString(), one.resolve("tokenizer.json"), cases));
      }
    }
    return all;
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  /// Loads the tokenizer by way of a model folder of its own.
  Tokenizer load(Path folder) throws IOException {
    Files.createDirectories(folder);
    Path copy = folder.resolve("tokenizer.json");
    if (cases.has("with")) {
      ObjectNode json = (ObjectNode) JSON.readTree(Files.readString(file));
      cases.path("with").properties().forEach(e -> json.set(e.getKey(), e.getValue()));
      Files.writeString(copy, json.toString());
    } else {
      Files.copy(file, copy);
    }
    return Tokenizer.load(folder);
  }

  static int[] ints(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.path(i).intValue()).toArray();
  }

  @Override
  public String toString() {
    return name;
  }
}
