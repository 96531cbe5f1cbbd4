package dev.nudge.cli.machine;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Installs and loads the optional DuckDB module (80 MB), which reads Parquet files and runs SQL.
/// `nudge install duckdb` builds it in the repository.
///
/// @param home folder of the repository
public record DuckDbModule(Path home) {
  static final String NAME = "duckdb";
  private static final String JAR = "nudge-duckdb.jar";

  /// Returns the module of the launcher's repository.
  static DuckDbModule of(String launcher) {
    Path home = Path.of(launcher).toAbsolutePath().getParent();
    return new DuckDbModule(home == null ? Path.of("") : home);
  }

  private Path target() {
    return home.resolve(NAME).resolve("target/launcher");
  }

  /// Makes the module visible to the service loader, if it is installed.
  public static void use(@Nullable String launcher) {
    if (launcher == null) {
      return;
    }
    List<URL> jars = of(launcher).jars();
    if (!jars.isEmpty()) {
      Thread thread = Thread.currentThread();
      thread.setContextClassLoader(
          new URLClassLoader(jars.toArray(URL[]::new), thread.getContextClassLoader()));
    }
  }

  /// Returns its jars; empty if not installed.
  private List<URL> jars() {
    List<URL> jars = new ArrayList<>();
    Path own = target().resolve(JAR);
    if (Files.isRegularFile(own) && Files.isDirectory(target().resolve("lib"))) {
      try (Stream<Path> others = Files.list(target().resolve("lib"))) {
        jars.add(url(own));
        others.sorted().forEach(jar -> jars.add(url(jar)));
      } catch (IOException e) {
        return List.of(); // treated as absent; the reader that needs it reports this
      }
    }
    return jars;
  }

  private static URL url(Path jar) {
    try {
      return jar.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalStateException(jar + " is no URL", e);
    }
  }

  /// Builds the module with Maven, which downloads DuckDB.
  ///
  /// @throws RunException if the build fails, with Maven's last lines
  void install() throws IOException {
    if (!Files.isRegularFile(home.resolve(NAME).resolve("pom.xml"))) {
      throw new InputException(home + " holds no source of the module; install from a clone");
    }
    boolean windows = File.separatorChar == '\\';
    ProcessBuilder maven =
        new ProcessBuilder(
            windows ? "mvn.cmd" : "mvn",
            "-B",
            "-ntp",
            "-q",
            "-Dstyle.color=never",
            "-Plauncher",
            "-Dmaven.test.skip=true",
            "-pl",
            NAME,
            "-am",
            "package");
    maven.directory(home.toFile()).redirectErrorStream(true);
    maven.environment().put("JAVA_HOME", System.getProperty("java.home", ""));
    Process process;
    try {
      process = maven.start();
    } catch (IOException e) {
      throw new InputException(
          "needs Maven to build the module, and there is no mvn on the PATH", e);
    }
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0 || jars().isEmpty()) {
        throw new RunException("the build of duckdb failed: " + reason(said));
      }
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new RunException("stopped while duckdb was built", e);
    }
  }

  private static String reason(String said) {
    return said.lines()
        .filter(line -> line.startsWith("[ERROR]"))
        .findFirst()
        .map(line -> line.substring(7).strip())
        .orElse("Maven gives no reason");
  }

  /// Removes its jars; false if there are none.
  boolean remove() throws IOException {
    if (jars().isEmpty()) {
      return false;
    }
    Files.deleteIfExists(target().resolve(JAR));
    OutFolder.delete(target().resolve("lib"));
    return true;
  }
}
