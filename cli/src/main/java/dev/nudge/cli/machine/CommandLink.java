package dev.nudge.cli.machine;

import dev.nudge.cli.console.Failure;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/// The symbolic link `nudge` in a folder of the PATH.
///
/// Only a link to a nudge launcher, or a dangling one of that name, is replaced or removed; other
/// files are refused.
///
/// @param folder absolute path of its folder, which need not exist
record CommandLink(Path folder) {
  private static final String NAME = "nudge";

  /// Returns the link itself.
  Path path() {
    return folder.resolve(NAME);
  }

  /// Creates the link and its folder; a correct link is left as it is.
  ///
  /// @return the previous target; null if there was no link
  @Nullable Path put(Path launcher) throws IOException {
    @Nullable Path before = leadsTo();
    if (launcher.equals(before)) {
      return before;
    }
    Path made = folder.resolve(".nudge-" + ProcessHandle.current().pid());
    try {
      Files.createDirectories(folder);
      Files.createSymbolicLink(made, launcher);
      Files.move(made, path(), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.deleteIfExists(made);
      throw new InputException(
          "--dir is " + folder + ", which cannot be written; give another folder", e);
    }
    return before;
  }

  /// Removes the link.
  ///
  /// @return the previous target; null if there was no link
  @Nullable Path remove() throws IOException {
    @Nullable Path before = leadsTo();
    try {
      Files.deleteIfExists(path());
    } catch (IOException e) {
      throw new InputException(path() + " cannot be removed: " + Failure.of(e).line(), e);
    }
    return before;
  }

  /// Returns the link's target, null if there is no link; refuses another program's file.
  private @Nullable Path leadsTo() throws IOException {
    for (@Nullable Path parent = folder; parent != null; parent = parent.getParent()) {
      if (Files.exists(parent) && !Files.isDirectory(parent)) {
        throw new InputException("--dir is " + folder + ", but " + parent + " is not a folder");
      }
    }
    Path path = path();
    if (Files.notExists(path, LinkOption.NOFOLLOW_LINKS)) {
      return null;
    }
    if (Files.isSymbolicLink(path)) {
      Path to = folder.resolve(Files.readSymbolicLink(path)).normalize();
      boolean named = to.endsWith(NAME);
      if (named && (Files.notExists(to) || Files.exists(to.resolveSibling("cli/pom.xml")))) {
        return to;
      }
    }
    throw new InputException(
        path + " is not a link to nudge and stays as it is; give another folder with --dir");
  }
}
