package dev.nudge.cli.console;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Standard output for results, flushed after each.
///
/// A closed pipe (`| head -1`) ends the command quietly; any other failure, such as a full disk,
/// is an error. `PrintStream` would swallow both.
public final class Results {

  /// Thrown if the reader of the pipe has closed it.
  public static final class ReaderGone extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ReaderGone(IOException cause) {
      super("nobody reads standard output any more", cause);
    }
  }

  private static final Path STANDARD = Path.of("/proc/self/fd/1");

  private final OutputStream out;
  private final boolean standard;

  public Results(OutputStream out) {
    this(out, false);
  }

  private Results(OutputStream out, boolean standard) {
    this.out = out;
    this.standard = standard;
  }

  /// Returns the results on standard output.
  public static Results standard(OutputStream out) {
    return new Results(out, true);
  }

  /// Writes text unchanged.
  public void text(String text) {
    try {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      String reason = String.valueOf(e.getMessage());
      if (reason.contains("Broken pipe")
          || reason.contains("pipe is being closed")
          || (standard && pipe())) {
        throw new ReaderGone(e);
      }
      throw new RunException("cannot write standard output: " + reason, e);
    }
  }

  /// Whether standard output is a pipe (Linux): a write to it fails only if the reader has closed
  /// it, and the error text may be localised.
  private static boolean pipe() {
    try {
      return Files.readSymbolicLink(STANDARD).toString().startsWith("pipe:");
    } catch (IOException | UnsupportedOperationException e) {
      return false; // not Linux: only the error text tells
    }
  }

  /// Writes a line.
  public void line(String line) {
    text(line + "\n");
  }
}
