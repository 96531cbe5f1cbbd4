package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Run the launcher in a small copy of the repository, with a Maven and JDKs that only pretend.
///
/// The pretended Maven writes a line into `maven.log` and leaves a jar; the pretended `java` prints
/// its arguments and its standard input. What is tested is the script, not the build.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class LauncherTest {

  private static final List<String> TOOLS =
      List.of(
          "sh",
          "cat",
          "cp",
          "date",
          "dirname",
          "find",
          "flock",
          "mkdir",
          "mv",
          "readlink",
          "rm",
          "sleep",
          "touch");

  private static final String MAVEN =
      """
      #!/bin/sh
      echo "built by $JAVA_HOME" >>maven.log
      sleep 0.3
      cd cli/target && mkdir -p launcher/lib && touch launcher/nudge-cli.jar launcher/lib/nudge.jar
      """;

  private static final String JAVA =
      """
      #!/bin/sh
      for argument; do
        case $argument in -XX:AOTCacheOutput=*) touch "${argument#*=}"; exit 0 ;; esac
      done
      echo "run by $0"
      while [ "$1" != -jar ]; do
        case $1 in -Dnudge.launcher=*) echo "launched by ${1#*=}" ;; esac
        shift
      done
      shift 2
      printf '[%s]\\n' "$@"
      cat
      echo warning of the JVM >&2
      echo message >&3
      exit 7
      """;

  @TempDir private Path folder;
  private Path home;
  private Path jdks;
  private final Map<Process, Path> errors = new HashMap<>();

  @BeforeEach
  void makeARepositoryAndTools() throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    home = Files.createDirectory(folder.resolve("nudge repo"));
    jdks = Files.createDirectory(folder.resolve("jdks"));
    // The folders of the machine that runs this test are replaced by one of ours.
    String script = Files.readString(Path.of("../nudge"));
    String searched =
        script.replaceFirst(
            "(?s)for folder in /usr/lib/jvm.*?; do", "for folder in \"\\$JDKS\"/*; do");
    assertThat(searched).isNotEqualTo(script);
    write(home.resolve("nudge"), searched);
    for (String file :
        List.of(
            "pom.xml",
            "format/pom.xml",
            "text/pom.xml",
            "core/pom.xml",
            "hub/pom.xml",
            "eval/pom.xml",
            "demo/pom.xml",
            "server/pom.xml",
            "experiments/pom.xml",
            "cli/pom.xml",
            "format/src/main/F.java",
            "text/src/main/T.java",
            "core/src/main/A.java",
            "hub/src/main/H.java",
            "eval/src/main/E.java",
            "demo/src/main/C.java",
            "server/src/main/S.java",
            "experiments/src/main/X.java",
            "cli/src/main/B.java")) {
      Files.createDirectories(home.resolve(file).getParent());
      Files.writeString(home.resolve(file), "");
    }
    Path tools = Files.createDirectory(folder.resolve("tools"));
    for (String tool : TOOLS) {
      for (String bin : List.of("/bin", "/usr/bin")) {
        Path real = Path.of(bin, tool);
        if (Files.exists(real) && Files.notExists(tools.resolve(tool))) {
          write(tools.resolve(tool), "#!/bin/sh\nexec " + real + " \"$@\"\n");
        }
      }
    }
    write(tools.resolve("mvn"), MAVEN);
  }

  @Test
  void buildsOnFirstUseAndIsSilentAfterwards() throws Exception {
    jdk("a25", "25.0.3");
    Result first = nudge("train");
    assertThat(first.err).startsWith("nudge: building");
    assertThat(first.out).contains("[train]");
    Result second = nudge("train");
    assertThat(second.err).isEqualTo("message\n");
    assertThat(builds()).hasSize(1);
  }

  @Test
  void passesArgumentsStandardInputAndExitCodeAndKeepsTheJvmQuiet() throws Exception {
    jdk("a25", "25.0.3");
    nudge();
    Result run = nudge("--prompt", "two words, $HOME and é", "");
    assertThat(run.out).endsWith("[--prompt]\n[two words, $HOME and é]\n[]\nfrom standard input\n");
    assertThat(run.err).isEqualTo("message\n");
    assertThat(run.code).isEqualTo(7);
  }

  @Test
  void buildsAgainWhenASourceIsNewerOrGone() throws Exception {
    jdk("a25", "25.0.3");
    nudge();
    Path source = home.resolve("core/src/main/A.java");
    Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusMillis(10)));
    nudge();
    assertThat(builds()).hasSize(2);
    Files.delete(home.resolve("cli/src/main/B.java"));
    Files.delete(source);
    nudge();
    assertThat(builds()).hasSize(3);
    nudge();
    assertThat(builds()).hasSize(3);
    Files.createFile(home.resolve("demo/src/main/D.java"));
    nudge();
    assertThat(builds()).hasSize(4);
  }

  @Test
  void threeAtOnceBuildOnce() throws Exception {
    jdk("a25", "25.0.3");
    List<Process> started = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      started.add(start(home.resolve("nudge"), home, Map.of(), List.of("go")));
    }
    for (Process process : started) {
      assertThat(finish(process).out).contains("[go]");
    }
    assertThat(builds()).hasSize(1);
  }

  @Test
  void aRunThatGoesOnKeepsItsJars() throws Exception {
    jdk("a25", "25.0.3");
    nudge();
    Path running = app();
    Files.createFile(home.resolve("cli/src/main/New.java"));
    nudge();
    assertThat(app()).isNotEqualTo(running);
    assertThat(running.resolve("nudge-cli.jar")).exists();
  }

  @Test
  void worksThroughLinksFromAnotherFolder() throws Exception {
    jdk("a25", "25.0.3");
    Path far = Files.createDirectory(folder.resolve("far"));
    Files.createSymbolicLink(home.resolve("relative"), Path.of("nudge"));
    Files.createSymbolicLink(far.resolve("n"), home.resolve("relative"));
    Result run = finish(start(far.resolve("n"), far, Map.of(), List.of("hello")));
    assertThat(run.out).contains("[hello]").contains("launched by " + home.resolve("nudge") + "\n");
    assertThat(home.resolve("cli/target/app")).exists();
  }

  @Test
  void takesA25BeforeANewerOneAndNeverAnOlderOne() throws Exception {
    jdk("a17", "17.0.15");
    jdk("b26", "26");
    Path wanted = jdk("c25", "25.0.3");
    assertThat(nudge().out).contains("run by " + wanted);
  }

  @Test
  void javaHomeWinsIfItIsNewEnough() throws Exception {
    jdk("a25", "25.0.3");
    nudge();
    Path newer = jdk("z26", "26.0.1");
    Path older = jdk("z17", "17.0.15");
    assertThat(nudge(Map.of("JAVA_HOME", newer.toString())).out).contains("run by " + newer);
    assertThat(nudge(Map.of("JAVA_HOME", older.toString())).out).contains("a25");
  }

  @Test
  void saysInOneLineHowToGetAJdk() throws Exception {
    jdk("a17", "17.0.15");
    Result run = nudge();
    assertThat(run.err).matches("nudge: needs a JDK 25: [^\n]*JAVA_HOME to it\n");
    assertThat(run.out).isEmpty();
    assertThat(run.code).isEqualTo(2);
    Files.delete(folder.resolve("tools/mvn"));
    assertThat(nudge().err).matches("nudge: needs a JDK 25: [^\n]*; [^\n]* needs Maven [^\n]*\n");
  }

  @Test
  void saysInOneLineThatMavenIsMissing() throws Exception {
    jdk("a25", "25.0.3");
    Files.delete(folder.resolve("tools/mvn"));
    Result run = nudge();
    assertThat(run.err).matches("nudge: needs Maven [^\n]*\n");
    assertThat(run.code).isEqualTo(2);
  }

  @Test
  void aFailedBuildShowsWhatMavenSaidAndIsTriedAgain() throws Exception {
    jdk("a25", "25.0.3");
    write(folder.resolve("tools/mvn"), "#!/bin/sh\necho '[ERROR] A.java: no'\nexit 1\n");
    Result run = nudge();
    assertThat(run.err).contains("[ERROR] A.java: no\n").contains("nudge: the build failed");
    assertThat(run.out).isEmpty();
    assertThat(run.code).isEqualTo(1);
    write(folder.resolve("tools/mvn"), MAVEN);
    assertThat(nudge("again").out).contains("[again]");
  }

  @Test
  void runsWhatIsBuiltWhereNothingCanBeWritten() throws Exception {
    jdk("a25", "25.0.3");
    nudge();
    Files.createFile(home.resolve("core/src/main/Newer.java"));
    try (Stream<Path> all = Files.walk(home)) {
      for (Path path : all.toList()) {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("r-xr-xr-x"));
      }
    }
    Result run = nudge(Map.of("HOME", "/nonexistent"), "asBuilt");
    assertThat(run.out).contains("[asBuilt]");
    assertThat(run.err).isEqualTo("message\n");
    assertThat(builds()).hasSize(1);
  }

  @Test
  void inAnArchiveItTakesTheJavaBesideItAndBuildsNothing() throws Exception {
    Path archive = Files.createDirectories(folder.resolve("an archive"));
    Files.createDirectories(archive.resolve("app"));
    Files.createFile(archive.resolve("app/nudge-cli.jar"));
    Files.createDirectories(archive.resolve("runtime/bin"));
    write(archive.resolve("runtime/bin/java"), JAVA);
    Files.createDirectories(archive.resolve("bin"));
    write(archive.resolve("bin/nudge"), Files.readString(home.resolve("nudge")));
    Files.createSymbolicLink(folder.resolve("linked"), archive.resolve("bin/nudge"));
    Result run = finish(start(folder.resolve("linked"), folder, Map.of(), List.of("hello")));
    assertThat(run.out)
        .contains("run by " + archive.resolve("runtime/bin/java"))
        .contains("launched by " + archive.resolve("bin/nudge"))
        .contains("[hello]");
    assertThat(run.err).isEqualTo("message\n");
    assertThat(home.resolve("maven.log")).doesNotExist();
  }

  private record Result(String out, String err, int code) {}

  private Result nudge(String... arguments) throws Exception {
    return nudge(Map.of(), arguments);
  }

  private Result nudge(Map<String, String> environment, String... arguments) throws Exception {
    return finish(start(home.resolve("nudge"), home, environment, List.of(arguments)));
  }

  private Process start(
      Path script, Path where, Map<String, String> environment, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    if (environment.containsValue("/nonexistent")
        && "root".equals(System.getProperty("user.name"))) {
      command.addAll(
          List.of("setpriv", "--reuid=65534", "--clear-groups")); // root may write anywhere
    }
    command.add(script.toString());
    command.addAll(arguments);
    Path err = Files.createTempFile(folder, "err", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(where.toFile()).redirectError(err.toFile());
    builder.environment().clear();
    builder.environment().put("PATH", folder.resolve("tools").toString());
    builder.environment().put("HOME", folder.toString());
    builder.environment().put("JDKS", jdks.toString());
    builder.environment().put("LANG", "C.UTF-8");
    builder.environment().putAll(environment);
    Process process = builder.start();
    errors.put(process, err);
    try (var stdin = process.getOutputStream()) {
      stdin.write("from standard input\n".getBytes(UTF_8));
    } catch (IOException closed) {
      // The launcher ended before it read: one of the error cases.
    }
    return process;
  }

  private Result finish(Process process) throws Exception {
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    process.waitFor();
    return new Result(out, Files.readString(errors.get(process)), process.exitValue());
  }

  private List<String> builds() throws IOException {
    return Files.readAllLines(home.resolve("maven.log"));
  }

  private Path app() throws IOException {
    return home.resolve("cli/target", Files.readString(home.resolve("cli/target/app")).strip());
  }

  private Path jdk(String name, String version) throws IOException {
    Path jdk = jdks.resolve(name);
    Files.createDirectories(jdk.resolve("bin"));
    Files.writeString(
        jdk.resolve("release"), "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"" + version + "\"\n");
    write(jdk.resolve("bin/java"), JAVA);
    write(jdk.resolve("bin/javac"), "#!/bin/sh\n");
    return jdk;
  }

  private static void write(Path file, String script) throws IOException {
    Files.writeString(file, script);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
