package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.data.DataStats;
import dev.nudge.data.DataSurvey;
import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.data.tokens.PairFacts;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.ObjectiveName;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.ShapeSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Finds prompts and answers in rows of preferences; what is common follows TRL 1.16's
/// `extract_prompt`.
class PreferenceShapeTest {
  private static final String HI = "{\"role\":\"user\",\"content\":\"hi\"}";
  private static final String HO = "{\"role\":\"assistant\",\"content\":\"ho\"}";
  private static final String NO = "{\"role\":\"assistant\",\"content\":\"no\"}";

  private static ComparedAnswers read(ObjectiveName objective, String row, String... columns)
      throws BadRowException {
    ShapeSettings shape = new ShapeSettings(null, List.of(columns), null, null);
    DataSettings data = new DataSettings(List.of("f"), null, null, shape, TrainOn.ASSISTANT, false);
    return new PreferenceShape(data, new WantedRows(objective, null, 0)).read(Row.parse(row));
  }

  private static String pair(String prompt, String chosen, String rejected) {
    return "{%s\"chosen\": %s, \"rejected\": %s}"
        .formatted(prompt.isEmpty() ? "" : "\"prompt\": " + prompt + ", ", chosen, rejected);
  }

  @Test
  void aPairOfTextsHasOnePrompt() throws BadRowException {
    ComparedAnswers row = read(ObjectiveName.DPO, pair("\"q\"", "\" a\"", "\" b\""));
    assertThat(row.answers())
        .containsExactly(new Content.Answer("q", " a"), new Content.Answer("q", " b"));
    String other = "{\"ask\": \"q\", \"good\": \"a\", \"bad\": \"b\"}";
    assertThat(
            read(ObjectiveName.ORPO, other, "prompt=ask", "chosen=good", "rejected=bad").answers())
        .containsExactly(new Content.Answer("q", "a"), new Content.Answer("q", "b"));
  }

  @ParameterizedTest
  @CsvSource(
      ignoreLeadingAndTrailingWhitespace = false,
      delimiter = '|',
      value = {
        "Q: why A: yes|Q: why A: no|Q: why A:", // without the space
        "valve|value|val",
        "abc|abcdef|ab", // the last common character stays in the answers
        "same|same|sam",
        "🙂a|🙂b|🙂",
        "🙂|🙃|''",
        "x|y|''",
        "a🙂|a🙂|a"
      })
  void anAbsentPromptIsTheCommonBeginning(String chosen, String rejected, String prompt)
      throws BadRowException {
    String start = prompt.equals("''") ? "" : prompt;
    List<Content> answers =
        read(ObjectiveName.DPO, pair("", "\"" + chosen + "\"", "\"" + rejected + "\"")).answers();
    assertThat(answers)
        .containsExactly(
            new Content.Answer(start, chosen.substring(start.length())),
            new Content.Answer(start, rejected.substring(start.length())));
  }

  @Test
  void aRewardModelReadsBothTextsWhole() throws BadRowException {
    assertThat(read(ObjectiveName.REWARD, pair("", "\"ab\"", "\"ac\"")).answers())
        .containsExactly(new Content.Answer("", "ab"), new Content.Answer("", "ac"));
  }

  @Test
  void messagesOfBothAnswersFollowTheCommonOnes() throws BadRowException {
    String chosen = "[" + HI + "," + HO + "]";
    String rejected = "[" + HI + "," + NO + "]";
    for (String prompt : List.of("", "\"hi\"")) { // a text beside lists is no prompt, as in TRL
      Content.ChatAnswer better =
          (Content.ChatAnswer)
              read(ObjectiveName.DPO, pair(prompt, chosen, rejected)).answers().getFirst();
      assertThat(better.prompt()).hasToString("[" + HI + "]");
      assertThat(better.completion()).hasToString("[" + HO + "]");
    }
    Content.ChatAnswer worse =
        (Content.ChatAnswer)
            read(ObjectiveName.DPO, pair("[" + HI + "]", "[" + HO + "]", "[" + NO + "]"))
                .answers()
                .getLast();
    assertThat(worse.prompt()).hasToString("[" + HI + "]");
    assertThat(worse.completion()).hasToString("[" + NO + "]");
  }

  @ParameterizedTest
  @CsvSource({"true,1", "false,0", "\"True\",1", "0,0", "1,1"})
  void aLabelIsTrueOrFalse(String label, double value) throws BadRowException {
    String row = "{\"prompt\": \"q\", \"completion\": \" a\", \"label\": %s}".formatted(label);
    ComparedAnswers read = read(ObjectiveName.KTO, row);
    assertThat(read.answers()).containsExactly(new Content.Answer("q", " a"));
    assertThat(read.values()).containsExactly(value);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"prompt\":\"q\",\"chosen\":\"a\"}|no column 'rejected'; the columns are prompt, chosen",
        "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"\"}|the rejected answer is empty",
        "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":[]}|of 'chosen' and 'rejected' one is a"
            + " list of messages and one is not; both must be texts or both lists",
        "{\"prompt\":[],\"chosen\":\"a\",\"rejected\":\"b\"}|'prompt' is a list of messages and the"
            + " answers are texts; all must be texts or all lists"
      })
  void aBadPairIsToldInOneLine(String row, String message) {
    assertThatThrownBy(() -> read(ObjectiveName.DPO, row)).hasMessage(message);
  }

  @Test
  void aMarginIsANumberOfItsColumn() throws BadRowException {
    DataSettings data = DataSettings.of(List.of("f"));
    PreferenceShape shape =
        new PreferenceShape(data, new WantedRows(ObjectiveName.REWARD, "gap", 0));
    String row = "{\"prompt\": \"q\", \"chosen\": \"a\", \"rejected\": \"b\", \"gap\": %s}";
    assertThat(shape.read(Row.parse(row.formatted("1.5"))).values()).containsExactly(1.5, 1.5);
    assertThatThrownBy(() -> shape.read(Row.parse(row.formatted("\"much\""))))
        .hasMessage("column 'gap' is 'much'; a number is needed (--margin-column)");
  }

  @Test
  void statisticsSayHowPairsDiffer(@TempDir Path temp) throws IOException {
    Path file = temp.resolve("pairs.jsonl");
    Files.write(
        file,
        List.of(
            pair("\"q\"", "\" a long one\"", "\" short\""),
            pair("\"q\"", "\" a\"", "\" a\""),
            pair("\"q\"", "\" a\"", "\" a, and more\"")));
    DataSettings data = DataSettings.of(List.of(file.toString()));
    DataStats stats = DataSurvey.of(data, new EvalSettings(null, null, null), null, rows -> {});
    assertThat(stats.pairs()).isEqualTo(new PairFacts(3, 1, 1, 1));
    assertThat(stats.lines())
        .contains(
            "rows are   preference",
            "pairs      in 1 of 3 pairs the chosen answer is the longer one",
            "check      3 pairs are too few to learn a preference: the answers are learned by"
                + " heart; collect some hundred, or train on the chosen answers (--objective sft)",
            "check      1 pair differs in length alone: one answer is the beginning of the other");
  }

  @Test
  void aLabelThatIsNeitherIsBad() {
    String row = "{\"prompt\": \"q\", \"completion\": \"a\", \"label\": \"good\"}";
    assertThatThrownBy(() -> read(ObjectiveName.KTO, row))
        .hasMessage("column 'label' is 'good'; it must be true (a good answer) or false");
  }
}
