package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Runs `generate` on a tiny model: a file of prompts gives what each prompt gives alone.
class GenerateTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path folder;
  static Place place;
  static List<String> prompts = new ArrayList<>();

  /// Twenty prompts of 1 to 40 words, more than are decoded side by side.
  @BeforeAll
  static void write() throws IOException {
    place = Place.in(folder);
    Random random = new Random(3);
    String[] words = "the pump valve café 漢字 🙂 seven 42 under".split(" ");
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      List<String> prompt = new ArrayList<>();
      for (int n = i % 7 == 6 ? 40 : 1 + random.nextInt(9); n > 0; n--) {
        prompt.add(words[random.nextInt(words.length)]);
      }
      prompts.add(String.join(" ", prompt));
      rows.append("{\"prompt\": \"").append(prompts.getLast()).append("\"}\n");
    }
    place.write("prompts.jsonl", rows.toString());
  }

  @Test
  void rowsGiveWhatEachPromptGivesAlone() {
    List<JsonNode> rows = rows("--max-tokens", "24");
    assertThat(rows).hasSize(20);
    for (int i = 0; i < 20; i++) {
      JsonNode row = rows.get(i);
      assertThat(row.get("index").asInt()).isEqualTo(i);
      Ran alone =
          place.answer("generate", "--prompt", prompts.get(i), "--max-tokens", "24", "--json");
      JsonNode object = JSON.readTree(alone.out());
      for (String key : List.of("completion", "tokens", "stop")) {
        assertThat(object.get(key)).as(prompts.get(i)).isEqualTo(row.get(key));
      }
    }
    assertThat(rows("--max-tokens", "24", "--threads", "2", "--lanes", "2")).isEqualTo(rows);
    assertThat(rows("--max-tokens", "24", "--prompt", "{prompt}")).isEqualTo(rows);
    Ran all = place.answer("generate", "--data", "D/prompts.jsonl", "--max-tokens", "24", "--json");
    assertThat(all.out()).hasLineCount(1);
    assertThat(JSON.readTree(all.out()).propertyNames()).containsExactly("completions");
    assertThat(JSON.readTree(all.out()).get("completions").valueStream()).isEqualTo(rows);
  }

  @Test
  void aPromptIsStreamedWithOneNewlineBehindIt() {
    for (String prompt : prompts.subList(0, 5)) {
      Ran text = place.answer("generate", "--prompt", prompt, "--max-tokens", "24", "-q");
      JsonNode object =
          JSON.readTree(
              place.answer("generate", "--prompt", prompt, "--max-tokens", "24", "--json").out());
      assertThat(object.propertyNames()).containsExactly("index", "completion", "tokens", "stop");
      assertThat(text).isEqualTo(new Ran(0, object.get("completion").asString() + "\n", ""));
    }
  }

  @Test
  void stopSaysWhatEndedIt() {
    String prompt = prompts.getFirst();
    JsonNode length = object(prompt, "--max-tokens", "9");
    assertThat(length.get("stop").asString()).isEqualTo("length");
    assertThat(length.get("tokens").asInt()).isEqualTo(9);
    String text = length.get("completion").asString();
    String end = text.substring(text.length() / 2, text.length() / 2 + 2);
    JsonNode string = object(prompt, "--max-tokens", "9", "--stop", "#~#", "--stop", end);
    assertThat(string.get("stop").asString()).isEqualTo("string");
    assertThat(string.get("completion").asString()).isEqualTo(text.substring(0, text.indexOf(end)));
    assertThat(string.get("tokens").asInt()).isBetween(1, 9);
    // the model's own limit: 512 positions
    JsonNode most = object("the pump ".repeat(50), "--max-length", "305", "--max-tokens", "99");
    assertThat(most.get("stop").asString()).isEqualTo("length");
    assertThat(most.get("tokens").asInt()).isEqualTo(305 - 301);
  }

  @Test
  void sampledRowsDependOnTheSeedOnly() {
    String[] flags = {"--temperature", "1", "--top-p", "0.9", "--seed", "5", "--max-tokens", "12"};
    List<JsonNode> rows = rows(flags);
    assertThat(rows(with(flags, "--threads", "2", "--lanes", "2"))).isEqualTo(rows);
    flags[5] = "6";
    List<JsonNode> others = rows(flags);
    assertThat(others).isNotEqualTo(rows);
    assertThat(rows("--max-tokens", "12")).isNotEqualTo(rows);
    assertThat(new LinkedHashSet<>(others)).hasSizeGreaterThan(10);
  }

  @Test
  void badRowsKeepTheirIndex() throws IOException {
    place.write("some.jsonl", "{\"prompt\": \"a\"}\n\nnot JSON\n{\"prompt\": \"the\"}\n");
    Ran ran =
        place.answer("generate", "--data", "D/some.jsonl", "--skip-bad-rows", "--max-tokens", "2");
    assertThat(ran.out().lines().map(l -> JSON.readTree(l).get("index").asInt()))
        .containsExactly(0, 2);
    assertThat(ran.err())
        .startsWith("nudge: warning: 1 bad row is set aside, the first: D/some.jsonl line 3: ")
        .hasLineCount(2);
  }

  @Test
  void aPromptWithoutRoomForAnAnswerIsABadRow() throws IOException {
    place.write(
        "long.jsonl",
        "{\"prompt\": \"a\"}\n{\"prompt\": \"%s\"}\n{\"prompt\": \"\"}\n{\"prompt\": \"the\"}\n"
            .formatted("the pump ".repeat(90)));
    String line =
        "D/long.jsonl line 2: the prompt has 541 tokens, which leaves none of --max-length 512 for"
            + " an answer; shorten it or raise --max-length\n";
    Ran refused = place.answer("generate", "--data", "D/long.jsonl");
    assertThat(refused)
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: D/long.jsonl: 2 of 4 rows are bad; --skip-bad-rows sets them aside\n"
                    + line
                    + "D/long.jsonl line 3: the prompt has no tokens\n"));
    Ran ran =
        place.answer(
            "generate", "--data", "D/long.jsonl", "--skip-bad-rows", "--max-tokens", "2", "-q");
    assertThat(ran.code()).isZero();
    assertThat(ran.out().lines().map(l -> JSON.readTree(l).get("index").asInt()))
        .containsExactly(0, 3);
    assertThat(ran.err()).isEqualTo("nudge: warning: 2 bad rows are set aside, the first: " + line);
  }

  @Test
  void tokensASecondAreToldOnStandardErrorAndNotWhenQuiet() {
    Ran one = place.answer("generate", "--prompt", "the pump", "--max-tokens", "5");
    assertThat(one.err())
        .matches("\\d tokens? in \\d+\\.\\d\\d s, [\\d,]+\\.\\d tok/s, cut at --max-tokens\n");
    Ran rows = place.answer("generate", "--data", "D/prompts.jsonl", "--max-tokens", "2");
    assertThat(rows.err())
        .matches("20 answers, \\d+ tokens in \\d+\\.\\d\\d s, [\\d,]+\\.\\d tok/s\n");
    Ran quiet = place.answer("generate", "--data", "D/prompts.jsonl", "--max-tokens", "2", "-q");
    assertThat(quiet).isEqualTo(new Ran(0, rows.out(), ""));
  }

  @Test
  void aDashIsStandardInput() throws IOException {
    JsonNode given = object("the pump", "--max-tokens", "9");
    String[] flags = {"--max-tokens", "9", "--json", "-q"};
    for (String text : List.of("the pump", "the pump\n", "the pump\r\n")) {
      Ran piped = piped(text, with(flags, "--prompt", "-"));
      assertThat(JSON.readTree(piped.out())).as(piped.err()).isEqualTo(given);
    }
    String rows = Files.readString(place.path("prompts.jsonl"));
    assertThat(piped(rows, "--data", "-", "--max-tokens", "9", "-q"))
        .isEqualTo(
            place.answer("generate", "--data", "D/prompts.jsonl", "--max-tokens", "9", "-q"));
    Ran made =
        piped("{\"q\": \"pump\"}", "--data", "-", "--prompt", "the {q}", "--max-tokens", "9");
    assertThat(JSON.readTree(made.out())).isEqualTo(given);
    assertThat(piped("{\"prompt\": \"a\"}\n{\n", "--data", "-"))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: -: 1 of 2 rows is bad; --skip-bad-rows sets them aside\n(standard input)"
                    + " line 2: not JSON: it ends before its closing brace\n"));
    assertThat(piped("\n", "--prompt", "-").err())
        .isEqualTo("nudge: --prompt -: standard input is empty; pipe a prompt into it\n");
  }

  private static Ran piped(String text, String... flags) {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    try {
      return place.answer("generate", flags);
    } finally {
      System.setIn(before);
    }
  }

  private static JsonNode object(String prompt, String... flags) {
    Ran ran = place.answer("generate", with(flags, "--prompt", prompt, "--json"));
    assertThat(ran.code()).as(ran.err()).isZero();
    return JSON.readTree(ran.out());
  }

  private static List<JsonNode> rows(String... flags) {
    Ran ran = place.answer("generate", with(flags, "--data", "D/prompts.jsonl"));
    assertThat(ran.code()).as(ran.err()).isZero();
    return ran.out().lines().map(JSON::readTree).toList();
  }

  private static String[] with(String[] flags, String... more) {
    return Stream.concat(Stream.of(flags), Stream.of(more)).toArray(String[]::new);
  }
}
