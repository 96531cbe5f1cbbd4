package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Colours;
import dev.nudge.cli.console.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class DataPreviewTest {
  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void fill() throws IOException {
    place = Place.in(folder);
  }

  private Ran preview(String... flags) {
    String[] all = {"data", "preview", "--model", "D/model", "--data", "D/rows.jsonl"};
    String[] line = Arrays.copyOf(all, all.length + flags.length);
    System.arraycopy(flags, 0, line, all.length, flags.length);
    return place.run(line);
  }

  @Test
  void rowsAreShownAsTheModelSeesThemWithWhatIsTrainedMarked() {
    Ran ran = preview("--limit", "2");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out())
        .contains("row 0 (rows.jsonl, line 1): ")
        .contains("the pump[[ reads seven bar</s>]]\n")
        .contains("the seal under pressure[[ leaks</s>]]\n")
        .doesNotContain("valve")
        .doesNotContain("\u001b")
        .contains("data       3 rows, ")
        .contains("cut        no row\n")
        .contains("end token  trained in 3 of 3 rows\n")
        .contains("lengths    median ");
  }

  @Test
  void bothAnswersOfAPairAreShownWithWhatIsCompared() throws IOException {
    String pair = "{\"prompt\": \"the pump\", \"chosen\": \"%s\", \"rejected\": \"%s\"}\n";
    place.write(
        "rows.jsonl", pair.formatted(" reads seven bar", " leaks") + pair.formatted(" a", " a"));
    Ran text = preview("--limit", "1");
    assertThat(text.code()).as(text.err()).isZero();
    assertThat(text.out())
        .containsSubsequence(
            "row 0, chosen (rows.jsonl, line 1): ",
            " compared\nthe pump[[ reads seven bar</s>]]\n",
            "row 0, rejected (rows.jsonl, line 1): ",
            " compared\nthe pump[[ leaks</s>]]\n")
        .doesNotContain("row 1");
    List<String> lines = preview("--json").out().lines().toList();
    assertThat(lines).hasSize(4);
    assertThat(lines)
        .extracting(line -> new ObjectMapper().readTree(line).path("answer").asString())
        .containsExactly("chosen", "rejected", "chosen", "rejected");
    assertThat(preview("--html", "D/page.html").code()).isZero();
    assertThat(Files.readString(place.path("page.html")))
        .containsSubsequence(
            "<table class=\"pair\"><tr><td>\n",
            "<mark> reads seven bar&lt;/s&gt;</mark>",
            "</td>\n<td>\n",
            "<mark> leaks&lt;/s&gt;</mark>",
            "</td></tr></table>\n");
    Ran dry = place.train("--data", "D/rows.jsonl", "--objective", "dpo", "--dry-run");
    assertThat(dry.code()).as(dry.err()).isZero();
    assertThat(dry.err())
        .contains(
            "first row  given    \"the pump\"\n"
                + "           chosen   \" reads seven bar</s>\"\n"
                + "           rejected \" leaks</s>\"\n")
        .contains(
            "warning: 1 pair has the same answer as chosen and rejected: nothing is learned from"
                + " it");
  }

  @Test
  void jsonIsAnObjectARowAndNothingElse() throws IOException {
    Ran ran = preview("--json", "--limit", "2");
    List<String> lines = ran.out().lines().toList();
    assertThat(lines).hasSize(2);
    JsonNode row = new ObjectMapper().readTree(lines.get(1));
    assertThat(row.propertyNames())
        .containsExactly("index", "text", "ids", "tokens", "trained", "spans");
    assertThat(row.path("index").intValue()).isEqualTo(1);
    assertThat(row.path("text").stringValue()).isEqualTo("the seal under pressure leaks</s>");
    assertThat(row.path("trained").size()).isEqualTo(row.path("ids").size());
    assertThat(row.path("trained").path(0).intValue()).isZero();
    assertThat(row.path("spans").toString()).isEqualTo("[[23,33]]");
    assertThat(ran.err()).contains("data       3 rows, ");
    assertThat(preview("--json", "-q").err()).isEmpty();
  }

  @Test
  void thePageStandsForItselfAndShowsRowsAsText() throws IOException {
    place.write(
        "rows.jsonl",
        "{\"prompt\": \"<script>alert(1)</script> & \\\"x\\\"\", \"completion\": \""
            + " \\u001b[31m'<b>\"}\n");
    assertThat(preview("--html", "D/page.html").code()).isZero();
    String page = Files.readString(place.path("page.html"));
    assertThat(page)
        .contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;<mark>")
        .contains("&#39;&lt;b&gt;&lt;/s&gt;</mark>")
        .doesNotContain("<script", "\u001b", "http:", "https:", "src=");
    assertThat(preview("--html", "D/page.html").code()).isZero(); // its own page is replaced
    Ran other = preview("--html", "D/rows.jsonl");
    assertThat(other.code()).isEqualTo(ExitCode.WRONG);
    assertThat(other.err()).contains("--html D/rows.jsonl exists and is no page of data preview");
    assertThat(preview("--html", "D/model").err()).contains("is a folder");
  }

  @Test
  void whatRowsHoldCannotSpeakToTheTerminal() throws IOException {
    place.write("rows.jsonl", "{\"prompt\": \"a\\u001b[2J\\r\", \"completion\": \"b\\u0007\"}\n");
    assertThat(preview().out()).contains("a\\x1b[2J\\r[[b\\x07</s>]]").doesNotContain("\u001b");
  }

  @Test
  void coloursAreForATerminalThatWantsThem() {
    assertThat(Colours.of(false, null, null)).isEqualTo(Colours.SIGNS);
    assertThat(Colours.of(true, "1", "xterm")).isEqualTo(Colours.SIGNS);
    assertThat(Colours.of(true, null, "dumb")).isEqualTo(Colours.SIGNS);
    Colours colours = Colours.of(true, "", "xterm");
    assertThat(colours.shown("a\nb", true))
        .isEqualTo("\u001b[1;32ma\u001b[0m\n\u001b[1;32mb\u001b[0m");
    assertThat(colours.shown("a", false)).isEqualTo("a");
    assertThat(colours.legend()).isEqualTo("\u001b[1;32mtrained\u001b[0m");
  }

  /// A task of prompts and completions is learned as well without the template
  /// (docs/benchmarks.md).
  @Test
  void promptsAndCompletionsForAModelWithATemplateAreNotAdvisedAgainst() throws IOException {
    place.write("model/chat_template.jinja", "{{ messages }}");
    assertThat(preview().out()).doesNotContain("advice");
    Ran train =
        place.run(
            "train", "--model", "D/model", "--data", "D/rows.jsonl", "--out", "D/run", "--dry-run");
    assertThat(train.err()).doesNotContain("advice");
  }

  @Test
  void nearlyEqualAnswersAndDoubledBlanksAreToldOf() throws IOException {
    String row = "{\"text\": \"pump\", \"kind\": \"%s\"}\n";
    place.write("rows.jsonl", (row.formatted("Bug") + row.formatted("bug ")).repeat(3));
    List<String> lines =
        List.of(
            "answers that differ in case or outer blanks alone: \" Bug\" (3), \" bug \" (3)\n",
            "in 6 of the first 6 rows the prompt ends and the completion begins with a blank;");
    String[] doubled = {"--prompt", "{text}: ", "--completion", " {kind}"};
    assertThat(preview(doubled).out()).contains(lines);
    List<String> train =
        new ArrayList<>(
            List.of(
                "train",
                "--model",
                "D/model",
                "--data",
                "D/rows.jsonl",
                "--out",
                "D/run",
                "--dry-run"));
    train.addAll(List.of(doubled));
    assertThat(place.run(train.toArray(String[]::new)).err()).contains(lines);
    place.write("rows.jsonl", (row.formatted("bug") + row.formatted("fix")).repeat(3));
    assertThat(preview("--prompt", "{text}:", "--completion", " {kind}").out())
        .doesNotContain("answers that differ", "with a blank");
  }

  @Test
  void labelsBesideTextsAreToldOfWithWhatLearnsThem() throws IOException {
    String[] teams = {"water", "power", "water", "power"};
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < teams.length; i++) {
      rows.append(
          "{\"id\": %d, \"text\": \"pump %d\", \"team\": \"%s\", \"lang\": \"en\"}\n"
              .formatted(i, i, teams[i]));
    }
    place.write("rows.jsonl", rows.toString());
    String line =
        "rows are taken for text, so team is not learned; to learn it as an answer, give --prompt"
            + " '{text}' --completion ' {team}'\n";
    assertThat(preview().out()).contains("advice     " + line);
    Ran train =
        place.run(
            "train", "--model", "D/model", "--data", "D/rows.jsonl", "--out", "D/run", "--dry-run");
    assertThat(train.err()).contains("warning: " + line);
    assertThat(preview("--shape", "text").out()).doesNotContain("not learned");
    assertThat(preview("--prompt", "{text}", "--completion", " {team}").out())
        .doesNotContain("not learned");
  }

  @Test
  void aSpaceThatIsMissingInMostRowsIsToldOfWithTheMend() throws IOException {
    String tight = "{\"prompt\": \"pump:\", \"completion\": \"water\"}\n";
    String apart = "{\"prompt\": \"pump:\", \"completion\": \" oil\"}\n";
    String line =
        "in 2 of 3 rows no space stands between prompt and completion; --completion ' {completion}'"
            + " puts one there";
    place.write("rows.jsonl", apart + tight + tight.replace("water", "gas"));
    assertThat(preview().out()).contains("advice     " + line);
    assertThat(preview("--completion", " {completion}").out()).doesNotContain("no space");
    Ran train =
        place.run(
            "train", "--model", "D/model", "--data", "D/rows.jsonl", "--out", "D/run", "--dry-run");
    assertThat(train.err()).contains("advice     " + line);
    Ran stats = place.run("data", "stats", "--data", "D/rows.jsonl");
    assertThat(stats.out()).contains("check      " + line);
    place.write("rows.jsonl", apart + apart.replace("oil", "gas") + tight);
    assertThat(preview().out()).doesNotContain("no space");
  }

  @Test
  void whatLooksWrongInRowsIsToldWithTheirLines() throws IOException {
    String row = "{\"prompt\": \"a\", \"completion\": \"b\"}\n";
    place.write("rows.jsonl", row + row);
    assertThat(preview().out()).contains("check      1 row ").contains("rows.jsonl line 2");
  }

  @Test
  void theBaseIsAskedWhereItIsWanted() {
    assertThat(preview().out()).doesNotContain("bits a byte");
    Ran asked = preview("--ask-base", "3", "--compute", "fp32", "--html", "D/page.html");
    assertThat(asked.out()).contains("base       ").contains(" bits a byte\n");
    assertThat(asked.out()).contains("advice     the text is far from what the base knows (");
    assertThat(place.path("page.html")).content().contains(" bits a byte");
  }

  @Test
  void theStepsOfARunAreCounted() {
    assertThat(preview("--epochs", "2").out()).contains(" tokens in 2 steps; nudge plan says ");
  }

  @Test
  void wrongUseIsToldInOneLine() throws IOException {
    assertThat(preview("--limit", "0").err()).contains("--limit");
    place.write("rows.jsonl", "{\"prompt\": \"a\"}\n");
    Ran bad = preview();
    assertThat(bad.code()).isEqualTo(ExitCode.WRONG);
    assertThat(bad.out()).isEmpty();
    assertThat(bad.err()).contains("1 of 1 row is bad");
  }
}
