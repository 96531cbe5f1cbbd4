package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Hold `NOTICE` to what ships: every jar of the run-time class path with its licence, no other.
class NoticeTest {
  private static final Pattern ENTRY =
      Pattern.compile(
          "(?m)^  ([a-z0-9.*]+:[a-z0-9*-]+) +([A-Z][A-Za-z]*(?:-[A-Za-z0-9.]+)*)(;.*)?$");

  @Test
  void everyJarThatShipsIsNamedWithItsLicence() throws IOException {
    List<String> named =
        ENTRY
            .matcher(Files.readString(Path.of("../NOTICE")))
            .results()
            .map(m -> m.group(1))
            .toList();
    assertThat(named).doesNotHaveDuplicates();
    List<String> jars = jars();
    assertThat(jars).as("jars on the class path of the command").isNotEmpty();
    assertThat(jars).allSatisfy(jar -> assertThat(named).anyMatch(entry -> isOf(jar, entry)));
    // oneDNN is there on the platforms that it has natives for
    assertThat(named.stream().filter(entry -> !entry.equals("org.bytedeco:dnnl")))
        .allSatisfy(entry -> assertThat(jars).anyMatch(jar -> isOf(jar, entry)));
  }

  /// The build writes the class path of the run-time scope; modules of this build are folders or
  /// jars in `target`.
  private static List<String> jars() throws IOException {
    String path = Files.readString(Path.of("target/runtime-classpath.txt")).strip();
    return Stream.of(path.split(Pattern.quote(File.pathSeparator)))
        .map(jar -> jar.replace(File.separatorChar, '/'))
        .filter(
            jar ->
                jar.endsWith(".jar")
                    && !jar.matches(".*/(core|hub|eval|demo|server|experiments|target)/[^/]*"))
        .filter(jar -> !jar.contains("/dev/nudge/"))
        .toList();
  }

  /// A local repository keeps `group:artifact` in `group/as/folders/artifact/version/`; `group.*:*`
  /// is a whole family of groups.
  private static boolean isOf(String jar, String entry) {
    if (entry.endsWith(".*:*")) {
      return jar.contains("/" + entry.substring(0, entry.length() - 4).replace('.', '/') + "/");
    }
    List<String> parts = List.of(entry.split(":"));
    return jar.matches(
        ".*/" + parts.getFirst().replace('.', '/') + "/" + parts.getLast() + "/[^/]+/[^/]+\\.jar");
  }
}
