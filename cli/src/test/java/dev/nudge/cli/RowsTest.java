package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Holds what a user is told of rows: which columns are left out, what a row looks like to the
/// model, and with which patterns an adapter's rows are read.
class RowsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MESSAGES =
      """
      {"id": 1, "query": "the pump", "label": "leaks"}
      {"id": 2, "query": "a valve", "label": "seven bar"}
      """;
  private static final String[] PATTERNS = {"--prompt", "{query}\\n:", "--completion", " {label}"};
  private static final String FROM =
      "--prompt '{query}\\n:' --completion ' {label}', from D/out/nudge.json";

  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void write() throws IOException {
    place = Place.in(folder);
    place.write("messages.jsonl", MESSAGES);
    place.write("texts.jsonl", "{\"id\": 1, \"text\": \"the pump\", \"label\": \"leaks\"}\n");
  }

  @Test
  void columnsThatAreLeftOutAreToldAndTheFirstRowIsShown() {
    String columns =
        "rows are   prompt-completion\ncolumns    prompt: query; trained: label; unused: id\n";
    String row = "first row  given    \"the pump\\n:\"\n           trained  \" leaks</s>\"\n";
    Ran dry = trained("--warmup", "0", "--dry-run");
    assertThat(dry.err()).isEqualTo(columns + row);
    assertThat(dry.out()).startsWith("data       2 rows, ");
    assertThat(trained("--warmup", "0", "--dry-run", "-q").err()).isEmpty();
    assertThat(trained("--warmup", "0", "--dry-run", "--json").err()).isEqualTo(columns + row);
    Ran texts = place.train("--data", "D/texts.jsonl", "--warmup", "0", "--dry-run");
    assertThat(texts.err())
        .isEqualTo(
            "rows are   text\ncolumns    trained: text; unused: id, label\n"
                + "first row  given    \"t\"\n           trained  \"he pump</s>\"\n");
    Ran all = place.train("--warmup", "0", "--dry-run");
    assertThat(all.err())
        .isEqualTo(
            "rows are   prompt-completion\n"
                + "first row  given    \"the pump\"\n"
                + "           trained  \" reads seven bar</s>\"\n");
    assertThat(trained("--warmup", "0").err()).startsWith(columns + row + "data       2 rows, ");
    assertThat(trained("--warmup", "0", "--overwrite", "-q").err()).isEmpty();
  }

  @Test
  void aTemplateThatNoRowNeedsIsWarnedOf() {
    String line =
        "warning: --template chatml is not used: no row has messages, and all are read as they"
            + " stand\n";
    assertThat(trained("--warmup", "0", "--dry-run", "--template", "chatml").err()).contains(line);
    for (String verb : List.of("score", "generate")) {
      Ran ran =
          place.run(
              verb,
              "--model",
              "D/model",
              "--data",
              "D/texts.jsonl",
              "--template",
              "chatml",
              "--prompt",
              "{text}",
              "--completion",
              "{label}");
      assertThat(ran.err()).as(verb).contains(line);
    }
  }

  @Test
  void aMessageCountsInTheLossWhatItWeighs() throws IOException {
    String row =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"the\"},"
            + " {\"role\": \"assistant\", \"content\": \"pump leaks\"%s},"
            + " {\"role\": \"user\", \"content\": \"a\"},"
            + " {\"role\": \"assistant\", \"content\": \"valve\"%s}]}\n";
    place.write("light.jsonl", row.formatted("", ", \"weight\": 0.25"));
    place.write("first.jsonl", row.formatted("", ", \"train\": false"));
    place.write("second.jsonl", row.formatted(", \"weight\": 0", ""));
    JsonNode first = scored("D/first.jsonl");
    JsonNode second = scored("D/second.jsonl");
    double sum = first.get("logprob").doubleValue() + 0.25 * second.get("logprob").doubleValue();
    int tokens = first.get("tokens").intValue() + second.get("tokens").intValue();
    Ran ran =
        place.train(
            "--data D/light.jsonl --template chatml --compute fp32 --steps 1 -q".split(" "));
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode step = JSON.readTree(Files.readAllLines(place.path("out/metrics.jsonl")).getFirst());
    assertThat(step.get("trained_tokens").intValue()).isEqualTo(tokens);
    assertThat(step.get("loss").doubleValue()).isCloseTo(-sum / tokens, within(1e-5));

    Ran seen =
        place.run(
            ("data preview --model D/model --data D/light.jsonl --template chatml " + "--json")
                .split(" "));
    JsonNode shown = JSON.readTree(seen.out());
    for (int i = 0; i < shown.get("ids").size(); i++) {
      double weight = shown.get("weights").get(i).doubleValue();
      assertThat(weight).isIn(0.0, 0.25, 1.0);
      assertThat(weight > 0).isEqualTo(shown.get("trained").get(i).intValue() == 1);
    }
    assertThat(shown.get("weights").get(shown.get("ids").size() - 2).doubleValue()).isEqualTo(0.25);
    Ran plain =
        place.run(
            ("data preview --model D/model --data D/first.jsonl --template chatml " + "--json")
                .split(" "));
    assertThat(JSON.readTree(plain.out()).has("weights")).isFalse();
  }

  private JsonNode scored(String rows) {
    return JSON.readTree(
        place
            .run(
                "score",
                "--model",
                "D/model",
                "--data",
                rows,
                "--template",
                "chatml",
                "--compute",
                "fp32",
                "--json")
            .out());
  }

  @Test
  void scoreTellsTheColumnsThatItLeavesOut() {
    Ran texts = place.answer("score", "--data", "D/texts.jsonl");
    assertThat(texts.err()).matches("(?s)trained: text; unused: id, label\n\\d of 1 answer .*");
    Ran json = place.answer("score", "--data", "D/texts.jsonl", "--json");
    assertThat(json.err()).startsWith("trained: text; unused: id, label\n");
    assertThat(place.answer("score", "--data", "D/texts.jsonl", "-q").err())
        .matches("\\d of 1 answer exact .*\n");
    assertThat(place.answer("score").err())
        .matches("\\d of 3 answers exact \\(\\d+\\.\\d %\\), .*\n");
  }

  @Test
  void theAdaptersPatternsAreUsedWhereNoneAreGiven() throws IOException {
    assertThat(trained("-q", "--steps", "20", "--learning-rate", "1e-2").code()).isZero();
    JsonNode data =
        new ObjectMapper().readTree(Files.readString(place.path("out/nudge.json"))).get("data");
    assertThat(data.get("prompt").asString()).isEqualTo("{query}\\n:");
    assertThat(data.get("completion").asString()).isEqualTo(" {label}");
    for (String verb : List.of("score", "generate")) {
      Ran given = answered(verb, PATTERNS);
      Ran without = answered(verb);
      assertThat(given.code()).as(given.err()).isZero();
      assertThat(without.out()).isEqualTo(given.out());
      assertThat(given.err()).doesNotContain("patterns").doesNotContain("warning");
      assertThat(without.err()).startsWith("patterns: " + FROM + "\n");
      Ran quiet = answered(verb, "-q");
      assertThat(quiet.out()).isEqualTo(given.out());
      assertThat(quiet.err()).matches(result(verb));
      Ran one = answered(verb, "--prompt", "{query}\n:"); // a line break is its escape
      assertThat(one.out()).isEqualTo(given.out());
      assertThat(one.err())
          .startsWith("patterns: --completion ' {label}', from D/out/nudge.json\n");
    }
  }

  /// What a verb prints with `-q`: `score` its result.
  private static String result(String verb) {
    return verb.equals("score") ? "\\d of \\d answers exact .*\n" : "";
  }

  @Test
  void patternsThatDifferFromTheAdaptersAreWarnedOfInOneLine() {
    assertThat(trained("-q", "--steps", "1").code()).isZero();
    String warning = "nudge: warning: adapter D/out was trained with ";
    for (String verb : List.of("score", "generate")) {
      assertThat(answered(verb, "-q", "--prompt", "{query}", "--completion", " {label}").err())
          .matches(
              Pattern.quote(warning + "--prompt '{query}\\n:'; given is --prompt '{query}'\n")
                  + result(verb));
      assertThat(answered(verb, "-q", "--prompt", "{query}", "--completion", "{label}").err())
          .matches(
              Pattern.quote(
                      warning
                          + "--prompt '{query}\\n:' --completion ' {label}'; given is --prompt"
                          + " '{query}' --completion '{label}'\n")
                  + result(verb));
    }
  }

  @Test
  void rowsThatDoNotFitTheAdaptersPatternsSayWhosePatternsTheseAre() {
    assertThat(trained("-q", "--steps", "1").code()).isZero();
    for (String verb : List.of("score", "generate")) {
      assertThat(place.answer(verb, "--adapter", "D/out", "-q"))
          .isEqualTo(
              new Ran(
                  2,
                  "",
                  "nudge: D/rows.jsonl: 3 of 3 rows are bad\n"
                      + "D/rows.jsonl lines 1, 2, 3 (3 rows): no column 'query'; the columns are"
                      + " prompt, completion\n"
                      + "the patterns are "
                      + FROM
                      + "; --prompt and --completion give others\n"));
    }
    String[] own = {"--prompt", "{prompt}", "--completion", "{completion}"};
    String[] flags = with(own, "--adapter", "D/out", "--data", "D/rows.jsonl");
    Ran given = place.answer("score", flags);
    assertThat(given.code()).as(given.err()).isZero();
  }

  private Ran trained(String... flags) {
    String[] rows = with(PATTERNS, "--data", "D/messages.jsonl", "--rank", "4");
    return place.train(with(rows, flags));
  }

  private Ran answered(String verb, String... flags) {
    String[] rows = {"--data", "D/messages.jsonl", "--adapter", "D/out"};
    return place.answer(verb, with(rows, flags));
  }

  private static String[] with(String[] flags, String... more) {
    return Stream.concat(Stream.of(flags), Stream.of(more)).toArray(String[]::new);
  }
}
