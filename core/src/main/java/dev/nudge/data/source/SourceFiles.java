package dev.nudge.data.source;

import static java.util.Objects.requireNonNull;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Resolves names, folders and globs (`data/*.jsonl`, `**` for any depth) to data files.
///
/// `-` is standard input. A name that exists is that file, whatever characters it has. The files of
/// a glob or a folder come in order of name.
public final class SourceFiles {
  /// A placeholder for standard input, which has no path.
  public static final Path STANDARD_INPUT = Path.of("(standard input)");

  private static final Pattern GLOB = Pattern.compile(".*[*?\\[{].*");
  private static final String NEEDED = "; a file, a folder or a glob of rows is needed";

  /// A file, and the index of the name that it was resolved from.
  public record Found(Path file, int source) {}

  private SourceFiles() {}

  /// Resolves names to files; standard input is refused.
  public static List<Found> of(List<String> names, Pick pick) {
    return of(names, pick, false);
  }

  /// @param piped whether standard input is allowed
  /// @throws InputException if a name matches no file
  public static List<Found> of(List<String> names, Pick pick, boolean piped) {
    List<Found> files = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      int source = i;
      meant(names.get(i), pick, piped).forEach(file -> files.add(new Found(file, source)));
    }
    if (files.isEmpty()) {
      throw new InputException(
          pick.held()
              ? "--eval-split %s: no file of %s has that split in its name, as test.jsonl or data/test-00000-of-00001.parquet has; a share such as 0.05 cuts one off"
                  .formatted(pick.split(), String.join(", ", names))
              : "--eval-split %s leaves no file of %s to train on"
                  .formatted(pick.split(), String.join(", ", names)));
    }
    return files;
  }

  private static List<Path> meant(String name, Pick pick, boolean piped) {
    Path path = path(name);
    if (name.equals("-")) {
      if (!piped) {
        throw new InputException(
            "- is standard input, which only generate reads rows from; give a file or a glob");
      }
      return List.of(STANDARD_INPUT);
    } else if (path != null && Files.isDirectory(path)) {
      return DataFolder.files(path, pick);
    } else if (path != null && Files.exists(path)) {
      return picked(List.of(file(path)), pick);
    } else if (GLOB.matcher(name).matches()) {
      return picked(glob(name), pick);
    }
    throw new InputException(name + " does not exist" + NEEDED);
  }

  private static List<Path> picked(List<Path> files, Pick pick) {
    return pick.split() == null
        ? files
        : files.stream()
            .filter(file -> pick.split().equals(DatasetSplit.of(file.getFileName())) == pick.held())
            .toList();
  }

  private static @Nullable Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      return null; // a glob may hold characters that a name may not
    }
  }

  private static Path file(Path path) {
    if (!Files.isReadable(path)) {
      throw new InputException(path + " cannot be read: no permission");
    }
    return path;
  }

  private static List<Path> glob(String glob) {
    int first = 0;
    while ("*?[{".indexOf(glob.charAt(first)) < 0) {
      first++;
    }
    String root = glob.substring(0, glob.lastIndexOf('/', first) + 1);
    String rest = glob.substring(root.length());
    List<Path> found = matches(root, rest, glob);
    if (found.isEmpty()) {
      throw new InputException("no file matches " + glob + NEEDED);
    }
    return found.stream().map(SourceFiles::file).toList();
  }

  private static List<Path> matches(String root, String rest, String glob) {
    Path base = Path.of(root.isEmpty() ? "." : root);
    if (!Files.isDirectory(base)) {
      return List.of();
    }
    int slashes = (int) rest.chars().filter(c -> c == '/').count();
    int depth = rest.contains("**") ? Integer.MAX_VALUE : 1 + slashes;
    try (Stream<Path> all = Files.walk(base, depth, FileVisitOption.FOLLOW_LINKS)) {
      PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + rest);
      return all.map(base::relativize)
          .filter(matcher::matches)
          .map(Path.of(root)::resolve)
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (PatternSyntaxException e) {
      throw new InputException(glob + " is not a glob: " + e.getDescription(), e);
    } catch (UncheckedIOException e) {
      throw Unreadable.of(glob, requireNonNull(e.getCause()));
    } catch (IOException e) {
      throw Unreadable.of(glob, e);
    }
  }
}
