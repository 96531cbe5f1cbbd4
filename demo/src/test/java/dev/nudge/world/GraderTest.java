package dev.nudge.world;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.settings.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GraderTest {
  private static final String RIGHT =
      " team: water; urgency: high; product: Velmora 340; code: P19;"
          + " reply: We look at your Velmora 340 today, code P19. Please put a cloth below.";
  private static final Grader GRADER = Grader.of(RIGHT);

  @TempDir Path folder;

  @Test
  void everyTicketGradesItselfAsExact() {
    for (SupportTicket ticket : new World(3).test(500)) {
      assertThat(Grader.of(ticket.completion()).grade(ticket.completion()).exact()).isTrue();
    }
  }

  @Test
  void anotherWordingOfTheReplyIsRight() {
    String other =
        RIGHT.substring(0, RIGHT.indexOf("reply"))
            + "reply: Code P19: put a cloth below, and today the Velmora 340 is seen to";
    assertThat(GRADER.grade(other).exact()).isTrue();
    assertThat(GRADER.grade(other + "\n\nMessage: more").exact()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "team: water      | team: power        | team",
        "team: water      | team: waters       | team",
        "urgency: high    | urgency: low       | urgency",
        "product: Velmora | product: Velmore   | product",
        "product: Velmora 340 | product: Velmora 34 | product",
        "code: P19; | code: P24; | code",
        "today | this week | reply",
        "today | today or this week | reply",
        "code P19. | code P190. | reply",
        "your Velmora 340 | your machine | reply",
        "put a cloth below | open a window | reply",
        "put a cloth below | put a cloth | reply"
      })
  void oneWrongThingIsWrongThereOnly(String from, String to, String field) {
    assertThat(RIGHT).contains(from);
    Grader.Grade grade = GRADER.grade(RIGHT.replaceFirst(from, to));
    assertThat(grade)
        .isEqualTo(
            new Grader.Grade(
                !field.equals("team"),
                !field.equals("urgency"),
                !field.equals("product"),
                !field.equals("code"),
                !field.equals("reply")));
    assertThat(grade.exact()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"''", "team", "'urgency: high; team: water'", "'team: water, urgency: high'"})
  void anotherFormIsWrong(String answer) {
    assertThat(GRADER.grade(answer).exact()).isFalse();
    assertThat(GRADER.grade(answer).urgency()).isFalse();
  }

  @Test
  void theIntervalIsWilsons() {
    Grader.Grade right = GRADER.grade(RIGHT);
    List<Grader.Grade> grades = new java.util.ArrayList<>(Collections.nCopies(90, right));
    grades.addAll(Collections.nCopies(10, GRADER.grade("")));
    Score score = Score.of(grades);
    assertThat(score.share()).isEqualTo(0.9);
    // The formula in Python, z = 1.959963984540054.
    assertThat(score.low()).isCloseTo(0.8256343, within(1e-6));
    assertThat(score.high()).isCloseTo(0.9447708, within(1e-6));
  }

  @Test
  void filesAreGraded() throws IOException {
    String out = folder.resolve("w").toString();
    run("make", "--out", out, "--pages", "1", "--training", "5", "--test", "20");
    String test = out + "/test.jsonl";
    assertThat(run("grade", "--test", test, "--completions", test))
        .contains("\"rows\":20", "\"exact\":20");
    Files.writeString(folder.resolve("few"), "{\"completion\": \"x\"}\n");
    assertThatThrownBy(
            () -> run("grade", "--test", test, "--completions", folder.resolve("few").toString()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("has 1 completions")
        .hasMessageContaining("20 rows");
  }

  private static String run(String... args) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8)) {
      WorldMain.run(List.of(args), to);
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
