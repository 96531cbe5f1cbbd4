package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.ExitCode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Holds what `data stats` says of a data set.
class DataStatsTest {
  private static final String CHATS =
      """
      {"id": 1, "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "ann@example.org"}]}
      {"id": 2, "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": " "}, {"role": "assistant", "content": "ho"}], "tools": [{"name": "f"}]}

      {"id": 3, "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "ann@example.org"}]}
      {"id": 4, "messages": []}
      {"id": 5, "text": "one two three four five six seven"}
      """;

  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void write() throws IOException {
    place = Place.in(folder);
    place.write("chats.jsonl", CHATS);
    place.write("held.csv", "text;x\nOne two, three four; five\n");
    place.write("held.jsonl", "{\"text\": \"One, two three four five six; seven!\"}\n");
  }

  @Test
  void aDataSetIsDescribedInLines() {
    Ran ran = place.run("data", "stats", "--data", "D/chats.jsonl", "--eval-data", "D/held.jsonl");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).isEmpty();
    assertThat(ran.out().replace(folder.toString(), "D"))
        .isEqualTo(
            """
            data       5 rows, 1 bad one
            bad        D/chats.jsonl line 5: 'messages' is an empty list; messages are needed
            rows are   messages (3 rows), text (1 row); 1 row with tools
            columns    prompt: tools; trained: messages, text; unused: id
            messages   7 in all; a row has 2 to 3, half of them up to 2, 90 % up to 3, 99 % up to 3
            characters 82 in all; a row has 7 to 33, half of them up to 21, 90 % up to 33, 99 % up to 33
            answers    2 different
                            2  "ann@example.org"
                            1  "ho"
            check      1 row the same as an earlier row (D/chats.jsonl line 4)
            check      1 row nearly the same as a held-out row (D/chats.jsonl line 6)
            check      1 row with an empty message (D/chats.jsonl line 2)
            check      1 row with turns out of order (D/chats.jsonl line 2)
            check      2 rows with what looks like personal data (D/chats.jsonl lines 1, 4): an e-mail address 2
            """);
  }

  @Test
  void jsonHasTheSameByKey() throws IOException {
    Ran ran = place.run("data", "stats", "--data", "D/chats.jsonl", "--json");
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode all = new ObjectMapper().readTree(ran.out());
    assertThat(all.get("rows").asInt()).isEqualTo(5);
    assertThat(all.get("bad_rows").asInt()).isEqualTo(1);
    assertThat(all.get("shapes")).hasToString("{\"messages\":3,\"text\":1}");
    assertThat(all.at("/characters/max").asInt()).isEqualTo(33);
    assertThat(all.get("tokens").isNull()).isTrue();
    assertThat(all.at("/flaws/duplicates/first/0/line").asInt()).isEqualTo(4);
    assertThat(all.at("/flaws/sensitive/email").asInt()).isEqualTo(2);
  }

  @Test
  void aTokenizerCountsTokens() {
    Ran ran = place.run("data", "stats", "--data", "D/rows.jsonl", "--model", "D/model");
    assertThat(ran.out())
        .contains("rows are   prompt-completion\ncolumns    prompt: prompt; trained: completion\n")
        .containsPattern("tokens     \\d+ in all; a row has ")
        .endsWith("check      nothing found: no row twice, no secrets, no personal data\n");
  }

  @Test
  void answersAreCountedAndNearlyEqualOnesNamed() throws IOException {
    StringBuilder rows = new StringBuilder();
    List<String> labels = List.of("bug", "bug", "Bug", "bug ", "billing", "BILLING ", "other");
    for (int i = 0; i < labels.size(); i++) {
      rows.append("{\"text\": \"t%d\", \"label\": \"%s\"}\n".formatted(i, labels.get(i)));
    }
    rows.append("{\"text\": \"t\", \"label\": \"%s\"}\n".formatted("long ".repeat(13)));
    place.write("labels.jsonl", rows.toString());
    String[] flags = {"--data", "D/labels.jsonl", "--prompt", "{text}", "--completion", " {label}"};
    assertThat(stats(flags))
        .contains(
            """
            answers    6 different
                            2  " bug"
                            1  " BILLING "
                            1  " Bug"
                            1  " billing"
                            1  " bug "
                            1  " other"
                            1  longer than 60 characters
            check      answers that differ in case or outer blanks alone: " bug" (2), " Bug" (1), " bug " (1)
            check      answers that differ in case or outer blanks alone: " BILLING " (1), " billing" (1)
            """);
    JsonNode answers = new ObjectMapper().readTree(stats(with(flags, "--json"))).get("answers");
    assertThat(answers)
        .hasToString(
            "{\"different\":6,\"counts\":{\" bug\":2,\" BILLING \":1,\" Bug\":1,\" billing\":1,\""
                + " bug \":1,\" other\":1},"
                + "\"rows_of_others\":0,\"rows_of_longer\":1,\"near_equal\":[[\" bug\",\" Bug\",\""
                + " bug \"],[\" BILLING \",\" billing\"]]}");
  }

  /// Fifty answers are listed and the rest is counted; free text is not listed.
  @Test
  void manyAnswersAreBounded() throws IOException {
    place.write("twice.jsonl", numbered(200, 90));
    assertThat(stats("--data", "D/twice.jsonl"))
        .contains("\nanswers    90 different\n                3  \"c0\"\n")
        .contains("\n               80  40 other answers\ncheck ");
    place.write("once.jsonl", numbered(99, 99));
    place.write("thousands.jsonl", numbered(2002, 1001));
    for (String file : List.of("once", "thousands")) {
      assertThat(stats("--data", "D/" + file + ".jsonl")).doesNotContain("answers");
      String json = stats("--data", "D/" + file + ".jsonl", "--json");
      assertThat(new ObjectMapper().readTree(json).get("answers").isNull()).isTrue();
    }
  }

  private static String numbered(int rows, int answers) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      text.append("{\"prompt\": \"p%d \", \"completion\": \"c%d\"}\n".formatted(i, i % answers));
    }
    return text.toString();
  }

  private String stats(String... flags) {
    Ran ran = place.run(with(new String[] {"data", "stats"}, flags));
    assertThat(ran.code()).as(ran.err()).isZero();
    return ran.out();
  }

  private static String[] with(String[] flags, String... more) {
    return Stream.concat(Stream.of(flags), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void csvSaysHowItIsRead() {
    Ran ran = place.run("data", "stats", "--data", "D/held.csv");
    assertThat(ran.out().replace(folder.toString(), "D"))
        .startsWith(
            "format     D/held.csv is CSV, columns separated by ';'\ndata       1 row\n"
                + "rows are   text\ncolumns    trained: text; unused: x\n");
  }

  @Test
  void dataWithoutAGoodRowIsRefusedWithTheReason() throws IOException {
    place.write("bad.jsonl", "{\"a\": 1}\n{\"a\": 2}\n");
    String reason =
        "nudge: D/bad.jsonl: 2 of 2 rows are bad\n"
            + "D/bad.jsonl lines 1, 2 (2 rows): neither 'prompt' and 'completion' nor 'messages'"
            + " nor 'text'; the columns are a; ";
    for (String json : new String[] {"-q", "--json"}) {
      Ran ran = place.run("data", "stats", "--data", "D/bad.jsonl", json);
      assertThat(ran.code()).isEqualTo(ExitCode.WRONG);
      assertThat(ran.out()).isEmpty();
      assertThat(ran.err().replace(folder.toString(), "D")).startsWith(reason);
    }
  }

  @Test
  void whatIsNotThereIsTold() {
    assertThat(place.run("data", "stats", "--data", "D/none"))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: D/none does not exist; a file, a folder or a glob of rows is needed\n"));
    assertThat(place.run("data", "stats", "--data", "D/rows.jsonl", "--eval-split", "0.1").err())
        .isEqualTo(
            "nudge: --eval-split 0.1: a share is cut off when a run begins; give the name of a"
                + " split, or leave it out\n");
    assertThat(place.run("data", "stats", "--data", "D/rows.jsonl", "--template", "chatml").err())
        .isEqualTo(
            "nudge: --template is given, and data stats counts rows as they stand; leave it out, or"
                + " look at them by data preview\n");
    assertThat(place.run("data", "frob").err()).contains("unknown verb data frob");
  }
}
