package dev.nudge.text;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What the Python `tokenizers` library gives for the texts of `golden/tokenizer`, and of the
/// shared model where it is there; made by `src/test/reference/tokenizer_cases.py`.
public record TokenizerGolden(Path model, JsonNode cases) {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden");
  private static final Path SHARED = Path.of("../../shared/models/SmolLM2-135M-Instruct");

  /// Returns the tokenizers and their cases.
  public static List<TokenizerGolden> all() throws IOException {
    assumeTrue(Files.exists(GOLDEN.resolve("tokenizer/cases.json")), "the cases are not there");
    List<TokenizerGolden> all = new ArrayList<>();
    JsonNode tiny = read(GOLDEN.resolve("tokenizer/cases.json"));
    for (String name : List.of("plain", "bos", "bos-eos")) {
      all.add(new TokenizerGolden(GOLDEN.resolve("tokenizer").resolve(name), tiny.path(name)));
    }
    all.add(new TokenizerGolden(SHARED, read(GOLDEN.resolve("smollm2/tokenizer_cases.json"))));
    return all;
  }

  /// Loads the tokenizer; the test is skipped where the shared model is not there.
  public Tokenizer load() {
    assumeTrue(Files.isDirectory(model), model + " is not there");
    return Tokenizer.load(model);
  }

  private static JsonNode read(Path file) throws IOException {
    return JsonMapper.builder().build().readTree(Files.readString(file));
  }

  /// Returns a list of numbers.
  public static int[] ints(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.path(i).intValue()).toArray();
  }

  @Override
  public String toString() {
    return model.getFileName().toString();
  }
}
