package dev.nudge.cli;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/// The link `nudge` in a folder, which makes `./nudge` a command.
///
/// Only a link that leads to a launcher of nudge, or to nothing of that name any more, is replaced
/// or removed: whatever else stands there is somebody else's.
///
/// @param folder that holds it, absolute; it need not exist
record CommandLink(Path folder) {
  private static final String NAME = "nudge";

  /// The link itself.
  Path path() {
    return folder.resolve(NAME);
  }

  /// Makes the link, and its folder; one that is right already is left as it is.
  ///
  /// @return where it led before; null where there was none
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
  /// @return where it led; null where there was none
  @Nullable Path remove() throws IOException {
    @Nullable Path before = leadsTo();
    try {
      Files.deleteIfExists(path());
    } catch (IOException e) {
      throw new InputException(path() + " cannot be removed: " + Failure.of(e).line(), e);
    }
    return before;
  }

  /// Where the link leads, or null where there is none; refuses what is not ours.
  private @Nullable Path leadsTo() throws IOException {
    for (@Nullable Path there = folder; there != null; there = there.getParent()) {
      if (Files.exists(there) && !Files.isDirectory(there)) {
        throw new InputException("--dir is " + folder + ", but " + there + " is not a folder");
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
