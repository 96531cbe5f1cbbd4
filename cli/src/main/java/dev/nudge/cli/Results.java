package dev.nudge.cli;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

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

  private static final Path STANDARD = Path.of("/proc/self/fd/1"); // where there is Linux

  private final OutputStream out;
  private final boolean pipe;

  Results(OutputStream out) {
    this(out, false);
  }

  /// @param pipe whether a write can only fail because its reader has gone
  private Results(OutputStream out, boolean pipe) {
    this.out = out;
    this.pipe = pipe;
  }

  /// The results of this process: a system may name the reason of a failure in its user's language,
  /// so what standard output is counts too.
  static Results standard(OutputStream out) {
    try {
      return new Results(out, Files.readSymbolicLink(STANDARD).toString().startsWith("pipe:"));
    } catch (IOException | UnsupportedOperationException e) {
      return new Results(out); // not Linux
    }
  }

  /// Writes text as it is.
  void text(String text) {
    try {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      String reason = String.valueOf(e.getMessage());
      if (pipe || reason.contains("Broken pipe") || reason.contains("pipe is being closed")) {
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
