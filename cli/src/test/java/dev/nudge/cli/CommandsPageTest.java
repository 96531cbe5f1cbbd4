package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Verb;
import dev.nudge.settings.SettingComponent;
import dev.nudge.settings.SettingType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// Holds the help of each flag to what a reader needs, and writes the help of all verbs as one page
/// to `cli/target/commands.md`.
class CommandsPageTest {
  private static final Path PAGE = Path.of("target/commands.md");

  private static final Set<SettingType> NUMBERS = Set.of(SettingType.WHOLE, SettingType.NUMBER);

  @Test
  void everyVerbOfOnePartStandsOnThePage() throws IOException {
    StringBuilder page = new StringBuilder("# Commands\n\n```text\n");
    page.append(HelpText.of(Library.verbs())).append("\n```\n");
    for (HelpGroup part : HelpGroup.values()) {
      page.append("\n## ").append(part.heading()).append('\n');
      for (String word : part.words()) {
        Library.verbs().stream()
            .filter(verb -> verb.group().equals(word))
            .forEach(verb -> page.append(section(verb)));
      }
    }
    Files.createDirectories(PAGE.getParent());
    Files.writeString(PAGE, page);
    assertThat(Files.readString(PAGE).lines().filter(line -> line.startsWith("### ")))
        .hasSameSizeAs(Library.verbs());
  }

  private static String section(Verb<?> verb) {
    return "\n### `%s`\n\n```text\n%s\n```\n".formatted(verb.name(), HelpText.of(verb));
  }

  /// A number says what it counts and what it is if it is not given; a time says its unit.
  @Test
  void everyFlagHasASentenceWithUnitAndDefault() {
    int numbers = 0;
    Set<String> flaws = new TreeSet<>();
    for (Verb<?> verb : Library.verbs()) {
      for (SettingComponent knob : verb.schema().knobs()) {
        String flag = knob.flag() + " of " + verb.name();
        String help = knob.setting().help();
        if (words(help).size() < 2 || help.endsWith(".")) {
          flaws.add(flag + " has no sentence");
        }
        boolean number = NUMBERS.contains(knob.kind()) && !knob.operand();
        boolean said = !knob.setting().byDefault().isEmpty() || help.contains("(default: ");
        if (number && !knob.setting().required() && !said) {
          flaws.add(flag + " has no default");
        }
        numbers += number ? 1 : 0;
        if (knob.flag().matches(".*-(timeout|wait)") && !help.contains("seconds")) {
          flaws.add(flag + " has no unit");
        }
      }
    }
    assertThat(flaws).isEmpty();
    assertThat(numbers).isGreaterThan(50);
  }

  @Test
  void theHelpOfAVerbSaysWhereResultsGoAndWhatExitCodesMean() {
    for (Verb<?> verb : Library.verbs()) {
      assertThat(HelpText.of(verb).replace('\n', ' '))
          .contains("standard output", "standard error", "Exit codes: 0 done")
          .contains("1 failed", "2 wrong use", "3 a gate", "4 a gate", "130, 143");
    }
  }

  private static List<String> words(String text) {
    return List.of(text.strip().split("\\s+"));
  }
}
