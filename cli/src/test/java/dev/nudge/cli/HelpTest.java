package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Flags;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Layer;
import dev.nudge.settings.Schema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Holds what the help shows: verbs by what they are for, examples that are taken, the flags that
/// matter first.
class HelpTest {
  private static final Pattern WORD = Pattern.compile("'([^']*)'|[^\\s\\\\]+");
  private static final Pattern COMMAND =
      Pattern.compile("(?m)^\\./(nudge (?!train --config)[^$\n]*?)( &)?$");

  @Test
  void everyVerbStandsInOnePartOfTheHelp() {
    List<String> lines = Ran.of("--help").out().lines().toList();
    assertThat(lines)
        .containsSubsequence("Train", "Ask", "Judge", "Keep", "Serve", "Machine")
        .hasSizeLessThan(45)
        .allSatisfy(line -> assertThat(line).hasSizeLessThan(101));
    List<String> words =
        Arrays.stream(HelpGroup.values()).flatMap(p -> p.words().stream()).toList();
    assertThat(words)
        .doesNotHaveDuplicates()
        .containsExactlyInAnyOrderElementsOf(
            Library.verbs().stream().map(Verb::group).distinct().toList());
    String flat = String.join(" ", lines).replaceAll("\\s+", " ");
    for (Verb<?> verb : Library.verbs()) {
      assertThat(flat).contains(verb.inGroup() ? verb.lastWord() : verb.about().summary());
      if (verb.inGroup()) {
        assertThat(HelpGroup.about(verb.group())).as(verb.name()).isNotEmpty();
      }
    }
  }

  @Test
  void everyVerbHasTwoExamplesThatItTakes() {
    for (Verb<?> verb : Library.verbs()) {
      List<String> examples = Examples.of(verb);
      assertThat(examples).as(verb.name()).hasSizeGreaterThanOrEqualTo(2);
      String help = Ran.of((verb.name() + " --help").split(" ")).out();
      for (String example : examples) {
        assertThat(help).contains("  " + example.lines().findFirst().orElseThrow());
        assertThat(read(verb, example)).as(example).isNotNull();
      }
      assertThat(help.lines()).allSatisfy(line -> assertThat(line).hasSizeLessThan(101));
    }
  }

  /// Guides show commands that nothing runs in a build; each has a verb that takes its flags.
  @Test
  void everyCommandOfTheGuidesIsTaken() throws IOException {
    int found = 0;
    try (Stream<Path> guides = Files.list(Path.of("../docs/guide"))) {
      for (Path guide : guides.toList()) {
        String page = Files.readString(guide).replace("\\\n", " ");
        for (MatchResult line : COMMAND.matcher(page).results().toList()) {
          String command = line.group(1);
          Verb<?> verb =
              Library.verbs().stream()
                  .filter(each -> (command + " ").startsWith("nudge " + each.name() + " "))
                  .findFirst()
                  .orElseThrow(() -> new AssertionError(guide + ": " + command));
          assertThat(read(verb, command)).as(command).isNotNull();
          found++;
        }
      }
    }
    assertThat(found).isGreaterThan(30);
  }

  /// Reads a command line to the settings that the verb would run with.
  private static <S extends Record> S read(Verb<S> verb, String example) {
    List<String> words = new ArrayList<>();
    for (MatchResult word : WORD.matcher(example).results().toList()) {
      words.add(word.group(1) == null ? word.group() : word.group(1));
    }
    int behind = 1 + verb.name().split(" ").length;
    Schema<S> schema = verb.schema();
    List<String> arguments = words.subList(behind, words.size());
    Layer given = Flags.of(verb, schema.knobs()).parse(arguments).values();
    return schema.read(List.of(given));
  }

  @Test
  void theTwelveFlagsOfTrainThatMatterStandFirst() {
    String help = Ran.of("train", "--help").out();
    String first = help.split("Most used\n", 2)[1].split("\n\n", 2)[0];
    assertThat(Pattern.compile("(?m)^  (--\\S+)").matcher(first).results().map(m -> m.group(1)))
        .containsExactly(
            "--model",
            "--data",
            "--out",
            "--prompt",
            "--completion",
            "--eval-split",
            "--quantize",
            "--rank",
            "--learning-rate",
            "--epochs",
            "--max-length",
            "--dry-run");
    for (Verb<?> verb : Library.verbs()) {
      String all = Ran.of((verb.name() + " --help").split(" ")).out();
      verb.schema().knobs().stream()
          .filter(knob -> !knob.operand())
          .forEach(
              knob ->
                  assertThat(all.split("(?m)^  " + Pattern.quote(knob.flag()) + "(?=[ ,\n])", -1))
                      .as("%s of %s", knob.flag(), verb.name())
                      .hasSize(2));
    }
  }
}
