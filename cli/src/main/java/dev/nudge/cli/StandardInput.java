package dev.nudge.cli;

import dev.nudge.settings.GenerateSettings;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/// What is piped into a command, which `-` stands for.
final class StandardInput {
  private StandardInput() {}

  /// Settings whose prompt `-` is replaced by what standard input holds, without the line break at
  /// its end, which `echo` and files have and no prompt means.
  static GenerateSettings asPrompt(GenerateSettings settings) {
    return "-".equals(settings.prompt()) ? settings.with("prompt", prompt()) : settings;
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
