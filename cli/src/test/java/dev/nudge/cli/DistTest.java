package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.cli.console.Verb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.ObjectMapper;

/// Unpacks the archive of `mvn -Pdist verify` and runs it as on a machine without Java.
class DistTest {
  @TempDir private static Path folder;
  private static Path home;

  @BeforeAll
  static void unpack() throws Exception {
    String dist = System.getProperty("nudge.dist");
    assumeTrue(dist != null, "no archive is made without -Pdist");
    List<Path> archives;
    try (Stream<Path> all = Files.list(Path.of(dist))) {
      archives = all.filter(file -> file.toString().endsWith(".tar.gz")).toList();
    }
    assertThat(archives).hasSize(1);
    String archive = archives.getFirst().toAbsolutePath().toString();
    Process tar =
        new ProcessBuilder("tar", "-xf", archive).directory(folder.toFile()).inheritIO().start();
    assertThat(tar.waitFor()).isZero();
    home = folder.resolve(archives.getFirst().getFileName().toString().replace(".tar.gz", ""));
    Files.createDirectory(folder.resolve("work"));
  }

  @Test
  void holdsTheLauncherOfTheRepositoryAndItsFiles() throws IOException {
    try (Stream<Path> top = Files.list(home)) {
      assertThat(top.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "LICENSE", "NOTICE", "app", "base", "bin", "examples", "runtime");
    }
    for (String file :
        List.of("LICENSE", "NOTICE", "base/model/model.safetensors", "examples/commands.sh")) {
      assertThat(home.resolve(file)).hasSameBinaryContentAs(Path.of("..", file));
    }
    assertThat(home.resolve("bin/nudge"))
        .hasSameBinaryContentAs(Path.of("../nudge"))
        .isExecutable();
    assertThat(home.resolve("runtime/legal/java.base/LICENSE")).exists();
  }

  @Test
  void nativesAreOfOnePlatform() throws IOException {
    Set<String> platforms = new TreeSet<>();
    try (Stream<Path> jars = Files.list(home.resolve("app/lib"))) {
      for (Path jar : jars.toList()) {
        try (ZipFile opened = new ZipFile(jar.toFile())) {
          opened.stream()
              .filter(entry -> entry.getName().matches(".*\\.(so|dll|dylib)(\\.[0-9]+)?"))
              .forEach(entry -> platforms.add(entry.getName().replaceFirst("/[^/]*$", "")));
        }
      }
    }
    assertThat(platforms).hasSize(3); // of oneDNN, tokenizers, jline
  }

  /// `-XX:AOTMode=on` refuses to start where the cache does not fit.
  @Test
  void startsWithItsOwnJavaAndItsCache() throws Exception {
    Said said = nudge("-XX:AOTMode=on", "--version");
    assertThat(said.text).startsWith("nudge ").hasLineCount(1);
    assertThat(said.code).as(said.text).isZero();
  }

  @Test
  void computesAsABuildDoes() throws Exception {
    Said doctor = nudge("", "doctor", "--json");
    assertThat(doctor.code).as(doctor.text).isZero();
    var checks = new ObjectMapper().readTree(doctor.text).get("checks");
    for (String name : List.of("java", "build tools", "vector kernels", "tokenizers")) {
      assertThat(checks)
          .as(name)
          .anyMatch(
              found ->
                  found.get("name").asString().equals(name)
                      && found.get("state").asString().equals("ok"));
    }
  }

  @Test
  void trainsScoresAndMergesOnTheBaseInside() throws Exception {
    Path rows = folder.resolve("work/rows.jsonl");
    Files.writeString(rows, "{\"prompt\": \"a\", \"completion\": \" b c\"}\n".repeat(4));
    String model = home.resolve("base/model").toString();
    String[][] commands = {
      {"train", "--data", "rows.jsonl", "--quantize", "nf4", "--steps", "1", "--out", "adapter"},
      {"score", "--data", "rows.jsonl", "--adapter", "adapter"},
      {"merge", "--adapter", "adapter", "--out", "merged"}
    };
    for (String[] command : commands) {
      List<String> words = new ArrayList<>(List.of(command));
      words.addAll(List.of("--model", model));
      Said said = nudge("", words.toArray(String[]::new));
      assertThat(said.code).as(said.text).isZero();
    }
  }

  /// A class of a module that `runtime/` lacks would be missed.
  @Test
  void everyVerbShowsItsHelp() throws Exception {
    for (Verb<?> verb : Library.verbs()) {
      Said said = nudge("", (verb.name() + " --help").split(" "));
      assertThat(said.code).as(verb.name() + "\n" + said.text).isZero();
    }
  }

  private record Said(String text, int code) {}

  /// Runs `bin/nudge` where nothing else of this machine is known but its tools.
  private static Said nudge(String options, String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("env", "-i", "PATH=/usr/bin:/bin"));
    command.addAll(List.of("HOME=" + folder, "NUDGE_CACHE=" + folder.resolve("cache")));
    command.add("NUDGE_JAVA_OPTS=" + options);
    command.add(home.resolve("bin/nudge").toString());
    command.addAll(List.of(words));
    Process process =
        new ProcessBuilder(command)
            .directory(folder.resolve("work").toFile())
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Said(said, process.waitFor());
  }
}
