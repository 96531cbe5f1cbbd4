package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Compiles a copy of `examples/pom.xml` with a source beside it as a user would: by the Maven on
/// the PATH, on the Java that it runs on. Nothing is fetched and nothing installed: the local
/// repository is one of links to what the build of nudge itself has, and nudge's own jars.
@Timeout(1800)
class ExamplePomTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Path EXAMPLES = ROOT.resolve("examples");
  private static final String VERSION = "0.1.0-SNAPSHOT"; // CoordinatesTest compares it

  /// Surefire says where it is.
  private static final Path LOCAL =
      Path.of(
          System.getProperty(
              "localRepository", System.getProperty("user.home") + "/.m2/repository"));

  @TempDir Path folder;
  private final List<Path> links = new ArrayList<>();

  @AfterEach
  void unlink() throws IOException { // JUnit would say a line for each
    for (Path link : links) {
      Files.delete(link);
    }
  }

  @BeforeEach
  void repository() throws IOException {
    assumeTrue(onPath("mvn"), "there is no mvn on the PATH: the example's pom is not tried");
    assumeTrue(
        Files.isDirectory(LOCAL.resolve("org/apache/maven/plugins/maven-compiler-plugin")),
        "the local repository has no plugins: the example's pom is not tried");
    link(LOCAL, folder.resolve("repository"), "dev");
    link(LOCAL.resolve("dev"), folder.resolve("repository/dev"), "nudge");
    install("nudge-parent", ".");
    install("nudge-bom", "bom");
    install("nudge-format", "format");
    install("nudge-text", "text");
    install("nudge", "core");
  }

  @Test
  void aCopyOfThePomCompilesTheExamples() throws Exception {
    compiled(
        Files.readString(EXAMPLES.resolve("pom.xml")), List.of("FineTune", "Adapters", "Cancel"));
  }

  @Test
  void theDependencyThatItHasInACommentIsThatOfLangChain4j() throws Exception {
    assumeTrue(
        Files.isDirectory(ROOT.resolve("langchain4j/target/classes")),
        "the module langchain4j is not built");
    install("nudge-langchain4j", "langchain4j");
    String pom = Files.readString(EXAMPLES.resolve("pom.xml"));
    String active =
        Pattern.compile("<!-- For LangChain4j[^\n]*\n(.*?)-->", Pattern.DOTALL)
            .matcher(pom)
            .replaceFirst("$1");
    assertThat(active).isNotEqualTo(pom);
    compiled(active, List.of("FineTune", "Frameworks"));
  }

  private void compiled(String pom, List<String> classes) throws Exception {
    Path project = Files.createDirectories(folder.resolve("project/src/main/java"));
    for (String name : classes) {
      Files.copy(EXAMPLES.resolve(name + ".java"), project.resolve(name + ".java"));
    }
    Files.writeString(folder.resolve("project/pom.xml"), pom);
    Path said = folder.resolve("said.txt");
    Process maven =
        new ProcessBuilder(
                "mvn",
                "--offline",
                "--batch-mode",
                "-Dmaven.repo.local=" + folder.resolve("repository"),
                "compile")
            .directory(folder.resolve("project").toFile())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    try {
      maven.waitFor();
    } finally {
      maven.destroyForcibly();
    }
    assertThat(maven.exitValue()).as(Files.readString(said)).isZero();
    for (String name : classes) {
      assertThat(folder.resolve("project/target/classes/" + name + ".class")).exists();
    }
  }

  private static boolean onPath(String command) {
    return Stream.of(System.getenv("PATH").split(System.getProperty("path.separator")))
        .anyMatch(place -> Files.isExecutable(Path.of(place, command)));
  }

  /// @param but what gets no link
  private void link(Path from, Path to, String but) throws IOException {
    Files.createDirectories(to);
    if (Files.isDirectory(from)) {
      try (Stream<Path> all = Files.list(from.toAbsolutePath())) {
        for (Path one : all.filter(path -> !path.endsWith(but)).toList()) {
          links.add(Files.createSymbolicLink(to.resolve(one.getFileName()), one));
        }
      }
    }
  }

  /// What `mvn install` would put there.
  private void install(String artifact, String module) throws IOException {
    Path place = folder.resolve("repository/dev/nudge").resolve(artifact).resolve(VERSION);
    String file = artifact + "-" + VERSION;
    Files.createDirectories(place);
    Files.copy(ROOT.resolve(module).resolve("pom.xml"), place.resolve(file + ".pom"));
    Path classes = ROOT.resolve(module).resolve("target/classes");
    if (Files.isDirectory(classes)) {
      int made =
          ToolProvider.findFirst("jar")
              .orElseThrow()
              .run(
                  System.out,
                  System.err,
                  "--create",
                  "--file",
                  place.resolve(file + ".jar").toString(),
                  "-C",
                  classes.toString(),
                  ".");
      assertThat(made).isZero();
    }
  }
}
