package dev.nudge.cli.console;

import dev.nudge.registry.RegistryException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.Secret;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// An error as shown to a user: one line, optional details, an exit code.
///
/// @param code exit code
/// @param line the error
/// @param details further lines, mostly none
public record Failure(int code, String line, List<String> details) {
  /// The JVM's message for an I/O error in a memory-mapped file.
  private static final String FAULT = "unsafe memory access";

  /// Converts an exception to an error for users.
  public static Failure of(Throwable e) {
    return switch (e) {
      case RegistryException gated when gated.reason() == RegistryException.Reason.GATED ->
          new Failure(ExitCode.REFUSED, oneLine(gated.getMessage()), gated.details());
      case InputException wrong ->
          new Failure(ExitCode.WRONG, oneLine(wrong.getMessage()), wrong.details());
      case NudgeException failed ->
          new Failure(ExitCode.FAILED, oneLine(failed.getMessage()), failed.details());
      case OutOfMemoryError full ->
          failed(
              "out of memory ("
                  + oneLine(full.getMessage())
                  + "); lower --max-length or --lanes, or close other programs");
      case InternalError fault when String.valueOf(fault.getMessage()).contains(FAULT) ->
          failed(
              "a file that was being read is gone or cut short, or its disk failed ("
                  + oneLine(fault.getMessage())
                  + ")");
      case IOException io -> failed(fileProblem(io));
      default ->
          failed(
              "internal error: "
                  + e.getClass().getSimpleName()
                  + (e.getMessage() == null ? "" : ": " + oneLine(e.getMessage()))
                  + " (--stack-trace shows where)");
    };
  }

  private static Failure failed(String line) {
    return new Failure(ExitCode.FAILED, line, List.of());
  }

  private static String fileProblem(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> "no such file: " + missing.getFile();
      case AccessDeniedException denied -> "permission denied: " + denied.getFile();
      case FileSystemException f when f.getReason() != null ->
          f.getFile() + ": " + oneLine(f.getReason());
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : oneLine(e.getMessage());
    };
  }

  private static String oneLine(@Nullable String message) {
    return String.valueOf(message).strip().replaceAll("\\s*\\R\\s*", " ");
  }

  /// Prints the failure, after the stack trace if requested, so that the error is the last line.
  /// Secrets in URLs are hidden.
  public void print(PrintStream err, Throwable e, boolean trace) {
    if (trace) {
      StringWriter frames = new StringWriter();
      e.printStackTrace(new PrintWriter(frames, true));
      err.print(Secret.hidden(frames.toString()));
    }
    err.println("nudge: " + Secret.hidden(line));
    details.forEach(detail -> err.println(Secret.hidden(detail)));
  }
}
