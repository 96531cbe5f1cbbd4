package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.Knob;
import dev.nudge.settings.SettingType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
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
    for (Verb<?> verb : Library.verbs()) {
      for (Knob knob : verb.schema().knobs()) {
        String flag = "%s of %s".formatted(knob.flag(), verb.name());
        String help = knob.setting().help();
        assertThat(words(help)).as(flag).hasSizeGreaterThan(1);
        assertThat(help).as(flag).doesNotEndWith(".");
        if (NUMBERS.contains(knob.kind()) && !knob.setting().required() && !knob.operand()) {
          assertThat(help + (knob.setting().byDefault().isEmpty() ? "" : " (default: …)"))
              .as(flag)
              .contains("(default: ");
          numbers++;
        }
        if (words(knob.flag().replace('-', ' ')).stream().anyMatch(Set.of("timeout", "wait")::contains)) {
          assertThat(help).as(flag).containsAnyOf("seconds", "minutes");
        }
      }
    }
    assertThat(numbers).isGreaterThan(50);
  }

  /// What the page of commands said above its verbs.
  @Test
  void theHelpSaysWhereResultsGoAndWhatExitCodesMean() {
    assertThat(Ran.of("--help").out())
        .contains("standard output", "standard error", "Exit codes: 0 done")
        .contains("1 failed", "2 wrong use", "3 a gate", "4 a gate", "130, 143");
  }

  private static List<String> words(String text) {
    return List.of(text.strip().split("\\s+"));
  }
}
