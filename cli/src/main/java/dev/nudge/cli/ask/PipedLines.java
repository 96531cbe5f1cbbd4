package dev.nudge.cli.ask;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// Chat input from a pipe or file, one message per line; blank lines are skipped.
public final class PipedLines implements ChatLines {
  private final BufferedReader in;
  private int line;

  public PipedLines(InputStream in) {
    this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()));
  }

  @Override
  public @Nullable String next(String prompt) {
    try {
      while (true) {
        line++;
        String text = in.readLine();
        if (text == null || !text.isBlank()) {
          return text;
        }
      }
    } catch (CharacterCodingException e) {
      throw new InputException("standard input is not UTF-8 near line " + line, e);
    } catch (IOException e) {
      throw new RunException("standard input cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public int columns() {
    return 0;
  }

  @Override
  public void close() {}
}
