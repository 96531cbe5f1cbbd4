package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/// Runs the commands of a shell script, one after the other, in one JVM.
///
/// [#SCRIPT] is the command that the shell starts: it writes its arguments into the pipe `asked`
/// and waits at the pipe `code`. So a command costs no start of a JVM, and most of its classes are
/// compiled already. It runs in the folder in which this JVM was started.
final class CommandServer {
  static final String SCRIPT =
      """
      printf '%s\\0' "$@" > asked
      read -r code < code
      cat out.txt
      cat err.txt >&2
      exit "$code"
      """;

  private CommandServer() {}

  public static void main(String[] none) throws IOException {
    while (true) {
      String[] command = Files.readString(Path.of("asked"), UTF_8).split("\0");
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      int code =
          Main.run(command, new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
      Files.write(Path.of("out.txt"), out.toByteArray());
      Files.write(Path.of("err.txt"), err.toByteArray());
      Files.writeString(Path.of("code"), code + "\n");
    }
  }
}
