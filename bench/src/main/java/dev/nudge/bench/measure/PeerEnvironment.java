package dev.nudge.bench.measure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The peer's Python environment with its packages, outside the repository.
///
/// @param python of the environment
/// @param sft the peer's program
/// @param versions versions of the installed requirements
public record PeerEnvironment(Path python, Path sft, String versions) {
  private static final String ASK =
      "import importlib.metadata as m, sys\n"
          + "print(', '.join(f'{p} {m.version(p)}' for p in sys.argv[1:]))";

  /// Finds the environment, or installs 3.4 GB.
  ///
  /// @param peers the folder with `sft.py` and `requirements.txt`
  /// @param environment kept between calls
  public static PeerEnvironment of(Path peers, Path environment) {
    Path requirements = peers.resolve("requirements.txt");
    Path sft = peers.resolve("sft.py");
    if (!Files.exists(requirements) || !Files.exists(sft)) {
      throw new IllegalArgumentException(
          "the peer is " + peers + ", which holds no sft.py and requirements.txt; set --peers");
    }
    List<String> pinned = pinned(requirements);
    Path python = environment.resolve("bin").resolve("python");
    if (!Files.exists(python)) {
      System.err.println("bench: installing the peer in " + environment + ", 3.4 GB");
      install(List.of("python3", "-m", "venv", environment.toString()));
    }
    String versions = installed(python, pinned);
    if (!wanted(versions, pinned)) {
      install(
          List.of(python.toString(), "-m", "pip", "install", "-q", "-r", requirements.toString()));
      versions = installed(python, pinned);
    }
    if (!wanted(versions, pinned)) {
      throw new IllegalStateException(environment + " holds " + versions + ", wanted " + pinned);
    }
    return new PeerEnvironment(python, sft, versions);
  }

  /// Returns the environment if it has the packages, in any version; installs nothing.
  public static @Nullable PeerEnvironment there(Path peers, Path environment) {
    Path sft = peers.resolve("sft.py");
    Path python = environment.resolve("bin").resolve("python");
    String versions =
        versions(python, List.of("trl", "peft", "bitsandbytes", "transformers", "torch"));
    return Files.exists(sft) && !versions.isEmpty()
        ? new PeerEnvironment(python, sft, versions)
        : null;
  }

  /// Returns a Python's package versions; empty if any is missing.
  public static String versions(Path python, List<String> packages) {
    if (!Files.isExecutable(python)) {
      return "";
    }
    Child.Ran ran = ask(python, packages);
    return ran.exit() == 0 ? ran.lastLine().trim() : "";
  }

  /// Returns the peers' folder, inside or beside.
  public static Path beside(Path home) {
    Path inside = home.resolve("shared").resolve("peers");
    return Files.isDirectory(inside)
        ? inside
        : home.resolveSibling("shared").resolve("peers").normalize();
  }

  /// Returns the folder of the model that both sides train.
  public static Path model(Path peers) {
    Path shared = peers.toAbsolutePath().normalize().resolveSibling("");
    return shared.resolve("models").resolve("SmolLM2-135M-Instruct");
  }

  private static List<String> pinned(Path requirements) {
    try {
      return Files.readAllLines(requirements).stream()
          .map(String::trim)
          .filter(line -> line.contains("=="))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Asks a Python for package versions, printed as the last line.
  public static Child.Ran ask(Path python, List<String> packages) {
    List<String> command = new ArrayList<>(List.of(python.toString(), "-c", ASK));
    command.addAll(packages);
    return Child.run(command, Path.of("."), 0);
  }

  private static String installed(Path python, List<String> pinned) {
    return versions(
        python, pinned.stream().map(line -> line.substring(0, line.indexOf("=="))).toList());
  }

  private static boolean wanted(String versions, List<String> pinned) {
    List<String> have = List.of(versions.split(", "));
    return pinned.stream().map(line -> line.replace("==", " ")).allMatch(have::contains);
  }

  private static void install(List<String> command) {
    Child.Ran ran = Child.run(command, Path.of("."), 0);
    if (ran.exit() != 0) {
      throw new IllegalStateException(
          command.stream().collect(Collectors.joining(" ")) + ":\n" + ran.output());
    }
  }
}
