package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/// Holds `docs/reference/commands.md` to the help of each verb, which comes from its settings.
///
/// With `NUDGE_WRITE=yes` in the environment it writes the page anew.
class CommandsPageTest {
  private static final Path PAGE = Path.of("../docs/reference/commands.md");

  private static final String ABOVE =
      """
      # Commands

      Generated from the settings of each verb by `CommandsPageTest`; not edited by hand. `nudge help VERB` prints the same. What the flags do that one line
      cannot say is in [settings](settings.md), what the commands read and write in [files](files.md).

      Results go to standard output, progress and messages to standard error. Every verb takes these flags, and `train` and `plan` also `--config FILE`:

      """;

  private static final String CODES =
      """

      | exit code | meaning |
      |---|---|
      | 0 | done |
      | 1 | failed while running |
      | 2 | wrong use or bad input, before anything was started |
      | 3 | a gate, a protected alias or a tolerance says no |
      | 4 | a gate cannot tell |
      | 130, 143 | stopped by a signal, after saving |
      """;

  @Test
  void thePageIsWhatTheVerbsSayOfThemselves() throws IOException {
    String page = page(Library.verbs());
    if (System.getenv("NUDGE_WRITE") != null) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE)).as("NUDGE_WRITE=yes writes it anew").isEqualTo(page);
  }

  private static String page(List<Verb<?>> verbs) {
    StringBuilder page = new StringBuilder(ABOVE);
    page.append("| flag | meaning |\n|---|---|\n");
    page.append("| `%s CHOICE` | %s |\n".formatted(Flags.KERNELS, Flags.KERNELS_HELP));
    Flags.COMMON.forEach((flag, help) -> page.append("| `%s` | %s |\n".formatted(flag, help)));
    page.append(CODES);
    for (HelpGroup part : HelpGroup.values()) {
      page.append("\n## ").append(part.heading()).append('\n');
      for (String word : part.words()) {
        verbs.stream()
            .filter(verb -> verb.group().equals(word))
            .forEach(verb -> page.append(section(verb)));
      }
    }
    return page.toString();
  }

  /// The help of a verb without the flags that every verb has.
  private static String section(Verb<?> verb) {
    String help = HelpText.of(verb).split("\n\n(?=Everywhere\n)", 2)[0];
    String[] heading = help.split("\n\n", 2);
    String summary = heading[0].substring(heading[0].indexOf(": ") + 2);
    return "\n### `%s`\n\n%s\n\n```text\n%s\n```\n"
        .formatted(verb.name(), capital(summary), heading[1]);
  }

  private static String capital(String sentence) {
    return sentence.substring(0, 1).toUpperCase(Locale.ROOT) + sentence.substring(1) + ".";
  }
}
