package dev.nudge.eval.judge;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.eval.Interval;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Ask judges that are told what to say, and count what they say.
class VerdictsTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("src/test/resources/golden/judge-agreement.json"));

  @TempDir Path folder;

  /// A judge that says what a test says.
  private static class Told implements Judge {
    final List<Question> asked = new ArrayList<>();
    private final String name;
    private final Function<Question, @Nullable Choice> says;

    Told(String name, Function<Question, @Nullable Choice> says) {
      this.name = name;
      this.says = says;
    }

    @Override
    public String identity() {
      return name;
    }

    @Override
    public void ask(List<Question> questions, ObjIntConsumer<Reply> told) {
      for (int i = 0; i < questions.size(); i++) {
        asked.add(questions.get(i));
        told.accept(new Reply(says.apply(questions.get(i)), "as told"), i);
      }
    }

    @Override
    public void close() {}
  }

  /// Who prefers the larger number, and a tie where they are equal after a division.
  private static Choice larger(Judge.Question question) {
    int a = Integer.parseInt(question.a().strip());
    int b = Integer.parseInt(question.b().strip());
    return a == b ? Choice.TIE : a > b ? Choice.A : Choice.B;
  }

  private static Contest contest(int id, String first, String second) {
    return new Contest(String.valueOf(id), "question " + id, first, second, null);
  }

  /// Judged alike in both orders.
  private static Judged alike(Contest contest, Choice choice) {
    return Judged.of(contest, new Judge.Reply(choice, ""), new Judge.Reply(choice.turned(), ""));
  }

  private List<Judged> judge(Judge judge, List<Contest> contests) {
    return BothOrders.of(judge, folder).judge(contests, () -> {});
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          A                          | A
          b                          | B
          ' **TIE**. '               | TIE
          '[[B]]'                    | B
          'I like A more.\\n\\nB\\n' | B
          'Verdict: A'               | A
          '## Final verdict: **tie**'| TIE
          'Verdict - b!'             | B
          'A is better'              | -
          'B\\nbecause it is right'  | -
          'A or B'                   | -
          'é A'                      | -
          'AB'                       | -
          'Answer C'                 | -
          ''                         | -
          """)
  void aVerdictStandsAloneOnTheLastLine(String said, @Nullable Choice choice) {
    assertThat(Choice.read(said.replace("\\n", "\n"))).isEqualTo(choice);
  }

  @Test
  void aTextHasPlacesAndNoAnswerMakesMore() throws Exception {
    Judge.Question hostile = new Judge.Question("$1 {answer_b}", "{question}", "b \\", "r");
    assertThat(new Rubric("{question}/{answer_a}/{answer_b}/{reference}/{x}").of(hostile))
        .isEqualTo("$1 {answer_b}/{question}/b \\/r/{x}");
    Rubric standard = Rubric.standard();
    assertThat(standard.of(hostile))
        .contains("=== Answer A ===\n{question}\n")
        .doesNotContain("{reference}");
    assertThat(standard.wantsReference()).isFalse();
    Path file = Files.writeString(folder.resolve("own.txt"), "{question} {answer_a}");
    assertThatThrownBy(() -> Rubric.read(file))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--judge-prompt %s has no {answer_b}; it needs {question}, {answer_a} and {answer_b}, and may have {reference}"
                .formatted(file));
    assertThatThrownBy(() -> Rubric.read(folder.resolve("none")))
        .hasMessage(
            "--judge-prompt %s cannot be read: no such file or folder"
                .formatted(folder.resolve("none")));
    Files.write(file, new byte[] {(byte) 0xC3, 0x28});
    assertThatThrownBy(() -> Rubric.read(file))
        .hasMessage("--judge-prompt %s is not UTF-8 text".formatted(file));
  }

  @Test
  void whoAlwaysNamesTheFirstAnswerContradictsThemselvesThroughout() {
    List<Contest> contests =
        IntStream.range(0, 30).mapToObj(i -> contest(i, "x" + i, "y" + i)).toList();
    WinRate rate = WinRate.of(judge(new Told("first", q -> Choice.A), contests));
    assertThat(rate.rate()).isEqualTo(0.5);
    assertThat(rate.p()).isEqualTo(1);
    assertThat(rate.order().contradictions()).isEqualTo(30);
    assertThat(rate.order().contradicting()).isEqualTo(1);
    assertThat(rate.order().firstShare()).isEqualTo(1);
    assertThat(rate.wins() + rate.losses() + rate.ties() + rate.identical()).isZero();
    assertThat(rate.pairs()).isEqualTo(30);
    assertThat(0.5).isBetween(rate.low(), rate.high());
    assertThat(rate.high() - rate.low()).isGreaterThan(0.05); // thirty ties are not certainty
    WinRate last = WinRate.of(judge(new Told("last", q -> Choice.B), contests));
    assertThat(last.order().firstShare()).isZero();
    assertThat(last.rate()).isEqualTo(0.5);
  }

  @Test
  void winsTiesAndLossesAreCountedApart() {
    List<Contest> contests =
        List.of(
            contest(0, "1", "2"), // a win of the longer? they are equally long
            contest(1, "5", "40"), // a win of the longer answer
            contest(2, "600", "70"), // a loss, of the shorter
            contest(3, "7 ", "7"), // a tie
            contest(4, "8", "8"), // the same text
            contest(5, "-1", "3")); // cannot be read
    Told judge = new Told("larger", q -> q.a().equals("-1") ? null : larger(q));
    List<Judged> judged = judge(judge, contests);
    assertThat(judged)
        .extracting(Judged::ruling)
        .containsExactly(
            Ruling.SECOND,
            Ruling.SECOND,
            Ruling.FIRST,
            Ruling.TIE,
            Ruling.IDENTICAL,
            Ruling.UNREAD);
    assertThat(judge.asked).hasSize(10).noneMatch(q -> q.text().equals("question 4"));
    assertThat(judge.asked.get(0)).isEqualTo(new Judge.Question("question 0", "1", "2", null));
    assertThat(judge.asked.get(1)).isEqualTo(new Judge.Question("question 0", "2", "1", null));
    WinRate rate = WinRate.of(judged);
    assertThat(rate.pairs()).isEqualTo(5);
    assertThat(rate.rate()).isEqualTo((2 + 2 / 2.0) / 5);
    assertThat(rate.unread()).isEqualTo(1);
    assertThat(rate.identical()).isEqualTo(1);
    assertThat(rate.longer()).isEqualTo(2);
    assertThat(rate.longerWins()).isEqualTo(2);
    assertThat(rate.order().pairs()).isEqualTo(4);
    assertThat(rate.order().contradicting()).isZero();
    assertThat(rate.order().decided()).isEqualTo(7); // one of the pair that is half read
  }

  @Test
  void aTieInOneOrderAloneIsAContradiction() {
    assertThat(Ruling.of(Choice.A, Choice.TIE)).isEqualTo(Ruling.CONTRADICTION);
    assertThat(Ruling.of(Choice.TIE, Choice.B)).isEqualTo(Ruling.CONTRADICTION);
    assertThat(Ruling.of(Choice.B, Choice.A)).isEqualTo(Ruling.SECOND);
    assertThat(Ruling.of(Choice.A, Choice.B)).isEqualTo(Ruling.FIRST);
    assertThat(Ruling.of(Choice.A, null)).isEqualTo(Ruling.UNREAD);
  }

  @Test
  void nothingIsAskedTwice() {
    List<Contest> contests =
        IntStream.range(0, 9).mapToObj(i -> contest(i % 5, "x" + i % 5, "y")).toList();
    Told judge = new Told("first", q -> Choice.A);
    List<Judged> before = judge(judge, contests);
    assertThat(judge.asked).hasSize(10); // five pairs come, four of them twice
    Told again = new Told("first", q -> Choice.B);
    assertThat(judge(again, contests)).isEqualTo(before);
    assertThat(again.asked).isEmpty();
    Told other = new Told("another", q -> Choice.B);
    judge(other, contests);
    assertThat(other.asked).hasSize(10);
  }

  @Test
  void aFailureLosesNothingThatWasSaid() {
    List<Contest> contests = IntStream.range(0, 6).mapToObj(i -> contest(i, "x", "y")).toList();
    Told fails =
        new Told(
            "first",
            q -> {
              if (q.text().equals("question 3")) {
                throw new RunException("gone");
              }
              return Choice.A;
            });
    assertThatThrownBy(() -> judge(fails, contests)).hasMessage("gone");
    Told rest = new Told("first", q -> Choice.A);
    judge(rest, contests);
    assertThat(rest.asked).hasSize(6).noneMatch(q -> q.text().compareTo("question 3") < 0);
  }

  /// Pairs in clusters: each verdict stands there four times.
  private static WinRate fourfold(int clusters, int wins) {
    List<Judged> judged = new ArrayList<>();
    for (int i = 0; i < 4 * clusters; i++) {
      Choice choice = i / 4 < wins ? Choice.B : Choice.A;
      judged.add(
          alike(new Contest(String.valueOf(i), "q", "x", "y", null, "text " + i / 4), choice));
    }
    return WinRate.of(judged);
  }

  @Test
  void pairsThatHangTogetherCountAsOne() {
    WinRate clustered = fourfold(30, 20);
    assertThat(clustered.rate()).isCloseTo(20 / 30.0, within(1e-12));
    assertThat(clustered.clusters()).isEqualTo(30);
    assertThat(clustered.pairs()).isEqualTo(120);
    // as thirty pairs, not as a hundred and twenty: ± 1.96 · √(p q / 30), by the bootstrap
    double half = 1.96 * Math.sqrt(20 / 30.0 * 10 / 30.0 / 30);
    assertThat((clustered.high() - clustered.low()) / 2).isCloseTo(half, within(0.1 * half));
    assertThat(clustered.p()).isGreaterThan(0.05);
    WinRate few = fourfold(19, 15);
    assertThat(few.rate()).isCloseTo(15 / 19.0, within(1e-12));
    assertThat(few.low()).isNaN();
    assertThat(few.p()).isNaN();
  }

  @Test
  void winsThroughoutAreNotCertainty() {
    WinRate all = fourfold(30, 30);
    assertThat(all.rate()).isEqualTo(1);
    assertThat(all.low()).isCloseTo(Interval.wilson(30, 30).low(), within(1e-9));
    assertThat(all.high()).isEqualTo(1);
    assertThat(all.p()).isLessThan(0.001);
  }

  @Test
  void noPairsGiveNoNumber() {
    WinRate none = WinRate.of(List.of());
    assertThat(none.rate()).isNaN();
    assertThat(none.p()).isNaN();
    assertThat(none.order().contradicting()).isNaN();
    Agreement agreement = Agreement.of(List.of());
    assertThat(agreement.all().share()).isNaN();
    assertThat(agreement.all().kappa()).isNaN();
  }

  /// Of simulated judges the interval holds the truth about as often as it says. A pair is a win
  /// with 0.4, a loss with 0.25, else a tie; 400 samples of 60 pairs: 95 % is 380, and four
  /// standard errors below are 362.
  @Test
  void theIntervalHoldsTheTrueRate() {
    Random random = new Random(Seeds.next());
    double truth = 0.4 + 0.35 / 2;
    int held = 0;
    int found = 0;
    for (int sample = 0; sample < 400; sample++) {
      List<Judged> judged = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        double drawn = random.nextDouble();
        Choice choice = drawn < 0.4 ? Choice.B : drawn < 0.65 ? Choice.A : Choice.TIE;
        judged.add(alike(contest(i, "x", "y"), choice));
      }
      WinRate rate = WinRate.of(judged);
      held += rate.low() <= truth && truth <= rate.high() ? 1 : 0;
      found += rate.p() < 0.05 ? 1 : 0;
    }
    assertThat(held).isBetween(362, 400);
    assertThat(found).isBetween(40, 360); // the test sees a gain of 0.15 some times, not all
  }

  @Test
  void theSignTestIsScipys() {
    for (JsonNode row : GOLDEN.path("sign")) {
      List<Judged> judged = new ArrayList<>();
      int wins = row.get(0).intValue();
      int all = wins + row.get(1).intValue();
      for (int i = 0; i < all; i++) {
        Choice choice = i < wins ? Choice.B : Choice.A;
        judged.add(alike(contest(i, "x", "y"), choice));
      }
      judged.add(Judged.same(contest(all, "z", "z"))); // says nothing to it
      assertThat(WinRate.of(judged).p()).isCloseTo(row.get(2).doubleValue(), within(1e-12));
    }
  }

  private static Choice choice(JsonNode label) {
    return Choice.valueOf(label.asString().toUpperCase(java.util.Locale.ROOT));
  }

  private static double number(JsonNode node) {
    return node.isNull() ? Double.NaN : node.doubleValue();
  }

  @Test
  void kappaIsScikitLearns() {
    for (JsonNode row : GOLDEN.path("kappa")) {
      List<Agreement.Labelled> labelled = new ArrayList<>();
      for (int i = 0; i < row.path("people").size(); i++) {
        Choice said = choice(row.path("judge").get(i));
        Judged judged = alike(contest(i, "x", "y"), said);
        labelled.add(new Agreement.Labelled(choice(row.path("people").get(i)), judged));
      }
      labelled.add(
          new Agreement.Labelled(
              Choice.A,
              Judged.of(
                  contest(-1, "x", "y"),
                  new Judge.Reply(null, "?"),
                  new Judge.Reply(Choice.A, ""))));
      Agreement agreement = Agreement.of(labelled);
      assertThat(agreement.unread()).isEqualTo(1);
      assertThat(agreement.all().share()).isEqualTo(row.path("agreement").doubleValue());
      same(agreement.all().kappa(), number(row.path("kappa")));
      assertThat(agreement.decided().pairs()).isEqualTo(row.path("decided").intValue());
      same(agreement.decided().kappa(), number(row.path("decided_kappa")));
      for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
          assertThat(requireNonNull(agreement.table().get(i)).get(j))
              .isEqualTo(row.path("table").get(i).get(j).intValue());
        }
      }
      JsonNode interval = row.path("interval");
      if (interval.isArray()) { // of other resamples: some hundredths of its width
        double width = interval.get(1).doubleValue() - interval.get(0).doubleValue();
        assertThat(agreement.all().kappaLow())
            .isCloseTo(interval.get(0).doubleValue(), within(0.05 * width + 1e-12));
        assertThat(agreement.all().kappaHigh())
            .isCloseTo(interval.get(1).doubleValue(), within(0.05 * width + 1e-12));
      } else {
        assertThat(agreement.all().kappaLow()).isNaN();
      }
    }
  }

  private static void same(double ours, double theirs) {
    if (Double.isNaN(theirs)) {
      assertThat(ours).isNaN();
    } else {
      assertThat(ours).isCloseTo(theirs, within(1e-12));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"question": "q", "answer_a": "x", "answer_b": "y"}               | line 2: label is missing; a row has question, answer_a, answer_b and label
          {"question": "q", "answer_a": "x", "answer_b": 5, "label": "a"}   | line 2: answer_b is no text; a row has question, answer_a, answer_b and label
          {"question": "q", "answer_a": "x", "answer_b": "y", "label": "A"} | line 2: label is 'A'; it must be a, b or tie
          [1]                                                               | line 2: it is no JSON object
          {"question": "q"                                                  | line 2: it ends before its closing brace
          """)
  void aWrongLabelIsToldByItsLine(String row, String message) throws Exception {
    Path file = folder.resolve("labels.jsonl");
    String good =
        "{\"question\": \"q\", \"answer_a\": \"x\", \"answer_b\": \"y\", \"label\": \"tie\"}";
    Files.writeString(file, good + "\n" + row + "\n");
    assertThatThrownBy(() -> Labels.read(file, false))
        .isInstanceOf(InputException.class)
        .hasMessage("--judge-labels " + file + ", " + message);
    Files.writeString(file, good + "\n");
    assertThat(Labels.read(file, false).labels()).containsExactly(Choice.TIE);
    assertThatThrownBy(() -> Labels.read(file, true))
        .hasMessageContaining("line 1: reference is missing")
        .hasMessageEndingWith("and reference where --judge-prompt has {reference}");
    Files.writeString(file, "\n");
    assertThatThrownBy(() -> Labels.read(file, false))
        .hasMessage("--judge-labels %s has no row".formatted(file));
    assertThatThrownBy(() -> Labels.read(folder, false))
        .hasMessage("--judge-labels %s is no file".formatted(folder));
  }
}
