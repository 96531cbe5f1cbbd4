package dev.nudge.cli;

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

/// The folders in which a shell looks for a command, in order.
///
/// @param folders absolute and relative ones, as the variable names them
record SearchPath(List<Path> folders) {

  /// Reads the variable PATH; what is no path on this system is left out.
  static SearchPath of(Map<String, String> environment) {
    List<Path> folders = new ArrayList<>();
    for (String entry : environment.getOrDefault("PATH", "").split(File.pathSeparator)) {
      try {
        folders.add(Path.of(entry).toAbsolutePath().normalize());
      } catch (InvalidPathException e) {
        continue; // no shell finds anything there either
      }
    }
    return new SearchPath(folders);
  }

  /// What a shell takes for `nudge`: the name where it is on the path, else the launcher.
  ///
  /// @param launcher the script that started this process; null where none did
  String nudge(@Nullable String launcher) {
    return launcher == null || find("nudge").isPresent() ? "nudge" : ShellWord.of(launcher);
  }

  /// Finds the first executable file of a name.
  Optional<Path> find(String command) {
    return folders.stream()
        .map(folder -> folder.resolve(command))
        .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
        .findFirst();
  }

  /// Tells whether a shell that is given the file's name takes this file.
  boolean finds(Path file) {
    return problem(file).isEmpty();
  }

  /// Says why a shell does not find a file by its name, and what to do about it.
  Optional<String> problem(Path file) {
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
