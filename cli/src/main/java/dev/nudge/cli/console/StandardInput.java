package dev.nudge.cli.console;

import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.GenerateSettings;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// Reads standard input for the value `-`.
public final class StandardInput {
  private StandardInput() {}

  /// Replaces the prompt `-` by standard input, without the trailing line break.
  public static GenerateSettings asPrompt(GenerateSettings settings) {
    return "-".equals(settings.prompt()) ? settings.with("prompt", prompt()) : settings;
  }

  /// Refuses `-` as the prompt template of `--data` rows, as standard input is not a template.
  public static void checkPattern(@Nullable String pattern) {
    if ("-".equals(pattern)) {
      throw new InputException(
          "--prompt - is standard input, which with --data is none: rows have a pattern such as"
              + " --prompt '{text}'; give --data - to read rows from standard input");
    }
  }

  private static String prompt() {
    String text;
    try {
      byte[] bytes = System.in.readAllBytes();
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new InputException("--prompt -: standard input is not UTF-8", e);
    } catch (IOException e) {
      throw new InputException("--prompt -: standard input cannot be read: " + e.getMessage(), e);
    }
    String prompt = text.replaceFirst("\\r?\\n\\z", "");
    if (prompt.isEmpty()) {
      throw new InputException("--prompt -: standard input is empty; pipe a prompt into it");
    }
    return prompt;
  }
}
