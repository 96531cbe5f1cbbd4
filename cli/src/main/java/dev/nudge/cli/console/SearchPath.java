package dev.nudge.cli.console;

import dev.nudge.settings.ShellWord;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The PATH of a shell, in order.
///
/// @param folders folders as in the variable, absolute or relative
public record SearchPath(List<Path> folders) {

  /// Parses PATH; invalid entries are skipped.
  public static SearchPath of(Map<String, String> environment) {
    List<Path> folders = new ArrayList<>();
    for (String entry : environment.getOrDefault("PATH", "").split(File.pathSeparator)) {
      try {
        folders.add(Path.of(entry).toAbsolutePath().normalize());
      } catch (InvalidPathException e) {
        continue; // shells skip such an entry too
      }
    }
    return new SearchPath(folders);
  }

  /// Returns the word to type for `nudge`: the name if it is in the PATH, else the launcher's path.
  ///
  /// @param launcher the script that started this process; null: none
  public String nudge(@Nullable String launcher) {
    return launcher == null || find("nudge").isPresent() ? "nudge" : ShellWord.of(launcher);
  }

  /// Finds the first executable file with a name.
  public Optional<Path> find(String command) {
    return folders.stream()
        .map(folder -> folder.resolve(command))
        .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
        .findFirst();
  }

  /// Whether a shell resolves the file's name to this file.
  public boolean finds(Path file) {
    return problem(file).isEmpty();
  }

  /// Returns why a shell does not find a file by its name, with a remedy; empty: it does.
  public Optional<String> problem(Path file) {
    Path folder = file.getParent();
    String name = String.valueOf(file.getFileName());
    if (folder == null || !folders.contains(folder)) {
      return Optional.of(
          folder
              + " is not on the PATH; add it where your shell reads its settings: export PATH=\""
              + folder
              + ":$PATH\"");
    }
    return find(name)
        .filter(first -> !first.equals(file))
        .map(first -> first + " comes first on the PATH, so " + name + " means that one");
  }
}
