package dev.nudge.spark;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;

/// Sessions, rows and commands of these tests.
final class SparkTests {
  private SparkTests() {}

  record Ran(int code, String out, String err) {}

  /// Runs a command of [Submit] in this process.
  static Ran run(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code = Submit.run(List.of(args), print(out), print(err));
    return new Ran(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private static PrintStream print(ByteArrayOutputStream to) {
    return new PrintStream(to, true, StandardCharsets.UTF_8);
  }

  /// A session without an own page, on this machine's loopback.
  static SparkSession.Builder session(String master) {
    return SparkSession.builder()
        .master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s");
  }

  /// A session whose two executors are processes of their own.
  ///
  /// @param cores of each executor
  static SparkSession executors(int cores) {
    String classes =
        Stream.of(System.getProperty("java.class.path").split(":"))
            .map(place -> Path.of(place).toAbsolutePath().toString())
            .collect(Collectors.joining(":"));
    return session("local-cluster[2,%d,1024]".formatted(cores))
        .config("spark.executor.extraClassPath", classes)
        .getOrCreate();
  }

  /// Writes 24 rows of several lengths to `rows.jsonl`.
  static Path rows(Path folder) throws IOException {
    List<String> lines =
        IntStream.range(0, 24)
            .mapToObj(
                i ->
                    "{\"prompt\": \"pump %s\", \"completion\": \" valve %d\"}"
                        .formatted("seal ".repeat(i % 7), i))
            .toList();
    return Files.write(folder.resolve("rows.jsonl"), lines);
  }

  /// The files of weights under a folder, relative to it.
  static List<Path> weights(Path out) throws IOException {
    try (var files = Files.walk(out)) {
      return files
          .filter(file -> file.toString().endsWith(".safetensors"))
          .map(out::relativize)
          .sorted()
          .toList();
    }
  }
}
