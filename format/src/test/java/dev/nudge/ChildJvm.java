package dev.nudge;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Runs a main class of the tests, or a source file, in a JVM of its own.
///
/// @param output standard output and standard error together, without the warning of the incubator
///     module
public record ChildJvm(int exitCode, List<String> output) {
  /// The flags that the library wants.
  public static final List<String> FLAGS =
      List.of("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED");

  /// What every JVM says that has the Vector API's module.
  private static final String INCUBATOR = "WARNING: Using incubator modules: jdk.incubator.vector";

  /// Starts `java FLAGS -cp CLASSES MAIN ARGUMENTS` and waits for its end.
  public static ChildJvm run(List<String> flags, String main, Object... arguments)
      throws IOException {
    return run(command(flags, main, arguments));
  }

  /// The same as a command, for a test that starts it by itself.
  public static List<String> command(List<String> flags, String main, Object... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    String kernels = System.getProperty("nudge.kernels");
    if (kernels != null) {
      command.add("-Dnudge.kernels=" + kernels); // a run and its child have the same bits
    }
    command.addAll(flags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    return command;
  }

  /// Starts any command, with nothing to read, and waits for its end.
  public static ChildJvm run(List<String> command) throws IOException {
    Process child = new ProcessBuilder(command).redirectErrorStream(true).start();
    child.getOutputStream().close();
    List<String> output;
    try (var reader = child.inputReader()) {
      output = reader.lines().filter(line -> !line.equals(INCUBATOR)).toList();
    }
    return new ChildJvm(child.onExit().join().exitValue(), output);
  }

  /// The output as one text.
  public String text() {
    return String.join("\n", output);
  }
}
