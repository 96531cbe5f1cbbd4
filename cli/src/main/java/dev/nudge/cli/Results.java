package dev.nudge.cli;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/// Standard output: results and nothing else, each written through at once.
///
/// A reader that goes away (`| head -1`) ends the command quietly; any other failure, such as a
/// full disk, is an error. `PrintStream` would swallow both.
final class Results {

  /// The reader has gone: nobody wants the rest.
  static final class ReaderGone extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ReaderGone(IOException cause) {
      super("nobody reads standard output any more", cause);
    }
  }

  private final OutputStream out;

  Results(OutputStream out) {
    this.out = out;
  }

  /// Writes text as it is.
  void text(String text) {
    try {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      String reason = String.valueOf(e.getMessage());
      if (reason.contains("Broken pipe") || reason.contains("pipe is being closed")) {
        throw new ReaderGone(e);
      }
      throw new RunException("cannot write standard output: " + reason, e);
    }
  }

  /// Writes a line.
  void line(String line) {
    text(line + "\n");
  }
}
